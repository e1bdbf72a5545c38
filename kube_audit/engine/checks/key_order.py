"""Mappings whose keys do not stand in alphabetical order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import Path


def unsorted(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield for each mapping the first key that stands after a larger one; `found` holds `key` and `after`.

    Without the parameter `recursive` only the object's own fields are looked at.
    """
    pending: list[tuple[Path, Any]] = [((), element.value)]
    while pending:
        path, data = pending.pop()
        if isinstance(data, dict):
            for before, key in pairwise(data):
                if key < before:
                    yield Hit((*path, key), {"key": key, "after": before})
                    break
            inner = data.items()
        elif isinstance(data, list):
            inner = enumerate(data)  # type: ignore[assignment]
        else:
            continue
        if params["recursive"]:
            pending += [((*path, step), value) for step, value in inner if isinstance(value, dict | list)]
