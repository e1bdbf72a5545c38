"""What of a Secret's manifest may be quoted: its keys and metadata, but no value and no comment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kube_audit.manifests.positions import ALIAS, MAPPING, SCALAR, Nodes
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import Document, documents

MASK = "*****"
"""Of one length, so that it does not give away the value's."""

_SECRET_KIND = re.compile(r"""["']?kind["']?\s*+:\s*+(?:[!&]\S++\s++)*["']?Secret\b""")
_IS_SECRET = re.compile(r"""(?:[!&]\S++\s++)*+["']?Secret["']?$""")
_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_SEPARATOR = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_OPEN_KEYS = {"apiVersion", "kind", "type", "immutable"}
_DATA_KEYS = {"data", "stringData"}
_COMMENT = re.compile(r"(?:^|(?<=\s))#[ \t]*+([^\r\n]*+)", re.MULTILINE)
_HARMLESS_LINE = re.compile(r"""\s*+(?:-\s++)*+(?:kind:\s*+Secret|apiVersion:\s*+v1|[-.{}\[\],\s]*+)\s*+$""")
_KEY = re.compile(r"""\s*+(?:-\s++)*+["']?[-._A-Za-z0-9]++["']?:(?=\s|$)\s*+""")

Offsets = tuple[int, int]


def split_lines(text: str) -> list[str]:
    """Return a text's lines without their ends: LF, CRLF or a lone CR, as YAML has it."""
    return _LINE_BREAK.split(text)


def masked_lines(text: str) -> dict[int, str]:
    """Return, by number from 1, the lines of documents with a Secret as they may be quoted.

    Lines of documents without one are not in it, unless they are comments in which a Secret is spoken of.
    """
    masked: dict[int, str] = {}
    if not _SECRET_KIND.search(text):
        return masked
    first = 1
    for chunk in _documents(text):
        content = Text(chunk)
        if _SECRET_KIND.search(chunk):
            found = list(documents(content))
            if all(document.readable for document in found):
                lines = _masked(content, found)
            else:
                lines = dict(enumerate(map(mask_unread, split_lines(chunk)), start=1))
            masked.update((first + number - 1, line) for number, line in lines.items())
        first += content.position(len(chunk))[0] - 1
    return masked


def mask_unread(line: str) -> str:
    """Mask a line of a Secret that could not be parsed: of all but the plainest only the key stays."""
    if _HARMLESS_LINE.match(line):
        return line
    key = _KEY.match(line)
    start = key.end() if key else len(line) - len(line.lstrip())
    return line[:start] + (MASK if line[start:].strip() else "")


def _documents(text: str) -> Iterator[str]:
    starts = [0, *(match.start() for match in _SEPARATOR.finditer(text) if match.start())]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text[start:end]


def _masked(content: Text, found: list[Document]) -> dict[int, str]:
    """Return the lines of a text with what is closed masked: all of them where there is a Secret, else some."""
    closed = [offsets for document in found for offsets in _closed(document)]
    lines = split_lines(content.content)
    masked = dict(enumerate(lines, start=1)) if closed else {}
    stretches: dict[int, list[Offsets]] = {}
    for start, end in [*closed, *_comments(content.content, found)]:
        where = content.span(start, end)
        for number in range(where.line, where.end_line + 1):
            line = lines[number - 1]
            left = where.column - 1 if number == where.line else len(line) - len(line.lstrip())
            right = where.end_column - 1 if number == where.end_line else len(line)
            if line[left:right].strip():
                stretches.setdefault(number, []).append((left, right))
    for number, parts in stretches.items():
        line = lines[number - 1]
        for left, right in reversed(merged(parts)):
            line = line[:left] + MASK + line[right:]
        masked[number] = line
    return masked


def _closed(document: Document) -> Iterator[Offsets]:
    """Yield the offsets of every value of a Secret that is not to be shown."""
    nodes = document.nodes
    for node in range(document.root, nodes.after[document.root]):
        if nodes.type[node] != MAPPING or not _is_secret(nodes, node, node == document.root):
            continue
        for key, value in _pairs(nodes, node):
            name = nodes.key(key)
            if name in _OPEN_KEYS:
                continue
            if name == "metadata":
                annotations = [v for k, v in _pairs(nodes, value) if nodes.key(k) == "annotations"]
                hidden = [v for one in annotations for _, v in _pairs(nodes, one)] or annotations
            elif name in _DATA_KEYS:
                hidden = [v for _, v in _pairs(nodes, value)] or [value]
            else:
                hidden = [value]
            for one in hidden:
                yield nodes.start[one], nodes.end[one]
                if nodes.type[one] == ALIAS:
                    yield nodes.start[nodes.resolve(one)], nodes.end[nodes.resolve(one)]


def _is_secret(nodes: Nodes, node: int, whole_document: bool) -> bool:
    """Whether a mapping is a Secret, and not just a reference to one, which has a kind and a name too."""
    keys = {nodes.key(key): value for key, value in _pairs(nodes, node)}
    if "kind" not in keys or not (whole_document or keys.keys() & {"apiVersion", *_DATA_KEYS}):
        return False
    kind = nodes.resolve(keys["kind"])
    return _IS_SECRET.match(nodes.text[nodes.start[kind] : nodes.end[kind]]) is not None


def _pairs(nodes: Nodes, node: int) -> Iterator[Offsets]:
    """Yield a mapping's keys with their values, repeated keys too; nothing for another node."""
    node = nodes.resolve(node)
    if nodes.type[node] == MAPPING:
        children = nodes.items(node)
        yield from zip(children, children, strict=False)


def _comments(text: str, found: list[Document]) -> Iterator[Offsets]:
    """Yield the offsets of what comments say: of all that looks like one and is not within a scalar."""
    nodes = found[0].nodes if found else Nodes(text)
    scalars = [node for node in range(len(nodes.type)) if nodes.type[node] == SCALAR]
    at = 0
    for start, end in [*((nodes.start[node], nodes.end[node]) for node in scalars), (len(text), len(text))]:
        for comment in _COMMENT.finditer(text, at, max(at, start)):
            yield comment.span(1)
        at = max(at, end)


def merged(stretches: list[Offsets]) -> list[Offsets]:
    """Return stretches in order and without overlaps."""
    result: list[Offsets] = []
    for start, end in sorted(stretches):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
