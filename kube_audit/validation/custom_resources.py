"""Custom resources against the definitions that hold for them: those of the tree, then those of schema folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kube_audit.findings import Patch, Path
from kube_audit.manifests.objects import Object
from kube_audit.records import NamedTuple
from kube_audit.validation.api_versions import VersionProblem
from kube_audit.validation.crds import CustomKind, CustomSchema, UnusableSchema, Version, custom_kind
from kube_audit.validation.kubernetes import SchemaProblem, Written
from kube_audit.validation.schema_folders import SchemaFolders

_MOST_COMPARED = 8
"""Definitions of one kind and version that differ; a tree of more is a collection, and none of them is meant."""


class Verdict(NamedTuple):
    """What came of holding an object against its definition. `fits`: no point is open, placeholders not excused."""

    problems: list[SchemaProblem]
    version: VersionProblem | None
    fits: bool


class CustomResources:
    """Judges custom resources, compiling what a definition says when an object of the kind is met."""

    def __init__(
        self,
        objects: Iterable[Object],
        see: Callable[[str, str], bool],
        folders: SchemaFolders | None,
        kubernetes: str,
        *,
        with_rules: bool,
    ) -> None:
        """Take all objects of a run, who sees whom (by file), schema folders, and the Kubernetes version ("1.30").

        `with_rules`: the definitions' CEL rules are evaluated, too.
        """
        self._with_rules = with_rules
        self._see = see
        self._folders = folders
        self._kubernetes = kubernetes
        self._in_tree: dict[tuple[str, str], list[CustomKind]] = {}
        for obj in objects:
            defined = custom_kind(obj)
            if defined is not None:
                self._in_tree.setdefault((defined.group, defined.kind), []).append(defined)
        self._compiled: dict[int, CustomSchema | None] = {}

    def judge(self, obj: Object, written: Callable[[Path], Written | None]) -> Verdict | None:
        """Hold an object against its definition; None where none is known, or those that are cannot be told apart.

        Definitions that the object sees come before others of the tree, and those before the schema folders'. Where
        several remain that differ, only what all of them refuse is wrong.
        """
        name = obj.api_version.rpartition("/")[2]
        in_tree = self._in_tree.get((obj.group, obj.kind), [])
        seen = [one for one in in_tree if len(in_tree) == 1 or self._see(obj.file, one.source.file)]
        found = [one for one in seen or in_tree if name in one.versions]
        known = in_tree
        if not found and self._folders is not None:
            in_folders = self._folders.definitions(obj.group, obj.kind)
            found = [one for one in in_folders if name in one.versions]
            found = found or list(self._folders.schemas(obj.group, name, obj.kind))
            known = in_tree + in_folders
        if not found:
            problem = self._without_version(obj, name, known) if known else None
            return Verdict([], problem, fits=False) if problem is not None else None
        return self._held(obj, found, written)

    def _held(self, obj: Object, found: list[CustomKind], written: Callable[[Path], Written | None]) -> Verdict | None:
        name = obj.api_version.rpartition("/")[2]
        versions = [one.versions[name] for one in found]
        different: list[tuple[CustomKind, Version]] = []
        for one, version in zip(found, versions, strict=True):
            if not any(version.holds_as(other) for _, other in different):
                different.append((one, version))
        if len(different) > _MOST_COMPARED:
            return None
        schemas = [self._schema(one, version, obj) for one, version in different]
        if None in schemas:
            return None
        told: list[list[SchemaProblem]] = []
        fits = False
        for schema in schemas:
            if schema is not None:
                data = schema.admitted({"apiVersion": obj.api_version, "kind": obj.kind, **obj.data_with_nulls})
                problems, one_fits = schema.problems(data, written), schema.fits(data)
                if one_fits and self._with_rules:
                    problems = schema.broken_rules(data)
                told.append(problems)
                fits = fits or one_fits
        problems = [problem for problem in told[0] if all(_tells(other, problem) for other in told[1:])]
        if obj.namespace and all(one.namespaced is False for one in found):
            problems.append(_cluster_wide(obj))
        return Verdict(problems, self._of_version(obj, name, found), fits)

    def _schema(self, one: CustomKind, version: Version, obj: Object) -> CustomSchema | None:
        """Return what a version compiles to, None where it is no schema; a folder's file is told of then."""
        known = id(version)
        if known not in self._compiled:
            try:
                self._compiled[known] = CustomSchema(version, obj.api_version, obj.kind, self._kubernetes)
            except UnusableSchema as error:
                self._compiled[known] = None
                if self._folders is not None and not self._is_in_tree(one):
                    self._folders.refuse(one.source, (*version.path, *error.path), str(error))
        return self._compiled[known]

    def _of_version(self, obj: Object, name: str, found: list[CustomKind]) -> VersionProblem | None:
        """Say that a version is not served, or deprecated, where all definitions have it so."""
        what = f"{obj.api_version} {obj.kind}"
        if not any(one.versions[name].served for one in found):
            others = [version.name for version in found[0].versions.values() if version.served]
            message = f"{what}: its definition ({found[0].source.file}) has this version, and does not serve it"
            return _use_another(message, obj.group, others)
        warnings = [one.versions[name].warning for one in found]
        if not all(warnings):
            return None
        others = [v.name for v in found[0].versions.values() if v.served and v.warning is None]
        remedy = f"Write `apiVersion: {obj.group}/{others[-1]}` and check the fields against it." if others else ""
        return VersionProblem(
            "api-version-deprecated",
            ("apiVersion",),
            f"{what}: deprecated by its definition, which says: {' '.join(str(warnings[0]).split())[:200]}",
            remedy or "Look up what replaces it.",
        )

    def _without_version(self, obj: Object, name: str, known: list[CustomKind]) -> VersionProblem | None:
        """Say that no definition has the version: only where all that there are agree, and one is surely meant."""
        sure = any(not self._is_in_tree(one) or self._see(obj.file, one.source.file) for one in known)
        if not sure or len({frozenset(one.versions) for one in known}) != 1 or not known[0].versions:
            return None
        served = [version.name for version in known[0].versions.values() if version.served]
        message = f"{obj.api_version} {obj.kind}: its definition ({known[0].source.file}) has no version {name[:80]}"
        return _use_another(message, obj.group, served)

    def _is_in_tree(self, one: CustomKind) -> bool:
        return any(one is other for other in self._in_tree.get((one.group, one.kind), ()))


def _tells(problems: list[SchemaProblem], problem: SchemaProblem) -> bool:
    """Whether the same is wrong according to another definition."""
    return any((other.rule, other.kind, other.path) == (problem.rule, problem.kind, problem.path) for other in problems)


def _use_another(message: str, group: str, served: list[str]) -> VersionProblem:
    if not served:
        return VersionProblem("schema-invalid", ("apiVersion",), message, "Look up which version is served.")
    listed = f"{', '.join(served[:-1])} and {served[-1]}" if len(served) > 1 else served[0]
    message += f"; it serves {listed}"
    if len(served) > 1:
        remedy = f"Write one of these versions in `apiVersion: {group}/…`, and check the fields against it."
        return VersionProblem("schema-invalid", ("apiVersion",), message, remedy)
    right = f"{group}/{served[0]}"
    remedy = f"Write `apiVersion: {right}`, and check the fields against it."
    patch = Patch("set", ("apiVersion",), right)
    return VersionProblem("schema-invalid", ("apiVersion",), message, remedy, (patch,), "unsafe")


def _cluster_wide(obj: Object) -> SchemaProblem:
    return SchemaProblem(
        "metadata-scope-mismatch",
        "other",
        ("metadata", "namespace"),
        "key",
        f"a {obj.kind} belongs to no namespace, and `namespace: {str(obj.namespace)[:80]}` is dropped",
        "Remove `metadata.namespace`, and make sure that the name is the only one of its kind in the cluster.",
        (Patch("remove", ("metadata", "namespace")),),
        "safe",
    )
