"""What to do, as the text report tells it: beside a finding, or once for each rule at the end of a long report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from kube_audit.findings import Finding
from kube_audit.reports.terminal import Terminal, counted, heading, prose, visible

_LONG_REPORT = 20
"""Findings from which on the advice that most findings of a rule share goes to the end."""


class Told:
    """Which advice one file's part of the report need not give again.

    `at_end` is what `shared` returns; `lines` holds the advice given so far, as rule and text, with the line of the
    finding that it was given for.
    """

    __slots__ = ("at_end", "lines")

    def __init__(self, at_end: Mapping[str, str]) -> None:
        self.at_end = at_end
        self.lines: dict[tuple[str, str], int] = {}

    def first_time(self, finding: Finding, text: str | None) -> str:
        """Return a finding's remediation or suggestion if it is to be given here, and note it as given."""
        if not text or self.at_end.get(finding.rule) == finding.remediation or (finding.rule, text) in self.lines:
            return ""
        self.lines[finding.rule, text] = finding.span.line
        return text


def shared(findings: list[Finding]) -> dict[str, str]:
    """Return, by rule, the remediation that most of a rule's findings share; none where the report is short."""
    if len(findings) < _LONG_REPORT:
        return {}
    by_rule = Counter(finding.rule for finding in findings)
    tally = Counter((finding.rule, finding.remediation) for finding in findings if finding.remediation.strip())
    return {rule: text for (rule, text), number in tally.items() if number > max(1, by_rule[rule] / 2)}


def layout(remediation: str, suggestion: str, width: int, term: Terminal) -> Iterator[str]:
    """Lay out what to do and the YAML that does it; either may be empty."""
    arrow = term.paint(term.glyph("→", ">"), "good")
    for index, line in enumerate(prose(remediation, width - 2)):
        yield f"{' ' if index else arrow} {line}"
    for line in suggestion.splitlines():
        yield "    " + term.paint(visible(line.expandtabs(4)), "good")


def section(findings: list[Finding], told: Mapping[str, str], term: Terminal) -> Iterator[str]:
    """Yield the part that gives shared advice with one suggestion, the rule with the most findings first."""
    if not told:
        return
    yield heading("What to do", "", term)
    yield ""
    by_rule: dict[str, list[Finding]] = {rule: [] for rule in told}
    for finding in findings:
        if told.get(finding.rule) == finding.remediation:
            by_rule[finding.rule].append(finding)
    for rule, found in sorted(by_rule.items(), key=lambda item: (-len(item[1]), item[0])):
        suggestions = Counter(finding.suggestion for finding in found if finding.suggestion)
        example = suggestions.most_common(1)[0][0] if suggestions else ""
        where = "" if len(suggestions) <= 1 else ", the YAML is for one of them"
        remark = term.paint(counted(len(found), "finding") + where, "dim")
        yield f"  {term.paint(visible(rule), 'bold')}  {remark}"
        yield from ("    " + line for line in layout(told[rule], example, term.prose - 4, term))
        yield ""
