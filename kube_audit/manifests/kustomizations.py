"""What the kustomizations of a tree say about the other files: which are patches, and what they write into them.

Nothing is built: `Kustomizations` only tells what a build changes, so that nobody judges what is not applied.
Source: the reference of kustomization files (labels, commonLabels, namespace, namePrefix, images, replicas).
"""

from __future__ import annotations

import os.path
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kube_audit.records import NamedTuple

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


class Kustomization(NamedTuple):
    """One kustomization. Paths are joined to its folder, normal, with forward slashes; URLs are left out."""

    folder: str
    file: str
    patches: frozenset[str]
    configuration: frozenset[str]
    """Transformers, generators, name references and the like: settings of kustomize, no cluster objects."""
    includes: frozenset[str]
    """Files and folders under resources, bases and components."""
    generated: frozenset[tuple[str, str]]
    """(kind, name) of ConfigMaps and Secrets that are generated; their hash suffix is left out."""
    components: frozenset[str]
    """Those of `includes` that write into everything else that is included here."""
    writes: Writes


class Writes(NamedTuple):
    """What a kustomization writes into everything that it includes: keys of labels and so on, not their values."""

    renames: bool = False
    """A prefix or suffix is put on names."""
    namespace: str | None = None
    labels: frozenset[str] = frozenset()
    """On objects."""
    pod_labels: frozenset[str] = frozenset()
    """On pod templates."""
    selectors: frozenset[str] = frozenset()
    """In selectors; always on pod templates, too."""
    annotations: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    """Images, as manifests name them, that are replaced."""
    replicas: frozenset[str] = frozenset()
    """Workloads whose number of copies is set."""

    @property
    def sets_fields(self) -> bool:
        """Whether anything but names is written."""
        return any(self[1:])

    def with_also(self, other: Writes) -> Writes:
        """Return what both write."""
        union = (getattr(self, name) | getattr(other, name) for name in Writes._fields[2:])
        return Writes(self.renames or other.renames, self.namespace or other.namespace, *union)


NOTHING = Writes()


class Build(NamedTuple):
    """A kustomization that includes a file, by its number, and the namespace that its build puts the objects into."""

    root: int
    namespace: str | None
    """None for the one that is written."""


_NONE: frozenset[Build] = frozenset()


class Kustomizations:
    """All kustomizations of a tree, asked by file."""

    def __init__(self) -> None:
        self.all: list[Kustomization] = []
        self._patches: dict[str, str] = {}
        self._configuration: dict[str, str] = {}
        self._builds: _Builds | None = None

    def builds(self, file: str) -> frozenset[Build]:
        """Return the kustomizations that include a file, directly or through others."""
        return self._built().of_file.get(os.path.normpath(file), _NONE) if self.all else _NONE

    def writers(self, file: str) -> Iterator[tuple[int, Writes]]:
        """Yield each kustomization that writes into a file's objects: its number, and what it writes."""
        writes = self._built().writes
        yield from ((root, writes[root]) for root, _ in sorted(self.builds(file)) if writes[root] is not NOTHING)

    def in_every_build(self, file: str, test: Callable[[Writes], bool]) -> bool:
        """Whether a test holds for some kustomization on each way from a file up to what is applied."""
        fitting = {root for root, writes in self.writers(file) if test(writes)}
        if not fitting:
            return False
        roots, above = {root for root, _ in self.builds(file)}, self._built().above
        tops = (root for root in roots if not above[root])
        return all(not _way(top, roots, above).isdisjoint(fitting) for top in tops)

    def renaming(self, file: str, root: int) -> frozenset[int]:
        """Return the kustomizations that put something before or after a file's names when one of them is built."""
        renaming = {number for number, writes in self.writers(file) if writes.renames}
        return frozenset(_way(root, renaming, self._built().above))

    def _built(self) -> _Builds:
        if self._builds is None:
            self._builds = _follow(self.all)
        return self._builds

    def add(self, kustomization: Kustomization) -> None:
        """Take a kustomization into account."""
        self.all.append(kustomization)
        for path in kustomization.patches:
            self._patches.setdefault(path, kustomization.file)
        for path in kustomization.configuration:
            self._configuration.setdefault(path, kustomization.file)

    def skip_reason(self, file: str) -> str | None:
        """Why a file is no manifest of its own, None where no kustomization says so."""
        file = os.path.normpath(file)
        if file in self._patches:
            return "kustomize patch, named by a kustomization"
        if file in self._configuration:
            return "kustomize configuration, named by a kustomization"
        return None


class _Builds(NamedTuple):
    """What comes of kustomizations that include each other, by their numbers."""

    of_file: dict[str, frozenset[Build]]
    above: dict[int, set[int]]
    """Kustomization to those that include it."""
    writes: list[Writes]
    """What each writes, its components included."""


def _follow(kustomizations: list[Kustomization]) -> _Builds:
    by_folder = {kustomization.folder: number for number, kustomization in enumerate(kustomizations)}
    roots: dict[str, set[int]] = defaultdict(set)
    above: dict[int, set[int]] = defaultdict(set)
    writes = []
    for number, kustomization in enumerate(kustomizations):
        pending, seen = [kustomization], {kustomization.folder}
        while pending:
            for path in pending.pop().includes:
                below = by_folder.get(path)
                if below is None:
                    roots[path].add(number)
                elif path not in seen:
                    seen.add(path)
                    above[below].add(number)
                    pending.append(kustomizations[below])
        writes.append(_with_components(number, kustomizations, by_folder))
    setting = {number for number, one in enumerate(writes) if one.namespace}
    of_file = {
        file: frozenset(
            Build(root, _namespace(_way(root, including & setting, above), above, writes)) for root in including
        )
        for file, including in roots.items()
    }
    return _Builds(of_file, above, writes)


def _way(root: int, numbers: set[int], above: dict[int, set[int]]) -> set[int]:
    """Return those of some kustomizations that are a root or included by it."""
    return {number for number in numbers if number == root or root in above[number]}


def _namespace(setting: set[int], above: dict[int, set[int]], writes: list[Writes]) -> str | None:
    """Return the namespace that the outermost of some kustomizations sets."""
    outermost = [number for number in sorted(setting) if above[number].isdisjoint(setting)]
    return writes[outermost[0]].namespace if outermost else None


def _with_components(number: int, kustomizations: list[Kustomization], by_folder: dict[str, int]) -> Writes:
    pending, seen = [number], {number}
    found = kustomizations[number].writes
    while pending:
        for path in kustomizations[pending.pop()].components:
            component = by_folder.get(path)
            if component is not None and component not in seen:
                seen.add(component)
                pending.append(component)
                found = found.with_also(kustomizations[component].writes)
    return NOTHING if found == NOTHING else found


def is_kustomization(file: str, data: Any) -> bool:
    """Whether a document is a kustomization or component: by its file's name, or by what it says it is."""
    if os.path.basename(file) in FILE_NAMES:
        return True
    return isinstance(data, dict) and str(data.get("apiVersion", "")).startswith("kustomize.config.k8s.io/")


def read(file: str, data: dict[str, Any]) -> Kustomization:
    """Read one kustomization. Whatever has an unexpected type is passed over."""
    folder = os.path.dirname(file)

    def paths(*keys: str) -> Iterator[str]:
        for key in keys:
            for entry in _list(data.get(key)):
                if isinstance(entry, str):
                    yield entry
                elif isinstance(entry, dict) and isinstance(entry.get("path"), str):
                    yield entry["path"]

    def joined(entries: Iterator[str]) -> frozenset[str]:
        return frozenset(
            os.path.normpath(os.path.join(folder, entry))
            for entry in entries
            if entry.strip() and "\n" not in entry and "://" not in entry
        )

    generated = frozenset(
        (kind, entry["name"])
        for key, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret"))
        for entry in _list(data.get(key))
        if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    )
    values = (
        entry["valuesFile"]
        for entry in _list(data.get("helmCharts"))
        if isinstance(entry, dict) and isinstance(entry.get("valuesFile"), str)
    )
    return Kustomization(
        folder=os.path.normpath(folder),
        file=file,
        patches=joined(paths("patches", "patchesStrategicMerge", "patchesJson6902")),
        configuration=joined(paths("configurations", "transformers", "generators", "replacements", "validators"))
        | joined(values),
        includes=joined(paths("resources", "bases", "components")),
        generated=generated,
        components=joined(paths("components")),
        writes=_writes(data),
    )


def _writes(data: dict[str, Any]) -> Writes:
    everywhere = _keys(data.get("commonLabels"))
    entries = [entry for entry in _list(data.get("labels")) if isinstance(entry, dict)]
    selecting = everywhere.union(*(_keys(one.get("pairs")) for one in entries if one.get("includeSelectors") is True))
    on_pods = selecting.union(*(_keys(one.get("pairs")) for one in entries if one.get("includeTemplates") is True))
    namespace = data.get("namespace")
    return Writes(
        renames=bool(data.get("namePrefix") or data.get("nameSuffix")),
        namespace=namespace if isinstance(namespace, str) and namespace else None,
        labels=everywhere.union(*(_keys(one.get("pairs")) for one in entries)),
        pod_labels=on_pods,
        selectors=selecting,
        annotations=_keys(data.get("commonAnnotations")),
        images=_names(one for one in _list(data.get("images")) if _replaces(one)),
        replicas=_names(_list(data.get("replicas"))),
    )


def _replaces(image: Any) -> bool:
    return isinstance(image, dict) and any(image.get(key) for key in ("newName", "newTag", "digest"))


def _names(entries: Iterable[Any]) -> frozenset[str]:
    named = (entry.get("name") for entry in entries if isinstance(entry, dict))
    return frozenset(name for name in named if isinstance(name, str))


def _keys(value: Any) -> frozenset[str]:
    return frozenset(key for key in value if isinstance(key, str)) if isinstance(value, dict) else frozenset()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
