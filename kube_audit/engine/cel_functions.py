"""What stands behind the CEL functions on lists, regular expressions, quantities, formats, images and selectors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

from kube_audit.engine import images, quantities

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_COMPARABLE = (str, bool, bytearray, datetime, timedelta)
_MARK = "\x1f"

Quantity = Mapping[str, Any]
"""A quantity inside CEL: {"quantity": its value in the one canonical spelling}, so that `==` compares values."""


def is_sorted(values: list[Any]) -> bool:
    """Whether no element is smaller than the one before it. Raises ValueError for what has no order."""
    _check_order(values)
    return all(one <= other for one, other in pairwise(values))


def smallest(values: list[Any]) -> Any:
    """Return the smallest element. Raises ValueError for an empty list and for what has no order."""
    return _extreme(values, "min")


def largest(values: list[Any]) -> Any:
    """Return the largest element. Raises ValueError for an empty list and for what has no order."""
    return _extreme(values, "max")


def _extreme(values: list[Any], name: str) -> Any:
    if not values:
        raise ValueError(f"{name} is asked of an empty list")
    _check_order(values)
    if isinstance(values[0], datetime | timedelta):
        raise ValueError(f"{name} of timestamps and durations is not available: take it of their getSeconds()")
    return min(values) if name == "min" else max(values)


def _check_order(values: list[Any]) -> None:
    if all(_is_number(value) for value in values):
        return
    if not any(all(isinstance(value, kind) for value in values) for kind in _COMPARABLE):
        raise ValueError("the elements of the list cannot be ordered: they must be all numbers or all of one kind")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def total(values: list[Any]) -> int | float:
    """Return the sum of numbers, 0 for an empty list. Raises ValueError for anything else and beyond 64 bits."""
    if not all(_is_number(value) for value in values):
        raise ValueError("sum takes a list of numbers; of durations, take the sum of their getSeconds()")
    return _in_64_bits(sum(values))


def _in_64_bits(number: int | float) -> int | float:
    if isinstance(number, int) and not _INT_MIN <= number <= _INT_MAX:
        raise ValueError("the integer is larger than 64 bits")
    return number


def index_of(values: list[Any], wanted: Any) -> int:
    """Return the place of the first equal element, -1 where there is none."""
    return next((index for index, value in enumerate(values) if _equal(value, wanted)), -1)


def last_index_of(values: list[Any], wanted: Any) -> int:
    """Return the place of the last equal element, -1 where there is none."""
    return next((index for index in reversed(range(len(values))) if _equal(values[index], wanted)), -1)


def _equal(one: Any, other: Any) -> bool:
    """Compare as CEL does: numbers by value, and true is no 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(map(_equal, one.values(), [other[key] for key in one]))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


@cache
def _marking() -> tuple[Any, Any]:
    """Return the CEL program that puts marks around matches, and the type of its failures.

    The runtime's own RE2 then decides what matches, in linear time whatever the pattern and the text are.
    """
    from cel_expr_python import cel

    settings = cel.NewEnvConfigFromYaml("extensions:\n- name: optional\n- name: regex\n")
    names = ("text", "pattern", "marked", "count")
    kinds = (cel.Type.STRING, cel.Type.STRING, cel.Type.STRING, cel.Type.INT)
    environment = cel.NewEnv(config=settings, variables=dict(zip(names, kinds, strict=True)))
    return environment.compile("regex.replace(text, pattern, marked, count)"), cel.Type.ERROR


def _matches(text: str, pattern: str, count: int) -> list[str]:
    mark = _MARK
    while mark in text:
        mark += "\x1e"
    program, error = _marking()
    values = {"text": text, "pattern": pattern, "marked": f"{mark}\\0{mark}", "count": count}
    result = program.eval(data=values)
    marked: str = result.value()
    if result.type() == error:
        raise ValueError(f"{pattern!r} is no regular expression: {marked.rpartition('expression: ')[2]}")
    return marked.split(mark)[1::2]


def find(text: str, pattern: str) -> str:
    """Return the first match of an RE2 regular expression, "" where there is none. Raises ValueError."""
    return next(iter(_matches(text, pattern, 1)), "")


def find_all(text: str, pattern: str) -> list[str]:
    """Return every match, empty ones included. Raises ValueError."""
    return _matches(text, pattern, -1)


def find_some(text: str, pattern: str, limit: int) -> list[str]:
    """Return at most `limit` matches, all of them for a negative limit. Raises ValueError."""
    found = find_all(text, pattern)
    return found if limit < 0 else found[:limit]


def quantity(text: str) -> Quantity:
    """Return the quantity that a text spells. Raises QuantityError."""
    if text != text.strip():
        raise quantities.QuantityError(f'"{text}" is no quantity: there is white space around it')
    return _quantity(quantities.parse(text))


def quantity_of_number(number: int | float) -> Quantity:
    """Return a quantity that a manifest gives as a number. Raises QuantityError."""
    return _quantity(quantities.parse(number))


def is_quantity(text: str) -> bool:
    """Whether `quantity` would take it."""
    return text == text.strip() and quantities.is_quantity(text)


@lru_cache(maxsize=512)
def _quantity(value: Decimal) -> Quantity:
    return {"quantity": format(value.normalize(quantities.EXACT), "f") if value else "0"}


def _value(of: Quantity) -> Decimal:
    try:
        return Decimal(of["quantity"])
    except (KeyError, ArithmeticError, TypeError):
        raise ValueError("this is no quantity: call quantity(…) first") from None


def sign(of: Quantity) -> int:
    """Return -1, 0 or 1."""
    value = _value(of)
    return (value > 0) - (value < 0)


def is_integer(of: Quantity) -> bool:
    """Whether the value is whole and fits 64 bits."""
    value = _value(of)
    return value == value.to_integral_value() and _INT_MIN <= value <= _INT_MAX


def as_integer(of: Quantity) -> int:
    """Return the value. Raises ValueError where it is not whole or does not fit 64 bits."""
    if not is_integer(of):
        raise ValueError(f"the quantity {of['quantity']} is no integer of 64 bits")
    return int(_value(of))


def as_float(of: Quantity) -> float:
    """Return the value as nearly as a float has it."""
    return float(_value(of))


def add(one: Quantity, other: Quantity | int | str) -> Quantity:
    """Return the sum of a quantity and a quantity, its text, or a number."""
    return _quantity(quantities.EXACT.add(_value(one), _operand(other)))


def subtract(one: Quantity, other: Quantity | int | str) -> Quantity:
    """Return the difference of a quantity and a quantity, its text, or a number."""
    return _quantity(quantities.EXACT.subtract(_value(one), _operand(other)))


def _operand(other: Quantity | int | str) -> Decimal:
    return quantities.parse(other) if isinstance(other, int | str) else _value(other)


def compare(one: Quantity, other: Quantity) -> int:
    """Return -1, 0 or 1."""
    first, second = _value(one), _value(other)
    return (first > second) - (first < second)


def is_less(one: Quantity, other: Quantity) -> bool:
    """Whether the first quantity is smaller."""
    return _value(one) < _value(other)


def is_greater(one: Quantity, other: Quantity) -> bool:
    """Whether the first quantity is larger."""
    return _value(one) > _value(other)


def image(reference: str) -> dict[str, str]:
    """Return the parts of an image reference, "" for absent ones. Raises ImageError."""
    parts = images.parse(reference)
    return {
        "registry": parts.registry or "",
        "repository": parts.repository,
        "name": parts.name,
        "tag": parts.tag or "",
        "digest": parts.digest or "",
        "scheme": parts.scheme or "",
        "canonical": parts.canonical,
    }


def format_named(name: str) -> list[str]:
    """Return the format of that name, alone in a list, or nothing: CEL makes an optional of it."""
    from kube_audit.engine.cel_formats import FORMATS

    return [name] if name in FORMATS else []


def validate(named: str, text: str) -> list[list[str]]:
    """Return what is wrong with a text in a format, alone in a list, or nothing: CEL makes an optional of it."""
    from kube_audit.engine.cel_formats import FORMATS

    if named not in FORMATS:
        raise ValueError(f"there is no format {named!r}; there are: {', '.join(FORMATS)}")
    problems = FORMATS[named](text)
    return [problems] if problems else []


def matches_selector(selector: dict[str, Any] | None, labels: dict[str, Any] | None) -> bool:
    """Whether labels fulfil a LabelSelector; a null one selects nothing, an empty one everything."""
    from kube_audit.selectors import Selector

    return selector is not None and Selector.from_label_selector(selector).matches(labels or {})


def matches_labels(selector: dict[str, Any] | None, labels: dict[str, Any] | None) -> bool:
    """Whether labels hold every pair of a plain map, as Services select; a null one selects nothing."""
    from kube_audit.selectors import Selector

    return selector is not None and Selector.from_labels(selector).matches(labels or {})


def similar(name: str, known: list[Any]) -> str:
    """Return the known name that `name` is most likely a misspelling of, "" where none is close."""
    from kube_audit.names import closest

    return closest(name, sorted(text for text in known if isinstance(text, str)))
