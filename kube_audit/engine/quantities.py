"""Kubernetes resource quantities: `500m` CPU, `1.5Gi` memory, `1e3`, read exactly as the API server reads them."""

from __future__ import annotations

from decimal import ROUND_UP, Context, Decimal
from functools import lru_cache

from kube_audit.patterns import lazily

_QUANTITY = lazily(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)([^\W\d_]*(?:[+-]?[0-9]+)?)")
_EXPONENT = lazily(r"[eE]([+-]?[0-9]+)")
_DECIMAL_SUFFIXES = {
    "n": -9,
    "u": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
}
_BINARY_SUFFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_SUFFIXES_BY_LOWER_CASE = {s.lower(): s for s in ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "G", "T", "k")}
_LARGEST_BINARY = Decimal(2**63 - 1)
_NANO = Decimal("1e-9")
_LONGEST = 128
_LARGEST_EXPONENT = 300
EXACT = Context(prec=1000, Emax=10_000, Emin=-10_000)
"""Sums and differences of quantities lose nothing in this context; Python's own default keeps 28 digits."""


class QuantityError(ValueError):
    """The text is no quantity; the message says why and what would be one."""


def parse(quantity: str | int | float) -> Decimal:
    """Return the value of a quantity in its base unit: cores for CPU, bytes for memory and storage.

    Follows `resource.Quantity` of k8s.io/apimachinery, with the white space around it that the API server
    ignores: what is finer than a nano-unit is rounded away from zero, binary suffixes stop at 2^63-1.
    Two things that its parser lets through are refused here, as its documented grammar has it: a suffix or a
    sign without any digit (`Mi`, which would mean 0), and numbers beyond 10^300.

    Raises QuantityError.
    """
    if isinstance(quantity, bool) or not isinstance(quantity, str | int | float):
        raise QuantityError(f"{_shown(quantity)} is no quantity: write a number such as 500m, 2 or 1.5Gi")
    if isinstance(quantity, int):
        if quantity.bit_length() > 1000:
            raise QuantityError("the number is beyond 10^300, which no resource reaches")
        return Decimal(quantity)
    if isinstance(quantity, float):
        return _parse(repr(quantity))
    return _parse(quantity.strip())


def is_quantity(quantity: object) -> bool:
    """Whether `parse` would take it."""
    if not isinstance(quantity, str | int | float):
        return False
    try:
        parse(quantity)
    except QuantityError:
        return False
    return True


def millicores(quantity: str | int | float) -> int:
    """Return a CPU quantity in thousandths of a core, rounded up as the scheduler does. Raises QuantityError."""
    return int(EXACT.multiply(parse(quantity), Decimal(1000)).to_integral_value(ROUND_UP))


def whole_bytes(quantity: str | int | float) -> int:
    """Return a memory or storage quantity in bytes, rounded up. Raises QuantityError."""
    return int(parse(quantity).to_integral_value(ROUND_UP))


@lru_cache(maxsize=1024)
def _parse(text: str) -> Decimal:
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise QuantityError(_why_not(text))
    sign, digits, suffix = match.groups()
    number = Decimal(digits)
    if suffix in _BINARY_SUFFIXES:
        exact = EXACT.multiply(number, Decimal(1 << _BINARY_SUFFIXES[suffix]))
        value = min(_up_to_nano(exact), _LARGEST_BINARY)
    else:
        value = _up_to_nano(_scaled(text, number, _exponent(text, digits, suffix)))
    return value.copy_negate() if sign == "-" and value else value


def _exponent(text: str, digits: str, suffix: str) -> int:
    if suffix in _DECIMAL_SUFFIXES:
        return _DECIMAL_SUFFIXES[suffix]
    match = _EXPONENT.fullmatch(suffix)
    if match is None:
        raise QuantityError(_wrong_suffix(text, digits, suffix))
    return int(match[1])


def _scaled(text: str, number: Decimal, exponent: int) -> Decimal:
    if not number:
        return number
    if number.adjusted() + exponent > _LARGEST_EXPONENT:
        raise QuantityError(f"{_shown(text)} is beyond 10^{_LARGEST_EXPONENT}, which no resource reaches")
    if number.adjusted() + exponent < -_LARGEST_EXPONENT:
        return _NANO
    return number.scaleb(exponent, EXACT)


def _up_to_nano(value: Decimal) -> Decimal:
    return value.quantize(_NANO, ROUND_UP, EXACT).normalize(EXACT) if value else Decimal(0)


def _shown(quantity: object) -> str:
    text = repr(quantity) if not isinstance(quantity, str) else f'"{quantity}"'
    return text if len(text) <= 60 else text[:57] + "..."


def _why_not(text: str) -> str:
    if not text:
        return "an empty text is no quantity: write a number such as 500m, 2 or 1.5Gi"
    if len(text) > _LONGEST:
        return f"a quantity of {len(text)} characters is too long: {_LONGEST} are read"
    if text.count(",") == 1 and _QUANTITY.fullmatch(text.replace(",", ".")):
        return f'{_shown(text)} is no quantity: the decimal mark is a point: "{text.replace(",", ".")}"'
    squeezed = "".join(text.split())
    if squeezed != text and _QUANTITY.fullmatch(squeezed):
        return f'{_shown(text)} is no quantity: leave no space inside it: "{squeezed}"'
    if not any(c in "0123456789" for c in text):
        return f"{_shown(text)} is no quantity: it has no number"
    return f"{_shown(text)} is no quantity: write a number with at most one suffix, such as 500m, 2 or 1.5Gi"


def _wrong_suffix(text: str, digits: str, suffix: str) -> str:
    unit = suffix[:-1] if len(suffix) > 1 and suffix[-1] in "bB" else suffix
    meant = unit if unit in _DECIMAL_SUFFIXES or unit in _BINARY_SUFFIXES else None
    meant = meant or _SUFFIXES_BY_LOWER_CASE.get(unit.lower())
    if suffix == "K":
        hint = f": write {digits}Ki (times 1024) or {digits}k (times 1000)"
    elif suffix in ("e", "E"):
        hint = ": an exponent needs a number after the e, as in 1e3"
    elif meant:
        hint = f": did you mean {digits}{meant}?"
    else:
        hint = ": suffixes are n, u, m, k, M, G, T, P, E and Ki, Mi, Gi, Ti, Pi, Ei"
    return f'{_shown(text)} is no quantity: "{suffix[:20]}" is no suffix that Kubernetes knows{hint}'
