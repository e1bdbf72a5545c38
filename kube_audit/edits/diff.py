"""Edits shown as a unified diff. Only the lines that edits touch are compared, so that large files take no time."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

from kube_audit.edits.model import Edit
from kube_audit.manifests.text import Text
from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple
from kube_audit.sources.wording import printable

_CONTEXT = 3
_LINE_BREAK = lazily(r"\r\n|\r|\n")
_LINE = lazily(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_RESET, _BOLD, _CYAN, _RED, _GREEN = "\x1b[0m", "\x1b[1m", "\x1b[36m", "\x1b[31m", "\x1b[32m"
_COLORS = {"-": _RED, "+": _GREEN, " ": "", "@": _CYAN, "\\": ""}


class _Change(NamedTuple):
    """Lines, from 0, of the text before that give way to lines of the text after."""

    start: int
    end: int
    new_start: int
    new_end: int


def unified(file: str, before: str, after: str, edits: Sequence[Edit], *, color: bool) -> str:
    """Return the unified diff of a text and what edits make of it, "" where they change nothing.

    Lines end as they do in the file, those with a lone CR with a line feed. Control characters are shown as escapes.
    """
    old, new = _LINE.findall(before), _LINE.findall(after)
    changes = list(_changes(before, old, new, edits))
    if not changes:
        return ""
    name = printable(file).lstrip("/")  # of an absolute path, `patch -p1 -d /` finds the file
    out = [_painted(f"--- a/{name}\n", _BOLD, color), _painted(f"+++ b/{name}\n", _BOLD, color)]
    for hunk in _hunks(changes):
        out.extend(_painted(line, _COLORS[line[0]], color) for line in _hunk_lines(hunk, old, new))
    return "".join(out)


def _changes(before: str, old: list[str], new: list[str], edits: Sequence[Edit]) -> Iterator[_Change]:
    """Yield what changes, line for line. Edits lie in the order of the text."""
    shift = 0
    for first, last, grown in _regions(Text(before), edits):
        end = min(last, len(old))
        yield from _compared(old, new, first, end, first + shift, end + shift + grown)
        shift += grown


def _regions(text: Text, edits: Sequence[Edit]) -> list[tuple[int, int, int]]:
    """Return the stretches of lines, from 0, that edits touch, and by how many lines each grows."""
    regions: list[tuple[int, int, int]] = []
    for edit in edits:
        first, last = text.position(edit.start)[0] - 1, text.position(edit.end)[0]
        grown = len(_LINE_BREAK.findall(edit.text)) - len(_LINE_BREAK.findall(text.content, edit.start, edit.end))
        if regions and first <= regions[-1][1]:
            start, end, before = regions.pop()
            first, last, grown = start, max(last, end), grown + before
        regions.append((first, last, grown))
    return regions


def _compared(old: list[str], new: list[str], a: int, a_end: int, b: int, b_end: int) -> Iterator[_Change]:
    matcher = difflib.SequenceMatcher(None, old[a:a_end], new[b:b_end], autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag != "equal":
            yield _Change(a + i, a + i_end, b + j, b + j_end)


def _hunks(changes: list[_Change]) -> Iterator[list[_Change]]:
    hunk = [changes[0]]
    for change in changes[1:]:
        if change.start - hunk[-1].end > 2 * _CONTEXT:
            yield hunk
            hunk = []
        hunk.append(change)
    yield hunk


def _hunk_lines(hunk: list[_Change], old: list[str], new: list[str]) -> Iterator[str]:
    start = max(hunk[0].start - _CONTEXT, 0)
    end = min(hunk[-1].end + _CONTEXT, len(old))
    new_start = hunk[0].new_start - (hunk[0].start - start)
    new_end = hunk[-1].new_end + (end - hunk[-1].end)
    yield f"@@ -{_range(start, end)} +{_range(new_start, new_end)} @@\n"
    at = start
    for change in hunk:
        yield from _lines(" ", old[at : change.start])
        yield from _lines("-", old[change.start : change.end])
        yield from _lines("+", new[change.new_start : change.new_end])
        at = change.end
    yield from _lines(" ", old[at:end])


def _range(start: int, end: int) -> str:
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + 1 if length else start},{length}"


def _lines(sign: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        content = line.rstrip("\r\n")
        ending = line[len(content) :]
        shown = sign + "".join(c if c == "\t" else printable(c) for c in content)
        if ending:
            yield shown + ("\n" if ending == "\r" else ending)
        else:
            yield f"{shown}\n"
            yield "\\ No newline at end of file\n"


def _painted(line: str, paint: str, color: bool) -> str:
    if not (color and paint):
        return line
    content = line.rstrip("\r\n")
    return f"{paint}{content}{_RESET}{line[len(content) :]}"
