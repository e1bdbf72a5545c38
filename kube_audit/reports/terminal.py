"""Text that is safe and well laid out in a terminal: escaping, colours, widths in columns, wrapping."""

from __future__ import annotations

from typing import Literal

from kube_audit.records import NamedTuple

Style = Literal["error", "warning", "info", "bold", "dim", "place", "good"]
_CODES: dict[Style, str] = {
    "error": "1;31",
    "warning": "1;33",
    "info": "1;34",
    "bold": "1",
    "dim": "2",
    "place": "36",
    "good": "32",
}
_OURS = "─│→…"
"""Characters beyond ASCII that the report itself draws with; each takes one column."""
_NARROWEST = 40
_WITHOUT_TERMINAL = 120
_PROSE = 100
"""Longer lines of prose are hard to read, however wide the terminal is."""


class Terminal(NamedTuple):
    """How the text goes out: with colours or not, how many columns, with or without drawing characters."""

    color: bool
    width: int
    unicode: bool

    def paint(self, text: str, style: Style) -> str:
        """Return text in a style, or as it is where colours are off."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.color and text else text

    def glyph(self, drawn: str, plain: str) -> str:
        """Return a drawing character, or what stands for it where the encoding has none."""
        return drawn if self.unicode else plain

    @property
    def prose(self) -> int:
        """Columns that running text may take."""
        return min(self.width, _PROSE)


def terminal(color: bool, width: int | None, encoding: str) -> Terminal:
    """Describe where a report goes. `width` is None where there is no terminal."""
    across = _WITHOUT_TERMINAL if width is None else max(width, _NARROWEST)
    try:
        _OURS.encode(encoding)
    except UnicodeEncodeError:
        return Terminal(color, across, unicode=False)
    return Terminal(color, across, unicode=True)


def visible(text: str) -> str:
    r"""Return text with everything that a terminal could obey, or not show, written out: ESC becomes `\x1b`.

    That takes in control and format characters (so bidirectional overrides and zero-width ones), lone
    surrogates, and every blank but the ordinary one. The result is always printable and on one line.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def columns(text: str) -> int:
    """Return how many terminal columns printable text takes: wide East Asian characters take two, marks none."""
    if text.isascii():
        return len(text)
    return sum(_columns(c) for c in text)


def _columns(char: str) -> int:
    if char < "\u0300" or char in _OURS:
        return 1
    import unicodedata  # few reports have such characters

    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cells(char: str, at: int) -> str:
    """Return what to show for one character of a source line that stands `at` columns into the shown text."""
    if char == "\t":
        return " " * (4 - at % 4)
    return visible(char)


def cut(text: str, width: int, ellipsis: str) -> str:
    """Return printable text, shortened to a number of columns if it is longer."""
    if columns(text) <= width:
        return text
    taken = 0
    for index, char in enumerate(text):
        taken += _columns(char)
        if taken > width - len(ellipsis):
            return text[:index] + ellipsis
    return text


def wrap(text: str, width: int, used: int = 0) -> list[str]:
    """Break text into lines of at most `width` columns, of which the first line has `used` fewer.

    A word that is longer (an image, an address) stays whole, so that it can be copied.
    """
    words = [visible(word) for word in text.split()]
    lines: list[str] = []
    line = " ".join(words)
    if line.isascii():  # characters are columns
        while used + len(line) > width:
            end = line.rfind(" ", 0, max(width - used, 0) + 1)
            if end < 0 and (end := line.find(" ")) < 0:
                break
            lines.append(line[:end])
            line, used = line[end + 1 :], 0
        return [*lines, line] if line else lines
    taken: list[str] = []
    for word in words:
        size = columns(word)
        if taken and used + size > width:
            lines.append(" ".join(taken))
            taken, used = [], 0
        taken.append(word)
        used += size + 1
    return [*lines, " ".join(taken)]


def prose(text: str, width: int) -> list[str]:
    """Lay out a few sentences of Markdown: paragraphs and list items are wrapped, code blocks are kept."""
    lines: list[str] = []
    paragraph: list[str] = []
    fenced = False

    def flush() -> None:
        if paragraph:
            item = paragraph[0].lstrip().startswith(("- ", "* "))
            wrapped = wrap(" ".join(paragraph), width)
            lines.extend("  " + line if item and index else line for index, line in enumerate(wrapped))
            paragraph.clear()

    for line in text.splitlines():
        fence = line.lstrip().startswith("```")
        if fence or not line.strip():
            flush()
            fenced ^= fence
        elif fenced or line.startswith("    "):
            flush()
            lines.append("  " + visible(line.expandtabs(4)))
        else:
            if line.lstrip().startswith(("- ", "* ")):
                flush()
            paragraph.append(line)
    flush()
    return lines


def heading(title: str, right: str, term: Terminal) -> str:
    """Return a line across the report with a title at its left and, if there is room, something at its right."""
    dash = term.glyph("─", "-")
    head = f"{term.paint(dash * 2, 'dim')} {term.paint(title, 'bold')}"
    left = term.prose - columns(title) - 4
    gap = left - columns(right) - 4
    if right and gap > 0:
        return f"{head} {term.paint(dash * gap, 'dim')} {right} {term.paint(dash * 2, 'dim')}"
    return f"{head} {term.paint(dash * left, 'dim')}" if left > 0 else head


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: `1 file`, `2 files`, `1,200 files`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
