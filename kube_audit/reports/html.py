"""The report to hand around: one HTML page with charts and a table to search, whole without network or JavaScript."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from typing import TextIO

from kube_audit import __version__
from kube_audit.findings import SEVERITIES, AuditResult, Finding, RuleDoc, Severity, at_least, path_text
from kube_audit.records import NamedTuple
from kube_audit.reports import Options, listed, rule_doc
from kube_audit.reports.html_text import code_frame, inline, lines, prose, text
from kube_audit.reports.masking import MaskedSource, quotable
from kube_audit.reports.plain import web_links
from kube_audit.reports.terminal import counted

_BARS = 10
"""How many bars a chart has at most; the rest are summed up below it."""
_LONG = 1000
"""Findings from which on the browser is told to lay out only those that are in view."""
_FIXES = {"safe": "safe fix", "unsafe": "unsafe fix"}
_NO_OBJECT = "(no object)"
_NO_NAMESPACE = "(none given)"


class _Group(NamedTuple):
    """A way to sort findings into groups, for a chart and for a filter."""

    key: str
    """Of the rows' data attribute and of the filter."""
    plural: str
    of: Callable[[Finding], str]


class _Page(NamedTuple):
    """What the parts of the page share."""

    result: AuditResult
    findings: list[Finding]
    """All that the page lists, the worst first."""
    active: list[Finding]
    """Those that are not suppressed: what is counted."""
    docs: dict[str, RuleDoc]
    """Of the rules that the page names, by id."""
    groups: tuple[_Group, ...]
    values: dict[str, list[str]]
    """By group, its values in order; rows name them by their place in it."""


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write the page, in ASCII; the same result gives the same bytes. Suppressed findings are in it, marked as such."""
    found = listed(result, options)
    order = {id(finding): number for number, finding in enumerate(found)}
    worst_first = sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
    docs = {rule: rule_doc(result, rule) for rule in sorted({finding.rule for finding in found})}
    groups = (
        _Group("category", "categories", lambda finding: docs[finding.rule].category),
        _Group("rule", "rules", lambda finding: finding.rule),
        _Group("namespace", "namespaces", _namespace),
    )
    values = {group.key: sorted({group.of(finding) for finding in found}) for group in groups}
    active = [finding for finding in found if finding.suppressed is None]
    page = _Page(result, worst_first, active, docs, groups, values)
    rows = _rows(page, found, order)
    style, script = _asset("report.css"), _asset("report.js")
    out.write(_opening(page, style, script))
    out.writelines(_summary(page, options))
    if found:
        out.writelines(_charts(page))
        out.writelines(_table(page, rows))
        out.writelines(_rules(page))
    out.writelines(_skipped(result))
    out.write(f"</main>\n<footer>Made by kube-audit {text(__version__)}. This page needs no network.</footer>\n")
    out.write("</body>\n</html>\n")


def _namespace(finding: Finding) -> str:
    if finding.object is None:
        return _NO_OBJECT
    return finding.object.namespace or _NO_NAMESPACE


def _asset(name: str) -> str:
    return files("kube_audit.reports").joinpath("html_assets", name).read_text(encoding="utf-8")


def _opening(page: _Page, style: str, script: str) -> str:
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src 'sha256-{_digest(style)}'",
            f"script-src 'sha256-{_digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>kube-audit: {_verdict(page.active)}</title>
<style>{style}</style>
<script>{script}</script>
</head>
<body>
<a class="skip" href="#findings">Skip to the findings</a>
"""


def _digest(asset: str) -> str:
    return base64.b64encode(hashlib.sha256(asset.encode("utf-8")).digest()).decode("ascii")


def _verdict(findings: Iterable[Finding]) -> str:
    tally = Counter(finding.severity for finding in findings)
    return ", ".join(counted(tally[severity], severity) for severity in SEVERITIES if tally[severity]) or "no findings"


def _summary(page: _Page, options: Options) -> Iterator[str]:
    result, seen = page.result, page.result.summary
    facts = [
        ("Objects", f"{seen.objects:,}"),
        ("Files", f"{seen.files:,}" + (f" ({seen.audited:,} audited)" if seen.audited != seen.files else "")),
        ("Kubernetes", text(result.kubernetes_version)),
        ("Profile", f"{text(result.profile)}, {counted(len(result.rules), 'rule')}"),
    ]
    milder = sum(1 for f in result.findings if not f.suppressed and not at_least(f.severity, options.severity))
    silenced = sum(1 for f in result.findings if f.suppressed)
    facts += [
        (name, f"{number:,}") for name, number in (("Milder, not listed", milder), ("Suppressed", silenced)) if number
    ]
    if seen.not_validated:
        facts.append(("Without a known schema", counted(seen.not_validated, "custom resource")))
    yield '<header>\n<div class="title"><svg class="logo" viewBox="0 0 32 32" aria-hidden="true">'
    yield '<path d="M16 1 29 8.5v15L16 31 3 23.5v-15z"/><path class="tick" d="m9.5 16.5 4.5 4.5 9-10"/></svg>'
    yield '<h1>kube-audit</h1></div>\n<dl class="facts">'
    yield "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    yield '</dl>\n</header>\n<main>\n<section aria-labelledby="summary">\n<h2 id="summary">Summary</h2>\n'
    if not page.active:
        nothing = (
            "No findings." if seen.objects else "Nothing was audited: there is no Kubernetes object in these files."
        )
        yield f'<p class="clean">{nothing}</p>\n</section>\n'
        return
    tally = Counter(finding.severity for finding in page.active)
    fixes = Counter(map(page.result.fixable, page.active))
    yield '<ul class="cards">'
    for severity in SEVERITIES:
        noun = counted(tally[severity], severity).partition(" ")[2]
        yield f'<li class="card {severity}"><strong>{tally[severity]:,}</strong> {noun}</li>'
    fixable = fixes["safe"] + fixes["unsafe"]
    yield f'<li class="card fixable"><strong>{fixable:,}</strong> fixable, {fixes["safe"]:,} safely</li></ul>\n'
    yield _bar(tally, sum(tally.values())) + "\n</section>\n"


def _bar(tally: Counter[Severity], full: int) -> str:
    """Draw a bar whose parts are the severities; `full` is the count that would fill its width."""
    drawn = []
    at = 0.0
    for severity in SEVERITIES:
        if tally[severity]:
            width = 100 * tally[severity] / full
            drawn.append(f'<rect class="{severity}" x="{at:.2f}" width="{width:.2f}" height="8"/>')
            at += width
    parts = ", ".join(counted(tally[severity], severity) for severity in SEVERITIES if tally[severity])
    return (
        f'<svg class="bar" role="img" aria-label="{parts}" viewBox="0 0 100 8" preserveAspectRatio="none">'
        f"<title>{parts}</title>{''.join(drawn)}</svg>"
    )


def _charts(page: _Page) -> Iterator[str]:
    if not page.active:
        return
    yield '<div class="charts">\n'
    for group in page.groups:
        tallies: dict[str, Counter[Severity]] = {}
        for finding in page.active:
            tallies.setdefault(group.of(finding), Counter())[finding.severity] += 1
        ranked = sorted(tallies.items(), key=lambda item: (-item[1].total(), item[0]))
        full = ranked[0][1].total()
        yield f'<section class="chart" aria-labelledby="by-{group.key}">\n'
        yield f'<h2 id="by-{group.key}">By {group.key}</h2>\n<ol>'
        for value, tally in ranked[:_BARS]:
            number = page.values[group.key].index(value)
            yield (
                f'<li><a href="#findings" data-filter="{group.key}" data-value="{number}">{text(value)}</a>'
                f'{_bar(tally, full)}<span class="count">{tally.total():,}</span></li>\n'
            )
        yield "</ol>"
        rest = ranked[_BARS:]
        if rest:
            number = sum(tally.total() for _, tally in rest)
            yield f'<p class="rest">{counted(number, "finding")} in {len(rest):,} more {group.plural}</p>'
        yield "</section>\n"
    yield "</div>\n"


def _filters(page: _Page) -> Iterator[str]:
    """Yield the form, which the script shows: without it, it would do nothing."""
    yield '<form id="filters" role="search" aria-label="Filter the findings" hidden>\n'
    yield '<label class="wide">Search<input type="search" name="text" autocomplete="off" '
    yield 'placeholder="Words of a message, object, file &#8230;"></label>\n'
    yield "<fieldset><legend>Severity</legend>"
    for number, severity in enumerate(SEVERITIES):
        yield f'<label class="toggle {severity}"><input type="checkbox" name="severity" value="{number}" checked>'
        yield f"<span>{severity}</span></label>"
    yield "</fieldset>\n"
    for group in page.groups:
        yield f'<label>{group.key.capitalize()}<select name="{group.key}"><option value="">All {group.plural}</option>'
        yield "".join(
            f'<option value="{number}">{text(value)}</option>' for number, value in enumerate(page.values[group.key])
        )
        yield "</select></label>\n"
    yield '<label class="check"><input type="checkbox" name="fix"> Fixable only</label>\n'
    if len(page.active) < len(page.findings):
        yield '<label class="check"><input type="checkbox" name="suppressed"> Suppressed too</label>\n'
    yield '<button type="reset">Reset</button>\n</form>\n'


def _table(page: _Page, rows: list[str]) -> Iterator[str]:
    yield '<section aria-labelledby="findings">\n<h2 id="findings" tabindex="-1">Findings</h2>\n'
    yield from _filters(page)
    yield '<div class="bar-of-list" hidden id="paging"><p role="status" id="shown"></p>'
    yield '<button type="button" id="open">Open all</button>'
    yield '<button type="button" id="before">Previous</button><button type="button" id="after">Next</button></div>\n'
    yield f'<table class="{"long" if len(rows) > _LONG else "short"}">\n<thead><tr>'
    yield '<th scope="col" data-sort="severity" aria-sort="ascending">Severity</th>'
    yield '<th scope="col" data-sort="rule">Finding</th><th scope="col" data-sort="object">Object</th>'
    yield '<th scope="col" data-sort="place">Place</th></tr></thead>\n'
    yield from rows
    yield '</table>\n<p id="none" hidden>No finding fits these filters.</p>\n</section>\n'


def _rows(page: _Page, found: list[Finding], order: dict[int, int]) -> list[str]:
    """Return each finding's rows, the worst first. Frames are made file by file, so that each is read once."""
    source = quotable(page.result)
    numbers = {key: {value: number for number, value in enumerate(known)} for key, known in page.values.items()}
    made = {
        id(finding): _finding(page, finding, order[id(finding)], numbers, source(finding.file)) for finding in found
    }
    return [made[id(finding)] for finding in page.findings]


def _finding(
    page: _Page, finding: Finding, place: int, numbers: dict[str, dict[str, int]], source: MaskedSource | None
) -> str:
    data = {group.key: numbers[group.key][group.of(finding)] for group in page.groups}
    data |= {"severity": SEVERITIES.index(finding.severity), "place": place}
    fix = page.result.fixable(finding)
    flags = (" data-fix" if fix else "") + (" data-suppressed" if finding.suppressed else "")
    attributes = " ".join(f'data-{key}="{value}"' for key, value in data.items()) + flags
    rule = f'<a class="rule" href="#rule-{numbers["rule"][finding.rule]}">{text(finding.rule)}</a>'
    tags = [_FIXES[fix]] if fix else []
    tags += ["suppressed"] if finding.suppressed else []
    chips = "".join(f' <span class="chip">{tag}</span>' for tag in tags)
    subject = text(str(finding.object)) if finding.object else "&#8212;"
    if finding.container:
        subject += f'<span class="container">container {text(finding.container)}</span>'
    return (
        f'<tbody {attributes}>\n<tr><td><span class="badge {finding.severity}">{finding.severity}</span></td>'
        f'<td><span class="message">{inline(finding.message)}</span>{rule}{chips}</td><td>{subject}</td>'
        f'<td class="place">{text(finding.file)}:{finding.span.line}</td></tr>\n'
        f'<tr class="more"><td></td><td colspan="3"><details><summary>Code and what to do</summary>\n'
        f"{''.join(_details(finding, source))}</details></td></tr>\n</tbody>\n"
    )


def _details(finding: Finding, source: MaskedSource | None) -> Iterator[str]:
    if finding.suppressed is not None:
        reason = f": {text(finding.suppressed.reason)}" if finding.suppressed.reason else ""
        yield f'<p class="quiet">Suppressed by {finding.suppressed.kind}{reason}</p>\n'
    yield code_frame(source, finding)
    yield prose(finding.remediation)
    if finding.suggestion:
        yield '<pre class="suggestion" tabindex="0" role="group" aria-label="Suggestion">'
        yield f"{lines(finding.suggestion)}</pre>"
    if finding.related:
        yield "<p>See also:</p><ul>"
        for place in finding.related:
            yield f'<li>{inline(place.message)} <span class="place">{text(place.file)}:{place.span.line}</span></li>'
        yield "</ul>"
    if finding.path:
        yield f'<p class="quiet">Path: <code>{text(path_text(finding.path))}</code></p>\n'


def _rules(page: _Page) -> Iterator[str]:
    yield '<section aria-labelledby="rules">\n<h2 id="rules">Rules with findings</h2>\n'
    tally = Counter(finding.rule for finding in page.findings)
    for number, (rule, doc) in enumerate(page.docs.items()):
        yield f'<details class="about"><summary><code>{text(rule)}</code> {inline(doc.title)} '
        yield f'<span class="count">{counted(tally[rule], "finding")}</span></summary>\n<div id="rule-{number}">'
        for title, body in (("Why", doc.rationale), ("What to do", doc.remediation)):
            if body.strip():
                yield f"<h3>{title}</h3>{prose(body)}"
        links = [f'<li><a href="{text(link)}" rel="noreferrer">{text(link)}</a></li>' for link in web_links(doc)]
        if links:
            yield f"<h3>Read more</h3><ul>{''.join(links)}</ul>"
        yield "</div></details>\n"
    yield "</section>\n"


def _skipped(result: AuditResult) -> Iterator[str]:
    if not result.summary.skipped:
        return
    groups: dict[str, list[str]] = {}
    for one in sorted(result.summary.skipped, key=lambda one: (one.file, one.line or 0, one.reason)):
        groups.setdefault(one.reason, []).append(one.file if one.line is None else f"{one.file}:{one.line}")
    yield '<section aria-labelledby="skipped">\n<h2 id="skipped">Not audited</h2>\n'
    for reason, places in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        items = "".join(f"<li>{text(place)}</li>" for place in places)
        yield f'<details class="about"><summary>{inline(reason)} <span class="count">{len(places):,}</span></summary>'
        yield f'<ul class="place">{items}</ul></details>\n'
    yield "</section>\n"
