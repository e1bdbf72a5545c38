"""Keeps secret values out of what reports quote: a file's lines, with values of Secrets and credentials masked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from kube_audit.findings import AuditResult, Finding, ObjectRef, Span
from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple
from kube_audit.reports import rule_doc
from kube_audit.reports.secrets import MASK, mask_unread, masked_lines, merged, split_lines

_KEYED = lazily(
    r"""(?P<indent>\s*+(?:-\s++)*+)(?P<quote>["']?)(?P<key>[^\s"'#{}\[\],:][^"':]*+)(?P=quote)\s*+:(?:\s++|$)"""
)
_NAMES_A_CREDENTIAL = lazily(
    r"pass(word|wd|phrase)?\b|pwd|secret|token|credential|bearer|api.?key|private.?key|access.?key", re.IGNORECASE
)
_FLOW_PAIR = lazily(r"""["']?name["']?\s*+:\s*+(?P<name>[^,}]{0,200}),\s*+["']?value["']?\s*+:\s*+""")
_URL_PASSWORD = lazily(r"(://[^/\s:@]*+:)[^/\s@]++(?=@)")
_SHORTEST_WORD = 5
"""Shorter texts, and bare words such as `postgres`, are too common to be looked for in the other lines."""


class MaskedSource(NamedTuple):
    """A file's lines, of which `line` gives what may be quoted."""

    lines: list[str]
    secret: Mapping[int, str]
    """Lines of documents that hold a Secret, masked."""
    stretches: Mapping[int, list[tuple[int, int]]]
    """Line to the stretches (offsets in it) that a finding about a credential points at."""
    words: tuple[str, ...]
    """The credentials themselves, the longest first."""

    def line(self, number: int, about: ObjectRef | None) -> str:
        """Return a line (from 1) as a report about an object may quote it; IndexError outside the file."""
        if number < 1:
            raise IndexError(number)
        text = self.lines[number - 1]
        about_secret = about is not None and about.kind == "Secret"
        masked = self.secret.get(number, mask_unread(text) if about_secret else text)
        if masked != text:
            return masked
        for start, end in sorted(self.stretches.get(number, ()), reverse=True):
            text = text[:start] + _masked(text[start:end]) + text[end:]
        for word in self.words:
            text = text.replace(word, _masked(word))
        text = _mask_environment_value(self.lines, number, text)
        return _URL_PASSWORD.sub(rf"\1{MASK}", text)


def quotable(result: AuditResult) -> Callable[[str], MaskedSource | None]:
    """Return a function that gives a file's lines for quoting, None for a file whose text is not to be had."""
    about_credentials = {
        rule for rule in {finding.rule for finding in result.findings} if rule_doc(result, rule).category == "secrets"
    }
    credentials: dict[str, list[Finding]] = {}
    for finding in result.findings:
        if finding.rule in about_credentials:
            credentials.setdefault(finding.file, []).append(finding)

    @lru_cache(maxsize=1)
    def source(file: str) -> MaskedSource | None:
        text = result.source(file)
        return None if text is None else masked_source(text, credentials.get(file, ()))

    return source


def masked_source(text: str, credentials: Iterable[Finding]) -> MaskedSource:
    """Prepare a file's text for quoting.

    `credentials` are the findings in that file that point at a credential, hidden and suppressed ones too.
    In a Secret only what is known to be harmless stays; elsewhere the credentials that were found, values of
    variables with telling names, and passwords in addresses go.
    """
    text = text.removeprefix("\ufeff")
    lines = split_lines(text)
    stretches: dict[int, list[tuple[int, int]]] = {}
    for finding in credentials:
        for number, start, end in _credential_stretches(lines, finding):
            stretches.setdefault(number, []).append((start, end))
    words = {_bare(lines[n - 1][start:end]) for n, found in stretches.items() for start, end in found}
    telling = (word for word in words if len(word) >= _SHORTEST_WORD and not word.isalpha())
    longest_first = sorted(telling, key=lambda word: (-len(word), word))
    apart = {number: merged(found) for number, found in stretches.items()}
    return MaskedSource(lines, masked_lines(text), apart, tuple(longest_first))


def _indent(line: str) -> int:
    """Return the column of a line's first key; the dashes of a list count as indentation, as in YAML."""
    keyed = _KEYED.match(line)
    return len(keyed["indent"]) if keyed else len(line) - len(line.lstrip(" \t"))


def _credential_stretches(lines: list[str], finding: Finding) -> Iterator[tuple[int, int, int]]:
    """Yield (line, start, end) of each value that a finding about a credential points at or names."""
    names_are_harmless = finding.object is None or finding.object.kind != "ConfigMap"
    for number in _lines_of(lines, finding.span):
        text = lines[number - 1]
        start = finding.span.column - 1 if number == finding.span.line else 0
        end = finding.span.end_column - 1 if number == finding.span.end_line else len(text)
        keyed = _KEYED.match(text)
        if keyed and start < keyed.end():
            if names_are_harmless and keyed["key"].strip() in ("name", "key"):
                continue
            yield number, keyed.end(), len(text)
            for below in _lines_below(lines, number):
                nested = _KEYED.match(lines[below - 1])
                if not (nested and names_are_harmless and nested["key"].strip() in ("name", "key")):
                    yield below, nested.end() if nested else 0, len(lines[below - 1])
        elif keyed and names_are_harmless and keyed["key"].strip() == "name":
            continue
        else:
            yield number, start, max(start, end)
    for number in (finding.span.line - 1, finding.span.line + 1):
        beside = _KEYED.match(lines[number - 1]) if 0 < number <= len(lines) else None
        if beside and beside["key"].strip() == "value":
            yield number, beside.end(), len(lines[number - 1])


def _lines_of(lines: list[str], span: Span) -> range:
    last = span.end_line - 1 if span.end_column == 1 and span.end_line > span.line else span.end_line
    return range(max(span.line, 1), min(last, len(lines)) + 1)


def _lines_below(lines: list[str], number: int) -> Iterator[int]:
    """Yield the lines (from 1) that are indented more than a line: a block scalar or a nested mapping."""
    indent = _indent(lines[number - 1])
    for below in range(number + 1, len(lines) + 1):
        line = lines[below - 1]
        column = len(line) - len(line.lstrip(" \t"))
        if line.strip() and (column < indent or (column == indent and not line.startswith("-", column))):
            return
        yield below


def _mask_environment_value(lines: list[str], number: int, text: str) -> str:
    """Mask `value:` beside a `name:` that speaks of a credential, in the lines before and after or in the same."""
    keyed = _KEYED.match(text)
    if keyed and keyed["key"].strip() == "value":
        for beside in (number - 1, number + 1):
            other = _KEYED.match(lines[beside - 1]) if 0 < beside <= len(lines) else None
            if other and other["key"].strip() == "name" and _names_a_credential(lines[beside - 1][other.end() :]):
                return text[: keyed.end()] + _masked(text[keyed.end() :])
    if (pair := _FLOW_PAIR.search(text)) and _names_a_credential(pair["name"]):
        return text[: pair.end()] + _masked(text[pair.end() :])
    return text


def _names_a_credential(name: str) -> bool:
    return _NAMES_A_CREDENTIAL.search(name.replace("_", " ")) is not None


def _bare(text: str) -> str:
    return text.strip().strip("\"'").strip()


def _masked(text: str) -> str:
    """Mask a value, keeping blanks and quotes before it and, of a long one, three characters to know it by."""
    bare = _bare(text)
    if not bare or MASK in bare:
        return text
    lead = text[: text.index(bare)]
    return lead + bare[: min(3, len(bare) // 4)] + MASK
