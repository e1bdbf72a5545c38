"""Where every key, scalar and item of a document stands: flat arrays, looked up by path only when asked.

Nodes are numbered in the order in which they stand in the text, a mapping's keys and values in turn. Twelve bytes
a node keep trees of 100,000 objects small; a finding, which is rare, pays for the look-up.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from kube_audit.findings import Path

SCALAR, MAPPING, SEQUENCE, ALIAS = range(4)


class Nodes:
    """Every node of a file: its first and last offset, what it is, and which node follows its content.

    `targets` leads from an alias to the node that its anchor names. `keys` has the decoded text of keys whose source
    text is not the key itself: quoted, tagged, anchored, converted.
    """

    __slots__ = ("_listed", "_pairs", "after", "end", "keys", "start", "targets", "text", "type")

    def __init__(self, text: str) -> None:
        self.text = text
        self.start = array("I")
        self.end = array("I")
        self.after = array("I")
        self.type = bytearray()
        self.targets: dict[int, int] = {}
        self.keys: dict[int, str] = {}
        self._pairs: dict[int, dict[str, tuple[int, int]]] = {}
        self._listed: dict[int, list[int]] = {}

    def add(self, kind: int, start: int, end: int) -> int:
        """Append a node and return its number; a collection's end and successor are set with `close`."""
        number = len(self.type)
        self.type.append(kind)
        self.start.append(start)
        self.end.append(end)
        self.after.append(number + 1)
        return number

    def close(self, number: int, end: int) -> None:
        """Say where a collection ends; every node added since belongs to it."""
        self.end[number] = end
        self.after[number] = len(self.type)

    def resolve(self, node: int) -> int:
        """Follow an alias to the node that it stands for."""
        return self.targets.get(node, node)

    def items(self, node: int) -> Iterator[int]:
        """Yield a sequence's items, or a mapping's keys and values in turn."""
        child, stop = node + 1, self.after[node]
        while child < stop:
            yield child
            child = self.after[child]

    def items_before(self, node: int, stop: int) -> Iterator[int]:
        """Yield the keys of a mapping that is still being read, up to without the node `stop`."""
        child = node + 1
        while child < stop:
            yield child
            child = self.after[self.after[child]]

    def key(self, node: int) -> str:
        """Return a key as Kubernetes reads it."""
        node = self.resolve(node)
        known = self.keys.get(node)
        return self.text[self.start[node] : self.end[node]] if known is None else known

    def last(self, node: int) -> int:
        """Return the node whose end is that of a node's content: a block's own end lies below the comments after it."""
        while self.type[node] in (MAPPING, SEQUENCE) and self.text[self.end[node] - 1] not in "]}":
            last = node
            for child in self.items(node):
                last = child
            if last == node:
                break
            node = last
        return node

    def pairs(self, node: int) -> dict[str, tuple[int, int]]:
        """Return a mapping's keys with their key and value nodes; merged ones stand at their anchor."""
        known = self._pairs.get(node)
        if known is not None:
            return known
        found: dict[str, tuple[int, int]] = {}
        self._pairs[node] = found
        children = self.items(node)
        for key, value in zip(children, children, strict=False):
            name = self.key(key)
            if name == "<<" and key not in self.keys:
                for source in self._merge_sources(value):
                    found.update(self.pairs(source))
            else:
                found[name] = (key, value)
        return found

    def _merge_sources(self, value: int) -> list[int]:
        value = self.resolve(value)
        if self.type[value] == MAPPING:
            return [value]
        sources = [self.resolve(item) for item in self.items(value)] if self.type[value] == SEQUENCE else []
        return [source for source in reversed(sources) if self.type[source] == MAPPING]

    def child(self, node: int, step: str | int) -> tuple[int | None, int] | None:
        """Return (key node or None, value node) of one step below a node, None where there is none."""
        node = self.resolve(node)
        if isinstance(step, str):
            return self.pairs(node).get(step) if self.type[node] == MAPPING else None
        if self.type[node] != SEQUENCE:
            return None
        listed = self._listed.get(node)
        if listed is None:
            listed = self._listed[node] = list(self.items(node))
        return (None, listed[step]) if 0 <= step < len(listed) else None

    def walk(self, root: int, path: Path) -> list[tuple[int | None, int]]:
        """Return (key node, value node) for each step of a path, as far as it leads."""
        trail: list[tuple[int | None, int]] = []
        for step in path:
            found = self.child(trail[-1][1] if trail else root, step)
            if found is None:
                break
            trail.append(found)
        return trail
