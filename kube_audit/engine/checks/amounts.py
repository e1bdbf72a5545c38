"""Amounts of CPU, memory and storage that are far off, or outside the bounds that somebody has set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.engine.quantities import QuantityError, parse
from kube_audit.manifests.objects import mapping
from kube_audit.patterns import lazily

_BYTES = frozenset({"memory", "ephemeral-storage", "storage", "sizeLimit"})
_SHORT_NUMBER = lazily(r"[0-9]{1,4}(?:\.[0-9]{1,2})?")
_BOUNDS = (
    ("min_cpu_request", "requests", "cpu"),
    ("max_cpu_limit", "limits", "cpu"),
    ("min_memory_request", "requests", "memory"),
    ("max_memory_limit", "limits", "memory"),
)


def far_off(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an amount that nobody can mean: less than `smallest_bytes`, or `largest_cpu` cores and more.

    The element is one entry of `requests`, `limits` or the like, its key the resource. `found` holds `means`, what
    the amount is as it is written, and `meant`, the likely amount, "" where there is none.
    """
    value = _value(element.value)
    if value is None or value <= 0:
        return
    text = str(element.value).strip()
    if element.key in _BYTES and value < (_value(params["smallest_bytes"]) or 0):
        number = text.removesuffix("m")
        meant = f"{number}Mi" if _SHORT_NUMBER.fullmatch(number) else ""
        yield Hit((), {"means": f"{_plain(value)} bytes", "meant": meant})
    elif element.key == "cpu" and value >= (_value(params["largest_cpu"]) or 0):
        meant = f"{text}m" if text.isdigit() and _SHORT_NUMBER.fullmatch(text) else ""
        yield Hit((), {"means": f"{_plain(value)} cores", "meant": meant})


def out_of_bounds(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the container's own requests below, and limits above, what the parameters say ("" is no bound).

    `found` holds `field` (requests or limits), `resource`, `amount`, `bound` and `side` ("below" or "above").
    """
    resources = mapping(element.value.get("resources"))
    for name, field, resource in _BOUNDS:
        bound, amount = _value(params[name]), mapping(resources.get(field)).get(resource)
        value = _value(amount)
        if bound is None or value is None:
            continue
        outside = value < bound if field == "requests" else value > bound
        if outside:
            side = "below" if field == "requests" else "above"
            found = {"field": field, "resource": resource, "amount": amount, "bound": params[name], "side": side}
            yield Hit(("resources", field, resource), found)


def _value(amount: Any) -> Decimal | None:
    try:
        return parse(amount) if isinstance(amount, str | int | float) else None
    except QuantityError:
        return None


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")
