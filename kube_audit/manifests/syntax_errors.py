"""What the YAML parser complains about, in words that help a person to find the mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_PLAIN_WORDS: tuple[tuple[str, str, str], ...] = (
    (
        "mapping values are not allowed",
        "a `: ` stands where no key can be",
        "Check the indentation of this line against the one above, or quote the value if it holds a colon.",
    ),
    (
        "did not find expected key",
        "this line does not fit the mapping around it",
        "Align it with the keys above; an unclosed quote or bracket before it has the same effect.",
    ),
    (
        "did not find expected '-' indicator",
        "this line does not fit the list around it",
        "Start list items with `- ` in one column, and indent what belongs to an item below its first key.",
    ),
    (
        "could not find expected ':'",
        "a key without a colon",
        "Write `key: value`; text over several lines needs `|` or quotes.",
    ),
    (
        "did not find expected ',' or",
        "a list or mapping in brackets is not closed, or misses a comma",
        "Close the bracket, separate the entries by commas, or quote the text if it is a string.",
    ),
    (
        "block sequence entries are not allowed",
        "a list item (`- `) stands where none can be",
        "Put the list on its own lines below its key.",
    ),
    (
        "block mapping keys are not allowed",
        "a key stands where none can be",
        "Check the indentation of this line.",
    ),
    ("found unexpected end of stream", "a quote is not closed before the file ends", "Close the quote."),
    (
        "found unexpected document indicator",
        "a quote is not closed before the next document",
        "Close the quote.",
    ),
    (
        "found unknown escape character",
        "a backslash in double quotes starts no known escape",
        "Write `\\\\` for a backslash, or use single quotes.",
    ),
    (
        "found undefined tag handle",
        "a tag (`!name!`) that the document does not declare",
        "Quote the value if it is a string.",
    ),
    (
        "did not find expected alphabetic or numeric character",
        "`*` or `&` starts an alias or anchor, and no name follows",
        'Quote the value: "*".',
    ),
    (
        "could not find expected directive name",
        "a line that starts with `%` is a YAML directive",
        "Quote or indent it if it is text; a template must be rendered first.",
    ),
    (
        "did not find expected <document start>",
        "something stands before the document that is not part of it",
        "Separate documents by a line `---`, and indent what belongs to the keys above.",
    ),
    (
        "did not find expected node content",
        "a value is missing here",
        "Write the value; text that starts with a bracket, comma or colon needs quotes.",
    ),
    (
        "control characters are not allowed",
        "a control character stands here",
        "Remove it, or write it as an escape in double quotes.",
    ),
    (
        "inconsistent indentation",
        "the indentation does not fit any line above",
        "Align it with its siblings.",
    ),
)
_LIBYAML_ONLY = ("found unexpected ':'", "while scanning a plain scalar")


class SyntaxProblem(Exception):
    """A piece of text is no YAML: `offset` within the piece, what is wrong, what to do."""

    def __init__(self, offset: int, message: str, remediation: str, *, libyaml_only: bool = False) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message
        self.remediation = remediation
        self.libyaml_only = libyaml_only
        """Kubernetes' own parser may read it all the same."""


def explain(error: Exception, text: str) -> SyntaxProblem | None:
    """Turn a YAML library's exception into a problem, None where it is not one of theirs."""
    from kube_audit.manifests.libyaml import MarkedYAMLError, YAMLError

    if isinstance(error, SyntaxProblem):
        return error
    if not isinstance(error, YAMLError):
        return None
    said = " ".join(str(getattr(error, name, None) or "") for name in ("problem", "reason", "context"))
    offset = _offset(error, text)
    libyaml_only = any(words in said for words in _LIBYAML_ONLY) and isinstance(error, MarkedYAMLError)
    if "cannot start any token" in said:
        return _bad_start(text, offset)
    for words, message, remediation in _PLAIN_WORDS:
        if words in said:
            return SyntaxProblem(offset, message, remediation, libyaml_only=libyaml_only)
    said = " ".join(said.split()) or "not valid YAML"
    return SyntaxProblem(offset, said, "Correct the YAML at this place.", libyaml_only=libyaml_only)


def _offset(error: Any, text: str) -> int:
    marks = [getattr(error, name, None) for name in ("problem_mark", "context_mark")]
    if "scanning a quoted scalar" in str(getattr(error, "context", "")):
        marks.reverse()  # where the quote opens says more than where the file ends
    mark = next((mark for mark in marks if mark is not None), None)
    if mark is not None:
        return min(int(mark.index), len(text))
    position = getattr(error, "position", None)  # a ReaderError counts bytes of UTF-8
    if isinstance(position, int):
        return min(len(text.encode()[:position].decode("utf-8", "ignore")), len(text))
    return 0


def _bad_start(text: str, offset: int) -> SyntaxProblem:
    character = text[offset : offset + 1]
    if character == "\t":
        return SyntaxProblem(offset, "a tab is used as indentation", "Indent with spaces; YAML allows no tabs there.")
    return SyntaxProblem(
        offset,
        f"no value can start with `{character}`",
        f"Quote the text if it is a string; `{character}NAME{character}` and the like are placeholders "
        "that must be filled in first.",
    )


def lenient_events(text: str) -> Callable[[], Any]:
    """Return an event source over the pure-Python parser, which follows YAML 1.2 in plain scalars."""
    from ruamel.yaml import YAML

    events = YAML(typ="safe", pure=True).parse(text)
    return lambda: next(events, None)
