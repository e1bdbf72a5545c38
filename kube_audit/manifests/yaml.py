"""YAML as Kubernetes reads it: documents with plain data, and the place of every key, scalar and item.

Reads libyaml's events, so that nothing in a file can exhaust the stack, and builds data and positions in one
pass. What cannot be read becomes a problem of its document; the other documents of the file stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kube_audit.findings import Path, Span
from kube_audit.manifests import scalars
from kube_audit.manifests.positions import ALIAS, MAPPING, SCALAR, SEQUENCE, Nodes
from kube_audit.manifests.syntax_errors import SyntaxProblem, explain
from kube_audit.manifests.text import Text
from kube_audit.patterns import lazily

DEEPEST = 400
"""Levels of nesting that are read. Kubernetes' deepest schemas need about 60."""
_SMALLEST_BOMB = 200_000
"""Nodes that a document may always have once its aliases are expanded."""
_SEPARATOR = lazily(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_YAML_TAG = "tag:yaml.org,2002:"


class Problem(NamedTuple):
    """Something wrong with a document as YAML, between two offsets of its file."""

    rule: str
    start: int
    end: int
    message: str
    remediation: str
    related: tuple[int, int, str] | None = None


@dataclass(slots=True, eq=False)
class Document:
    """One YAML document of a file.

    `data` is what Kubernetes reads: dicts with string keys, lists, strings, numbers, booleans and None.
    It means nothing where `readable` is false; the problems say why.
    """

    text: Text
    offset: int
    nodes: Nodes
    root: int = 0
    data: Any = None
    readable: bool = True
    has_nulls: bool = False
    joined_at: str | None = None
    """The key that shows that two objects stand in this document without a separator."""
    problems: list[Problem] = field(default_factory=list)

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


def documents(text: Text) -> Iterator[Document]:
    """Yield every document of a file in order; empty ones and mere comments are left out."""
    content = text.content
    if content[-1:] not in ("\n", "\r"):
        content += "\n"  # as kubectl does; the last line of a block scalar would lack its end
    if "\0" not in content:
        try:
            yield from list(_compose(text, content, 0))
            return
        except SyntaxProblem:
            pass  # find out which of its documents are good
    for offset, chunk in _chunks(content):
        try:
            yield from list(_compose(text, chunk, offset))
        except SyntaxProblem as problem:
            yield _broken(text, chunk, offset, problem)


def _chunks(content: str) -> Iterator[tuple[int, str]]:
    starts = [match.start() for match in _SEPARATOR.finditer(content)]
    if not starts or starts[0] > 0:
        starts.insert(0, 0)
    for start, end in zip(starts, [*starts[1:], len(content)], strict=True):
        yield start, content[start:end]


def _broken(text: Text, chunk: str, offset: int, error: SyntaxProblem) -> Document:
    at = error.offset
    if not chunk[at:].strip():  # the end of the document: show its last character
        at = max(len(chunk.rstrip()) - 1, 0)
    document = Document(text, offset, Nodes(chunk), readable=False)
    document.nodes.add(SCALAR, at, min(at + 1, len(chunk)))
    problem = Problem("yaml-syntax", offset + at, offset + at + 1, error.message, error.remediation)
    document.problems.append(problem)
    return document


def _compose(text: Text, chunk: str, offset: int) -> Iterator[Document]:
    """Yield the documents of a piece of text that starts at an offset of the file.

    Raises SyntaxProblem, with an offset within the piece, where the piece is no YAML.
    """
    from _ruamel_yaml import CParser

    if (nul := chunk.find("\0")) >= 0:
        raise SyntaxProblem(nul, "a NUL character (0x00) stands here", "Remove it; a manifest is plain text.")
    try:
        events = _json_events(chunk) if not chunk.isascii() and chunk.lstrip()[:1] == "{" else None
        found = list(_Composer(text, chunk, offset).compose(events or CParser(chunk).get_event))
    except Exception as error:
        problem = explain(error, chunk)
        if problem is None:
            raise
        if not problem.libyaml_only:
            raise problem from error
        found = _composed_leniently(text, chunk, offset, problem)
    yield from found


def _json_events(chunk: str) -> Callable[[], Any] | None:
    """Return the events of a text that is JSON and no YAML of the same meaning, None for other texts."""
    from kube_audit.manifests.json_text import is_json, json_events

    return json_events(chunk) if is_json(chunk) else None


def _composed_leniently(text: Text, chunk: str, offset: int, problem: SyntaxProblem) -> list[Document]:
    """Read a piece again with a parser that takes some plain scalars that libyaml refuses and Kubernetes reads."""
    from kube_audit.manifests.syntax_errors import lenient_events

    try:
        return list(_Composer(text, chunk, offset).compose(lenient_events(chunk)))
    except Exception as error:
        raise (explain(error, chunk) or problem) from error


class _Frame:
    """A collection that is still open."""

    __slots__ = ("container", "explicit", "key", "key_node", "merging", "node", "size")

    def __init__(self, container: Any, node: int) -> None:
        self.container = container
        self.node = node
        self.key: str | None = None
        self.key_node = -1
        self.merging = False
        self.explicit: set[str] | None = None
        self.size = 1


class _Composer:
    """Builds documents from parser events."""

    def __init__(self, text: Text, chunk: str, offset: int) -> None:
        self.text = text
        self.offset = offset
        self.nodes = Nodes(chunk)
        self.words: dict[str, scalars.Scalar] = {}

    def compose(self, next_event: Any) -> Iterator[Document]:
        document = Document(self.text, self.offset, self.nodes)
        while True:
            event = next_event()
            if event is None:
                return
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                document = Document(self.text, self.offset, self.nodes, root=len(self.nodes.type))
                self._content(document, next_event)
                if not (document.data is None and self._is_empty(document)):
                    yield document
            elif kind == "StreamEndEvent":
                return

    def _is_empty(self, document: Document) -> bool:
        node = document.root
        return not document.problems and self.nodes.start[node] >= self.nodes.end[node]

    def _content(self, document: Document, next_event: Any) -> None:
        """Read one document's nodes up to its end event."""
        nodes = self.nodes
        add_start, add_end = nodes.start.append, nodes.end.append
        add_after, add_type = nodes.after.append, nodes.type.append
        stack: list[_Frame] = []
        frame: _Frame | None = None
        anchors: dict[str, tuple[int, Any, int]] = {}
        open_anchors: dict[str, int] = {}
        expanded_limit = max(_SMALLEST_BOMB, 20 * len(nodes.text))
        value: Any
        while True:
            event = next_event()
            kind = type(event).__name__
            size = 1
            if kind == "ScalarEvent":
                number = len(nodes.type)
                start, end = event.start_mark.index, event.end_mark.index
                add_start(start)
                add_end(end)
                add_after(number + 1)
                add_type(SCALAR)
                value = self._scalar(document, event, number)
                if event.anchor is not None:
                    anchors[event.anchor] = (number, value, 1)
                if frame is not None and frame.key is None and type(frame.container) is dict:
                    self._key(document, frame, event, number, value)
                    continue
                if value is None:
                    document.has_nulls = True
            elif kind in ("MappingStartEvent", "SequenceStartEvent"):
                number = len(nodes.type)
                add_start(event.start_mark.index)
                add_end(event.end_mark.index)
                add_after(number + 1)
                is_mapping = kind == "MappingStartEvent"
                add_type(MAPPING if is_mapping else SEQUENCE)
                if frame is not None and frame.key is None and type(frame.container) is dict:
                    self._bad_key(document, frame, number)
                if len(stack) == DEEPEST:
                    self._problem(
                        document,
                        number,
                        f"nested more than {DEEPEST} levels deep",
                        "No Kubernetes object is that deep; look for brackets or indentation gone wrong.",
                    )
                frame = _Frame({} if is_mapping else [], number)
                stack.append(frame)
                if event.anchor is not None:
                    open_anchors[event.anchor] = number
                    anchors.pop(event.anchor, None)
                continue
            elif kind in ("MappingEndEvent", "SequenceEndEvent"):
                closed = stack.pop()
                nodes.close(closed.node, event.end_mark.index)
                number, value, size = closed.node, closed.container, closed.size
                for name in [name for name, node in open_anchors.items() if node == number]:
                    del open_anchors[name]
                    anchors[name] = (number, value, size)
                frame = stack[-1] if stack else None
            elif kind == "AliasEvent":
                number = nodes.add(ALIAS, event.start_mark.index, event.end_mark.index)
                value, size = self._alias(document, event.anchor, number, anchors, open_anchors)
                if frame is not None and frame.key is None and type(frame.container) is dict:
                    if isinstance(value, dict | list):
                        self._bad_key(document, frame, number)
                    else:
                        self._key(document, frame, None, number, value)
                    continue
            else:  # the document's end
                break
            if frame is None:
                document.data = value
                continue
            frame.size += size
            if frame.size > expanded_limit and document.readable:
                self._problem(
                    document,
                    number,
                    f"aliases expand this document to more than {expanded_limit} values",
                    "Write the repeated parts out, or remove the nested aliases; Kubernetes refuses such documents.",
                )
            container = frame.container
            if type(container) is list:
                if document.readable:
                    container.append(value)
            elif frame.merging:
                frame.merging, frame.key = False, None
                self._merge(document, frame, number, value)
            else:
                container[frame.key] = value
                frame.key = None

    def _scalar(self, document: Document, event: Any, number: int) -> scalars.Scalar:
        text: str = event.value
        tag: str | None = event.ctag if hasattr(event, "ctag") else event.tag
        tag = str(tag) if tag else None
        if tag is None:
            if not event.implicit[0]:  # quoted, or a block scalar
                return text
            words = self.words
            if text in words:
                return words[text]
            value = scalars.plain(text)
            if type(value) is float and (value != value or value in (float("inf"), float("-inf"))):
                self._problem(document, number, f"`{text}` has no JSON form", "Quote it if a string is meant.")
                value = text
            if len(text) < 64:
                words[text] = value
            return value
        try:
            if tag == "!" or not tag.startswith(_YAML_TAG):
                return text
            return scalars.tagged(tag, text)
        except ValueError as error:
            self._problem(document, number, str(error), "Correct the value, or leave the tag out.")
            return text

    def _key(self, document: Document, frame: _Frame, event: Any, number: int, value: scalars.Scalar) -> None:
        name = value if type(value) is str else scalars.key_text(value)
        if name is None:
            self._problem(document, number, "a key is empty (null)", 'Write the key, or quote it: "null".')
            name = "null"
        nodes = self.nodes
        if event is not None and (
            name != event.value or not event.implicit[0] or nodes.end[number] - nodes.start[number] != len(name)
        ):
            nodes.keys[number] = name
        frame.key, frame.key_node = name, number
        if name == "<<" and event is not None and event.implicit[0]:
            frame.merging = True
        elif name in frame.container and (frame.explicit is None or name in frame.explicit):
            self._duplicate(document, frame, number, name)
        elif frame.explicit is not None:
            frame.explicit.add(name)

    def _duplicate(self, document: Document, frame: _Frame, number: int, name: str) -> None:
        nodes = self.nodes
        children = nodes.items_before(frame.node, number)
        first = next((k for k in children if nodes.key(k) == name), number)
        line = document.text.position(self.offset + nodes.start[first])[0]
        message = f"key `{name}` is here a second time; the first is on line {line}"
        remedy = "Keep one of the two: kubectl uses the last one, and strict validation refuses the file."
        if frame.node == document.root and document.joined_at is not None and name != document.joined_at:
            return  # told already: a whole second object
        if name in ("apiVersion", "kind") and frame.node == document.root:
            document.joined_at = name
            message = f"`{name}` is here a second time (first on line {line}): two objects in one document"
            remedy = "Put a line with `---` between the two objects; as it is, the first one is lost."
        document.problems.append(
            Problem(
                "yaml-duplicate-key",
                self.offset + nodes.start[number],
                self.offset + nodes.end[number],
                message,
                remedy,
                (self.offset + nodes.start[first], self.offset + nodes.end[first], f"first `{name}`"),
            )
        )

    def _bad_key(self, document: Document, frame: _Frame, number: int) -> None:
        self._problem(
            document,
            number,
            "a mapping or list stands where a key must be",
            "Quote the text if it is a string.",
        )
        frame.key = "?"

    def _merge(self, document: Document, frame: _Frame, number: int, value: Any) -> None:
        sources = list(reversed(value)) if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            self._problem(
                document,
                number,
                "`<<` merges mappings, and this is none",
                "Name an anchor of a mapping: `<<: *name`.",
            )
            return
        if frame.explicit is None:
            frame.explicit = set(frame.container)
        for source in sources:
            frame.container.update(source)

    def _alias(
        self,
        document: Document,
        anchor: str,
        number: int,
        anchors: dict[str, tuple[int, Any, int]],
        open_anchors: dict[str, int],
    ) -> tuple[Any, int]:
        if anchor in anchors:
            target, value, size = anchors[anchor]
            self.nodes.targets[number] = target
            return value, size
        if anchor in open_anchors:
            self._problem(document, number, f"anchor `{anchor}` contains itself", "Write the value out.")
        else:
            self._problem(
                document,
                number,
                f"alias `*{anchor}` has no anchor `&{anchor}` before it in this document",
                "Define the anchor above, or quote the value if it is a string that starts with `*`.",
            )
        return None, 1

    def _problem(self, document: Document, number: int, message: str, remediation: str) -> None:
        document.readable = False
        start, end = self.nodes.start[number], self.nodes.end[number]
        document.problems.append(
            Problem("yaml-syntax", self.offset + start, self.offset + max(end, start + 1), message, remediation)
        )
