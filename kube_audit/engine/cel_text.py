"""Reading CEL as text: where strings and brackets end, the expressions inside a message."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kube_audit.engine.cel_errors import ExpressionError
from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple

_TOKEN = lazily(
    r"""(?s)
    (?:\b(?:[rR][bB]?|[bB][rR]))(?:'''.*?'''|\"{3}.*?\"{3}|'[^'\n]*'|"[^"\n]*")   # raw strings
    | '''(?:\\.|[^\\])*?''' | \"{3}(?:\\.|[^\\])*?\"{3}
    | '(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*"
    | //[^\n]*
    | (?P<bracket>[()\[\]{}])
    """,
    re.VERBOSE,
)
_OPTIONAL_CALL = lazily(r"(?:\.\s*validate|\bformat\s*\.\s*named)\s*(?=\()")
_BRACES = lazily(r"[{}]")


class Hole(NamedTuple):
    """A `{…}` of a message: the CEL inside."""

    expression: str


def split(text: str) -> list[str | Hole]:
    """Split a message into plain text and the CEL in `{…}`; `{{` and `}}` stand for single braces.

    Strings and nested braces inside the CEL are respected; an expression that starts with a map needs a space
    before it. Raises ExpressionError for a brace without its partner and for an empty `{}`.
    """
    parts: list[str | Hole] = []
    plain = ""
    position = 0
    while match := _BRACES.search(text, position):
        plain += text[position : match.start()]
        start = match.start()
        if text.startswith(match[0] * 2, start):
            plain += match[0]
            position = start + 2
            continue
        if match[0] == "}":
            raise _at(text, start, "a `}` without its `{`: write `}}` for a brace as such")
        end = closing(text, start)
        if end is None:
            raise _at(text, start, "a `{` without its `}`: write `{{` for a brace as such")
        expression = text[start + 1 : end].strip()
        if not expression:
            raise _at(text, start, "an empty `{}`: write `{{}}` for braces as such")
        if plain:
            parts.append(plain)
        parts.append(Hole(expression))
        plain, position = "", end + 1
    plain += text[position:]
    return [*parts, plain] if plain else parts


def closing(text: str, start: int) -> int | None:
    """Return where the bracket at `start` is closed, None where it is not. Strings and comments are skipped."""
    depth = 0
    for position, bracket in _brackets(text, start):
        depth += 1 if bracket in "([{" else -1
        if depth <= 0:
            return position
    return None


def _brackets(text: str, start: int) -> Iterator[tuple[int, str]]:
    for match in _TOKEN.finditer(text, start):
        if match["bracket"]:
            yield match.start(), match["bracket"]


def with_optionals(expression: str) -> str:
    """Give `format.named(…)` and `.validate(…)` the optional result that they have in Kubernetes.

    A function in Python cannot return an optional; these return a list of one element or of none, and `first()`
    makes the optional of it.
    """
    if "validate" not in expression and "named" not in expression:
        return expression
    ends = []
    for match in _OPTIONAL_CALL.finditer(expression):
        end = closing(expression, match.end())
        if end is not None and not _in_string(expression, match.start()):
            ends.append(end + 1)
    for end in sorted(ends, reverse=True):
        expression = f"{expression[:end]}.first(){expression[end:]}"
    return expression


def _in_string(text: str, position: int) -> bool:
    return any(match.start() < position < match.end() for match in _TOKEN.finditer(text) if not match["bracket"])


def _at(text: str, position: int, reason: str) -> ExpressionError:
    line_start = text.rfind("\n", 0, position) + 1
    return ExpressionError(text, reason, text.count("\n", 0, position) + 1, position - line_start + 1)
