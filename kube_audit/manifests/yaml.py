"""YAML as Kubernetes reads it: documents with plain data, and the place of every key, scalar and item.

Reads libyaml's events, so that nothing in a file can exhaust the stack. What cannot be read becomes a problem of its
document; the other documents of the file stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from kube_audit.manifests.document import Document, Problem
from kube_audit.manifests.positions import SCALAR, Nodes
from kube_audit.manifests.syntax_errors import SyntaxProblem, explain
from kube_audit.manifests.text import Text
from kube_audit.patterns import lazily

_SEPARATOR = lazily(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)


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
    # Loads libyaml, which `rules list` and others can do without.
    from kube_audit.manifests.composer import Composer
    from kube_audit.manifests.libyaml import CParser

    if (nul := chunk.find("\0")) >= 0:
        raise SyntaxProblem(nul, "a NUL character (0x00) stands here", "Remove it; a manifest is plain text.")
    try:
        events = _json_events(chunk) if not chunk.isascii() and chunk.lstrip()[:1] == "{" else None
        found = list(Composer(text, chunk, offset).compose(events or CParser(chunk).get_event))
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
    from kube_audit.manifests.composer import Composer
    from kube_audit.manifests.syntax_errors import lenient_events

    try:
        return list(Composer(text, chunk, offset).compose(lenient_events(chunk)))
    except Exception as error:
        raise (explain(error, chunk) or problem) from error
