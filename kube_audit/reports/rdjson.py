"""The report for reviewdog: its Diagnostic Format, as one JSON object."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TextIO

from kube_audit.findings import AuditResult, Finding, Severity
from kube_audit.reports import Options, rule_doc
from kube_audit.reports.json import dumps, write_list
from kube_audit.reports.plain import about, active, one_line, told
from kube_audit.reports.secrets import split_lines

_SEVERITIES: dict[Severity, str] = {"error": "ERROR", "warning": "WARNING", "info": "INFO"}

Lines = Callable[[str], list[str]]


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write the diagnostics. Files stay relative to the working directory, where reviewdog runs too.

    Suppressed findings are left out: reviewdog has no mark for them. Reviewdog refuses keys that it does not know,
    so that there are only those of its first releases.
    """

    @lru_cache(maxsize=1)
    def lines(file: str) -> list[str]:
        return split_lines((result.source(file) or "").removeprefix("\ufeff"))

    out.write(f'{{"source": {dumps({"name": "kube-audit"})},\n"diagnostics": ')
    write_list(out, (_diagnostic(result, finding, lines) for finding in active(result, options)))
    out.write("\n}\n")


def _diagnostic(result: AuditResult, finding: Finding, lines: Lines) -> dict[str, Any]:
    subject = "" if finding.object is None else f"{about(finding)}: "
    references = rule_doc(result, finding.rule).references
    span = finding.span
    text = lines(finding.file)
    # No `suggestions`: those are edits of the text, and findings carry patches, which are changes of the data.
    return {
        "message": subject + "\n".join(told(finding)),
        "location": {
            "path": "stdin" if finding.file == "<stdin>" else finding.file,
            "range": {
                "start": _position(text, span.line, span.column),
                "end": _position(text, span.end_line, span.end_column),
            },
        },
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": one_line(finding.rule)} | ({"url": references[0]} if references else {}),
    }


def _position(lines: list[str], line: int, column: int) -> dict[str, int]:
    """Return a position with its column in bytes, as reviewdog counts; in characters where the line is not known."""
    before = lines[line - 1][: column - 1] if line <= len(lines) else ""
    return {"line": line, "column": column + len(before.encode("utf-8", "surrogatepass")) - len(before)}
