"""Following patterns like `spec.rules[].http.paths[]` into the data of an object."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping


def expand(data: Any, pattern: str) -> Iterable[tuple[Path, Any]]:
    """Return (path, value) for everything that a pattern like `spec.rules[].http.paths[]` leads to."""
    found: list[tuple[Path, Any]] = [((), data)]
    for name, items in _steps(pattern):
        found = [((*path, name), value[name]) for path, value in found if isinstance(value, dict) and name in value]
        if items:
            found = [
                ((*path, index), item)
                for path, value in found
                if isinstance(value, list)
                for index, item in enumerate(value)
            ]
        if not found:
            return ()
    return found


@cache
def _steps(pattern: str) -> list[tuple[str, bool]]:
    """Return the fields that a pattern names, and whether it goes through their items."""
    return [(step.removesuffix("[]"), step.endswith("[]")) for step in pattern.split(".")] if pattern else []


def at(data: Any, path: Path) -> Any:
    """Return what stands at a path, None where nothing does."""
    for step in path:
        if isinstance(step, str):
            data = mapping(data).get(step)
        else:
            data = data[step] if isinstance(data, list) and step < len(data) else None
    return data
