"""Patches applied to data: what an object is once a fix has been made."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from kube_audit.findings import Patch


def _order(patch: Patch) -> tuple[bool, list[int], int]:
    """Order: sets first, then removals and new names from the end of each list and from the innermost mapping outwards.

    So each leaves the places of the others as they are.
    """
    return patch.action != "set", [-step for step in patch.path if isinstance(step, int)], -len(patch.path)


def apply(data: Any, patches: Iterable[Patch]) -> Any:
    """Return a copy of data with patches made. Mappings on the way to a set path are made where missing.

    All paths name places in the data as it stands: items of one list can be removed together.
    Raises ValueError where a path leads through something that is no mapping or list, or a new name is taken.
    """
    result = copy.deepcopy(data)
    for patch in sorted(patches, key=_order):
        holder = result
        for step in patch.path[:-1]:
            if isinstance(step, str) and isinstance(holder, dict):
                if holder.get(step) is None:
                    holder[step] = {}
                holder = holder[step]
            elif isinstance(step, int) and isinstance(holder, list) and step < len(holder):
                holder = holder[step]
            else:
                raise ValueError(f"no way to {patch.path}")
        last = patch.path[-1]
        if patch.action == "rename":
            if not isinstance(holder, dict) or patch.value in holder:
                raise ValueError(f"no way to rename {patch.path}")
            renamed = {patch.value if key == last else key: value for key, value in holder.items()}
            holder.clear()
            holder.update(renamed)
        elif isinstance(last, str) and isinstance(holder, dict):
            holder.pop(last, None) if patch.action == "remove" else holder.update({last: patch.value})
        elif isinstance(last, int) and isinstance(holder, list) and last < len(holder):
            holder[last : last + 1] = [] if patch.action == "remove" else [patch.value]
        else:
            raise ValueError(f"no way to {patch.path}")
    return result
