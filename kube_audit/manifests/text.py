"""A file's text: decoding its bytes as YAML asks, and turning offsets into lines and columns."""

from __future__ import annotations

import codecs
from bisect import bisect_right
from itertools import accumulate

from kube_audit.findings import Span
from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple

_LINE_BREAK = lazily(r"\r\n|\n|\r")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Text:
    """The characters of a file. Offsets count characters from 0, without a byte order mark."""

    __slots__ = ("_starts", "content")

    def __init__(self, content: str) -> None:
        self.content = content
        self._starts: list[int] = []

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of an offset. LF, CRLF and a lone CR end lines."""
        if not self._starts:
            self._starts = _line_starts(self.content)
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """Return the span of the characters from `start` up to, without, `end`."""
        return Span(*self.position(start), *self.position(max(start, end)))


def _line_starts(content: str) -> list[int]:
    if "\r" in content:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(content))]
    return list(accumulate([len(line) + 1 for line in content.split("\n")[:-1]], initial=0))


class BadBytes(NamedTuple):
    """Bytes that are no text in the file's encoding, at a character offset of the decoded text."""

    offset: int
    message: str


def encoding_of(raw: bytes) -> tuple[bytes, str]:
    """Return a file's byte order mark, b"" for none, and its encoding: that of the mark, else UTF-8."""
    return next(((bom, name) for bom, name in _BOMS if raw.startswith(bom)), (b"", "utf-8"))


def decode(raw: bytes) -> tuple[Text, BadBytes | None]:
    """Decode a file: by its byte order mark, else as UTF-8, with U+FFFD where bytes are bad.

    Bad bytes are told about and replaced, so that the rest of the file can still be audited.
    """
    bom, encoding = encoding_of(raw)
    raw = raw[len(bom) :]
    try:
        return Text(raw.decode(encoding)), None
    except UnicodeDecodeError as error:
        before = len(raw[: error.start].decode(encoding, "replace"))
        shown = " ".join(f"0x{byte:02x}" for byte in raw[error.start : error.start + 4])
        problem = BadBytes(before, f"bytes {shown} are not {encoding.upper()} text")
        return Text(raw.decode(encoding, "replace")), problem
