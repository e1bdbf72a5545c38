"""What of a Secret's manifest may be quoted: its keys and metadata, but no value and no comment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kube_audit.manifests.document import Document
from kube_audit.manifests.positions import ALIAS, MAPPING, SCALAR, SEQUENCE, Nodes
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents
from kube_audit.patterns import lazily

MASK = "*****"
"""Of one length, so that it does not give away the value's."""

_LINE_BREAK = lazily(r"\r\n|\n|\r")
_SEPARATOR = lazily(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_OPEN_KEYS = {"apiVersion", "kind", "type", "immutable"}
_OPEN_METADATA = {"name", "generateName", "namespace"}
_DATA_KEYS = {"data", "stringData"}
_SECRETS = {"secret", "secretlist"}
_KIND_KEY = r"""kind(?:\\*+["'])?+(?:\s++|#[^\r\n]{0,200}+){0,4}+:\s*+"""
_SPOKEN_OF = lazily(_KIND_KEY + r"""(?:[!&]\S{0,200}+\s++){0,4}+(?:\\*+["'])?+Secret(?:List)?+\b""")
_KIND_IN_DOUBT = lazily(_KIND_KEY + r"""(?!["']?(?!(?i:secret(?:list)?\b))[A-Za-z][\w./-]*+["']?(?:[\s:,}\]]|\Z))""")
_HIDDEN_KEY = lazily(r"""\\[^"\\]*+"\s*+:|\*[^\s*]++\s++:|!(?:<|binary|[^\s!%]*+%)""")
"""A key spelt so that only a parser can tell what it is: with escapes, as an alias, in base64."""
_PLAIN_WORDS = lazily(
    r"""(?:(?:&\S++|!(?:!str)?+)\s++)*+(?:[|>][-+0-9]*+[ \t]*+(?:#[^\r\n]*+)?+[\r\n]\s*+)?+"""
    r"""(?P<quote>["']?+)(?P<words>[\w./-]*+(?:[ ][\w./-]++)*+)(?P=quote)\s*+\Z"""
)
_GOOD_KEY = lazily(r"(?:[-._/A-Za-z0-9]+|<<)\Z")
_COMMENT = lazily(r"(?:^|(?<=\s))#[ \t]*+([^\r\n]*+)", re.MULTILINE)
_HARMLESS_LINE = lazily(
    r"""\s*+(?:-\s++)*+(?:["']?kind["']?:\s*+["']?Secret["']?,?|["']?apiVersion["']?:\s*+["']?v1["']?,?"""
    r"""|[-.{}\[\],\s*]*+)\s*+\Z"""
)
_KNOWN_KEY = lazily(
    r"""\s*+(?:-\s++)*+["']?(?:apiVersion|kind|metadata|name|namespace|labels|annotations|type|immutable|data"""
    r"""|stringData|items)["']?:(?=\s|\Z)\s*+"""
)

Offsets = tuple[int, int]


def split_lines(text: str) -> list[str]:
    """Return a text's lines without their ends: LF, CRLF or a lone CR, as YAML has it."""
    return _LINE_BREAK.split(text) if "\r" in text else text.split("\n")


def masked_lines(text: str) -> dict[int, str]:
    """Return, by number from 1, the lines of documents with a Secret as they may be quoted.

    Lines of documents without one are not in it, unless they are comments or texts that speak of a Secret.
    """
    masked: dict[int, str] = {}
    if not _may_hold_one(text):
        return masked
    first = 1
    for chunk in _documents(text):
        content = Text(chunk)
        if _may_hold_one(chunk):
            found = list(documents(content))
            if all(document.readable and not document.offset for document in found):
                lines = _masked(content, found)
            else:
                lines = dict(enumerate(map(mask_unread, split_lines(chunk)), start=1))
            masked.update((first + number - 1, line) for number, line in lines.items())
        first += len(split_lines(chunk)) - 1
    return masked


def mask_unread(line: str) -> str:
    """Mask a line of a Secret that could not be parsed: only keys that every Secret has stay.

    Of other text, not even what looks like a key does: it may be a line of a value.
    """
    if _HARMLESS_LINE.match(line):
        return line
    key = _KNOWN_KEY.match(line)
    start = key.end() if key else len(line) - len(line.lstrip())
    return line[:start] + (MASK if line[start:].strip() else "")


def _may_hold_one(text: str) -> bool:
    return bool(_KIND_IN_DOUBT.search(text) or _HIDDEN_KEY.search(text))


def _documents(text: str) -> Iterator[str]:
    starts = [0, *(match.start() for match in _SEPARATOR.finditer(text) if match.start())]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text[start:end]


def _masked(content: Text, found: list[Document]) -> dict[int, str]:
    """Return the lines of a text with what is closed masked: all of them where there is a Secret, else some."""
    closed = [offsets for document in found for offsets in _closed(document)]
    lines = split_lines(content.content)
    masked = dict(enumerate(lines, start=1)) if closed else {}
    hidden = list(closed)
    if closed or _SPOKEN_OF.search(content.content):
        hidden += [*_comments(content.content, found), *_embedded(found)]
    stretches: dict[int, list[Offsets]] = {}
    for start, end in hidden:
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
    """Yield the offsets of what of Secrets is not to be shown."""
    nodes = document.nodes
    seen: set[int] = set()
    for node in range(document.root, nodes.after[document.root]):
        if nodes.type[node] != MAPPING or not _is_secret(nodes, node, node == document.root):
            continue
        for hidden in _hidden(nodes, node):
            yield from _whole(nodes, hidden, seen)


def _hidden(nodes: Nodes, secret: int) -> Iterator[int]:
    """Yield what of a Secret is closed: all values but those of a few keys, and keys that no Secret can have."""
    for key, value in _pairs(nodes, secret):
        name = _key(nodes, key)
        if name in _OPEN_KEYS and _is_short(nodes, value) and (name != "kind" or _words(nodes, value)):
            continue
        if name == "metadata" and _is_mapping(nodes, value):
            for inner, about in _pairs(nodes, value):
                known = _key(nodes, inner)
                if known == "annotations" and _is_mapping(nodes, about):
                    yield from _values(nodes, about)
                elif known == "labels" and _is_mapping(nodes, about):
                    continue
                elif known not in _OPEN_METADATA or not _is_short(nodes, about):
                    yield from _datum(nodes, inner, about)
        elif name in _DATA_KEYS and _is_mapping(nodes, value):
            yield from _values(nodes, value)
        else:
            yield from _datum(nodes, key, value)


def _values(nodes: Nodes, node: int) -> Iterator[int]:
    for key, value in _pairs(nodes, node):
        yield from _datum(nodes, key, value)


def _datum(nodes: Nodes, key: int, value: int) -> Iterator[int]:
    if not _GOOD_KEY.match(nodes.key(key)):
        yield key
    yield value


def _whole(nodes: Nodes, node: int, seen: set[int]) -> Iterator[Offsets]:
    """Yield the offsets of a node and of all that aliases in it stand for."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        yield nodes.start[one], nodes.end[one]
        waiting += (nodes.resolve(part) for part in range(one, nodes.after[one]) if nodes.type[part] == ALIAS)


def _is_secret(nodes: Nodes, node: int, whole_document: bool) -> bool:
    """Whether a mapping is, or may be, a Secret, and not just a reference to one, which has a kind and a name too."""
    pairs = list(_pairs_with_merged(nodes, node))
    if not any(_key(nodes, key) == "kind" and _names_secret(nodes, value) for key, value in pairs):
        return False
    return whole_document or not {"apiVersion", *_DATA_KEYS}.isdisjoint(_key(nodes, key) for key, _ in pairs)


def _names_secret(nodes: Nodes, value: int) -> bool:
    """Whether a kind says Secret, or is written in a way that hides what it says."""
    words = _words(nodes, value)
    return nodes.type[nodes.resolve(value)] == SCALAR and (words is None or words.lower() in _SECRETS)


def _words(nodes: Nodes, value: int) -> str | None:
    """Return what a scalar says where that can be told from its text without a parser, else None."""
    value = nodes.resolve(value)
    plain = _PLAIN_WORDS.match(nodes.text[nodes.start[value] : nodes.end[value]])
    return None if plain is None else plain["words"]


def _key(nodes: Nodes, key: int) -> str:
    """Return a key as Kubernetes reads it; an alias may stand for a value, which carries its anchor in its text."""
    words = _words(nodes, key) if nodes.type[key] == ALIAS else None
    return nodes.key(key) if words is None else words


def _is_short(nodes: Nodes, value: int) -> bool:
    value = nodes.resolve(value)
    return nodes.type[value] == SCALAR and not _LINE_BREAK.search(nodes.text, nodes.start[value], nodes.end[value])


def _is_mapping(nodes: Nodes, node: int) -> bool:
    return nodes.type[nodes.resolve(node)] == MAPPING


def _pairs(nodes: Nodes, node: int) -> Iterator[Offsets]:
    """Yield a mapping's keys with their values, repeated keys too; nothing for another node."""
    node = nodes.resolve(node)
    if nodes.type[node] == MAPPING:
        children = nodes.items(node)
        yield from zip(children, children, strict=False)


def _pairs_with_merged(nodes: Nodes, node: int) -> Iterator[Offsets]:
    """Yield a mapping's keys with their values, then those of the mappings that it merges."""
    waiting, seen = [node], set()
    while waiting:
        one = nodes.resolve(waiting.pop())
        if one in seen:
            continue
        seen.add(one)
        if nodes.type[one] == SEQUENCE:
            waiting += nodes.items(one)
        for key, value in _pairs(nodes, one):
            yield key, value
            if _key(nodes, key) == "<<":
                waiting.append(value)


def _embedded(found: list[Document]) -> Iterator[Offsets]:
    """Yield the offsets of texts that hold the manifest of a Secret, in a ConfigMap for one."""
    nodes = found[0].nodes if found else Nodes("")
    for node in range(len(nodes.type)):
        start, end = nodes.start[node], nodes.end[node]
        if nodes.type[node] == SCALAR and _SPOKEN_OF.search(nodes.text, start, end):
            yield start, end


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
