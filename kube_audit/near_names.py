"""Looking a misspelt name up among many names, without comparing it with each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from kube_audit.names import closest
from kube_audit.patterns import lazily

_FEW = 64
_PARTS = lazily(r"[-._/]")
_OPPOSITES = frozenset({frozenset({"http", "https"}), frozenset({"internal", "external"})})


class NearNames:
    """A set of names that can be asked which of them a name is likely a misspelling of.

    Up to 64 names are all compared. Of more, only those within one edit are found: they share a text with the name
    once one character is left out of each.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted(set(names))
        self._shorter: dict[str, list[str]] | None = None

    def like(self, name: str) -> list[str]:
        """Return the names of which `name` may be a misspelling, itself left out, the likeliest first."""
        found = []
        pool = [known for known in self._candidates(name) if not _told_apart(name, known)]
        while best := closest(name, pool):
            found.append(best)
            pool.remove(best)
        return found

    def _candidates(self, name: str) -> list[str]:
        if len(self._names) <= _FEW:
            return self._names
        if self._shorter is None:
            self._shorter = defaultdict(list)
            for known in self._names:
                for text in _without_one(known):
                    self._shorter[text].append(known)
        return sorted({known for text in _without_one(name) for known in self._shorter.get(text, ())})


def _without_one(name: str) -> set[str]:
    folded = name.casefold()[:253]
    return {folded, *(folded[:at] + folded[at + 1 :] for at in range(len(folded)))}


def _told_apart(one: str, other: str) -> bool:
    """Whether names that are close are different on purpose: they differ in a short part (`web-a`, `web-eu`)."""
    parts, others = _PARTS.split(one), _PARTS.split(other)
    if len(parts) != len(others) or len(parts) == 1:
        return False
    pairs = [(a, b) for a, b in zip(parts, others, strict=True) if a != b]
    return any(max(len(a), len(b)) <= 3 or frozenset({a, b}) in _OPPOSITES for a, b in pairs)
