"""Findings in plain words and plain characters, for formats that know neither colour nor layout."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from kube_audit.findings import AuditResult, Finding, RuleDoc, Span
from kube_audit.patterns import lazily
from kube_audit.reports import Options, listed
from kube_audit.reports.terminal import visible

_CODE_SPAN = lazily(r"(?<!`)(`{1,3})(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = lazily(r"https?://[^\s<>\"]+")
_CHECKOUTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILD_SOURCESDIRECTORY", "WORKSPACE")
"""Where GitHub, GitLab, Azure Pipelines and Jenkins say which folder holds the checkout."""


def active(result: AuditResult, options: Options) -> list[Finding]:
    """Return the findings to list in a format that has no mark for suppressed ones."""
    return listed(result, options._replace(carry_suppressed=False))


def one_line(text: str) -> str:
    """Return text on one line, with every character in it printable."""
    return visible(" ".join(text.split()))


def block(text: str) -> str:
    """Return text of several lines with everything but the line breaks printable; empty lines around it go."""
    return "\n".join(visible(line.expandtabs(4)).rstrip() for line in text.splitlines()).strip("\n")


def sentence(text: str) -> str:
    """Return text on one line that ends like a sentence."""
    line = one_line(text)
    return line if not line or line[-1] in ".!?" else line + "."


def about(finding: Finding) -> str:
    """Name what a finding is on: object and container, or the file where there is no object."""
    if finding.object is None:
        return "the file itself"
    container = f", container {finding.container}" if finding.container else ""
    return one_line(f"{finding.object}{container}")


def told(finding: Finding) -> list[str]:
    """Return what is wrong, what to do, and where to look besides, each on a line."""
    lines = [sentence(finding.message), one_line(finding.remediation)]
    lines += [
        f"See {one_line(place.file)}:{place.span.line}: {one_line(place.message)}".removesuffix(": ")
        for place in finding.related
    ]
    return [line for line in lines if line]


def web_links(doc: RuleDoc) -> list[str]:
    """Return a rule's references that are addresses of web pages, and nothing else that could stand in a link."""
    return [link for link in doc.references if _LINK.fullmatch(link)]


def code_spans(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the parts of a line of Markdown, and whether each is a code span (then without its backticks)."""
    at = 0
    for match in _CODE_SPAN.finditer(text):
        if match.start() > at:
            yield False, text[at : match.start()]
        yield True, match[2]
        at = match.end()
    if at < len(text):
        yield False, text[at:]


def last_place(span: Span) -> tuple[int, int]:
    """Return line and column of a span's last character, for formats whose ends are inclusive.

    A span that ends at the start of a line ends in truth on the line before; its column is then not known, and 1.
    """
    if span.end_line <= span.line:
        return span.line, max(span.column, span.end_column - 1)
    return (span.end_line, span.end_column - 1) if span.end_column > 1 else (span.end_line - 1, 1)


def in_checkout(file: str, root: Path) -> str:
    """Name a file from the top of the checkout that CI works in, for services that know it by no other name.

    `file` is as findings have it, relative to `root`. The checkout is `root` itself where CI names none around it.
    """
    if file == "<stdin>":
        return "stdin"
    top = base = os.path.abspath(root)
    for variable in _CHECKOUTS:
        folder = os.environ.get(variable)
        if folder and os.path.isabs(folder) and (base + os.sep).startswith(os.path.join(os.path.normpath(folder), "")):
            top = os.path.normpath(folder)
            break
    absolute = os.path.normpath(os.path.join(base, file.replace("\0", "�")))
    relative = os.path.relpath(absolute, top)
    outside = relative == os.pardir or relative.startswith(os.pardir + os.sep)
    return (absolute if outside else relative).replace(os.sep, "/")
