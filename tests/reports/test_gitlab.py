"""GitLab's Code Quality report: held against what GitLab's documentation and parser want of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kube_audit.findings import Finding, Span, Suppression

from .samples import latest, result, written
from .test_reports import FINDINGS

LINE = {"type": "integer", "minimum": 1}
PLACE = {"type": "object", "required": ["line", "column"], "properties": {"line": LINE, "column": LINE}}
# What GitLab documents for the artifact (Code Quality report format), closed against anything else.
SCHEMA = Draft202012Validator(
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "additionalProperties": False,
            "properties": {
                "description": {"type": "string"},
                "check_name": {"type": "string"},
                "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "additionalProperties": False,
                    "properties": {
                        "path": {"type": "string", "not": {"pattern": "^\\./"}},
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "properties": {"begin": LINE, "end": LINE},
                        },
                        "positions": {"type": "object", "properties": {"begin": PLACE, "end": PLACE}},
                    },
                },
            },
        },
    }
)


def entries(*findings: Finding) -> list[dict[str, Any]]:
    """Write the report, hold it against the schema, and return its entries."""
    found: list[dict[str, Any]] = json.loads(written("gitlab", result(*findings)))
    assert [f"{error.json_path}: {error.message}" for error in SCHEMA.iter_errors(found)] == []
    return found


def test_an_entry_says_what_is_wrong_on_what_and_where() -> None:
    (entry,) = entries(latest("web", 11, 12))
    assert len(entry.pop("fingerprint")) == 32
    assert entry == {
        "description": "Deployment shop/web, container web: container web runs an image without a fixed version. "
        "Name the version that you tested.",
        "check_name": "image-tag-latest",
        "severity": "major",
        "location": {
            "path": "deploy/shop.yaml",
            "lines": {"begin": 11, "end": 11},
            "positions": {"begin": {"line": 11, "column": 18}, "end": {"line": 11, "column": 30}},
        },
    }


def test_severities_are_critical_major_and_info() -> None:
    findings = [latest("web", line, 2, severity=how) for line, how in enumerate(("error", "warning", "info"), 1)]
    assert [entry["severity"] for entry in entries(*findings)] == ["critical", "major", "info"]


def test_a_clean_run_is_an_empty_list() -> None:
    assert written("gitlab", result()) == "[]\n"


def test_suppressed_findings_are_left_out_since_gitlab_has_no_mark_for_them() -> None:
    assert entries(latest("web", 11, 12, suppressed=Suppression("comment"))) == []


def test_a_fingerprint_stays_when_lines_move_and_is_different_in_each_file() -> None:
    (before,) = entries(latest("web", 11, 12))
    after, elsewhere = entries(latest("web", 15, 12), latest("web", 11, 12, file="overlay.yaml"))
    assert before["fingerprint"] == after["fingerprint"]
    assert before["fingerprint"] != elsewhere["fingerprint"]


def test_the_end_of_another_file_s_finding_changes_no_fingerprint() -> None:
    both = entries(latest("web", 11, 12, file="a.yaml"), latest("web", 11, 12, file="b.yaml"))
    (left,) = entries(latest("web", 11, 12, file="b.yaml"))
    assert left["fingerprint"] == both[1]["fingerprint"]


def test_files_are_named_from_the_top_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_PROJECT_DIR", str(Path("/")))
    (entry,) = entries(latest("web", 11, 12, file="./a.yaml"))
    assert entry["location"]["path"] == "repo/a.yaml"


@given(st.lists(FINDINGS, max_size=6))
def test_whatever_the_text_entries_are_valid_and_no_fingerprint_comes_twice(findings: list[Finding]) -> None:
    found = entries(*findings, *findings)
    assert len(found) == 2 * sum(1 for finding in findings if finding.suppressed is None)
    assert len({entry["fingerprint"] for entry in found}) == len(found)


def test_a_place_that_ends_before_it_starts_is_given_one_line() -> None:
    (entry,) = entries(latest("web", 11, 12, span=Span(5, 1, 4, 1)))
    assert entry["location"]["lines"] == {"begin": 5, "end": 5}
