"""The report for job summaries and comments on merge requests: GitHub's and GitLab's Markdown, bounded in length."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from kube_audit.findings import SEVERITIES, AuditResult, Finding, Severity, at_least
from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple
from kube_audit.reports import Options, rule_doc
from kube_audit.reports.plain import active, block, code_spans, in_checkout, one_line, web_links
from kube_audit.reports.terminal import counted

_LARGEST = 1024 * 1024
"""Bytes that GitHub takes as a step's summary."""
_FOR_THE_END = 1000
"""Bytes of `_LARGEST` that are kept for what has to be said when the report is cut."""
_FOLDED = 20
"""A severity with more findings than this is folded."""
_SIGNS: dict[Severity, str] = {"error": "❌", "warning": "⚠️", "info": "ℹ️"}
_SPECIAL = lazily(r"([\\`*_{}\[\]<>()#|~$^=&])")
_PIPE = lazily(r"(\\*)\|")
_REFERENCE = lazily(r"([@!%]|\\[#$~&])(?=[\w\"])")
_ADDRESS = lazily(r":(?=//|[\w+-]+:)|(?i:(?<=\bwww)\.)")
"""What makes an address of plain text, or a picture of `:name:`."""
_REMEDIES = 5
"""How many ways to say what to do are told for one rule."""


class _Part(NamedTuple):
    """A piece that is written whole or not at all, and what has to follow if it is the last one."""

    text: str
    findings: int = 0
    closing: str = ""


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write the report: counts, a table for each severity, then what to do. It takes at most 1 MiB of UTF-8.

    Suppressed findings are counted, not listed. Links lead to the file in the repository where the environment says
    which commit CI works on (GitHub, GitLab), and are relative to the checkout elsewhere.
    """
    encoding = getattr(out, "encoding", None) or "utf-8"
    findings = active(result, options)
    room = _LARGEST - _FOR_THE_END
    listed = 0
    closing = ""
    for part in _parts(result, findings, options):
        room -= len(part.text.encode("utf-8", "backslashreplace"))
        if room < 0:
            out.write(closing + _cut(len(findings), listed))
            return
        out.write(part.text.encode(encoding, "xmlcharrefreplace").decode(encoding))
        listed += part.findings
        closing = part.closing


def _cut(findings: int, listed: int) -> str:
    missing = f"{findings - listed:,} of {counted(findings, 'finding')}" if listed < findings else "Advice"
    return (
        f"\n**Cut here.** {missing} did not fit into the 1 MiB that GitHub shows of a summary. "
        "For all of it, write another report beside this one: `-o html=kube-audit.html`.\n"
    )


def _parts(result: AuditResult, findings: list[Finding], options: Options) -> Iterator[_Part]:
    yield _Part(_head(result, findings, options))
    address = _address(options.root)
    for severity in SEVERITIES:
        found = [finding for finding in findings if finding.severity == severity]
        if not found:
            continue
        end = "\n"
        yield _Part(f"\n### {_SIGNS[severity]} {counted(len(found), severity)}\n\n")
        if len(found) > _FOLDED:
            yield _Part(
                f"<details>\n<summary>Show the {counted(len(found), severity)}</summary>\n\n", 0, "</details>\n"
            )
            end = "\n</details>\n"
        yield _Part("| Where | Object | What is wrong | Rule |\n| :-- | :-- | :-- | :-- |\n", 0, end)
        for finding in found:
            yield _Part(_row(finding, address, options.root), 1, end)
        if len(found) > _FOLDED:
            yield _Part(end)
    if findings:
        yield _Part("\n### What to do\n")
        yield from map(_Part, _advice(result, findings))


def _head(result: AuditResult, findings: list[Finding], options: Options) -> str:
    tally = Counter(finding.severity for finding in findings)
    counts = ", ".join(counted(tally[severity], severity) for severity in SEVERITIES if tally[severity])
    seen = result.summary
    verdict = f"**{counts}**" if counts else "**No findings**" if seen.objects else "**Nothing was audited**"
    where = f"{counted(seen.objects, 'object')} in {counted(seen.files, 'file')}"
    target = f"Kubernetes {_prose(result.kubernetes_version)}, profile {_code(result.profile)}"
    lines = ["## kube-audit", "", f"{verdict} from {where}, for {target}."]
    silenced = sum(1 for finding in result.findings if finding.suppressed is not None)
    milder = sum(1 for f in result.findings if not f.suppressed and not at_least(f.severity, options.severity))
    unlisted = [f"{number:,} {state}" for number, state in ((milder, "milder"), (silenced, "suppressed")) if number]
    if unlisted:
        lines += ["", f"Not listed: {', '.join(unlisted)}."]
    if findings:
        lines += ["", "| Severity | Findings | Rules | Files | Fixable |", "| :-- | --: | --: | --: | --: |"]
        lines += [_counts(severity, findings, result) for severity in SEVERITIES if tally[severity]]
    return "\n".join([*lines, ""])


def _counts(severity: Severity, findings: list[Finding], result: AuditResult) -> str:
    found = [finding for finding in findings if finding.severity == severity]
    rules = len({finding.rule for finding in found})
    files = len({finding.file for finding in found})
    fixable = sum(1 for finding in found if result.fixable(finding))
    return f"| {_SIGNS[severity]} {severity} | {len(found):,} | {rules:,} | {files:,} | {fixable:,} |"


def _row(finding: Finding, address: str | None, root: Path) -> str:
    file = in_checkout(finding.file, root)
    place = _code(f"{one_line(file)}:{finding.span.line}")
    if not os.path.isabs(file) and finding.file != "<stdin>":
        link = quote(file.encode("utf-8", "surrogatepass"))
        place = f"[{place}]({address or ''}{link}#L{finding.span.line})"
    subject = _code(str(finding.object)) if finding.object else ""
    if finding.container:
        subject += f" {_code(finding.container)}"
    return f"| {place} | {subject} | {_prose(finding.message)} | {_code(finding.rule)} |\n"


def _address(root: Path) -> str | None:
    """Return where the service shows the files of the commit that CI works on, None where that is not known."""
    given = os.environ.get
    if given("GITHUB_SERVER_URL") and given("GITHUB_REPOSITORY") and given("GITHUB_SHA"):
        return f"{given('GITHUB_SERVER_URL')}/{given('GITHUB_REPOSITORY')}/blob/{given('GITHUB_SHA')}/"
    if given("CI_PROJECT_URL") and given("CI_COMMIT_SHA"):
        return f"{given('CI_PROJECT_URL')}/-/blob/{given('CI_COMMIT_SHA')}/"
    return None


def _advice(result: AuditResult, findings: list[Finding]) -> Iterator[str]:
    """Yield what to do, rule by rule, the worst and most frequent first."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)

    def rank(item: tuple[str, list[Finding]]) -> tuple[int, int, str]:
        return min(SEVERITIES.index(finding.severity) for finding in item[1]), -len(item[1]), item[0]

    for rule, found in sorted(by_rule.items(), key=rank):
        doc = rule_doc(result, rule)
        title = f"<code>{escape(one_line(rule))}</code> {escape(one_line(doc.title))}"
        parts = list(_remedies(found))
        suggestions = Counter(finding.suggestion for finding in found if finding.suggestion)
        parts += [_fenced(text) for text, _ in suggestions.most_common(1)]
        parts += [f"<{link}>" for link in web_links(doc)]
        body = "\n\n".join(parts)
        yield (f"\n<details>\n<summary>{title} ({counted(len(found), 'finding')})</summary>\n\n{body}\n\n</details>\n")


def _remedies(found: list[Finding]) -> Iterator[str]:
    """Yield what to do about a rule's findings: once if it is the same for all, else with the first place of each."""
    first: dict[str, Finding] = {}
    for finding in found:
        if finding.remediation.strip():
            first.setdefault(finding.remediation, finding)
    if len(first) == 1:
        yield _prose(next(iter(first)))
        return
    items = [f"- {_code(f'{f.file}:{f.span.line}')} {_prose(text)}" for text, f in list(first.items())[:_REMEDIES]]
    if len(first) > _REMEDIES:
        items.append(f"- {len(first) - _REMEDIES:,} more like these, each for its place.")
    if items:
        yield "\n".join(items)


def _prose(text: str) -> str:
    """Return text for a table's cell: its code spans stay, nothing else in it is markup, a mention or a reference."""
    return "".join(_code(part) if code else _literal(part) for code, part in code_spans(one_line(text)))


def _literal(text: str) -> str:
    return _REFERENCE.sub(r"\1<!-- -->", _ADDRESS.sub(r"\\\g<0>", _SPECIAL.sub(r"\\\1", text)))


def _code(text: str) -> str:
    """Return text as a code span that can stand in a table."""
    line = _PIPE.sub(r"\1\1\\|", one_line(text))
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _fenced(text: str) -> str:
    code = block(text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", code)), default=0))
    return f"{fence}yaml\n{code}\n{fence}"
