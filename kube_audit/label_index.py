"""Objects by labels: those that they carry, or that they give their pods."""

from __future__ import annotations

from collections import defaultdict

from kube_audit.manifests.objects import Object
from kube_audit.near_names import NearNames
from kube_audit.selectors import Labels, Pair, Selector
from kube_audit.universe import NOBODY, Members


class LabelIndex:
    """Numbers of objects by namespace and label. All are added before the first question."""

    def __init__(self) -> None:
        self.labels: dict[int, Labels] = {}
        """Number of each object to its labels."""
        self.spaces: dict[str | None, Members] = defaultdict(Members)
        """Namespace to all objects in it."""
        self.keys: set[str] = set()
        self._in_space: dict[tuple[str | None, str, str], Members] = defaultdict(Members)
        self._anywhere: dict[Pair, Members] = defaultdict(Members)
        self._names: dict[tuple[str | None, str], Members] = defaultdict(Members)
        self._values: dict[tuple[str | None, str], set[str]] = defaultdict(set)
        self._near: dict[tuple[str | None, str], NearNames] = {}

    def add(self, number: int, obj: Object, labels: Labels) -> None:
        """Take an object in."""
        file, namespace = obj.file, obj.home
        if obj.name is not None:
            self._names[namespace, obj.name].add(number, file)
        self.labels[number] = labels
        self.spaces[namespace].add(number, file)
        for key, value in labels.items():
            if isinstance(value, str):
                self._in_space[namespace, key, value].add(number, file)
                self._anywhere[key, value].add(number, file)
                self._values[namespace, key].add(value)
                self.keys.add(key)

    def named(self, namespace: str | None, name: str) -> Members:
        """Return the objects of a name in a namespace."""
        return self._names.get((namespace, name), NOBODY)

    def with_label(self, namespace: str | None, key: str, value: str) -> Members:
        """Return the objects of a namespace that carry a label."""
        return self._in_space.get((namespace, key, value), NOBODY)

    def candidates(self, selector: Selector, namespace: str | None) -> list[Members]:
        """Return groups, without an object in two of them, that hold all objects of a namespace that a selector fits.

        They are the smallest that one label is enough to tell.
        """
        choices = [[self._in_space.get((namespace, *pair), NOBODY) for pair in pairs] for pairs in selector.choices]
        return min(choices, key=_size) if choices else [self.spaces.get(namespace, NOBODY)]

    def candidates_anywhere(self, selector: Selector) -> list[Members]:
        """Return the same for all namespaces."""
        choices = [[self._anywhere.get(pair, NOBODY) for pair in pairs] for pairs in selector.choices]
        return min(choices, key=_size) if choices else [*self.spaces.values()]

    def similar_values(self, namespace: str | None, key: str, value: str) -> list[str]:
        """Return the values of a label in a namespace of which a value may be a misspelling."""
        place = (namespace, key)
        if place not in self._near:
            self._near[place] = NearNames(self._values.get(place, ()))
        return self._near[place].like(value)


def _size(groups: list[Members]) -> int:
    return sum(map(len, groups))
