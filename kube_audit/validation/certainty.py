"""Telling quickly that data fits a schema, without the validator: loading and compiling that costs more than it saves
where a run meets few objects of a kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

_KNOWN = frozenset(
    {"$ref", "type", "required", "properties", "additionalProperties", "items", "enum", "pattern"}
    | {"minimum", "maximum", "minLength"}
)
_MOST_VALUES = 600
"""Larger data is left to the validator, which is faster by far."""
_LONGEST_MATCHED = 200
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
"""The validator's numbers have 64 bits."""
_REF = "#/$defs/"
_EMPTY: dict[str, Any] = {}
_JSON_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", type(None): "null"}


def surely_fits(data: Any, schema: dict[str, Any], defs: Mapping[str, dict[str, Any]]) -> bool:
    """Whether data certainly fits a schema of JSON Schema; False says only that the validator has to be asked.

    `schema` may refer to `defs`. What this does not know, such as other keywords, fractions and text beyond ASCII
    that has to match a pattern, is never certain.
    """
    waiting: list[tuple[Any, dict[str, Any]]] = [(data, schema)]
    for _ in range(_MOST_VALUES):
        if not waiting:
            return True
        value, wanted = waiting.pop()
        if not wanted.keys() <= _KNOWN or not _fits_type(value, wanted.get("type")):
            return False
        if "enum" in wanted and not ((value is None or isinstance(value, str)) and value in wanted["enum"]):
            return False
        if "$ref" in wanted:
            waiting.append((value, defs[wanted["$ref"].removeprefix(_REF)]))
        if isinstance(value, dict):
            properties, more = wanted.get("properties", _EMPTY), wanted.get("additionalProperties", _EMPTY)
            if not all(name in value for name in wanted.get("required", ())):
                return False
            for key, item in value.items():
                inner = properties.get(key, more)
                if inner is False or not key.isascii():
                    return False
                waiting.append((item, _EMPTY if inner is True else inner))
        elif isinstance(value, list):
            items = wanted.get("items", _EMPTY)
            waiting.extend((item, items) for item in value)
        elif not _fits_limits(value, wanted):
            return False
    return False


def _fits_type(value: Any, types: Any) -> bool:
    own = _JSON_TYPES.get(type(value))
    if own is None:
        return False
    return types is None or own == types or (isinstance(types, list) and own in types)


def _fits_limits(value: Any, wanted: dict[str, Any]) -> bool:
    """Whether a scalar certainly is among the values that a schema allows."""
    if isinstance(value, str):
        if len(value) < wanted.get("minLength", 0) or not (value.isascii() or _is_unicode(value)):
            return False
        return "pattern" not in wanted or _fits_pattern(value, wanted["pattern"])
    if isinstance(value, int) and not isinstance(value, bool):
        lowest, highest = wanted.get("minimum", _LOWEST), wanted.get("maximum", _HIGHEST)
        return bool(max(lowest, _LOWEST) <= value <= min(highest, _HIGHEST))
    return True


def _fits_pattern(text: str, pattern: str) -> bool:
    """Whether a text is one over which this and the validator's patterns agree, and fits."""
    plain = len(text) < _LONGEST_MATCHED and text.isascii() and text.isprintable()
    return plain and _compiled(pattern).search(text) is not None


def _is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8: it holds no lone halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
