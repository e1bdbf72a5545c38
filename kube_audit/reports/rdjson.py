"""The report for reviewdog: its Diagnostic Format, as one JSON object."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TextIO

from kube_audit.findings import AuditResult, Finding, Severity, Span, TextEdit
from kube_audit.reports import Options, rule_doc
from kube_audit.reports.json import dumps, write_list
from kube_audit.reports.masking import quotable
from kube_audit.reports.offers import as_one, is_harmless, offers
from kube_audit.reports.plain import about, active, one_line, told
from kube_audit.reports.secrets import split_lines

_SEVERITIES: dict[Severity, str] = {"error": "ERROR", "warning": "WARNING", "info": "INFO"}


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write the diagnostics. Files stay relative to the working directory, where reviewdog runs too.

    Suppressed findings are left out: reviewdog has no mark for them. Reviewdog refuses keys that it does not know,
    so that there are only those of its first releases. A fix is one suggestion, even if it has several edits:
    suggestions of one diagnostic are taken each for itself.
    """
    source = quotable(result)
    offered = offers(result, source)

    def suggested(finding: Finding) -> TextEdit | None:
        edits, content = offered(finding), result.source(finding.file)
        if not edits or content is None:
            return None
        one = as_one(edits, content)
        return one if is_harmless(source(finding.file), finding, (one,)) else None

    @lru_cache(maxsize=1)
    def lines(file: str) -> list[str]:
        return split_lines((result.source(file) or "").removeprefix("\ufeff"))

    out.write(f'{{"source": {dumps({"name": "kube-audit"})},\n"diagnostics": ')
    found = active(result, options)
    write_list(out, (_diagnostic(result, one, lines(one.file), suggested(one)) for one in found))
    out.write("\n}\n")


def _diagnostic(result: AuditResult, finding: Finding, lines: list[str], suggested: TextEdit | None) -> dict[str, Any]:
    subject = "" if finding.object is None else f"{about(finding)}: "
    references = rule_doc(result, finding.rule).references
    diagnostic: dict[str, Any] = {
        "message": subject + "\n".join(told(finding)),
        "location": {
            "path": "stdin" if finding.file == "<stdin>" else finding.file,
            "range": _range(lines, finding.span),
        },
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": one_line(finding.rule)} | ({"url": references[0]} if references else {}),
    }
    if suggested is not None:
        diagnostic["suggestions"] = [{"range": _range(lines, suggested.span), "text": suggested.text}]
    return diagnostic


def _range(lines: list[str], span: Span) -> dict[str, dict[str, int]]:
    return {
        "start": _position(lines, span.line, span.column),
        "end": _position(lines, span.end_line, span.end_column),
    }


def _position(lines: list[str], line: int, column: int) -> dict[str, int]:
    """Return a position with its column in bytes, as reviewdog counts; in characters where the line is not known."""
    before = lines[line - 1][: column - 1] if line <= len(lines) else ""
    return {"line": line, "column": column + len(before.encode("utf-8", "surrogatepass")) - len(before)}
