"""Which objects see each other: folders that are variants of one another are separate universes.

Two objects see each other unless the folders in which their paths part are variants. Folders side by side are
variants when both hold the same object (kind, namespace, name), as `overlays/dev` and `overlays/prod` do; what
lies above or beside them is shared. Objects that one kustomization includes always see each other.
"""

from __future__ import annotations

import os.path
from collections import defaultdict
from collections.abc import Iterable

from kube_audit.engine.scopes import kind_names
from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.objects import Object

Identity = tuple[str, str | None, str | None]


def identity(obj: Object) -> Identity:
    """Return what makes an object the same as another: kind (with a custom group), namespace, name."""
    return (kind_names(obj.api_version, obj.kind)[0], obj.namespace, obj.name)


class Universes:
    """Answers whether two files' objects see each other."""

    def __init__(self, objects: Iterable[Object], kustomizations: Kustomizations) -> None:
        self._family: dict[tuple[str, ...], tuple[str, ...]] = {}
        """Folder that is a variant to the folder that stands for its family."""
        self._roots: dict[str, set[int]] | None = None
        self._kustomizations = kustomizations
        self._folders: dict[str, tuple[str, ...]] = {}
        folders: dict[Identity, set[tuple[str, ...]]] = defaultdict(set)
        for obj in objects:
            if obj.metadata.get("name"):
                folders[identity(obj)].add(self.folder(obj.file))
        for places in folders.values():
            if len(places) > 1:
                self._part(sorted(places), 0)

    def folder(self, file: str) -> tuple[str, ...]:
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
        return self._built_together(one, other)

    def near(self, one: str, other: str) -> bool:
        """Whether two files are likely to be about one application: in one folder, or one above the other's."""
        here, there = self.folder(one), self.folder(other)
        shared = _shared(here, there)
        return shared in (len(here), len(there)) or self._built_together(one, other)

    def _part(self, places: list[tuple[str, ...]], depth: int) -> None:
        """Make variants of the folders into which places that hold the same object part."""
        branches: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for place in places:
            if len(place) > depth:
                branches[place[depth]].append(place)
        if len(branches) > 1:
            names = sorted(branches)
            first = places[0][:depth] if len(places[0]) >= depth else ()
            self._unite([(*first, name) for name in names])
        for below in branches.values():
            if len(below) > 1:
                self._part(below, depth + 1)

    def _unite(self, folders: list[tuple[str, ...]]) -> None:
        heads = {self._family.get(folder, folder) for folder in folders}
        head = min(heads)
        for folder in folders:
            self._family[folder] = head
        if len(heads) > 1:
            for folder, family in self._family.items():
                if family in heads:
                    self._family[folder] = head

    def _built_together(self, one: str, other: str) -> bool:
        if not self._kustomizations.all:
            return False
        if self._roots is None:
            self._roots = _build_roots(self._kustomizations)
        here, there = (self._roots.get(os.path.normpath(file), set()) for file in (one, other))
        return not here.isdisjoint(there)


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _build_roots(kustomizations: Kustomizations) -> dict[str, set[int]]:
    """Return file to the numbers of the kustomizations that include it, directly or through others."""
    by_folder = {kustomization.folder: kustomization for kustomization in kustomizations.all}
    roots: dict[str, set[int]] = defaultdict(set)
    for number, kustomization in enumerate(kustomizations.all):
        pending, seen = [kustomization], {kustomization.folder}
        while pending:
            for path in pending.pop().includes:
                below = by_folder.get(path)
                if below is None:
                    roots[path].add(number)
                elif path not in seen:
                    seen.add(path)
                    pending.append(below)
    return roots
