"""HTML of what rules and findings say: escaped text, a little Markdown, and code frames with the place marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from kube_audit.findings import Finding
from kube_audit.patterns import lazily
from kube_audit.reports.frames import Row, frame
from kube_audit.reports.masking import MaskedSource
from kube_audit.reports.plain import block, code_spans, one_line
from kube_audit.reports.terminal import columns

_FRAME_WIDTH = 120
_ITEM = lazily(r"\s*(?:[-*]|\d+\.)\s+")


def text(value: str) -> str:
    """Return text on one line, with nothing in it that is markup, invisible, or outside of ASCII."""
    return _ascii(one_line(value))


def inline(value: str) -> str:
    """Return one line of Markdown: its code spans become code, everything else stays text."""
    return "".join(f"<code>{text(part)}</code>" if code else _ascii(part) for code, part in code_spans(one_line(value)))


def lines(value: str) -> str:
    """Return text of several lines, for an element that keeps them."""
    return _ascii(block(value))


def prose(value: str) -> str:
    """Return a few paragraphs of Markdown: paragraphs, lists, code blocks and code spans; the rest stays text."""
    parts: list[str] = []
    for number, chunk in enumerate(re.split(r"^[ \t]*```[^\n]*$", value, flags=re.MULTILINE)):
        if number % 2:
            parts.append(f"<pre>{lines(chunk)}</pre>")
        else:
            parts.extend(_paragraph(paragraph) for paragraph in re.split(r"\n\s*\n", chunk) if paragraph.strip())
    return "".join(parts)


def code_frame(source: MaskedSource | None, finding: Finding) -> str:
    """Return the lines that a finding points at, nothing where the file's text is not to be had."""
    rows = frame(source, finding.span, finding.object, _FRAME_WIDTH, "…") if source is not None else []
    if not rows:
        return ""
    shown = list(_numbered(rows))
    return f'<pre class="frame" tabindex="0" role="group" aria-label="Code">{"".join(shown).rstrip()}</pre>'


def _numbered(rows: list[Row]) -> Iterator[str]:
    digits = max(len(str(row.number)) for row in rows if row.number is not None)
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        if row.number is None:
            continue
        marked = following is not None and following.number is None
        body = _marked(row.text, following.text) if marked and following is not None else _ascii(row.text)
        yield f'<span class="number">{row.number:>{digits}}</span>{body}\n'


def _marked(line: str, underline: str) -> str:
    """Mark what the underline, whose places are columns, stands below."""
    left = len(underline) - len(underline.lstrip())
    start, end = _offset(line, left), _offset(line, columns(underline))
    place = line[start:end] or " "
    return f"{_ascii(line[:start])}<mark>{_ascii(place)}</mark>{_ascii(line[end:])}"


def _offset(line: str, column: int) -> int:
    at = 0
    for index, char in enumerate(line):
        if at >= column:
            return index
        at += columns(char)
    return len(line)


def _paragraph(value: str) -> str:
    items: list[str] = []
    before: list[str] = []
    for line in value.strip("\n").split("\n"):
        match = _ITEM.match(line)
        if match:
            items.append(line[match.end() :])
        elif items:
            items[-1] += " " + line
        else:
            before.append(line)
    paragraph = f"<p>{inline(' '.join(before))}</p>" if before else ""
    listed = "".join(f"<li>{inline(item)}</li>" for item in items)
    return paragraph + (f"<ul>{listed}</ul>" if listed else "")


def _ascii(value: str) -> str:
    return escape(value).encode("ascii", "xmlcharrefreplace").decode("ascii")
