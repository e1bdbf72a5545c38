"""One YAML document: its data as Kubernetes reads it, what is wrong with it, and where everything stands."""

from __future__ import annotations

from typing import Any

from kube_audit.findings import Path, Span
from kube_audit.manifests.positions import SCALAR, Nodes
from kube_audit.manifests.text import Text
from kube_audit.records import NamedTuple


class Problem(NamedTuple):
    """Something wrong with a document as YAML, between two offsets of its file."""

    rule: str
    start: int
    end: int
    message: str
    remediation: str
    related: tuple[int, int, str] | None = None


class Document:
    """One YAML document of a file.

    `data` is what Kubernetes reads: dicts with string keys, lists, strings, numbers, booleans and None.
    It means nothing where `readable` is false; the problems say why. `root` is the node it starts with,
    `offset` the place in the file of the text that its nodes are counted in. `joined_at` is the key that shows
    that two objects stand in this document without a separator.
    """

    __slots__ = ("data", "has_nulls", "joined_at", "nodes", "offset", "problems", "readable", "root", "text")

    def __init__(self, text: Text, offset: int, nodes: Nodes, root: int = 0, *, readable: bool = True) -> None:
        self.text = text
        self.offset = offset
        self.nodes = nodes
        self.root = root
        self.data: Any = None
        self.readable = readable
        self.has_nulls = False
        self.joined_at: str | None = None
        self.problems: list[Problem] = []

    @property
    def line(self) -> int:
        """Line of the file on which the document's content starts, from 1."""
        start = self.nodes.start[self.root] if self.root < len(self.nodes.type) else 0
        return self.text.position(self.offset + start)[0]

    @property
    def size(self) -> int:
        """How many keys, scalars, mappings and lists are written in it: no collection has more entries."""
        return self.nodes.after[self.root] - self.root if self.root < len(self.nodes.type) else 0

    @property
    def length(self) -> int:
        """How many characters its content takes in the file."""
        return self.nodes.end[self.root] - self.nodes.start[self.root] if self.root < len(self.nodes.type) else 0

    def span(self, start: int, end: int) -> Span:
        """Return the span between two offsets of the document, without white space at the end."""
        content = self.nodes.text
        while end > start and content[end - 1] in " \t\r\n":
            end -= 1
        return self.text.span(self.offset + start, self.offset + end)

    def scalar(self, path: Path) -> tuple[int, int] | None:
        """Return the offsets within `nodes.text` of the scalar at a path, None where there is none."""
        trail = self.nodes.walk(self.root, path)
        if len(trail) < len(path) or not path:
            return None
        node = self.nodes.resolve(trail[-1][1])
        return (self.nodes.start[node], self.nodes.end[node]) if self.nodes.type[node] == SCALAR else None
