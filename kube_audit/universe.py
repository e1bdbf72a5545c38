"""Which objects see each other: folders that are variants of one another are separate universes.

Two objects see each other unless the folders in which their paths part are variants. Folders side by side are
variants when both hold the same object (kind, namespace, name), as `overlays/dev` and `overlays/prod` do; what
lies above or beside them is shared. Objects that one kustomization includes always see each other.

Objects that share something (a name, a label) are kept as `Members`; who sees which of them is found by walking
down from the top folder to the asking file's, so that a thousand variants do not ask each other.
"""

from __future__ import annotations

import os.path
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from kube_audit.engine.scopes import kind_names
from kube_audit.manifests.kustomizations import Build, Kustomizations
from kube_audit.manifests.objects import Object

Identity = tuple[str, str | None, str | None]


def identity(obj: Object) -> Identity:
    """Return what makes an object the same as another: kind (with a custom group), namespace, name."""
    return (kind_names(obj.api_version, obj.kind)[0], obj.namespace, obj.name)


Folder = tuple[str, ...]
_FEW = 8


class Members:
    """Numbers of objects that share something, in the order in which they were read, and the folder of each."""

    __slots__ = ("by_root", "places", "tree")

    def __init__(self) -> None:
        self.places: list[tuple[int, str]] = []
        """Number and file."""
        self.tree: dict[Folder, dict[Folder, list[int]]] | None = None
        """Folder to what lies in it, under (), and in the folders in it, by family or folder."""
        self.by_root: dict[Build, list[int]] = {}

    def add(self, number: int, file: str) -> None:
        """Take an object in; all are added before the first question."""
        self.places.append((number, file))

    def __len__(self) -> int:
        return len(self.places)


NOBODY = Members()


_KIND_NAMES = """
    autoscaler config configmap cronjob daemonset deployment gateway hpa ingress job namespace netpol network
    networking networkpolicy pdb persistentvolumeclaim pod pvc rbac role route secret service serviceaccount
    stateful statefulset storage svc volume workload
"""
_KIND_FOLDERS = frozenset(name + ending for name in _KIND_NAMES.split() for ending in ("", "s", "es")) | {
    "networkpolicies",
    "network-policies",
    "config-maps",
    "stateful-sets",
}


def _fitting(folder: Folder, pattern: str) -> list[Folder]:
    """Return the part of a folder's path that a pattern fits as a whole, in a list; [] where none does."""
    steps = tuple(os.path.normpath(pattern).split(os.sep))
    head = folder[: len(steps)]
    fits = len(head) == len(steps) and all(fnmatchcase(a, b) for a, b in zip(head, steps, strict=True))
    return [head] if fits else []


class Universes:
    """Answers whether two files' objects see each other."""

    def __init__(self, objects: Iterable[Object], kustomizations: Kustomizations, apart: Sequence[str] = ()) -> None:
        """Take all objects; folders that a pattern of `apart` fits (`clusters/*`) are variants whatever they hold."""
        self._family: dict[Folder, Folder] = {}
        """Folder that is a variant to the folder that stands for its family (a union-find forest, then flat)."""
        self._kustomizations = kustomizations
        self._folders: dict[str, Folder] = {}
        folders: dict[Identity, set[Folder]] = defaultdict(set)
        for obj in objects:
            if obj.metadata.get("name") and obj.kind != "Namespace":  # applications bring their own along
                folders[identity(obj)].add(self.folder(obj.file))
        for places in folders.values():
            if len(places) > 1:
                self._part(sorted(places))
        for pattern in apart:
            fitting = {f for places in folders.values() for place in places for f in _fitting(place, pattern)}
            if len(fitting) > 1:
                self._unite(sorted(fitting))
        for folder in list(self._family):
            self._head(folder)

    def folder(self, file: str) -> Folder:
        """Return a file's folder as the names on the way to it."""
        known = self._folders.get(file)
        if known is None:
            folder = os.path.dirname(os.path.normpath(file))
            known = self._folders[file] = tuple(folder.split(os.sep)) if folder else ()
        return known

    def see(self, one: str, other: str) -> bool:
        """Whether objects of one file and of another belong to one universe."""
        if one == other or not self._family:
            return True
        here, there = self.folder(one), self.folder(other)
        if here == there:
            return True
        shared = _shared(here, there)
        if len(here) == shared or len(there) == shared:
            return True
        family = self._family.get(here[: shared + 1])
        if family is None or family != self._family.get(there[: shared + 1]):
            return True
        return self.built_together(one, other)

    def near(self, one: str, other: str) -> bool:
        """Whether two files are likely to be about one application: in one folder, or one above the other's.

        Folders that are named after kinds, such as `deployments` beside `services`, count as the one above them.
        """
        here, there = self._application(one), self._application(other)
        shared = _shared(here, there)
        return shared in (len(here), len(there)) or self.built_together(one, other)

    def _application(self, file: str) -> Folder:
        """Return a file's folder without the names of kinds at its end."""
        folder = self.folder(file)
        while folder and folder[-1] in _KIND_FOLDERS:
            folder = folder[:-1]
        return folder

    def seen(self, file: str, members: Members) -> Iterator[int]:
        """Yield the numbers of those members that a file's objects see, few in their order."""
        if len(members) <= _FEW or not self._family:
            yield from (number for number, other in members.places if self.see(file, other))
            return
        tree = self._tree(members)
        here = self.folder(file)
        given: set[int] = set()
        for depth in range(len(here) + 1):
            groups = tree.get(here[:depth])
            if groups is None:
                break
            own = self._group(here, depth) if depth < len(here) else None
            for group, numbers in groups.items():
                if group != own:
                    given.update(numbers)
                    yield from numbers
        for root in self.roots(file):
            yield from (number for number in members.by_root.get(root, ()) if number not in given)
            given.update(members.by_root.get(root, ()))

    def seen_near(self, file: str, members: Members) -> Iterator[int]:
        """Yield the numbers of those members that `near` holds for, few in their order."""
        if len(members) <= _FEW:
            yield from (number for number, other in members.places if self.near(file, other))
            return
        tree = self._tree(members)
        here = self._application(file)
        given: set[int] = set()
        for depth in range(len(here) + 1):
            for group, numbers in tree.get(here[:depth], {}).items():
                if depth == len(here) or not group or group[-1] in _KIND_FOLDERS:
                    given.update(numbers)
                    yield from numbers
        for root in self.roots(file):
            yield from (number for number in members.by_root.get(root, ()) if number not in given)
            given.update(members.by_root.get(root, ()))

    def _tree(self, members: Members) -> dict[Folder, dict[Folder, list[int]]]:
        if members.tree is None:
            members.tree = {}
            for number, file in members.places:
                folder = self.folder(file)
                for depth in range(len(folder) + 1):
                    groups = members.tree.setdefault(folder[:depth], {})
                    groups.setdefault(self._group(folder, depth), []).append(number)
                for root in self.roots(file):
                    members.by_root.setdefault(root, []).append(number)
        return members.tree

    def _group(self, folder: Folder, depth: int) -> Folder:
        """Return what stands for the next folder on the way down: its family, else itself; () at the end."""
        below = folder[: depth + 1]
        return self._family.get(below, below) if len(folder) > depth else ()

    def _part(self, places: list[Folder]) -> None:
        """Make variants of the folders into which places that hold the same object part."""
        pending = [(places, 0)]
        while pending:
            here, depth = pending.pop()
            branches: dict[str, list[Folder]] = defaultdict(list)
            for place in here:
                if len(place) > depth:
                    branches[place[depth]].append(place)
            if len(branches) > 1:
                self._unite([below[0][: depth + 1] for below in branches.values()])
            pending.extend((below, depth + 1) for below in branches.values() if len(below) > 1)

    def _unite(self, folders: list[Folder]) -> None:
        heads = {self._head(folder) for folder in folders}
        first = min(heads)
        for head in heads:
            self._family[head] = first

    def _head(self, folder: Folder) -> Folder:
        """Return the folder that stands for a folder's family, and shorten the way there."""
        head = self._family.setdefault(folder, folder)
        while self._family[head] != head:
            head = self._family[head]
        while self._family[folder] != head:
            self._family[folder], folder = head, self._family[folder]
        return head

    def built_together(self, one: str, other: str) -> bool:
        """Whether one kustomization includes both files, and puts them into one namespace."""
        return not self.roots(one).isdisjoint(self.roots(other))

    def roots(self, file: str) -> frozenset[Build]:
        """Return the kustomizations that include a file, each with the namespace that it sets there."""
        return self._kustomizations.builds(file)


def _shared(one: Folder, other: Folder) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
