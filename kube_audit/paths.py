"""Following patterns like `spec.rules[].http.paths[]` into the data of an object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping


def expand(data: Any, pattern: str) -> Iterator[tuple[Path, Any]]:
    """Yield (path, value) for everything that a pattern like `spec.rules[].http.paths[]` leads to."""
    found: list[tuple[Path, Any]] = [((), data)]
    for step in pattern.split(".") if pattern else ():
        name = step.removesuffix("[]")
        found = [((*path, name), mapping(value)[name]) for path, value in found if name in mapping(value)]
        if step.endswith("[]"):
            found = [
                ((*path, index), item)
                for path, value in found
                if isinstance(value, list)
                for index, item in enumerate(value)
            ]
    yield from found


def at(data: Any, path: Path) -> Any:
    """Return what stands at a path, None where nothing does."""
    for step in path:
        if isinstance(step, str):
            data = mapping(data).get(step)
        else:
            data = data[step] if isinstance(data, list) and step < len(data) else None
    return data
