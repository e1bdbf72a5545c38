"""What the kustomizations of a tree say about the other files: which are patches, which names are generated."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
    changes_names: bool
    """A name prefix, suffix or namespace is put on everything included."""


@dataclass(slots=True)
class Kustomizations:
    """All kustomizations of a tree, asked by file."""

    all: list[Kustomization] = field(default_factory=list)
    _patches: dict[str, str] = field(default_factory=dict)
    _configuration: dict[str, str] = field(default_factory=dict)

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
        changes_names=any(data.get(key) for key in ("namePrefix", "nameSuffix", "namespace")),
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
