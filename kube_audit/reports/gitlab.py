"""The report for GitLab's merge requests: a Code Quality artifact, as `artifacts:reports:codequality` takes it."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any, TextIO

from kube_audit.findings import AuditResult, Finding, Severity, Span
from kube_audit.reports import Options
from kube_audit.reports.json import write_list
from kube_audit.reports.plain import about, active, in_checkout, one_line, told

_SEVERITIES: dict[Severity, str] = {"error": "critical", "warning": "major", "info": "info"}
"""Of GitLab's info, minor, major, critical and blocker."""


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write the Code Quality report: a JSON list. Suppressed findings are left out: GitLab has no mark for them."""
    seen: Counter[tuple[str, str]] = Counter()
    entries = []
    for finding in active(result, options):
        file = in_checkout(finding.file, options.root)
        key = (file, finding.fingerprint)
        seen[key] += 1
        entries.append(_entry(finding, file, seen[key]))
    write_list(out, entries)
    out.write("\n")


def _entry(finding: Finding, file: str, number: int) -> dict[str, Any]:
    subject = "" if finding.object is None else f"{about(finding)}: "
    span = finding.span
    return {
        "description": subject + " ".join(told(finding)),
        "check_name": one_line(finding.rule),
        "fingerprint": _fingerprint(finding, file, number),
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": file,
            "lines": {"begin": span.line, "end": max(span.line, span.end_line)},
            "positions": _positions(span),
        },
    }


def _positions(span: Span) -> dict[str, dict[str, int]]:
    return {
        "begin": {"line": span.line, "column": span.column},
        "end": {"line": span.end_line, "column": span.end_column},
    }


def _fingerprint(finding: Finding, file: str, number: int) -> str:
    """Return a name that no other entry has: GitLab shows only one of several with the same.

    The file is part of it, so that of one object in several overlays each keeps its own name, whatever becomes of
    the others.
    """
    text = "\x1f".join([finding.fingerprint, file, str(number)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
