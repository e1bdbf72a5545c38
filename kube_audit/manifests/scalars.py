"""What a YAML scalar becomes in Kubernetes: YAML 1.1 as its Go reader resolves it, then JSON.

Follows `resolve` of sigs.k8s.io/yaml's goyaml.v2: `yes` and `on` are booleans, `0777` is octal, `1_000` is an
integer; base-60 numbers, timestamps and `=` are strings. Held against kubectl in the tests.
"""

from __future__ import annotations

import base64
import binascii
import math

from kube_audit.patterns import lazily

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {"": None, "~": None}
for _value, _spellings in (
    (None, ("null",)),
    (True, ("y", "yes", "true", "on")),
    (False, ("n", "no", "false", "off")),
):
    for _word in _spellings:
        _WORDS |= {_word: _value, _word.capitalize(): _value, _word.upper(): _value}
_NOT_FINITE = {
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}

_MAYBE_NUMBER = frozenset("+-.0123456789")
_FLOAT = lazily(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_GO_FLOAT = lazily(r"\.[0-9]+(?:[eE][-+]?[0-9]+)?\Z")
_INTEGER = lazily(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)"
    r"|(?P<decimal>0|[1-9][0-9]*))\Z"
)
_BASES = (("decimal", 10), ("octal", 8), ("hex", 16), ("binary", 2))
_LONGEST_NUMBER = 400
"""Longer digits overflow every Go number; a bound keeps conversions of hostile input cheap."""


def plain(text: str) -> Scalar:
    """Return the value of an unquoted, untagged scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAYBE_NUMBER or len(text) > _LONGEST_NUMBER:
        return text
    return _number(text)


def _number(text: str) -> Scalar:
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    if text[0] == ".":
        return _float(text, text) if _GO_FLOAT.match(text) else text
    digits = text.replace("_", "")
    if match := _INTEGER.match(digits):
        group, base = next((g, b) for g, b in _BASES if match[g] is not None)
        number = int(match[group], base)
        if match["sign"] == "-":
            number = -number
        if -(2**63) <= number < 2**64 and not (match["sign"] == "+" and number >= 2**63):
            return number
    return _float(digits, text) if _FLOAT.match(digits) else text


def _float(digits: str, text: str) -> Scalar:
    number = float(digits)
    if math.isinf(number):  # out of range is an error in Go, and the scalar stays a string
        return text
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def tagged(tag: str, text: str) -> Scalar:
    """Return the value of a scalar with an explicit tag; unknown tags are ignored, as Kubernetes does.

    Raises ValueError where the text is no value of that type.
    """
    kind = tag.removeprefix("tag:yaml.org,2002:")
    if kind == "binary":
        try:
            return base64.b64decode(text, validate=False).decode("utf-8", "replace")
        except (binascii.Error, ValueError) as error:
            raise ValueError("!!binary data is not base64") from error
    if kind not in ("int", "float", "bool", "null"):
        return text
    value = plain(text) if text else None
    fits = {
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
        "bool": isinstance(value, bool),
        "null": value is None,
    }
    if not fits[kind]:
        raise ValueError(f"`{text}` is not a {kind}, as its tag !!{kind} says")
    return value


def key_text(value: Scalar) -> str | None:
    """Return the string that Kubernetes makes of a key, None for a null key, which it refuses."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return None
    return value if isinstance(value, str) else _go_number(value)


def _go_number(value: int | float) -> str:
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)
