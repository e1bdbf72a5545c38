"""CustomResourceDefinitions: what they say of a kind, and the schema that holds for each of its versions.

Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1 and v1beta1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kube_audit.findings import Path
from kube_audit.manifests.objects import Object, mapping
from kube_audit.records import NamedTuple
from kube_audit.validation import string_formats, structural
from kube_audit.validation.definitions import Definitions, definitions
from kube_audit.validation.kubernetes import CUSTOM, REPEATED, KindSchema, SchemaProblem, Written

if TYPE_CHECKING:
    from kube_audit.validation.crd_rules import Node

GROUP = "apiextensions.k8s.io"
KIND = "CustomResourceDefinition"
_LONGEST_REASON = 200
_KEEP_ALL: dict[str, Any] = {"type": "object", structural.KEEP: True}


class Version(NamedTuple):
    """A version of a custom kind."""

    name: str
    served: bool
    schema: dict[str, Any]
    has_status: bool
    """Whether status is a resource of its own, which objects as they are applied cannot set."""
    closed: bool
    """Whether fields that the schema does not name are unknown ones."""
    plain: bool = False
    """Whether it is a JSON Schema of its own, not a definition's."""
    warning: str | None = None
    """What the API server says to users of the version where it is deprecated."""
    path: Path = ()
    """Where the schema stands in its source."""

    def holds_as(self, other: Version) -> bool:
        """Whether objects are judged by this version as by another one."""
        return self[1:-1] == other[1:-1]


class CustomKind(NamedTuple):
    """What a definition says of a kind. `versions` are in its own order; `namespaced` is None where it does not say."""

    group: str
    kind: str
    namespaced: bool | None
    versions: dict[str, Version]
    source: Object


class UnusableSchema(ValueError):
    """A schema that is none. `path` leads to what is wrong in it, as far as that can be told."""

    def __init__(self, reason: str, path: Path) -> None:
        """Take the reason, in a sentence."""
        super().__init__(reason)
        self.path = path


def custom_kind(obj: Object) -> CustomKind | None:
    """Read a CustomResourceDefinition; None for another object, and for one that names no group or kind."""
    if obj.kind != KIND or obj.group != GROUP:
        return None
    spec = mapping(obj.data.get("spec"))
    group, kind = spec.get("group"), mapping(spec.get("names")).get("kind")
    if not (isinstance(group, str) and group and isinstance(kind, str) and kind):
        return None
    in_v1 = obj.api_version != f"{GROUP}/v1beta1"
    closed = spec.get("preserveUnknownFields", not in_v1) is False
    entries = spec.get("versions")
    if not entries and isinstance(spec.get("version"), str):  # v1beta1
        entries = [{"name": spec["version"]}]
    versions: dict[str, Version] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = mapping(entry).get("name")
        if isinstance(name, str) and name not in versions:
            path: Path = ("spec", "versions", index, "schema") if "schema" in entry else ("spec", "validation")
            schema = _at(obj.data, path).get("openAPIV3Schema")
            subresources = mapping(entry.get("subresources") or spec.get("subresources"))
            versions[name] = Version(
                name,
                served=entry.get("served") is not False,
                schema=schema if isinstance(schema, dict) else _KEEP_ALL,
                has_status="status" in subresources,
                closed=closed,
                warning=_warning(entry, f"{group}/{name} {kind}"),
                path=(*path, "openAPIV3Schema"),
            )
    scope = spec.get("scope")
    namespaced = scope == "Namespaced" if scope in ("Namespaced", "Cluster") else None
    return CustomKind(group, kind, namespaced, versions, obj)


def _at(data: Any, path: Path) -> dict[str, Any]:
    for step in path:
        data = data[step] if isinstance(step, int) else mapping(data).get(step)
    return mapping(data)


def _warning(entry: dict[str, Any], what: str) -> str | None:
    if entry.get("deprecated") is not True:
        return None
    own = entry.get("deprecationWarning")
    return own if isinstance(own, str) and own else f"{what} is deprecated"


class CustomSchema:
    """The schema of one version of a custom kind, compiled for a version of Kubernetes ("1.30")."""

    def __init__(self, version: Version, api_version: str, kind: str, kubernetes: str) -> None:
        """Compile it. Raises UnusableSchema for a schema that is none."""
        minor = int(kubernetes.partition(".")[2])
        base = definitions(kubernetes)
        name = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
        converter = structural.Converter(minor, closed=version.closed, plain=version.plain)
        self.schema = converter.root(version.schema, has_status=version.has_status)
        defs = {
            **base.reachable(name),
            **mapping(self.schema.pop("$defs", None)),
            structural.NOTHING_KNOWN: structural.no_schema(),
            structural.METADATA: structural.metadata(base.defs[name], version.schema),
            CUSTOM: self.schema,
            **dict(converter.quantities.values()),
        }
        self.document: dict[str, Any] = {"$ref": f"#/$defs/{CUSTOM}", "$defs": defs}
        """The whole as JSON Schema."""
        local = mapping(self.schema.get("definitions"))
        if local:
            self.document["definitions"] = local
        known = Definitions({api_version: {kind: CUSTOM}}, {**defs, **{f"#/definitions/{n}": local[n] for n in local}})
        self._compiled = self._compile(known, kubernetes)
        self._has_rules = converter.has_rules
        self._has_status = version.has_status
        self._rules: Node | None = None

    def _compile(self, known: Definitions, kubernetes: str) -> KindSchema:
        formats = {structural.FORMAT + name: one.holds for name, one in string_formats.FORMATS.items()}
        keywords = {REPEATED: structural.WithoutRepetition, structural.RE2: structural.ByRe2}
        options = {"validate_formats": True, "formats": formats, "keywords": keywords}
        try:
            return KindSchema(self.document, known, kubernetes, options)
        except ValueError:
            structural.read_patterns_by_re2(self.document)
        try:
            return KindSchema(self.document, known, kubernetes, options)
        except ValueError as error:
            path = tuple(getattr(error, "instance_path", ()))
            reason = str(getattr(error, "message", error)).splitlines()[0][:_LONGEST_REASON]
            raise UnusableSchema(reason, path[2:] if path[:2] == ("$defs", CUSTOM) else ()) from None

    def admitted(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return an object as the API server has it before it validates; see `structural.admitted`."""
        made: dict[str, Any] = structural.admitted(data, self.schema)
        return made

    def broken_rules(self, data: dict[str, Any]) -> list[SchemaProblem]:
        """Return the CEL rules that an object breaks which `admitted` has made and which fits."""
        if not self._has_rules:
            return []
        from kube_audit.validation import crd_rules

        if self._rules is None:
            self._rules = crd_rules.rules_of(self.schema)
        if self._rules is None:
            return []
        if self._has_status:
            data = {name: value for name, value in data.items() if name != "status"}
        return crd_rules.violations(data, self._rules)

    def problems(self, data: dict[str, Any], written: Callable[[Path], Written | None]) -> list[SchemaProblem]:
        """Return all that is wrong with an object that `admitted` has made."""
        return self._compiled.problems(data, written)

    def fits(self, data: dict[str, Any]) -> bool:
        """Whether an object that `admitted` has made fits in every point, placeholders not excused."""
        return self._compiled.fits(data)
