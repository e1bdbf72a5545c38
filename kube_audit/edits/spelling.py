"""Values written as YAML or JSON text: plain, quoted, in braces, or as indented lines."""

from __future__ import annotations

import json
import re
from typing import Any

from kube_audit.edits.layout import Style
from kube_audit.manifests import scalars
from kube_audit.patterns import lazily
from kube_audit.suggestions import scalar

_WORDS = lazily(r"[A-Za-z_/.][A-Za-z0-9_./@+=%()-]*(?: [A-Za-z0-9_./@+=%()-]+)*\Z")
_UNPRINTABLE = lazily("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")


def plain(value: Any, *, flow: bool = False) -> str:
    """Write a scalar or an empty collection, without quotes where it can be read back as the same."""
    if not isinstance(value, str):
        return json.dumps(value)
    if flow and ":" in value:  # other YAML readers take a colon in braces for a key's
        return double_quoted(value)
    if _WORDS.match(value) and scalars.plain(value) == value:
        return value
    return double_quoted(value) if _UNPRINTABLE.search(value) else scalar(value)


def double_quoted(text: str) -> str:
    """Write a text in double quotes, on one line, so that YAML reads it back."""
    return _UNPRINTABLE.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def like(spelt: str, value: Any, *, flow: bool) -> str:
    """Write a scalar with the quotes of the one whose place it takes, as far as it is a text."""
    if isinstance(value, str) and spelt[:1] == '"':
        return double_quoted(value)
    if isinstance(value, str) and spelt[:1] == "'" and "\n" not in value and not _UNPRINTABLE.search(value):
        return "'" + value.replace("'", "''") + "'"
    return plain(value, flow=flow)


def is_inline(value: Any) -> bool:
    """Whether a value is written on one line in any style: a scalar or an empty collection."""
    return not (isinstance(value, dict | list) and value)


def flow(value: Any) -> str:
    """Write a value on one line, collections in braces and brackets."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{plain(key, flow=True)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return plain(value, flow=True)


def as_json(
    value: Any, *, tight: bool = False, unit: str | None = None, margin: str = "", line_break: str = "\n"
) -> str:
    """Write a value as JSON: on one line (`tight` without blanks), or indented by `unit` below a margin."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=_UNPRINTABLE.search(value) is not None)
    separators = (",", ":") if tight else ((",", ": ") if unit is not None else (", ", ": "))
    text = json.dumps(value, indent=unit, separators=separators, ensure_ascii=not _printable(value))
    return text.replace("\n", line_break + margin)


def _printable(value: Any) -> bool:
    return _UNPRINTABLE.search(json.dumps(value, ensure_ascii=False)) is None


def pair(key: str, value: Any, column: int, style: Style) -> list[str]:
    """Write a key and its value as lines of a block that starts at a column (from 0)."""
    head = " " * column + plain(key) + ":"
    if is_inline(value):
        return [f"{head} {plain(value)}"]
    if isinstance(value, dict):
        return [head, *block(value, column + style.step, style)]
    return [head, *block(value, column + style.dash, style)]


def item(value: Any, column: int, style: Style) -> list[str]:
    """Write an item of a list as lines, its dash at a column (from 0)."""
    dash = " " * column + "- "
    if is_inline(value):
        return [dash + plain(value)]
    if isinstance(value, list):
        return [dash + flow(value)]
    first, *rest = block(value, column + 2, style)
    return [dash + first.lstrip(" "), *rest]


def block(value: Any, column: int, style: Style) -> list[str]:
    """Write a mapping or list that is not empty as lines that start at a column (from 0)."""
    if isinstance(value, dict):
        return [line for key, below in value.items() for line in pair(key, below, column, style)]
    return [line for entry in value for line in item(entry, column, style)]
