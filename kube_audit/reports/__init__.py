"""The report formats: which there are, what a report may be asked for, and the way to write one."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from kube_audit.findings import RuleDoc, at_least
from kube_audit.records import NamedTuple

if TYPE_CHECKING:
    from kube_audit.findings import AuditResult, Finding, Severity


class Format(NamedTuple):
    """One report format. Its module has a function `write(result, out, options)` and is imported when used."""

    module: str
    summary: str
    """What it is good for, in a few words for `--help`."""
    severity: Severity
    """The mildest severity that it lists unless asked otherwise."""


FORMATS: dict[str, Format] = {
    "text": Format("kube_audit.reports.text", "for people, in a terminal or a log", "warning"),
    "json": Format("kube_audit.reports.json", "for scripts; described by schemas/report.schema.json", "info"),
    "sarif": Format("kube_audit.reports.sarif", "SARIF 2.1.0, for code scanning and editors", "info"),
    "github": Format("kube_audit.reports.github", "annotations on the lines of a GitHub pull request", "info"),
    "gitlab": Format("kube_audit.reports.gitlab", "Code Quality, for GitLab's merge requests", "info"),
    "junit": Format("kube_audit.reports.junit", "JUnit XML, for dashboards of test results", "info"),
    "checkstyle": Format("kube_audit.reports.checkstyle", "Checkstyle XML, for Jenkins and many others", "info"),
    "rdjson": Format("kube_audit.reports.rdjson", "reviewdog's Diagnostic Format", "info"),
    "csv": Format("kube_audit.reports.csv", "a table for spreadsheets", "info"),
    "markdown": Format("kube_audit.reports.markdown", "for job summaries and comments", "warning"),
    "html": Format("kube_audit.reports.html", "one page to hand around, with charts and a search", "info"),
}


class Options(NamedTuple):
    """What the caller decides about a report.

    `width` is the terminal's, in columns, None where there is none. `severity` hides findings that are milder.
    `show_suppressed` lists silenced findings in the text report. The machine formats carry them, marked as such,
    unless `carry_suppressed` is off: GitHub's code scanning, for one, opens an alert for those too.
    `root` is the working directory that the findings' files are relative to; only its absolute form is used.
    """

    severity: Severity
    color: bool = False
    width: int | None = None
    show_suppressed: bool = False
    carry_suppressed: bool = True
    root: Path = Path()


def write(format: str, result: AuditResult, out: TextIO, options: Options) -> None:
    """Write a report in the format of that name to a text stream.

    Raises KeyError for a name that is not in FORMATS, and whatever the stream raises.
    """
    importlib.import_module(FORMATS[format].module).write(result, out, options)


def listed(result: AuditResult, options: Options) -> list[Finding]:
    """Return the findings that a machine format lists, in the order of the result."""
    return [
        finding
        for finding in result.findings
        if at_least(finding.severity, options.severity) and (options.carry_suppressed or finding.suppressed is None)
    ]


def rule_doc(result: AuditResult, rule: str) -> RuleDoc:
    """Return a rule's documentation; a bare one for a rule that is not in the catalogue."""
    try:
        return result.rule_docs(rule)
    except KeyError:
        return RuleDoc(rule, title=rule, category="other", severity="info", rationale="", remediation="")
