"""Patches put together into one plan of what shall change in an object's data, and the data once it is carried out.

All paths name places in the data as it stands, so that the fixes of several findings can be made at once: removing
the items 0 and 1 of a list removes its first two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from kube_audit.edits.model import Refused
from kube_audit.findings import Patch, Path, path_text
from kube_audit.records import NamedTuple


class Put(NamedTuple):
    """A value that shall stand at a place."""

    value: Any


class Drop(NamedTuple):
    """A place that shall be gone."""


class Rename(NamedTuple):
    """A key that shall have another name, and what shall become of its value."""

    name: str
    below: Plan


DROP: Final = Drop()
Change: TypeAlias = "Put | Drop | Rename | dict[str | int, Change]"
Plan: TypeAlias = dict[str | int, Change]


def plan(patches: Iterable[Patch]) -> Plan:
    """Put patches together. Raises Refused where two of them want different things of one place."""
    patches = sorted(patches, key=lambda patch: (patch.action != "set", len(patch.path)))
    root: Plan = {}
    for patch in patches:
        if not patch.path:
            raise Refused("the fix concerns the object as a whole, which is not done by an edit")
        _insert(root, patch)
    return root


def _insert(level: Plan, patch: Patch) -> None:
    *way, last = patch.path
    for index, step in enumerate(way):
        below = level.get(step)
        if isinstance(below, Drop):
            return  # goes with what is removed above it: removals come last
        if isinstance(below, Put):
            if patch.action != "set":
                raise _conflict(patch.path)
            level[step] = Put(_merged(below.value, patch.path[index + 1 :], patch))
            return
        if below is None:
            below = level[step] = {}
        level = below.below if isinstance(below, Rename) else below
    before = level.get(last)
    if patch.action == "rename":
        if isinstance(before, Put | Drop) or (isinstance(before, Rename) and before.name != patch.value):
            raise _conflict(patch.path)
        level[last] = before if isinstance(before, Rename) else Rename(patch.value, before or {})
    elif patch.action == "remove":
        if before is not None and not isinstance(before, Drop):
            raise _conflict(patch.path)
        level[last] = DROP
    elif before is None:
        level[last] = Put(patch.value)
    elif not (isinstance(before, Put) and same(before.value, patch.value)):
        raise _conflict(patch.path)


def _merged(value: Any, path: Sequence[str | int], patch: Patch) -> Any:
    """Return a copy of a value that is set, with a patch below it made."""
    if not path:
        if same(value, patch.value):
            return value
        raise _conflict(patch.path)
    if not isinstance(value, dict) or not all(isinstance(step, str) for step in path):
        raise _conflict(patch.path)
    if path[0] in value:
        return {**value, path[0]: _merged(value[path[0]], path[1:], patch)}
    below = patch.value
    for step in reversed(path[1:]):
        below = {step: below}
    return {**value, path[0]: below}


def _conflict(path: Path) -> Refused:
    return Refused(f"another fix wants something else of `{path_text(path)}`; run again once that one is made")


def planned(old: Any, change: Change, path: Path = ()) -> Any:
    """Return what data becomes once a plan is carried out; the old data stays as it is.

    Raises Refused where the plan leads through something that is no mapping or list.
    """
    if isinstance(change, Put):
        return change.value
    if isinstance(change, Drop):
        return None
    if isinstance(change, Rename):
        raise no_way(path)
    if isinstance(old, list):
        items: list[Any] = list(old)
        for step, below in change.items():
            if not isinstance(step, int) or not 0 <= step < len(old):
                raise no_way((*path, step))
            items[step] = planned(old[step], below, (*path, step))
        return [item for index, item in enumerate(items) if change.get(index) is not DROP]
    if not isinstance(old, dict) and old is not None:
        raise no_way((*path, next(iter(change))))
    data: dict[str, Any] = dict(old or {})
    for step, below in change.items():
        if not isinstance(step, str):
            raise no_way((*path, step))
        if below is DROP:
            data.pop(step, None)
        elif isinstance(below, Rename):
            if step in data and below.name in data:
                raise Refused(f"`{path_text((*path, below.name))}` is there already")
            if step in data and below.below:
                data[step] = planned(data[step], below.below, (*path, step))
            data = {below.name if key == step else key: value for key, value in data.items()}
        elif step in data or sets(below):
            data[step] = planned(data.get(step), below, (*path, step))
    return data


def no_way(path: Path) -> Refused:
    """Say that there is no such place."""
    return Refused(f"there is no place for `{path_text(path)}`: what stands above it is something else")


def sets(change: Change) -> bool:
    """Whether anything is set by a change; mere removals make nothing that is not there."""
    if isinstance(change, dict):
        return any(sets(below) for below in change.values())
    return isinstance(change, Put)


def refined(old: Any, new: Any) -> Change:
    """Return the least change that makes a new value of an old one: keys and items that are the same stay untouched.

    Indices from the old list's length on are items to append.
    """
    if isinstance(old, dict) and isinstance(new, dict) and old and new:
        gone: Plan = {key: DROP for key in old if key not in new}
        return gone | {key: Put(value) for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list) and old and new:
        front = 0
        while front < min(len(old), len(new)) and same(old[front], new[front]):
            front += 1
        back = 0
        while len(new) < len(old) and back < len(new) - front and same(old[-1 - back], new[-1 - back]):
            back += 1
        stop = len(new) - back
        changes: Plan = {index: Put(new[index]) for index in range(front, stop)}
        return changes | dict.fromkeys(range(stop, len(old) - back), DROP)
    return Put(new)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same as JSON: `true` is not 1, and the order of keys means nothing."""
    pending = [(one, other)]
    seen: set[tuple[int, int]] = set()
    while pending:
        a, b = pending.pop()
        if type(a) is not type(b):
            return False
        if not isinstance(a, dict | list):
            if a != b:
                return False
            continue
        if (id(a), id(b)) in seen:
            continue
        seen.add((id(a), id(b)))
        if len(a) != len(b):
            return False
        if isinstance(a, dict):
            if a.keys() != b.keys():
                return False
            pending.extend((a[key], b[key]) for key in a)
        else:
            pending.extend(zip(a, b, strict=True))
    return True
