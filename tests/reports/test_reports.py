"""What holds for every report format."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit import reports
from kube_audit.findings import SEVERITIES, Finding, ObjectRef, RelatedPlace, Severity, Skipped, Span, Suppression

from .samples import latest, result, written

ANY_CHARACTER = st.characters(exclude_categories=())
WORDS = st.text(ANY_CHARACTER, max_size=40) | st.sampled_from(
    ["", "<stdin>", "/", "..", "../x", "a/b.yaml", "Secret", "\x00"]
)
TEXTS = st.text(ANY_CHARACTER | st.sampled_from("\n\t\r:-'\"{}[]# \x1b漢"), max_size=200)
NUMBERS = st.integers(min_value=1, max_value=300)
SPANS = st.builds(Span, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
FINDINGS = st.builds(
    Finding,
    rule=st.sampled_from(["image-tag-latest", "secret-literal-in-env", "mine"]) | WORDS,
    severity=st.sampled_from(SEVERITIES),
    message=TEXTS,
    remediation=TEXTS,
    file=st.sampled_from(["a.yaml", "b.yaml"]) | WORDS,
    span=st.builds(Span, st.integers(1, 5), st.integers(1, 20), st.integers(1, 5), st.integers(1, 20)) | SPANS,
    path=st.lists(WORDS | st.integers(0, 9), max_size=3).map(tuple),
    object=st.none() | st.builds(ObjectRef, WORDS, WORDS, st.none() | WORDS, st.none() | WORDS),
    container=st.none() | WORDS,
    suggestion=st.none() | TEXTS,
    fix=st.sampled_from([None, "safe", "unsafe"]),
    patches=st.just(()),
    related=st.lists(st.builds(RelatedPlace, WORDS, SPANS, TEXTS), max_size=2).map(tuple),
    suppressed=st.none()
    | st.builds(Suppression, st.sampled_from(["comment", "annotation", "config", "baseline"]), st.none() | TEXTS),
)

SURROGATE = re.compile("[\ud800-\udfff]")
TESTS = Path(__file__).parents[1]
REPORT_SCHEMA = jsonschema_rs.validator_for((TESTS.parent / "schemas" / "report.schema.json").read_text("utf-8"))
SARIF_SCHEMA = jsonschema_rs.validator_for((TESTS / "reports" / "sarif-schema-2.1.0.json").read_text("utf-8"))


@given(
    st.lists(FINDINGS, max_size=5),
    st.dictionaries(st.sampled_from(["a.yaml", "b.yaml"]), TEXTS),
    st.lists(st.builds(Skipped, WORDS, TEXTS, st.none() | NUMBERS), max_size=3),
    st.sampled_from(SEVERITIES),
    st.sampled_from([None, 1, 40, 80, 200]),
    st.sampled_from(["utf-8", "ascii", "latin-1"]),
)
def test_no_text_in_findings_or_files_stops_a_report(
    findings: list[Finding],
    texts: dict[str, str],
    skipped: list[Skipped],
    severity: Severity,
    width: int | None,
    encoding: str,
) -> None:
    audited = result(*findings, texts=texts, skipped=skipped)
    listed = sum(1 for finding in findings if SEVERITIES.index(finding.severity) <= SEVERITIES.index(severity))
    text = written("text", audited, severity, encoding, width=width, show_suppressed=True)
    assert all(line.isprintable() for line in text.split("\n"))
    assert not SURROGATE.search(text)
    plain = json.loads(written("json", audited, severity, encoding))
    assert len(plain["findings"]) == listed
    sarif = json.loads(written("sarif", audited, severity, encoding))
    assert len(sarif["runs"][0]["results"]) == listed
    for schema, data in ((REPORT_SCHEMA, plain), (SARIF_SCHEMA, sarif)):
        assert [error.message for error in schema.iter_errors(data)] == []


@pytest.mark.parametrize("name", list(reports.FORMATS))
def test_every_format_writes_whole_lines_and_says_what_it_is_for(name: str) -> None:
    assert written(name, result(latest("web", 11, 12))).endswith("\n")
    assert reports.FORMATS[name].summary


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(KeyError):
        reports.write("xlsx", result(), io.StringIO(), reports.Options("info"))


def test_people_see_warnings_and_machines_everything_unless_asked_otherwise() -> None:
    for_people = {"text", "markdown"}
    assert {name for name, kind in reports.FORMATS.items() if kind.severity == "warning"} == for_people
    assert {kind.severity for name, kind in reports.FORMATS.items() if name not in for_people} == {"info"}
