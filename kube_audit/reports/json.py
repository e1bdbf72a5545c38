"""The report for scripts: one JSON object, described by schemas/report.schema.json, with one finding a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from kube_audit import __version__
from kube_audit.findings import SEVERITIES, AuditResult, Finding, Span, TextEdit, at_least, path_text
from kube_audit.patterns import lazily
from kube_audit.reports import Options, listed, rule_doc
from kube_audit.reports.offers import offers

_LONE_SURROGATE = lazily("[\ud800-\udfff]")
_NOT_ASCII = lazily("[^\x00-\x7e]")


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write the JSON report. The same result gives the same bytes: it holds no time and no machine's path."""
    findings = listed(result, options)
    head = {
        "version": "1",
        "tool": {"name": "kube-audit", "version": __version__},
        "kubernetesVersion": result.kubernetes_version,
        "profile": result.profile,
        "summary": _summary(result, options),
        "rules": {rule: _rule(result, rule) for rule in sorted({finding.rule for finding in findings})},
    }
    out.write("{\n")
    out.writelines(f"{dumps(key)}: {dumps(value)},\n" for key, value in head.items())
    out.write('"findings": ')
    offered = offers(result)
    write_list(out, (_finding(finding, offered(finding), result) for finding in findings))
    out.write("\n}\n")


def dumps(data: object) -> str:
    r"""Return JSON on one line and in ASCII, so that no reader, stream or terminal trips over it.

    A lone surrogate (an undecodable byte of a file's name) is no text: it becomes the six characters `\udcff`.
    """
    text = json.dumps(data, ensure_ascii=False)
    if text.isascii() and "\x7f" not in text:
        return text
    text = _LONE_SURROGATE.sub(lambda match: f"\\\\u{ord(match[0]):04x}", text)
    return _NOT_ASCII.sub(lambda match: "\\u007f" if match[0] == "\x7f" else json.dumps(match[0])[1:-1], text)


def write_list(out: TextIO, items: Iterable[Mapping[str, Any]]) -> None:
    """Write a JSON list with one item a line: quick to write, easy to compare and to search."""
    empty = True
    for item in items:
        out.write("[\n" if empty else ",\n")
        out.write(dumps(item))
        empty = False
    out.write("[]" if empty else "\n]")


def _summary(result: AuditResult, options: Options) -> dict[str, object]:
    seen = result.summary
    active = [finding for finding in result.findings if finding.suppressed is None]
    skipped = sorted(seen.skipped, key=lambda one: (one.file, one.line or 0, one.reason))
    return {
        "files": seen.files,
        "audited": seen.audited,
        "objects": seen.objects,
        **{severity: result.count(severity) for severity in SEVERITIES},
        "suppressed": len(result.findings) - len(active),
        "hidden": sum(1 for finding in active if not at_least(finding.severity, options.severity)),
        "notValidated": seen.not_validated,
        "skipped": [{"file": one.file, "line": one.line, "reason": one.reason} for one in skipped],
    }


def _rule(result: AuditResult, rule: str) -> dict[str, object]:
    doc = rule_doc(result, rule)
    return {
        "title": doc.title,
        "category": doc.category,
        "severity": doc.severity,
        "references": list(doc.references),
    }


def _finding(finding: Finding, edits: Sequence[TextEdit], result: AuditResult) -> dict[str, object]:
    about = finding.object
    fix: dict[str, object] = {"edits": [_edit(edit) for edit in edits]} if edits else {}
    if finding.fix is not None and not edits and (refusal := result.refusal(finding)):
        fix = {"fixRefused": refusal}
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "remediation": finding.remediation,
        "file": finding.file,
        **_region(finding.span),
        "path": path_text(finding.path),
        "object": about
        and {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "namespace": about.namespace,
            "name": about.name,
        },
        "container": finding.container,
        "suggestion": finding.suggestion,
        "fix": finding.fix,
        **fix,
        "related": [{"message": place.message, "file": place.file, **_region(place.span)} for place in finding.related],
        "fingerprint": finding.fingerprint,
        "suppressed": finding.suppressed and {"kind": finding.suppressed.kind, "reason": finding.suppressed.reason},
    }


def _edit(edit: TextEdit) -> dict[str, object]:
    return {"start": edit.start, "end": edit.end, **_region(edit.span), "text": edit.text}


def _region(span: Span) -> dict[str, int]:
    return {"line": span.line, "column": span.column, "endLine": span.end_line, "endColumn": span.end_column}
