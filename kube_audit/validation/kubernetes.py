"""Objects against schemas, first of all those of Kubernetes: every mistake, each at its place, in plain words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal

from kube_audit.findings import FixSafety, Patch, Path
from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple
from kube_audit.validation.certainty import surely_fits
from kube_audit.validation.definitions import REF, Definitions, definitions, supported_versions

ProblemKind = Literal["unknown-field", "wrong-type", "missing-field", "bad-enum", "bad-format", "other"]

CUSTOM = "custom-resource"
"""Name of the definition that stands for the whole of a custom resource."""
REPEATED = "x-kubernetes-list-type"
"""JSON Schema keyword of lists without repetitions; its failure's message is JSON: the entry, the first, the keys."""
Failures = dict[str, list[Any]]
"""What a value fails: JSON Schema keywords, each with the validator's descriptions (`jsonschema_rs`, `error.kind`)."""

_VERSION = lazily(r"v?([0-9]+\.[0-9]+)(?:\.[0-9]+)?\Z")
_FEW = 5
"""Questions about a kind's objects for which its schema need not be compiled."""


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
        return surely_fits(data, {"$ref": REF + definitions.kinds[api_version][kind]}, definitions.defs)

    def _of(self, api_version: str, kind: str) -> KindSchema:
        known = self._compiled.get((api_version, kind))
        if known is None:
            name = self._definitions.kinds[api_version][kind]
            schema = {"$ref": REF + name, "$defs": self._definitions.reachable(name)}
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
