"""reviewdog's Diagnostic Format: held against its message definitions, which take no unknown key."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kube_audit.findings import Finding, Span, Suppression

from .samples import SHOP, latest, result, written
from .test_reports import FINDINGS, TEXTS


def message(required: list[str], **fields: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "additionalProperties": False, "properties": fields}


TEXT = {"type": "string"}
INT32 = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
POSITION = message(["line"], line=INT32, column=INT32)
RANGE = message(["start"], start=POSITION, end=POSITION)
# The messages of reviewdog's protocol (package reviewdog.rdf), as far as its releases since 2020 know them.
SCHEMA = Draft202012Validator(
    message(
        ["diagnostics"],
        source=message(["name"], name=TEXT, url=TEXT),
        diagnostics={
            "type": "array",
            "items": message(
                ["message", "location"],
                message=TEXT,
                location=message(["path"], path=TEXT, range=RANGE),
                severity={"enum": ["UNKNOWN_SEVERITY", "ERROR", "WARNING", "INFO"]},
                code=message(["value"], value=TEXT, url=TEXT),
                suggestions={"type": "array", "items": message(["range", "text"], range=RANGE, text=TEXT)},
            ),
        },
    )
)


def diagnostics(*findings: Finding, **audited: Any) -> list[dict[str, Any]]:
    """Write the report, hold it against the schema, and return its diagnostics."""
    data = json.loads(written("rdjson", result(*findings, **audited)))
    assert [f"{error.json_path}: {error.message}" for error in SCHEMA.iter_errors(data)] == []
    assert data["source"] == {"name": "kube-audit"}
    found: list[dict[str, Any]] = data["diagnostics"]
    return found


def test_a_diagnostic_says_what_is_wrong_where_and_by_which_rule() -> None:
    assert diagnostics(latest("web", 11, 12)) == [
        {
            "message": "Deployment shop/web, container web: container web runs an image without a fixed version.\n"
            "Name the version that you tested.",
            "location": {
                "path": "deploy/shop.yaml",
                "range": {"start": {"line": 11, "column": 18}, "end": {"line": 11, "column": 30}},
            },
            "severity": "WARNING",
            "code": {
                "value": "image-tag-latest",
                "url": "https://kubernetes.io/docs/concepts/containers/images/",
            },
        }
    ]


def test_columns_count_bytes_of_utf_8() -> None:
    text = "name: ä𐐀b\nimage: 漢\n"
    (found,) = diagnostics(latest("web", 1, 1, span=Span(1, 8, 2, 9)), texts={SHOP: text})
    assert found["location"]["range"] == {"start": {"line": 1, "column": 9}, "end": {"line": 2, "column": 11}}


def test_columns_stay_what_they_are_where_the_text_is_not_to_be_had() -> None:
    (found,) = diagnostics(latest("web", 11, 12), texts={})
    assert found["location"]["range"]["start"] == {"line": 11, "column": 18}


def test_severities_are_those_of_the_format() -> None:
    findings = [latest("web", line, 2, severity=how) for line, how in enumerate(("error", "warning", "info"), 1)]
    assert [found["severity"] for found in diagnostics(*findings)] == ["ERROR", "WARNING", "INFO"]


def test_suppressed_findings_are_left_out() -> None:
    assert diagnostics(latest("web", 11, 12, suppressed=Suppression("comment"))) == []


@given(st.lists(FINDINGS, max_size=5), st.dictionaries(st.sampled_from(["a.yaml", "b.yaml"]), TEXTS))
def test_whatever_the_text_the_report_is_valid(findings: list[Finding], texts: dict[str, str]) -> None:
    found = diagnostics(*findings, texts=texts)
    assert len(found) == sum(1 for finding in findings if finding.suppressed is None)
