"""The report for spreadsheets and databases: a table with a row for each finding."""

from __future__ import annotations

import csv
from typing import TextIO

from kube_audit.findings import AuditResult, Finding, ObjectRef, path_text
from kube_audit.records import NamedTuple
from kube_audit.reports import Options, listed, rule_doc
from kube_audit.reports.plain import one_line

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What makes a spreadsheet compute a cell; in full width too, which some take for the same."""
_NO_OBJECT = ObjectRef("", "", None, None)


class Row(NamedTuple):
    """One line of the table. The names of the fields are its header."""

    severity: str
    rule: str
    category: str
    file: str
    line: int
    column: int
    namespace: str | None
    kind: str
    name: str | None
    container: str | None
    message: str
    remediation: str
    path: str
    fix: str | None
    suppressed: str | None
    reason: str | None
    fingerprint: str


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write the table with its header. No cell has a line break, and none is a formula: a `'` goes before those."""
    encoding = getattr(out, "encoding", None) or "utf-8"
    table = csv.writer(out, lineterminator="\n")
    table.writerow(Row._fields)
    for finding in listed(result, options):
        table.writerow([_cell(value, encoding) for value in _row(result, finding)])


def _row(result: AuditResult, finding: Finding) -> Row:
    about, suppressed = finding.object or _NO_OBJECT, finding.suppressed
    return Row(
        finding.severity,
        finding.rule,
        rule_doc(result, finding.rule).category,
        finding.file,
        finding.span.line,
        finding.span.column,
        about.namespace,
        about.kind,
        about.name,
        finding.container,
        finding.message,
        finding.remediation,
        path_text(finding.path),
        result.fixable(finding),
        suppressed and suppressed.kind,
        suppressed and suppressed.reason,
        finding.fingerprint,
    )


def _cell(value: str | int | None, encoding: str) -> str | int | None:
    if not isinstance(value, str):
        return value
    text = one_line(value).encode(encoding, "backslashreplace").decode(encoding)
    return f"'{text}" if text.startswith(_FORMULA) else text
