"""How a document is laid out as text: where keys, values and lines really end, its indentation and list style."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property

from kube_audit.edits.model import Edit, Entry, Refused
from kube_audit.manifests.document import Document
from kube_audit.manifests.positions import ALIAS, MAPPING, SCALAR, SEQUENCE
from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple

_PROPERTY = lazily(r"&[^\s,\[\]{}]+|!(?:<[^>\s]*>|[^\s,\[\]{}]*)")
_BLANKS = lazily(r"(?:[ \t\r\n]+|(?:(?<=[ \t\r\n])|^)#[^\r\n]*)*", re.M)
_LINE_END = lazily(r"[\r\n]|\Z")
_LINE_BREAK = lazily(r"\r\n|\r|\n")
_BEFORE_ENTRY = lazily(r"[ \t]*(?:-[ \t]+)*\Z")
_AFTER_ENTRY = lazily(r"[ \t]*(?:[ \t]#[^\r\n]*)?(?=[\r\n]|\Z)")
_LOOKED_AT = 5000
"""Nodes of a file that are looked at for the style of an object that has none of its own."""


class Style(NamedTuple):
    """Columns that a nested mapping, and the dashes of a nested list, stand further right than their key."""

    step: int
    dash: int


class Entries(NamedTuple):
    """The entries of a mapping or list in their order, and by name; merges have the name `<<`."""

    all: list[Entry]
    by_name: dict[str | int, Entry]
    twice: frozenset[str | int]
    """Names that several entries have; `by_name` holds the last, which counts."""


class Layout:
    """The text of one object's document. Offsets are those of `text`, the file's are greater by the document's own."""

    def __init__(self, document: Document, item: int) -> None:
        self.document = document
        self.nodes = document.nodes
        self.text = document.nodes.text
        self.item = item
        """The node of the object that is edited."""
        self._entries: dict[int, Entries] = {}

    def edit(self, start: int, end: int, text: str) -> Edit:
        """Return an edit in offsets of the file."""
        return Edit(self.document.offset + start, self.document.offset + end, text)

    def line(self, offset: int) -> int:
        """Return the line of the file, from 1, of an offset."""
        return self.document.text.position(self.document.offset + offset)[0]

    def column(self, offset: int) -> int:
        """Return the number of characters before an offset on its line."""
        return self.document.text.position(self.document.offset + offset)[1] - 1

    def before(self, offset: int) -> str:
        """Return what stands before an offset on its line."""
        return self.text[offset - self.column(offset) : offset]

    def line_end(self, offset: int) -> int:
        """Return where the line of an offset ends, before its line break."""
        found = _LINE_END.search(self.text, offset)
        return found.start() if found else len(self.text)

    def previous_line_end(self, offset: int) -> int | None:
        """Return where the line before that of an offset ends, None on the first line."""
        start = offset - self.column(offset)
        if start <= 0:
            return None
        return start - 2 if self.text[start - 2 : start] == "\r\n" else start - 1

    def line_break(self, offset: int) -> str:
        """Return the line break at the end of an offset's line, else that before it, else a line feed."""
        end = self.line_end(offset)
        at = end if self.document.offset + end < len(self.document.text.content) else self.previous_line_end(offset)
        found = _LINE_BREAK.match(self.text, at) if at is not None else None
        return found.group() if found else "\n"

    def skip(self, offset: int) -> int:
        """Return the offset of the next character that is neither white space nor a comment."""
        found = _BLANKS.match(self.text, offset)
        return found.end() if found else offset

    def properties_end(self, node: int) -> int:
        """Return where the anchor and tag of a node end; its start where it has none."""
        end = at = self.nodes.start[node]
        while self.nodes.type[node] != ALIAS and (found := _PROPERTY.match(self.text, at)):
            end = found.end()
            at = self.skip(end)
        return end

    def body(self, node: int) -> int:
        """Return where a node's own text starts, after its anchor and tag."""
        end = self.properties_end(node)
        if end == self.nodes.start[node]:
            return end
        return min(self.skip(end), max(end, self.nodes.end[node]))

    def own_properties(self, node: int) -> str:
        """Return the anchor and tag of a node as they are written, "" where it has none."""
        return self.text[self.nodes.start[node] : self.properties_end(node)]

    def anchor(self, node: int) -> str | None:
        """Return the anchor of a node with its sign (`&default`), None where it has none."""
        return next((part for part in self.own_properties(node).split() if part.startswith("&")), None)

    @cached_property
    def users(self) -> dict[int, int]:
        """The nodes whose anchors are used, each with the first alias that does."""
        return {target: alias for alias, target in reversed(self.nodes.targets.items())}

    def is_collection(self, node: int) -> bool:
        """Whether a node is a mapping or list written at its own place."""
        return self.nodes.type[node] in (MAPPING, SEQUENCE)

    def is_flow(self, node: int) -> bool:
        """Whether a node is a mapping or list in braces or brackets."""
        return self.is_collection(node) and self.text.startswith(
            "{" if self.nodes.type[node] == MAPPING else "[", self.body(node)
        )

    def is_block(self, node: int) -> bool:
        """Whether a node is a mapping or list with a line for each entry."""
        return self.is_collection(node) and not self.is_flow(node)

    def is_json(self, node: int) -> bool:
        """Whether a collection in braces or brackets is written as JSON: by its own keys, else by the document's."""
        if self.nodes.type[node] == MAPPING and self.nodes.after[node] > node + 1:
            return self.text[self.nodes.start[node + 1]] == '"'
        root = self.document.root
        quoted = self.nodes.after[root] > root + 1 and self.text[self.nodes.start[root + 1]] == '"'
        return node != root and self.is_flow(root) and quoted

    def end(self, node: int) -> int:
        """Return where a node's content ends, without the white space and comments after it."""
        node = self.nodes.last(node)
        start, end = self.nodes.start[node], self.nodes.end[node]
        if self.nodes.type[node] == SCALAR and self.text[self.body(node) : end][:1] in ("|", ">"):
            if "+" in self.text[start : self.line_end(self.body(node))].partition("#")[0]:
                return end - len("\r\n" if self.text[:end].endswith("\r\n") else "\n")
            return start + len(self.text[start:end].rstrip("\r\n"))
        return end

    def entries(self, node: int) -> Entries:
        """Return the entries of a mapping or list. Raises Refused where one is written in a form that is not edited."""
        known = self._entries.get(node)
        if known is None:
            found = list(self._pairs(node) if self.nodes.type[node] == MAPPING else self._items(node))
            by_name = {entry.name: entry for entry in found}
            twice = frozenset(entry.name for entry in found if by_name[entry.name] is not entry)
            known = self._entries[node] = Entries(found, by_name, twice)
        return known

    def _pairs(self, node: int) -> Iterator[Entry]:
        children = self.nodes.items(node)
        flow = self.is_flow(node)
        for key, value in zip(children, children, strict=True):
            start, key_end = self.nodes.start[key], self.nodes.end[key]
            end = max(key_end, self.end(value))
            colon = self.skip(key_end)
            if self.text[colon : colon + 1] == ":" and (flow or _BEFORE_ENTRY.match(self.before(start))):
                lead = colon + 1
            elif flow and self.text[colon : colon + 1] in (",", "}"):
                lead = key_end
            else:
                raise self._odd(start)
            yield Entry(self.nodes.key(key), key, value, start, max(end, lead), lead)

    def _items(self, node: int) -> Iterator[Entry]:
        flow = self.is_flow(node)
        at = self.body(node)
        for index, value in enumerate(self.nodes.items(node)):
            start = self.nodes.start[value] if flow else self.skip(at)
            if not flow and (self.text[start : start + 1] != "-" or not _BEFORE_ENTRY.match(self.before(start))):
                raise self._odd(start)
            lead = start if flow else start + 1
            at = max(self.end(value), lead)
            yield Entry(index, None, value, start, at, lead)

    def _odd(self, offset: int) -> Refused:
        return Refused(f"line {self.line(offset)} is written in a form that is not edited (such as `? key`)")

    def alone_after(self, offset: int) -> bool:
        """Whether only white space and a comment follow on the line of an offset."""
        return _AFTER_ENTRY.match(self.text, offset) is not None

    @cached_property
    def style(self) -> Style:
        """Indentation and list style of the object, else of its file, else two columns and dashes below keys."""
        nodes = self.nodes
        own = self._style(range(self.item, nodes.after[self.item]))
        other = self._style(range(min(len(nodes.type), _LOOKED_AT))) if None in own else own
        step, dash = (one if one is not None else two for one, two in zip(own, other, strict=True))
        return Style(step or 2, dash or 0)

    def _style(self, numbers: Iterable[int]) -> tuple[int | None, int | None]:
        nodes = self.nodes
        steps: Counter[int] = Counter()
        dashes: Counter[int] = Counter()
        for node in numbers:
            if nodes.type[node] != MAPPING or not self.is_block(node):
                continue
            column = self.column(nodes.start[node + 1])
            children = nodes.items(node)
            for _, value in zip(children, children, strict=True):
                if self.is_block(value):
                    first = nodes.start[value + 1] if nodes.type[value] == MAPPING else self.skip(self.body(value))
                    counter = steps if nodes.type[value] == MAPPING else dashes
                    counter[self.column(first) - column] += 1
        return _most(steps), _most(dashes)


def _most(counter: Counter[int]) -> int | None:
    sensible = [(count, -width) for width, count in counter.items() if 0 <= width <= 16]
    return -max(sensible)[1] if sensible else None
