"""The table for spreadsheets: a header, whole rows, and no cell that computes."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.findings import Finding, Suppression

from .samples import latest, result, written
from .test_reports import FINDINGS


def rows(*findings: Finding, encoding: str = "utf-8") -> list[dict[str, str]]:
    text = written("csv", result(*findings), encoding=encoding)
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_a_row_has_everything_that_is_to_be_known_of_a_finding() -> None:
    finding = latest("web", 11, 12, fix="safe", suppressed=Suppression("config", "until May"))
    assert rows(finding) == [
        {
            "severity": "warning",
            "rule": "image-tag-latest",
            "category": "images",
            "file": "deploy/shop.yaml",
            "line": "11",
            "column": "18",
            "namespace": "shop",
            "kind": "Deployment",
            "name": "web",
            "container": "web",
            "message": "container web runs an image without a fixed version",
            "remediation": "Name the version that you tested.",
            "path": "spec.template.spec.containers[0].image",
            "fix": "safe",
            "suppressed": "config",
            "reason": "until May",
            "fingerprint": finding.fingerprint,
        }
    ]


def test_what_is_not_there_is_empty() -> None:
    (row,) = rows(Finding("yaml-syntax", "error", "no YAML", "Mend it.", "a.yaml", latest("web", 1, 1).span))
    assert {name for name, value in row.items() if not value} == {
        *("namespace", "kind", "name", "container", "path", "fix", "suppressed", "reason")
    }


def test_a_clean_run_is_the_header_alone() -> None:
    assert written("csv", result()).startswith("severity,rule,category,file,line,")
    assert rows() == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "\t=", "\n-", " @"])
def test_a_cell_that_a_spreadsheet_would_compute_is_kept_from_it(start: str) -> None:
    (row,) = rows(latest(f"{start}1+1", 11, 12, message=f'{start}HYPERLINK("http://x","y")'))
    assert row["message"] == f"""'{start.strip()}HYPERLINK("http://x","y")"""
    assert row["container"].startswith("'")


def test_line_breaks_become_blanks_and_control_characters_are_written_out() -> None:
    (row,) = rows(latest("web", 11, 12, message="one\r\ntwo\x00\x1b[2J"))
    assert row["message"] == "one two\\x00\\x1b[2J"


@given(st.lists(FINDINGS, max_size=5), st.sampled_from(["utf-8", "ascii"]))
def test_whatever_the_text_each_finding_is_one_line_without_a_formula(findings: list[Finding], encoding: str) -> None:
    text = written("csv", result(*findings), encoding=encoding)
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.count("\n") == len(findings) + 1
    found = rows(*findings, encoding=encoding)
    assert len(found) == len(findings)
    assert not [cell for row in found for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    assert [None for row in found if None in row or None in row.values()] == []
