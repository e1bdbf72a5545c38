"""Workflow commands for GitHub Actions: held against the way its runner reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.findings import Finding, RelatedPlace, Span, Suppression

from .samples import DOCS, latest, result, span, written
from .test_reports import FINDINGS


class Command(NamedTuple):
    """One workflow command as the runner reads it."""

    name: str
    properties: dict[str, str]
    message: str


def unescaped(text: str, codes: dict[str, str]) -> str:
    for code, char in codes.items():
        text = text.replace(code, char)
    return text.replace("%25", "%")


def command(line: str) -> Command:
    """Read a line: `::name key=value,key=value::message`, where values hold neither colon nor comma."""
    match = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
    assert match, line
    pairs = [pair.split("=", 1) for pair in match[2].split(",")]
    codes = {"%0D": "\r", "%0A": "\n"}
    values = {key: unescaped(value, {**codes, "%3A": ":", "%2C": ","}) for key, value in pairs}
    return Command(match[1], values, unescaped(match[3], codes))


def commands(*findings: Finding, **options: object) -> list[Command]:
    *lines, _ = written("github", result(*findings), **options).splitlines()  # type: ignore[arg-type]
    return [command(line) for line in lines]


def test_a_finding_becomes_an_annotation_with_its_place_and_remedy() -> None:
    assert commands(latest("web", 11, 12)) == [
        Command(
            "warning",
            {
                "file": "deploy/shop.yaml",
                "line": "11",
                "endLine": "11",
                "col": "18",
                "endColumn": "29",
                "title": "image-tag-latest (Deployment shop/web, container web)",
            },
            "container web runs an image without a fixed version.\nName the version that you tested.",
        )
    ]


def test_signs_that_mean_something_to_the_runner_are_escaped() -> None:
    line, _ = written(
        "github", result(latest("web", 11, 12, file="a:b,c%.yaml", message="50% of, all: x"))
    ).splitlines()
    assert "file=a%3Ab%2Cc%25.yaml," in line
    assert line.endswith("::50%25 of, all: x.%0AName the version that you tested.")


def test_severities_are_error_warning_and_notice_the_worst_first() -> None:
    findings = [latest("web", 11, 2, severity=severity, message=severity) for severity in ("info", "warning", "error")]
    assert [found.name for found in commands(*findings)] == ["error", "warning", "notice"]


def test_of_two_errors_the_one_with_the_higher_security_score_is_first() -> None:
    mere = latest("web", 1, 2, severity="error")
    assert DOCS["secret-literal-in-env"].security_severity
    grave = latest("web", 11, 2, severity="error", rule="secret-literal-in-env")
    assert [found.properties["line"] for found in commands(mere, grave)] == ["11", "1"]


def test_a_place_over_several_lines_has_no_columns_which_github_would_drop() -> None:
    (found,) = commands(latest("web", 11, 12, span=Span(11, 18, 13, 1)))
    assert (found.properties["line"], found.properties["endLine"]) == ("11", "12")
    assert not {"col", "endColumn"} & found.properties.keys()


def test_standard_input_is_no_file_to_annotate() -> None:
    (found,) = commands(latest("web", 11, 12, file="<stdin>"))
    assert found.properties.keys() == {"title"}


def test_related_places_are_named() -> None:
    (found,) = commands(latest("web", 11, 12, related=(RelatedPlace("b.yaml", span(3, 5, 2), "the first"),)))
    assert found.message.endswith("\nSee b.yaml:3: the first")


def test_suppressed_findings_are_left_out() -> None:
    assert commands(latest("web", 11, 12, suppressed=Suppression("comment"))) == []


def test_the_last_line_counts_and_says_what_github_will_not_show() -> None:
    few = [latest("web", 11, 12), latest("logs", 13, 14, severity="error")]
    assert written("github", result(*few)).splitlines()[-1] == "kube-audit: 1 error, 1 warning"
    many = [latest("web", line, 1) for line in range(1, 15)]
    assert written("github", result(*many)).splitlines()[-1] == (
        "kube-audit: 14 warnings. GitHub shows the first 10 of each kind as annotations; "
        "4 warnings more stand only in this log."
    )
    assert written("github", result()) == "kube-audit: no findings\n"


def test_files_are_named_from_the_top_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(Path("/")))
    (found,) = commands(latest("web", 11, 12))
    assert found.properties["file"] == "repo/deploy/shop.yaml"
    monkeypatch.setenv("GITHUB_WORKSPACE", "/repository")
    (found,) = commands(latest("web", 11, 12))
    assert found.properties["file"] == "deploy/shop.yaml"


@given(st.lists(FINDINGS, max_size=5), st.sampled_from(["utf-8", "ascii"]))
def test_whatever_the_text_there_is_one_command_for_each_finding(findings: list[Finding], encoding: str) -> None:
    active = [finding for finding in findings if finding.suppressed is None]
    text = written("github", result(*findings), encoding=encoding)
    *lines, _ = text.removesuffix("\n").split("\n")
    assert all(line.isprintable() for line in lines)
    found = [command(line) for line in lines]
    assert len(found) == len(active)
    assert sorted(one.properties.get("line", "") for one in found) == sorted(
        "" if finding.file == "<stdin>" else str(finding.span.line) for finding in active
    )
    for one in found:
        if "endColumn" in one.properties:
            assert int(one.properties["endColumn"]) >= int(one.properties["col"])
