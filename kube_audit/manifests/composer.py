"""Documents from a parser's events: data, places and problems in one pass, without recursion.

The loop of `Composer` runs once for every key, scalar, mapping and list of every file; most of what reading a
manifest costs beyond libyaml is spent there. It is written for that: the usual case first, and in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kube_audit.manifests import scalars
from kube_audit.manifests.document import Document, Problem
from kube_audit.manifests.libyaml import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from kube_audit.manifests.positions import ALIAS, MAPPING, SCALAR, SEQUENCE, Nodes
from kube_audit.manifests.text import Text

DEEPEST = 400
"""Levels of nesting that are read. Kubernetes' deepest schemas need about 60."""
_MOST_MERGED = 200_000
"""Keys that merges may always copy in a file; in a larger one, as many as it has characters."""
_YAML_TAG = "tag:yaml.org,2002:"
_LONGEST_WORD = 64
"""Characters of the plain scalars whose values are kept: manifests repeat short words all the time."""
_UNKNOWN = object()
_MERGE = object()
"""Stands as the key of a value that is to be merged into its mapping."""


class _Frame:
    """A collection that is still open."""

    __slots__ = ("container", "expanded", "explicit", "key", "node")

    def __init__(self, container: Any, node: int) -> None:
        self.container = container
        self.node = node
        self.key: Any = None
        """The key whose value comes next, while a collection in that value is open; None where a key comes next."""
        self.explicit: set[str] | None = None
        """Keys that are written and not merged, once something was merged."""
        self.expanded = 0
        """Nodes that its aliases stand for."""


class Composer:
    """Builds the documents of a piece of text, which starts at an offset of its file."""

    def __init__(self, text: Text, chunk: str, offset: int) -> None:
        self._text = text
        self._offset = offset
        self._nodes = Nodes(chunk)
        self._words: dict[str, scalars.Scalar] = {}
        self._merged = 0
        """Keys that merges have copied. What an alias stands for is shared, and takes no room."""

    def compose(self, next_event: Callable[[], Any]) -> Iterator[Document]:
        """Yield documents from events, None for the end; empty ones and mere comments are left out."""
        while (event := next_event()) is not None:
            kind = type(event)
            if kind is DocumentStartEvent:
                document = Document(self._text, self._offset, self._nodes, root=len(self._nodes.type))
                self._content(document, next_event)
                if document.data is not None or not self._is_empty(document):
                    yield document
            elif kind is StreamEndEvent:
                return

    def _is_empty(self, document: Document) -> bool:
        node = document.root
        return not document.problems and self._nodes.start[node] >= self._nodes.end[node]

    def _content(self, document: Document, next_event: Callable[[], Any]) -> None:
        """Read one document's nodes up to its end event."""
        nodes, words = self._nodes, self._words
        add_start, add_end = nodes.start.append, nodes.end.append
        add_after, add_type = nodes.after.append, nodes.type.append
        anchors: dict[str, tuple[int, Any, int]] = {}
        open_anchors: dict[str, int] = {}
        outer: list[_Frame] = []
        number = len(nodes.type) - 1
        largest = (0, number)  # what the largest alias stands for, and where it is
        frame = _Frame([], number)  # holds the document's one value
        container: Any = frame.container
        in_mapping = False
        key: Any = None
        value: Any
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                number += 1
                start, end = event.start_mark.index, event.end_mark.index
                add_start(start)
                add_end(end)
                add_after(number + 1)
                add_type(SCALAR)
                value = event.value
                is_plain = False
                if event.ctag is not None:
                    value = self._tagged(document, number, event)
                elif event.implicit[0]:  # neither quoted nor a block scalar
                    is_plain = True
                    value = words.get(value, _UNKNOWN)
                    if value is _UNKNOWN:
                        value = self._plain(document, number, event.value)
                if event.anchor is not None:
                    anchors[event.anchor] = (number, value, 1)
                if in_mapping and key is None:
                    if is_plain and type(value) is str and end - start == len(value) and value not in container:
                        key = value if value != "<<" else _MERGE
                        if frame.explicit is not None:
                            frame.explicit.add(value)
                    else:
                        key = self._key(document, frame, number, value, event)
                    continue
                if value is None:
                    document.has_nulls = True
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                number += 1
                add_start(event.start_mark.index)
                add_end(event.end_mark.index)
                add_after(number + 1)
                if in_mapping and key is None:
                    key = self._bad_key(document, number)
                if len(outer) == DEEPEST:
                    self._problem(
                        document,
                        number,
                        f"nested more than {DEEPEST} levels deep",
                        "No Kubernetes object is that deep; look for brackets or indentation gone wrong.",
                    )
                if event.anchor is not None:
                    open_anchors[event.anchor] = number
                    anchors.pop(event.anchor, None)
                frame.key = key
                outer.append(frame)
                key = None
                in_mapping = kind is MappingStartEvent
                add_type(MAPPING if in_mapping else SEQUENCE)
                container = {} if in_mapping else []
                frame = _Frame(container, number)
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                closed, value = frame, container
                nodes.close(closed.node, event.end_mark.index)
                frame = outer.pop()
                container, key = frame.container, frame.key
                in_mapping = type(container) is dict
                if open_anchors:
                    size = number - closed.node + 1 + closed.expanded
                    for name in [name for name, node in open_anchors.items() if node == closed.node]:
                        del open_anchors[name]
                        anchors[name] = (closed.node, value, size)
                frame.expanded += closed.expanded
            elif kind is AliasEvent:
                number = nodes.add(ALIAS, event.start_mark.index, event.end_mark.index)
                value, size = self._alias(document, event.anchor, number, anchors, open_anchors)
                if in_mapping and key is None:
                    if isinstance(value, dict | list):
                        key = self._bad_key(document, number)
                    else:
                        key = self._key(document, frame, number, value, None)
                    continue
                frame.expanded += size
                if size > largest[0]:
                    largest = (size, number)
            else:  # the document's end
                document.data = container[0] if container else None
                if document.readable and _is_excessive(frame.expanded, number - frame.node):
                    self._bomb(document, largest[1], frame.expanded + number - frame.node)
                return
            if not in_mapping:
                container.append(value)
            elif key is _MERGE:
                self._merge(document, frame, number, value)
                key = None
            else:
                container[key] = value
                key = None

    def _bomb(self, document: Document, number: int, values: int) -> None:
        count = f"{values:,}" if values < 10**9 else "more than a billion"
        self._problem(
            document,
            number,
            f"aliases make {count} values of this document, most of them by repetition",
            "Write the repeated parts out, or remove the nested aliases; Kubernetes refuses such documents.",
        )

    def _plain(self, document: Document, number: int, text: str) -> scalars.Scalar:
        value = scalars.plain(text)
        if type(value) is float and (value != value or value in (float("inf"), float("-inf"))):
            self._problem(document, number, f"`{text}` has no JSON form", "Quote it if a string is meant.")
            value = text
        if len(text) < _LONGEST_WORD:
            self._words[text] = value
        return value

    def _tagged(self, document: Document, number: int, event: Any) -> scalars.Scalar:
        tag, text = str(event.ctag), str(event.value)
        try:
            return scalars.tagged(tag, text) if tag.startswith(_YAML_TAG) else text
        except ValueError as error:
            self._problem(document, number, str(error), "Correct the value, or leave the tag out.")
            return text

    def _key(self, document: Document, frame: _Frame, number: int, value: scalars.Scalar, event: Any) -> Any:
        """Return a key as it is in the data, whatever it is in the text; `event` is None for an alias."""
        name = value if type(value) is str else scalars.key_text(value)
        if name is None:
            self._problem(document, number, "a key is empty (null)", 'Write the key, or quote it: "null".')
            name = "null"
        nodes = self._nodes
        is_plain = event is not None and event.implicit[0]
        as_written = is_plain and name == event.value and nodes.end[number] - nodes.start[number] == len(name)
        if event is not None and not as_written:
            nodes.keys[number] = name
        if name == "<<" and is_plain:
            return _MERGE
        if name in frame.container and (frame.explicit is None or name in frame.explicit):
            self._duplicate(document, frame, number, name)
        elif frame.explicit is not None:
            frame.explicit.add(name)
        return name

    def _duplicate(self, document: Document, frame: _Frame, number: int, name: str) -> None:
        nodes = self._nodes
        children = nodes.items_before(frame.node, number)
        first = next((k for k in children if nodes.key(k) == name), number)
        line = document.text.position(self._offset + nodes.start[first])[0]
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
                self._offset + nodes.start[number],
                self._offset + nodes.end[number],
                message,
                remedy,
                (self._offset + nodes.start[first], self._offset + nodes.end[first], f"first `{name}`"),
            )
        )

    def _bad_key(self, document: Document, number: int) -> str:
        self._problem(
            document,
            number,
            "a mapping or list stands where a key must be",
            "Quote the text if it is a string.",
        )
        return "?"

    def _merge(self, document: Document, frame: _Frame, number: int, value: Any) -> None:
        if not document.readable:
            return  # its data means nothing any more, and merging takes room
        sources = list(reversed(value)) if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            self._problem(
                document,
                number,
                "`<<` merges mappings, and this is none",
                "Name an anchor of a mapping: `<<: *name`.",
            )
            return
        self._merged += sum(map(len, sources))
        most = max(_MOST_MERGED, len(self._nodes.text))
        if self._merged > most:
            self._problem(
                document,
                number,
                f"merges (`<<`) copy more than {most} keys in this file",
                "Merge smaller mappings, or split the file.",
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
            self._nodes.targets[number] = target
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
        start, end = self._nodes.start[number], self._nodes.end[number]
        document.problems.append(
            Problem("yaml-syntax", self._offset + start, self._offset + max(end, start + 1), message, remediation)
        )


def _is_excessive(expanded: int, written: int) -> bool:
    """Whether aliases stand for more than Kubernetes allows: 99 of 100 values in small documents, one of 10 in large.

    Source: `allowedAliasRatio` of sigs.k8s.io/yaml's goyaml.v2.
    """
    values = expanded + written
    if expanded <= 100 or values <= 1000:
        return False
    large = min(max((values - 400_000) / 3_600_000, 0.0), 1.0)
    return expanded / values > 0.99 - 0.89 * large
