"""What to do, as the text report tells it: beside a finding, or once for each rule at the end of a long report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from kube_audit.findings import Finding
from kube_audit.reports.terminal import Terminal, counted, heading, prose, visible

Advice = tuple[str, str]
"""A rule's id and a text: a remediation or a suggestion."""

_LONG_REPORT = 20
"""Findings from which on shared advice goes to the end."""


class Told:
    """Which advice one file's part of the report need not give again.

    `lines` holds the advice given so far, with the line of the finding that it was given for.
    """

    __slots__ = ("at_end", "lines")

    def __init__(self, at_end: Collection[Advice]) -> None:
        self.at_end = at_end
        self.lines: dict[Advice, int] = {}

    def first_time(self, finding: Finding, text: str | None) -> str:
        """Return the text if it is new, else nothing; and note it as given."""
        advice = (finding.rule, text or "")
        if not text or advice in self.at_end or advice in self.lines:
            return ""
        self.lines[advice] = finding.span.line
        return text


def shared(findings: list[Finding]) -> frozenset[Advice]:
    """Return the advice of a long report that several findings of a rule share; none for a short report."""
    if len(findings) < _LONG_REPORT:
        return frozenset()
    tally = Counter((finding.rule, finding.remediation) for finding in findings)
    tally.update((finding.rule, finding.suggestion) for finding in findings if finding.suggestion)
    return frozenset(advice for advice, number in tally.items() if number > 1 and advice[1].strip())


def layout(remediation: str, suggestion: str, width: int, term: Terminal) -> Iterator[str]:
    """Lay out what to do and the YAML that does it; either may be empty."""
    arrow = term.paint(term.glyph("→", ">"), "good")
    for index, line in enumerate(prose(remediation, width - 2)):
        yield f"{' ' if index else arrow} {line}"
    for line in suggestion.splitlines():
        yield "    " + term.paint(visible(line.expandtabs(4)), "good")


def section(findings: list[Finding], told: Collection[Advice], term: Terminal) -> Iterator[str]:
    """Yield the part that gives shared advice, the rule with the most findings first."""
    if not told:
        return
    yield heading("What to do", "", term)
    yield ""
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    for rule, found in sorted(by_rule.items(), key=lambda item: (-len(item[1]), item[0])):
        remediations = dict.fromkeys(f.remediation for f in found if (rule, f.remediation) in told)
        suggestions = dict.fromkeys(f.suggestion or "" for f in found if (rule, f.suggestion) in told)
        if not remediations and not suggestions:
            continue
        yield f"  {term.paint(visible(rule), 'bold')}  {term.paint(counted(len(found), 'finding'), 'dim')}"
        for remediation in remediations:
            yield from _indented(layout(remediation, "", term.prose - 4, term))
        for suggestion in suggestions:
            yield from _indented(layout("", suggestion, term.prose - 4, term))
        yield ""


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return ("    " + line for line in lines)
