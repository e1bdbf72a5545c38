"""Telling a misspelt name from a different one."""

from __future__ import annotations

from collections.abc import Iterable

from kube_audit.patterns import lazily

_DIGITS = lazily(r"\d+")


def closest(name: str, known: Iterable[str]) -> str:
    """Return the known name that `name` is most likely a misspelling of, "" where none is close.

    Close is one edit (insert, delete, replace, swap of neighbours) for short names and two from nine characters
    on. Names that differ in their numbers are different names: `db-1` is no misspelling of `db-2`.

    >>> closest("webb", ["web", "db"])
    'web'
    """
    best, best_distance = "", 3
    digits = _DIGITS.findall(name)
    folded = name.casefold()
    for candidate in known:
        if not candidate or candidate == name:
            continue
        allowed = 2 if min(len(name), len(candidate)) >= 9 else 1
        if min(len(name), len(candidate)) < 3 or abs(len(name) - len(candidate)) > allowed:
            continue
        if _DIGITS.findall(candidate) != digits:
            continue
        distance = _distance(folded, candidate.casefold(), allowed)
        if distance <= allowed and distance < best_distance:
            best, best_distance = candidate, distance
    return best


def _distance(one: str, other: str, limit: int) -> int:
    """Return the optimal string alignment distance, or limit + 1 once it is sure to be more."""
    before: list[int] = []
    previous = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        current = [i]
        for j, b in enumerate(other, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return limit + 1
        before, previous = previous, current
    return previous[-1]
