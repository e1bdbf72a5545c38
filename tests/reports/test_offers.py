"""Fixes as edits of the text: the same in every report that offers them, and never with a secret in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kube_audit.findings import AuditResult, Finding, ObjectRef, Span, Suppression, TextEdit
from tests.support import audit_text

from .samples import SHOP, SHOP_TEXT, latest, result, written
from .test_json import SCHEMA, closed
from .test_sarif import SCHEMA as SARIF_SCHEMA

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: wéb  # 漢𐐀
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      automountServiceAccountToken: no
      containers:
        - name: wéb # 𐐀
          image: nginx:1.29.1
          env: [{name: "𐐀", value: 1}, {name: B, value: 2}]
          securityContext: {privileged: false}
          ports:
            - {containerPort: "80"}
"""

Place = tuple[int, int]
Replacement = tuple[Place, Place, str]


def of_json(audited: AuditResult) -> list[list[Replacement]]:
    report = json.loads(written("json", audited))
    assert [error.message for error in Draft202012Validator(closed(SCHEMA)).iter_errors(report)] == []
    return [
        [((e["line"], e["column"]), (e["endLine"], e["endColumn"]), e["text"]) for e in finding.get("edits", [])]
        for finding in report["findings"]
        if finding["suppressed"] is None
    ]


def of_sarif(audited: AuditResult) -> list[list[Replacement]]:
    log = json.loads(written("sarif", audited, carry_suppressed=False))
    assert [f"{error.json_path}: {error.message}" for error in SARIF_SCHEMA.iter_errors(log)] == []
    return [_of_result(entry) for entry in log["runs"][0]["results"]]


def _of_result(entry: dict[str, Any]) -> list[Replacement]:
    if "fixes" not in entry:
        return []
    (fix,) = entry["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"] == entry["locations"][0]["physicalLocation"]["artifactLocation"]
    regions = [
        (one["deletedRegion"], one.get("insertedContent", {"text": ""})["text"]) for one in change["replacements"]
    ]
    return [((r["startLine"], r["startColumn"]), (r["endLine"], r["endColumn"]), text) for r, text in regions]


def of_rdjson(audited: AuditResult) -> list[list[Replacement]]:
    found = json.loads(written("rdjson", audited))["diagnostics"]
    return [
        [
            (_in_bytes(one["range"]["start"]), _in_bytes(one["range"]["end"]), one["text"])
            for one in entry["suggestions"]
        ]
        if "suggestions" in entry
        else []
        for entry in found
    ]


def _in_bytes(position: dict[str, int]) -> Place:
    return position["line"], position["column"]


def changed(text: str, edits: list[Replacement], *, in_bytes: bool) -> str:
    """Make edits in a text, as an editor does: by line and column, the last one first."""
    encoding = "utf-8" if in_bytes else "utf-32-le"
    width = 1 if in_bytes else 4
    lines = [line.encode(encoding) for line in text.splitlines(keepends=True)] + [b""]
    starts = [sum(map(len, lines[:number])) for number in range(len(lines))]
    raw = b"".join(lines)
    for (line, column), (end_line, end_column), new in sorted(edits, reverse=True):
        start = starts[line - 1] + (column - 1) * width
        end = starts[end_line - 1] + (end_column - 1) * width
        raw = raw[:start] + new.encode(encoding) + raw[end:]
    return raw.decode(encoding)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_every_report_offers_the_same_changes_and_they_mend_what_was_found(line_end: str) -> None:
    text = MANIFEST.replace("\n", line_end)
    audited = audit_text(text, profile="strict")
    found = list(zip(audited.findings, of_json(audited), of_sarif(audited), of_rdjson(audited), strict=True))
    offered = [one for one in found if one[1]]
    assert len(offered) >= 3
    for finding, by_json, by_sarif, by_rdjson in offered:
        after = changed(text, by_json, in_bytes=False)
        assert finding.fix is not None
        assert after != text
        assert changed(text, by_sarif, in_bytes=False) == after
        assert changed(text, by_rdjson, in_bytes=True) == after
        assert len(by_rdjson) == 1
        left = [one.fingerprint for one in audit_text(after, profile="strict").findings]
        before = [one.fingerprint for one in audited.findings]
        assert left.count(finding.fingerprint) < before.count(finding.fingerprint)


def test_offsets_and_lines_of_an_edit_say_the_same() -> None:
    report = json.loads(written("json", audit_text(MANIFEST, profile="strict")))
    edits = [edit for finding in report["findings"] for edit in finding.get("edits", [])]
    assert edits
    for edit in edits:
        for offset, line, column in (("start", "line", "column"), ("end", "endLine", "endColumn")):
            before = MANIFEST[: edit[offset]]
            assert edit[line] == before.count("\n") + 1
            assert edit[column] == len(before) - (before.rfind("\n") + 1) + 1


def with_edit(finding: Finding, edit: TextEdit, text: str = SHOP_TEXT) -> AuditResult:
    """A result of one finding whose fix is one edit."""
    return result(finding, texts={SHOP: text})._replace(edits=lambda _: (edit,))


READERS = pytest.mark.parametrize("offered", [of_json, of_sarif, of_rdjson])
PIN = TextEdit(0, 3, Span(1, 1, 1, 4), "API")


@READERS
def test_a_fix_is_offered(offered: Callable[[AuditResult], list[list[Replacement]]]) -> None:
    assert offered(with_edit(latest("web", 11, 12, fix="unsafe"), PIN)) == [[((1, 1), (1, 4), "API")]]


@READERS
@pytest.mark.parametrize(
    "finding",
    [
        latest("web", 11, 12),
        latest("web", 11, 12, fix="safe", object=ObjectRef("v1", "Secret", None, "db")),
        latest("web", 11, 12, fix="safe", suppressed=Suppression("comment")),
    ],
    ids=["by hand", "of a Secret", "suppressed"],
)
def test_no_edit_is_offered_of_what_has_none_or_must_not_be_shown(
    finding: Finding, offered: Callable[[AuditResult], list[list[Replacement]]]
) -> None:
    assert not any(offered(with_edit(finding, PIN)))


@READERS
@pytest.mark.parametrize(
    ("text", "edit"),
    [
        (
            "- name: DB_PASSWORD\n  value: 12345678\n",
            TextEdit(29, 37, Span(2, 10, 2, 18), '"12345678"'),
        ),
        (
            "kind: Secret\nstringData:\n  a: 12345678\n",
            TextEdit(29, 37, Span(3, 6, 3, 14), '"12345678"'),
        ),
        (
            "a: 1\nname: x\nvalue: postgres://a:12345678@db/b\n",
            TextEdit(0, 35, Span(1, 1, 3, 23), "a: 1\nname: x\nvalue: postgres://a:12345678"),
        ),
    ],
    ids=["variable", "Secret beside it", "address"],
)
def test_an_edit_that_would_repeat_a_secret_is_left_out(
    text: str, edit: TextEdit, offered: Callable[[AuditResult], list[list[Replacement]]]
) -> None:
    audited = with_edit(latest("web", 1, 1, fix="safe"), edit, text)
    assert not any(offered(audited))
    assert not any("12345678" in written(format, audited) for format in ("json", "sarif", "rdjson"))


def test_between_two_edits_a_suggestion_repeats_no_secret_either() -> None:
    text = "a: 1\nenv:\n- name: DB_PASSWORD\n  value: 12345678\nb: 1\n"
    at = text.index("b: 1")
    edits = (TextEdit(0, 1, Span(1, 1, 1, 2), "c"), TextEdit(at, at + 1, Span(5, 1, 5, 2), "d"))
    audited = result(latest("web", 1, 1, fix="safe"), texts={SHOP: text})._replace(edits=lambda _: edits)
    assert len(of_json(audited)[0]) == 2
    assert of_rdjson(audited) == [[]]
