"""Manifests in every form that YAML allows and people write: data written as wildly as can be, for property tests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from random import Random
from typing import Any

COMMENTS = (
    *("# c", "#", "# a: b", "# - x", "# it's {not} [yaml]: &a *b", "# C:\\dir\\file", "#\ttab", "# ---", "# \"'"),
)
KEYS = ("a", "b", "name", "c d", "yes", "1", "~x", "x/y.z", "é", "a#b", "k8s.io/x", "-x")
TEXTS = (
    *("x", "yes", "1", "a: b", "# no", "", " lead", "trail ", "it's", 'q"q', "l1\nl2\n", "l1\n\n  l2", "é", "\\", "{"),
    *("- x", "a #b", "~"),
)


class Writer:
    """Writes one document, each thing in a form that it draws; how wild it gets is drawn once."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.step = random.choice((1, 2, 2, 2, 4))
        self.dash = random.choice((0, 0, 2, 1))
        self.noise = random.choice((0.0, 0.1, 0.4))
        self.flow = random.choice((0.0, 0.2, 0.6))
        self.sharing = random.choice((0.0, 0.0, 0.1))
        self.anchors: list[str] = []
        self.after_text = False
        """Whether a block of text stands just before, of which a comment further right would be a part."""

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def one(self, *options: str) -> str:
        return self.random.choice(options)

    def comment(self) -> str:
        """The end of a line."""
        if self.chance(self.noise):
            return self.one("  ", " ", "\t", "   ") + self.one(*COMMENTS)
        return self.one("", "", "", "", " ", "\t") if self.noise else ""

    def between(self, column: int) -> list[str]:
        """Lines that mean nothing: comments at any column, and empty ones."""
        lines = []
        while self.chance(self.noise / 2):
            margin = " " * (self.random.randrange(column + 1) if self.after_text else self.random.randrange(8))
            lines.append(self.one("", " " * column, margin + self.one(*COMMENTS)))
        return lines

    def scalar(self, value: Any) -> str:
        if value is None:
            return self.one("null", "~", "Null")
        if not isinstance(value, str):
            return json.dumps(value)
        if value.isalnum() and value.isascii() and not value.isdigit() and value != "yes" and self.chance(0.5):
            return value
        if "\n" in value or self.chance(0.5):
            return json.dumps(value, ensure_ascii=False)
        return "'" + value.replace("'", "''") + "'"

    def in_braces(self, value: Any, column: int) -> str:
        """Write a value on one line, or on several between its braces."""
        if not isinstance(value, dict | list):
            return self.scalar(value)
        if isinstance(value, dict):
            opening, closing = "{}"
            parts = [f"{self.scalar(key)}: {self.in_braces(below, column)}" for key, below in value.items()]
        else:
            opening, closing = "[]"
            parts = [self.in_braces(below, column) for below in value]
        if not parts:
            return opening + self.one("", " ") + closing
        last = self.one("", "", ",")
        if self.chance(0.25):
            comma = "," + (" # f" if self.chance(self.noise) else "") + "\n" + " " * (column + 2)
            return f"{opening}\n{' ' * (column + 2)}{comma.join(parts)}{last}\n{' ' * column}{closing}"
        pad = self.one("", " ")
        return opening + pad + self.one(", ", ",  ").join(parts) + last + pad + closing

    def text_lines(self, value: str, column: int) -> list[str] | None:
        """Write a text as a block of lines (`|`), None where that would need an indicator."""
        *lines, final = value.split("\n")
        lines += [final] if final else []
        if not lines or not lines[0].strip() or lines[0][0] == " " or lines[-1] == "":
            return None
        head = "|-" if final else "|"
        return [f" {head}{self.comment()}", *(" " * column + line if line else "" for line in lines)]

    def value(self, value: Any, column: int, *, dash: int) -> list[str]:
        """Write what follows a key or dash that stands at a column: the rest of its line, and further lines."""
        if self.anchors and self.chance(self.sharing):
            return [f" *{self.one(*self.anchors)}{self.comment()}"]
        if value is None and self.chance(0.6):
            return [self.comment()]
        block = self.text_lines(value, column + self.step) if isinstance(value, str) and self.chance(0.4) else None
        if block is not None:
            self.after_text = True
            return block
        anchor = f"n{len(self.anchors)}" if self.chance(self.sharing) else ""
        head = f" &{anchor}" if anchor else ""
        if not isinstance(value, dict | list) or not value or self.chance(self.flow):
            lines = f"{head} {self.in_braces(value, column + self.step)}{self.comment()}".split("\n")
        else:
            deeper = column + (self.step if isinstance(value, dict) else dash)
            lines = [head + self.comment(), *self.between(deeper), *self.block(value, deeper)]
        if anchor and anchor not in self.anchors:
            self.anchors.append(anchor)
        return lines

    def block(self, value: Any, column: int) -> list[str]:
        """Write a mapping or list with lines for each entry."""
        lines: list[str] = []
        margin = " " * column
        entries: Iterable[tuple[Any, Any]] = (
            value.items() if isinstance(value, dict) else ((None, one) for one in value)
        )
        for key, below in entries:
            lines += self.between(column) if lines else []
            self.after_text = False
            if key is None and isinstance(below, dict | list) and below and not self.chance(self.flow):
                deeper = column + self.random.choice((2, 2, 2, 3, 4))
                first, *rest = self.block(below, deeper)
                lines += [f"{margin}-{first[column + 1 :]}", *rest]
                continue
            head = "-"
            if key is not None:
                head = self.scalar(key) + self.one(":", ":", ":", " :")
                if self.chance(self.sharing / 4):
                    lines.append(f"{margin}? {self.scalar(key)}")
                    head = ":"
            first, *rest = self.value(below, column, dash=self.dash if key is not None else self.step)
            if head in ("-", ":"):
                first = first.replace("\t", " ", 1)  # a tab would be taken for indentation
            lines += [f"{margin}{head}{first}", *rest]
        return lines


def manifest(random: Random, objects: list[dict[str, Any]], *, aliases: bool = True) -> str:
    """Write objects as a file: with line ends, document markers and a last line as they may be.

    With `aliases`, one may stand for a value, whatever that was; without them the file holds just the objects' data.
    """
    lines: list[str] = []
    for number, data in enumerate(objects):
        writer = Writer(random)
        writer.sharing *= aliases
        if not number and writer.chance(0.1):
            lines += ["%YAML 1.1", "---"]
        elif number or writer.chance(0.5):
            lines += [*writer.between(0), "---" + writer.comment()]
        lines += [*writer.between(0), *writer.block(data, 0), *writer.between(0)]
    lines += random.choice(([], [], [""], ["..."], ["---"]))
    return random.choice(("\n", "\n", "\n", "\r\n", "\r")).join(lines)


def some_data(random: Random, depth: int = 4) -> Any:
    """Draw some JSON data."""
    kind = random.random()
    if depth <= 0 or kind < 0.3:
        return random.choice((None, True, 0, 1.5, *TEXTS))
    if kind < 0.65:
        return {random.choice(KEYS): some_data(random, depth - 1) for _ in range(random.randrange(4))}
    return [some_data(random, depth - 1) for _ in range(random.randrange(4))]
