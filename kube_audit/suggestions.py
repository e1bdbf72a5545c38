"""Patches shown as the YAML that a person would write."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from kube_audit.findings import Patch, Path
from kube_audit.manifests import scalars
from kube_audit.patterns import lazily

_PLAIN = lazily(r"[A-Za-z0-9_./][A-Za-z0-9_./:@-]*\Z")


def as_yaml(patches: Iterable[Patch], base: Path) -> str:
    """Return the set values of patches as block YAML, their paths taken from `base` where they lie below it.

    A patch elsewhere is written from the object's root. Removals are comments.
    """
    tree: dict[str, Any] = {}
    removed = []
    for patch in patches:
        path = patch.path[len(base) :] if patch.path[: len(base)] == base else patch.path
        if patch.action == "remove":
            removed.append(f"# remove {'.'.join(str(step) for step in path)}")
            continue
        level = tree
        for step in path[:-1]:
            level = level.setdefault(str(step), {})
        if path:
            level[str(path[-1])] = patch.value
    return "\n".join([*_lines(tree, ""), *removed])


def _lines(value: dict[str, Any], indent: str) -> Iterable[str]:
    for key, item in value.items():
        head = f"{indent}{scalar(key)}:"
        if isinstance(item, dict) and item:
            yield head
            yield from _lines(item, indent + "  ")
        elif isinstance(item, list) and item:
            yield head
            yield from (f"{indent}- {scalar(entry)}" for entry in item)
        else:
            yield f"{head} {scalar(item)}"


def scalar(value: Any) -> str:
    """Write one value on one line so that Kubernetes reads the same value back."""
    if isinstance(value, str):
        plain = _PLAIN.match(value) and not value.endswith(":") and scalars.plain(value) == value
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)
