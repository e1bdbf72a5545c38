"""Objects against schemas, first of all those of Kubernetes: every mistake, each at its place, in plain words."""

from __future__ import annotations

import json
import marshal
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, Literal

from kube_audit import cache
from kube_audit.findings import FixSafety, Patch, Path
from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple
from kube_audit.validation import field_values
from kube_audit.validation.certainty import surely_fits

ProblemKind = Literal["unknown-field", "wrong-type", "missing-field", "bad-enum", "bad-format", "other"]

CUSTOM = "custom-resource"
"""Name of the definition that stands for the whole of a custom resource."""
REPEATED = "x-kubernetes-list-type"
"""JSON Schema keyword of lists without repetitions; its failure's message is JSON: the entry, the first, the keys."""
Failures = dict[str, list[Any]]
"""What a value fails: JSON Schema keywords, each with the validator's descriptions (`jsonschema_rs`, `error.kind`)."""

_FORMAT = 2
"""Part of the cache key: raise it when what `_strip` or `field_values` make of the schemas changes."""
_FOLDER = lazily(r"v([0-9]+\.[0-9]+)\.[0-9]+-local-strict\Z")
_VERSION = lazily(r"v?([0-9]+\.[0-9]+)(?:\.[0-9]+)?\Z")
_REF = "#/$defs/"
_FEW = 5
"""Questions about a kind's objects for which its schema need not be compiled."""
_ROOT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


class Written(NamedTuple):
    """How a scalar stands in the file: its characters, and whether it stands there without quotes."""

    text: str
    plain: bool


class SchemaProblem(NamedTuple):
    """One thing that the API server would refuse."""

    rule: Literal[
        "schema-invalid",
        "yaml-type-trap",
        "resource-quantity-invalid",
        "list-map-key-duplicate",
        "metadata-scope-mismatch",
        "crd-cel-rule-violated",
    ]
    kind: ProblemKind
    path: Path
    """Route to it from the object's root; a missing field's problem has the path of what lacks it."""
    at: Literal["key", "value"]
    """Which of the two to point at."""
    message: str
    remediation: str
    patches: tuple[Patch, ...] = ()
    fix: FixSafety | None = None


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
        name = ref.removeprefix(_REF)
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
        nodes = [self.resolve({"$ref": _REF + self.kinds[api_version][kind]})]
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
    demanding = {_REF + name for name, schema in raw.items() if schema.get("required")}
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


class Schemas:
    """The schemas of one Kubernetes version, each kind compiled when it is first met."""

    def __init__(self, version: str) -> None:
        """Take "1.30" (also "v1.30", "1.30.2"); ValueError for a version without schemas."""
        match = _VERSION.match(version)
        if match is None or match[1] not in supported_versions():
            known = supported_versions()
            raise ValueError(
                f"there are no schemas for Kubernetes {version}; give a version from {known[0]} to {known[-1]}"
            )
        self.version = match[1]
        self._definitions = definitions(self.version)
        self._compiled: dict[tuple[str, str], KindSchema] = {}
        self._asked: dict[tuple[str, str], int] = defaultdict(int)

    def knows(self, api_version: str, kind: str) -> bool:
        """Whether Kubernetes itself serves this kind in this version."""
        return kind in self._definitions.kinds.get(api_version, ())

    def kinds(self) -> Iterator[tuple[str, str]]:
        """Yield (apiVersion, kind) of all that Kubernetes itself serves in this version, Lists included."""
        for api_version, kinds in self._definitions.kinds.items():
            for kind in kinds:
                yield api_version, kind

    def problems(self, data: dict[str, Any], written: Callable[[Path], Written | None]) -> list[SchemaProblem]:
        """Return all that is wrong with an object, as `KindSchema.problems` does; [] for a kind that is not known."""
        api_version, kind = data.get("apiVersion"), data.get("kind")
        if not isinstance(api_version, str) or not isinstance(kind, str) or not self.knows(api_version, kind):
            return []
        if self._surely_fits(api_version, kind, data):
            return []
        return self._of(api_version, kind).problems(data, written)

    def fits(self, data: dict[str, Any]) -> bool:
        """Whether an object fits its schema in every point, placeholders not excused; True for an unknown kind."""
        api_version, kind = data["apiVersion"], data["kind"]
        if not self.knows(api_version, kind) or self._surely_fits(api_version, kind, data):
            return True
        return self._of(api_version, kind).fits(data)

    def _surely_fits(self, api_version: str, kind: str, data: dict[str, Any]) -> bool:
        """Whether one of the first few objects of a kind certainly fits, which saves compiling the schema."""
        key = (api_version, kind)
        if key in self._compiled or self._asked[key] > _FEW:
            return False
        self._asked[key] += 1
        definitions = self._definitions
        return surely_fits(data, {"$ref": _REF + definitions.kinds[api_version][kind]}, definitions.defs)

    def _of(self, api_version: str, kind: str) -> KindSchema:
        known = self._compiled.get((api_version, kind))
        if known is None:
            name = self._definitions.kinds[api_version][kind]
            schema = {"$ref": _REF + name, "$defs": self._definitions.reachable(name)}
            known = self._compiled[api_version, kind] = KindSchema(schema, self._definitions, self.version)
        return known


class KindSchema:
    """The schema of one kind, ready to hold objects against."""

    def __init__(
        self,
        schema: dict[str, Any],
        known: Definitions,
        version: str,
        options: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Compile a JSON Schema. Raises ValueError for one that is none.

        `known` has the same schema for the words of messages, `version` is the Kubernetes version; `options` are
        more arguments of `jsonschema_rs.validator_for`.
        """
        import jsonschema_rs

        # The engine without backtracking: linear in whatever a file holds.
        patterns = jsonschema_rs.RegexOptions()
        arguments = {"validate_formats": False, "pattern_options": patterns, "offline": True, **options}
        self._validator = jsonschema_rs.validator_for(schema, **arguments)
        self._known = known
        self._version = version

    def problems(self, data: dict[str, Any], written: Callable[[Path], Written | None]) -> list[SchemaProblem]:
        """Return all that is wrong with an object, in order of path.

        `data` is the object without null values in its mappings, nested no deeper than the YAML reader lets
        through (the validator recurses). `written` tells how the scalar at a path
        stands in the file, None where that is not known.
        """
        try:
            if self._validator.is_valid(data):
                return []
            failures: dict[Path, Failures] = {}
            numbered: dict[int, dict[str, list[str]]] = {}
            for error in self._validator.iter_errors(data):
                for path in _paths(data, error, numbered):
                    failures.setdefault(path, {}).setdefault(str(error.schema_path[-1]), []).append(error.kind)
        except (ValueError, OverflowError) as error:
            if "Recursion" in str(error):
                return []  # nested more deeply than the validator goes where it has keywords of ours
            # Lone surrogates: the validator takes text as UTF-8.
            message = f"the {data['kind']} holds text that is no valid Unicode, which Kubernetes cannot read"
            remediation = "Write the text in UTF-8, without halves of surrogate pairs such as \\ud800."
            return [SchemaProblem("schema-invalid", "other", (), "value", message, remediation)]
        from kube_audit.validation.schema_messages import explain

        return explain(data, failures, self._known, self._version, written)

    def fits(self, data: dict[str, Any]) -> bool:
        """Whether an object fits the schema in every point, placeholders not excused."""
        try:
            return bool(self._validator.is_valid(data))
        except (ValueError, TypeError):
            return False


def _paths(data: Any, error: Any, numbered: dict[int, dict[str, list[str]]]) -> list[Path]:
    """Return where a validator's error is: one path, or more where it cannot tell keys apart.

    The validator takes a key that can be read as a number for an index: `080` comes out as 80. `numbered` keeps
    such keys of each mapping by their number, for the next errors of the same data.
    """
    found: list[tuple[Path, Any]] = [((), data)]
    for step in error.instance_path:
        found = [((*path, key), value[key]) for path, value in found for key in _keys(value, step, numbered)]
    if len(found) > 1:
        found = [(path, value) for path, value in found if value == error.instance]
    return [path for path, _ in found]


def _keys(value: Any, step: str | int, numbered: dict[int, dict[str, list[str]]]) -> Iterable[str | int]:
    if isinstance(step, str) or isinstance(value, list):
        return (step,)
    keys = numbered.get(id(value))
    if keys is None:
        keys = numbered[id(value)] = {}
        for key in value:
            digits = key.removeprefix("+")
            if digits.isascii() and digits.isdigit():
                keys.setdefault(digits.lstrip("0") or "0", []).append(key)
    return keys.get(str(step), ())


def _references(schema: dict[str, Any]) -> list[str]:
    names = []
    waiting = [schema]
    while waiting:
        inner = waiting.pop()
        if "$ref" in inner:
            names.append(inner["$ref"].removeprefix(_REF))
        waiting += inner.get("properties", {}).values()
        waiting += [inner[k] for k in ("items", "additionalProperties") if isinstance(inner.get(k), dict)]
    return names
