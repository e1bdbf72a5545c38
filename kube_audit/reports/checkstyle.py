"""The report in Checkstyle's XML, which Jenkins' warnings plugin and many other tools read."""

from __future__ import annotations

from itertools import groupby
from typing import TextIO

from kube_audit.findings import AuditResult, Finding
from kube_audit.reports import Options, rule_doc
from kube_audit.reports.plain import about, active, in_checkout, told
from kube_audit.reports.xml import HEAD, element

_VERSION = "4.3"
"""Of Checkstyle, whose reports have looked like this ever since."""


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write an element for each file with findings. Suppressed ones are left out: the format has no mark for them."""
    out.write(HEAD + element("checkstyle", {"version": _VERSION}) + "\n")
    for file, found in groupby(active(result, options), key=lambda finding: finding.file):
        out.write(element("file", {"name": in_checkout(file, options.root)}) + "\n")
        out.writelines(f"  {_error(result, finding)}\n" for finding in found)
        out.write("</file>\n")
    out.write("</checkstyle>\n")


def _error(result: AuditResult, finding: Finding) -> str:
    subject = "" if finding.object is None else f"{about(finding)}: "
    attributes: dict[str, object] = {
        "line": finding.span.line,
        "column": finding.span.column,
        "severity": finding.severity,
        "message": subject + " ".join(told(finding)),
        # Readers take what follows the last full stop for the type of a finding, and the rest for its category.
        "source": f"kube-audit.{rule_doc(result, finding.rule).category}.{finding.rule}",
    }
    return element("error", attributes, empty=True)
