"""Code frames: the lines of a manifest that a finding points at, cut to the width and underlined."""

from __future__ import annotations

from collections.abc import Iterator

from kube_audit.findings import ObjectRef, Span
from kube_audit.records import NamedTuple
from kube_audit.reports.masking import MaskedSource
from kube_audit.reports.terminal import cells, columns


class Row(NamedTuple):
    """One row of a frame: a numbered line of the file, or, without a number, the underline of the row above."""

    number: int | None
    text: str


def frame(source: MaskedSource, span: Span, about: ObjectRef | None, width: int, ellipsis: str) -> list[Row]:
    """Return the rows that show a span, empty where the file has no such line (it may have changed since).

    The line before goes along, and the line after where the span goes on there. `width` is in columns; lines that
    are longer are cut around the span's start. All rows are printable.
    """
    try:
        marked = source.line(span.line, about)
    except IndexError:
        return []
    start = min(span.column - 1, len(marked))
    end = len(marked.rstrip()) if span.end_line > span.line else min(span.end_column - 1, len(marked))
    if marked != source.lines[span.line - 1]:
        end = len(marked)
    end = max(end, start + 1)
    first = _first_shown(marked, start, end, width)
    rows = [_line(source, span.line - 1, about, first, width, ellipsis)] if span.line > 1 else []
    text, offsets = _window(marked, first, width, ellipsis)
    left = offsets[min(start - first, len(offsets) - 1)]
    right = offsets[min(end - first, len(offsets) - 1)]
    rows += [Row(span.line, text), Row(None, " " * left + "^" * max(right - left, 1))]
    if _goes_on(source, span):
        rows.append(_line(source, span.line + 1, about, first, width, ellipsis))
    return [row for row in rows if row.number in (None, span.line) or row.text.strip(" -")]


def _goes_on(source: MaskedSource, span: Span) -> bool:
    """Whether there is something of the span in the line after its first one."""
    if span.end_line <= span.line or span.line >= len(source.lines):
        return False
    following = source.lines[span.line]
    return bool((following[: span.end_column - 1] if span.end_line == span.line + 1 else following).strip())


def _line(source: MaskedSource, number: int, about: ObjectRef | None, first: int, width: int, ellipsis: str) -> Row:
    return Row(number, _window(source.line(number, about), first, width, ellipsis)[0])


def _first_shown(text: str, start: int, end: int, width: int) -> int:
    """Return the offset to begin at so that the start of the span, and its end if there is room, can be seen."""
    if end <= width and (_is_plain(text[:end]) or sum(columns(shown) for shown in _cells(text[:end])) < width):
        return 0
    return max(0, start - width // 3)


def _window(text: str, first: int, width: int, ellipsis: str) -> tuple[str, list[int]]:
    """Return what is shown of a line from an offset on, and the column of each shown character, and of the end."""
    if not first and len(text) < width and _is_plain(text):
        return text.rstrip(), list(range(len(text) + 1))
    parts = [ellipsis] if first and first < len(text) else [" " * len(ellipsis)] if first else []
    at = len(ellipsis) if first else 0
    offsets = [at]
    for index, char in enumerate(text[first : first + width + 1], start=first):
        shown = cells(char, at)
        size = columns(shown)
        if at + size > width - (len(ellipsis) if index + 1 < len(text) else 0):
            parts.append(ellipsis)
            break
        parts.append(shown)
        at += size
        offsets.append(at)
    return "".join(parts).rstrip(), offsets


def _is_plain(text: str) -> bool:
    """Whether each character takes one column and is shown as it is."""
    return text.isascii() and text.isprintable()


def _cells(text: str) -> Iterator[str]:
    at = 0
    for char in text:
        shown = cells(char, at)
        at += columns(shown)
        yield shown
