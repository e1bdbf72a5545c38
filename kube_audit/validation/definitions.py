"""The schemas of Kubernetes that kubernetes-validate carries: for which versions, and what they say of each field."""

from __future__ import annotations

import json
import marshal
import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path as FilePath
from typing import Any

from kube_audit import cache
from kube_audit.findings import Path
from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple
from kube_audit.validation import field_values

REF = "#/$defs/"
"""What references to definitions begin with."""
_FORMAT = 2
"""Part of the cache key: raise it when what `_strip` or `field_values` make of the schemas changes."""
_FOLDER = lazily(r"v([0-9]+\.[0-9]+)\.[0-9]+-local-strict\Z")
_ROOT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


class Node(NamedTuple):
    """A place in a schema: the definition's name ("io.k8s.api.core.v1.PodSpec", "" where it has none), its keywords."""

    name: str
    schema: dict[str, Any]

    @property
    def short(self) -> str:
        """The definition's name as people know it: "PodSpec"."""
        return self.name.rpartition(".")[2]

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        """Schemas of the fields by name, {} for what is no mapping with fixed fields."""
        fields: dict[str, dict[str, Any]] = self.schema.get("properties", {})
        return fields

    @property
    def types(self) -> tuple[str, ...]:
        """JSON types that are wanted here, without null."""
        types = self.schema.get("type", ())
        return tuple(t for t in ([types] if isinstance(types, str) else types) if t != "null")


class Definitions(NamedTuple):
    """The schemas of one Kubernetes version."""

    kinds: dict[str, dict[str, str]]
    """apiVersion → kind → name of its definition."""
    defs: Mapping[str, dict[str, Any]]

    def resolve(self, schema: dict[str, Any]) -> Node:
        """Return the schema itself, or the definition that it refers to, {} where that is unknown."""
        ref = schema.get("$ref")
        if not isinstance(ref, str):
            return Node("", schema)
        name = ref.removeprefix(REF)
        return Node(name, self.defs.get(name, {}))

    def child(self, node: Node, step: str | int) -> Node | None:
        """Return the schema of a field or item, None where the schema says nothing of it."""
        schema = node.schema
        if isinstance(step, int):
            inner = schema.get("items")
        else:
            inner = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
        return self.resolve(inner) if isinstance(inner, dict) else None

    def reachable(self, name: str) -> dict[str, dict[str, Any]]:
        """Return a definition and all that it refers to, by name."""
        found: dict[str, dict[str, Any]] = {}
        waiting = [name]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self.defs[name]
                waiting += _references(found[name])
        return found

    def chain(self, api_version: str, kind: str, path: Path) -> list[Node]:
        """Return the schemas from an object's root down to a path; it ends early where the schema does."""
        nodes = [self.resolve({"$ref": REF + self.kinds[api_version][kind]})]
        for step in path:
            inner = self.child(nodes[-1], step)
            if inner is None:
                break
            nodes.append(inner)
        return nodes


@lru_cache
def _package() -> FilePath:
    # Importing kubernetes_validate costs 90 ms; only its data is wanted.
    spec = find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package kubernetes-validate, which carries the schemas, is not installed")
    return FilePath(spec.submodule_search_locations[0])


@lru_cache
def _folders() -> dict[str, FilePath]:
    found = {}
    for folder in (_package() / "kubernetes-json-schema").iterdir():
        if match := _FOLDER.match(folder.name):
            found[match[1]] = folder
    return dict(sorted(found.items(), key=lambda item: _numeric(item[0])))


def _numeric(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def supported_versions() -> tuple[str, ...]:
    """Return the Kubernetes versions that schemas are there for, as "1.30", oldest first."""
    return tuple(_folders())


def newest_version() -> str:
    """Return the newest Kubernetes version that schemas are there for."""
    return supported_versions()[-1]


@lru_cache
def definitions(version: str) -> Definitions:
    """Return the schemas of a version out of `supported_versions()`: from the cache, else stripped anew."""
    key = f"schemas-{_package_version()}-{version}-{sys.version_info[0]}.{sys.version_info[1]}-{_FORMAT}"
    stored = cache.load(key)
    if stored is not None:
        try:
            kinds, packed = marshal.loads(stored)  # noqa: S302 (the user's own cache)
            return Definitions(kinds, _Defs(packed))
        except (ValueError, EOFError, TypeError):
            pass
    kinds, defs = _read(_folders()[version] / "_definitions.json")
    packed = {name: marshal.dumps(schema) for name, schema in defs.items()}
    cache.store(key, marshal.dumps((kinds, packed)))
    return Definitions(kinds, _Defs(packed))


class _Defs(Mapping[str, dict[str, Any]]):
    """Definitions by name, each unpacked when it is first asked for: an object needs few of them."""

    def __init__(self, packed: dict[str, bytes]) -> None:
        self._packed = packed
        self._unpacked: dict[str, dict[str, Any]] = {}

    def __getitem__(self, name: str) -> dict[str, Any]:
        known = self._unpacked.get(name)
        if known is None:
            known = self._unpacked[name] = marshal.loads(self._packed[name])  # noqa: S302 (the user's own cache)
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def _package_version() -> str:
    text = (_package() / "version.py").read_text(encoding="utf-8")
    return re.sub(r"[^0-9A-Za-z.]", "", text.rpartition("=")[2])


def _read(file: FilePath) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, Any]]]:
    raw = json.loads(file.read_bytes())["$defs"]
    kinds: dict[str, dict[str, str]] = {}
    for name, schema in raw.items():
        if schema.get("properties", {}).keys() >= _ROOT_FIELDS:
            for gvk in schema.get("x-kubernetes-group-version-kind", ()):
                api_version = f"{gvk['group']}/{gvk['version']}".lstrip("/")
                kinds.setdefault(api_version, {})[gvk["kind"]] = name
    demanding = {REF + name for name, schema in raw.items() if schema.get("required")}
    defs = {name: _strip(schema, demanding) for name, schema in raw.items()}
    field_values.tighten(defs)
    return kinds, defs


def _strip(schema: dict[str, Any], demanding: set[str]) -> dict[str, Any]:
    """Keep what validation and its messages need: a fifth of the size."""
    kept: dict[str, Any] = {k: schema[k] for k in ("$ref", "type", "required") if k in schema}
    kept |= field_values.of_format(schema.get("format", ""))
    if "properties" in schema:
        kept["properties"] = {k: _strip(v, demanding) for k, v in schema["properties"].items()}
    more = schema.get("additionalProperties")
    if more is not None:
        kept["additionalProperties"] = _strip(more, demanding) if isinstance(more, dict) else more
    if "items" in schema:
        kept["items"] = _strip(schema["items"], demanding)
        if kept["items"].get("$ref") in demanding:
            # An empty item is an empty mapping to Kubernetes, which lacks the required fields.
            kept["items"]["type"] = "object"
    return kept


def _references(schema: dict[str, Any]) -> list[str]:
    names = []
    waiting = [schema]
    while waiting:
        inner = waiting.pop()
        if "$ref" in inner:
            names.append(inner["$ref"].removeprefix(REF))
        waiting += inner.get("properties", {}).values()
        waiting += [inner[k] for k in ("items", "additionalProperties") if isinstance(inner.get(k), dict)]
    return names
