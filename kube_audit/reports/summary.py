"""The end of the text report: how much of what was found, what was looked at, what was skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from kube_audit.findings import SEVERITIES, AuditResult, Finding, Severity, Skipped, at_least
from kube_audit.reports import Options
from kube_audit.reports.terminal import Terminal, columns, counted, heading, visible, wrap

_NOISIEST = 5
_REASONS = 5


def counts(findings: Iterable[Finding]) -> str:
    """Write how many findings of each severity there are, the worst first, without those that there are none of."""
    tally = Counter(f.severity for f in findings if f.suppressed is None)
    return ", ".join(counted(tally[severity], severity) for severity in SEVERITIES if tally[severity])


def summary(result: AuditResult, shown: list[Finding], options: Options, term: Terminal) -> Iterator[str]:
    """Yield the closing lines. `shown` are the findings that the report has listed."""
    active = [finding for finding in result.findings if finding.suppressed is None]
    yield from _verdict(result, active, options.severity, term)
    hidden = [finding for finding in active if not at_least(finding.severity, options.severity)]
    rows: list[tuple[str, str]] = []
    if hidden:
        mildest = max((finding.severity for finding in hidden), key=SEVERITIES.index)
        rows.append(("Hidden", f"{counts(hidden)} (--severity {mildest} shows {_them(len(hidden))})"))
    silenced = Counter(finding.suppressed.kind for finding in result.findings if finding.suppressed is not None)
    if silenced:
        by = ", ".join(f"{kind} {number:,}" for kind, number in sorted(silenced.items()))
        rows.append(("Suppressed", f"{counted(silenced.total(), 'finding')} ({by})"))
    rows += _about_rules([finding for finding in shown if finding.suppressed is None], result)
    rows.append(("Looked at", _looked_at(result)))
    if result.summary.not_validated:
        custom = counted(result.summary.not_validated, "custom resource")
        rows.append(("Not validated", f"{custom} that no schema is known for"))
    if result.summary.skipped:
        rows.append(("Skipped", counted(len(result.summary.skipped), "file or document", "files and documents")))
    yield from _table(rows, term)
    yield from _skipped(result.summary.skipped, term)


def _them(number: int) -> str:
    return "it" if number == 1 else "them"


def _verdict(result: AuditResult, active: list[Finding], severity: Severity, term: Terminal) -> Iterator[str]:
    if any(at_least(finding.severity, severity) for finding in active):
        yield heading(counts(active), "", term)
    elif result.summary.objects:
        level = {"error": "No errors", "warning": "No errors or warnings", "info": "No problems"}[severity]
        yield term.paint(f"{level} found.", "good")
    if not result.summary.objects:
        seen = counted(result.summary.files, "file")
        where = f"no Kubernetes object was found in {seen}" if result.summary.files else "no file was found"
        yield f"{term.paint('warning', 'warning')}: nothing was audited: {where}"


def _about_rules(listed: list[Finding], result: AuditResult) -> Iterator[tuple[str, str]]:
    by_rule = Counter(finding.rule for finding in listed)
    noisiest = sorted(by_rule.items(), key=lambda item: (-item[1], item[0]))
    if len(noisiest) > 1:
        most = len(f"{noisiest[0][1]:,}")
        for index, (rule, number) in enumerate(noisiest[:_NOISIEST]):
            yield "" if index else "Most frequent", f"{number:>{most},} {rule}"
    fixes = Counter(map(result.fixable, listed))
    if fixes["safe"]:
        yield "Fixable", counted(fixes["safe"], "finding")
    if fixes["unsafe"]:
        yield "Fixable, unsafe", f"{counted(fixes['unsafe'], 'finding')}, by changes that may alter behaviour"
    if noisiest:
        yield "Learn more", f"kube-audit rules show {noisiest[0][0]}"


def _looked_at(result: AuditResult) -> str:
    seen = result.summary
    files = counted(seen.files, "file")
    if seen.audited != seen.files:
        files += f", {seen.audited:,} of them audited"
    rules = counted(len(result.rules), "rule")
    return (
        f"{files}; {counted(seen.objects, 'object')}; Kubernetes {result.kubernetes_version}, "
        f"profile {result.profile} with {rules}; {seen.seconds:.2f}s"
    )


def _table(rows: list[tuple[str, str]], term: Terminal) -> Iterator[str]:
    label_width = max(len(label) for label, _ in rows) + 2
    for label, value in rows:
        lines = wrap(value, term.prose - label_width - 2)
        padding = " " * (len(value) - len(value.lstrip()))  # of numbers that stand in a column
        for index, line in enumerate(lines):
            label_shown = "" if index else label
            yield f"  {term.paint(f'{label_shown:<{label_width}}', 'dim')}{padding}{line}"


def _skipped(skipped: list[Skipped], term: Terminal) -> Iterator[str]:
    """List what was skipped by reason, the most frequent first, each with an example."""
    groups: dict[str, list[str]] = {}
    for one in skipped:
        place = one.file if one.line is None else f"{one.file}:{one.line}"
        groups.setdefault(one.reason, []).append(place)
    ranked = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    for reason, places in ranked[:_REASONS]:
        more = f" and {len(places) - 1:,} more" if len(places) > 1 else ""
        example = f"{visible(places[0])}{more}"
        lead = f"    {len(places):>5,}  "
        margin = " " * len(lead)
        lines = wrap(f"{reason}:", term.prose - len(margin))
        lines[0] = lead + lines[0]
        if len(lines) == 1 and columns(lines[0]) + columns(example) + 1 <= term.prose:
            yield f"{lines[0]} {term.paint(example, 'dim')}"
        else:
            yield lines[0]
            yield from (margin + line for line in lines[1:])
            yield from (margin + term.paint(line, "dim") for line in wrap(example, term.prose - len(margin)))
    rest = ranked[_REASONS:]
    if rest:
        number = sum(len(places) for _, places in rest)
        yield f"    {number:>5,}  for {counted(len(rest), 'other reason')} (-o json lists them all)"
