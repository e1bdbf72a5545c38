"""The report for GitHub Actions: workflow commands that put each finding on its line of a pull request."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TextIO

from kube_audit.findings import SEVERITIES, AuditResult, Finding, Severity
from kube_audit.reports import Options, rule_doc
from kube_audit.reports.plain import about, active, in_checkout, last_place, one_line, told
from kube_audit.reports.terminal import counted, visible

_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}
_SHOWN = 10
"""How many annotations of each kind GitHub shows for one step; the log has all of them."""


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write a workflow command for each finding, those that GitHub should show first, and a line that counts them.

    The commands work only on the standard output of a step.
    """
    findings = sorted(active(result, options), key=lambda finding: _urgency(result, finding))
    encoding = getattr(out, "encoding", None) or "utf-8"
    for finding in findings:
        line = _command(finding, options.root)
        out.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    out.write(_closing(findings) + "\n")


def _urgency(result: AuditResult, finding: Finding) -> tuple[int, float]:
    return SEVERITIES.index(finding.severity), -(rule_doc(result, finding.rule).security_severity or 0.0)


def _command(finding: Finding, root: Path) -> str:
    end_line, end_column = last_place(finding.span)
    properties: dict[str, object] = {
        "file": visible(in_checkout(finding.file, root)),
        "line": finding.span.line,
        "endLine": end_line,
    }
    if end_line == finding.span.line:  # GitHub drops columns of what spans lines.
        properties |= {"col": finding.span.column, "endColumn": end_column}
    properties["title"] = f"{one_line(finding.rule)} ({about(finding)})"
    if finding.file == "<stdin>":
        properties = {"title": properties["title"]}
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{_COMMANDS[finding.severity]} {listed}::{_data(chr(10).join(told(finding)))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _closing(findings: list[Finding]) -> str:
    tally = Counter(finding.severity for finding in findings)
    if not tally:
        return "kube-audit: no findings"
    counts = ", ".join(counted(tally[severity], severity) for severity in SEVERITIES if tally[severity])
    more = [counted(tally[severity] - _SHOWN, severity) for severity in SEVERITIES if tally[severity] > _SHOWN]
    if not more:
        return f"kube-audit: {counts}"
    return (
        f"kube-audit: {counts}. GitHub shows the first {_SHOWN} of each kind as annotations; "
        f"{' and '.join(more)} more stand only in this log."
    )
