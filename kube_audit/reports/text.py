"""The report for people: findings by file and object with the code they point at, then a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import TextIO

from kube_audit.findings import SEVERITIES, AuditResult, Finding, ObjectRef, Span, at_least
from kube_audit.records import NamedTuple
from kube_audit.reports import Options, advice
from kube_audit.reports.frames import frame
from kube_audit.reports.masking import MaskedSource, quotable
from kube_audit.reports.summary import counts, summary
from kube_audit.reports.terminal import Terminal, columns, cut, heading, terminal, visible, wrap

_LONGEST_MESSAGE = 1000
_SEVERITY_WIDTH = len("warning  ")
_NARROW = 60
"""Below these columns the text goes on under the severity, not beside it."""


class _File(NamedTuple):
    """One file's part of the report."""

    name: str
    source: MaskedSource | None
    told: advice.Told
    refusal: Callable[[Finding], str | None]


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write the text report. Nothing in it but our own colour codes can steer a terminal."""
    encoding = getattr(out, "encoding", None) or "utf-8"
    term = terminal(options.color, options.width, encoding)
    takes_all = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
    for line in _lines(result, options, term):
        writable = line if takes_all else line.encode(encoding, "backslashreplace").decode(encoding)
        out.write(writable + "\n")


def _lines(result: AuditResult, options: Options, term: Terminal) -> Iterator[str]:
    shown = [
        finding
        for finding in result.findings
        if at_least(finding.severity, options.severity) and (options.show_suppressed or finding.suppressed is None)
    ]
    at_end = advice.shared(shown)
    source = quotable(result)
    for name, found in groupby(shown, key=lambda finding: finding.file):
        yield from _file(_File(name, source(name), advice.Told(at_end), result.refusal), list(found), term)
    yield from advice.section(shown, at_end, term)
    yield from summary(result, shown, options, term)


def _file(file: _File, findings: list[Finding], term: Terminal) -> Iterator[str]:
    yield heading(visible(file.name), counts(findings), term)
    yield ""
    for index, (about, places) in enumerate(_by_object(findings)):
        if about is not None or index:
            title = visible(str(about or "The file itself"))
            yield term.paint(cut(title, term.width, term.glyph("…", "...")), "bold")
            yield ""
        for span, found in places:
            yield from _place(file, span, about, found, term)
            yield ""


def _by_object(
    findings: list[Finding],
) -> Iterator[tuple[ObjectRef | None, list[tuple[Span, list[Finding]]]]]:
    """Group a file's findings by object and place; both in the order of their first finding, the worst first."""
    groups: dict[ObjectRef | None, dict[Span, list[Finding]]] = {}
    for finding in findings:
        groups.setdefault(finding.object, {}).setdefault(finding.span, []).append(finding)
    for about, places in groups.items():
        by_severity = {
            span: sorted(found, key=lambda f: SEVERITIES.index(f.severity)) for span, found in places.items()
        }
        yield about, list(by_severity.items())


def _place(file: _File, span: Span, about: ObjectRef | None, findings: list[Finding], term: Terminal) -> Iterator[str]:
    """Show a place in a file once, and below it all that is to be said about it."""
    yield "  " + term.paint(f"{visible(file.name)}:{span.line}:{span.column}", "place")
    if file.source is not None:
        yield from _frame(file.source, span, about, findings[0], term)
    indent = _SEVERITY_WIDTH if term.width >= _NARROW else 2
    apart = False
    for finding in findings:
        if apart:
            yield ""
        remediation = file.told.first_time(finding, finding.remediation)
        refusal = file.refusal(finding) if finding.fix is not None else None
        yield from _headline(file, finding, bool(remediation), indent, term, by_hand=refusal is not None)
        details = list(_details(file, finding, remediation, term.prose - 2 - indent, term))
        if refusal is not None and finding.suppressed is None:
            details += wrap(f"not fixable here: {refusal}", term.prose - 2 - indent)
        yield from ((" " * (2 + indent) + line).rstrip() for line in details)
        apart = bool(details)


def _frame(source: MaskedSource, span: Span, about: ObjectRef | None, worst: Finding, term: Terminal) -> Iterator[str]:
    digits = len(str(span.line + 1))
    bar = term.glyph("│", "|")
    for row in frame(source, span, about, term.width - digits - 6, term.glyph("…", "...")):
        number = "" if row.number is None else str(row.number)
        gutter = term.paint(f"{number:>{digits}} {bar}", "dim")
        yield f"  {gutter} {term.paint(row.text, worst.severity) if row.number is None else row.text}".rstrip()


def _headline(
    file: _File, finding: Finding, told_here: bool, indent: int, term: Terminal, *, by_hand: bool
) -> Iterator[str]:
    """Say what is wrong, by which rule, and where it was said what to do, if that was earlier in the file."""
    message = cut(" ".join(wrap(finding.message, _LONGEST_MESSAGE)), _LONGEST_MESSAGE, term.glyph("…", "..."))
    tags = [visible(finding.rule)]
    if finding.fix is not None and not by_hand:
        tags.append("fixable" if finding.fix == "safe" else "fixable, unsafe")
    earlier = file.told.lines.get((finding.rule, finding.remediation))
    if not told_here and earlier is not None:
        tags.append(f"see line {earlier}")
    width = term.prose - 2 - indent
    lines = wrap(message, width, _SEVERITY_WIDTH - indent) or [""]
    first, *rest = _with_tag(lines, f"[{', '.join(tags)}]", width, _SEVERITY_WIDTH - indent, term)
    gap = " " * (_SEVERITY_WIDTH - len(finding.severity))
    yield f"  {term.paint(finding.severity, finding.severity)}{gap}{first}"
    yield from (" " * (2 + indent) + line for line in rest)


def _with_tag(lines: list[str], tag: str, width: int, used: int, term: Terminal) -> list[str]:
    """Put the tag at the end of the lines, on a line of its own where it does not fit."""
    taken = columns(lines[-1]) + (used if len(lines) == 1 else 0)
    if taken + 2 + columns(tag) <= width:
        return [*lines[:-1], f"{lines[-1]}  {term.paint(tag, 'dim')}"]
    return [*lines, *(term.paint(line, "dim") for line in wrap(tag, width))]


def _details(file: _File, finding: Finding, remediation: str, width: int, term: Terminal) -> Iterator[str]:
    if finding.suppressed is not None:
        reason = f": {finding.suppressed.reason}" if finding.suppressed.reason else ""
        yield from wrap(f"suppressed by {_SUPPRESSED_BY[finding.suppressed.kind]}{reason}", width)
    yield from advice.layout(remediation, file.told.first_time(finding, finding.suggestion), width, term)
    for place in finding.related:
        yield from wrap(place.message, width)
        yield "  at " + term.paint(f"{visible(place.file)}:{place.span.line}:{place.span.column}", "place")


_SUPPRESSED_BY = {
    "comment": "a comment",
    "annotation": "an annotation",
    "config": "the configuration",
    "baseline": "the baseline",
}
