"""What schemas have against the objects of a run: Kubernetes' own, and those of the definitions of custom resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kube_audit.declared import Declared
from kube_audit.engine.model import Rule
from kube_audit.engine.scopes import pod_of
from kube_audit.findings import Finding, Path
from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.objects import Object
from kube_audit.records import NamedTuple
from kube_audit.validation.api_versions import VersionProblem, judge
from kube_audit.validation.kubernetes import SchemaProblem, Schemas, Written

if TYPE_CHECKING:
    from kube_audit.universe import Universes
    from kube_audit.validation.custom_resources import CustomResources
    from kube_audit.validation.schema_folders import SchemaFolders


class Judged(NamedTuple):
    """What came of holding an object against its schema."""

    findings: list[Finding]
    incomplete: bool
    """Whether it lacks a field that it must have."""
    validated: bool
    """False for custom resources that no schema is known for."""


class Validation:
    """Holds the objects of one run against schemas; `active` are the rules that may make findings, by id."""

    def __init__(self, schemas: Schemas, custom: CustomResources | None, active: Mapping[str, Rule]) -> None:
        self._schemas = schemas
        self._custom = custom
        self._active = active

    def judge(self, obj: Object) -> Judged:
        """Hold an object against its schema, and note on the object whether one is known and whether it fits."""

        def written(path: Path) -> Written | None:
            spelt = obj.written(path)
            return Written(*spelt) if spelt is not None else None

        known = self._schemas.knows(obj.api_version, obj.kind)
        typed = {"apiVersion": obj.api_version, "kind": obj.kind, **obj.data}  # items of typed Lists may lack them
        version = judge(obj.api_version, obj.kind, self._schemas.version, self._schemas)
        if version is not None and version.patches:
            from kube_audit.validation.api_conversions import completed

            version = completed(version, typed)
        verdict = None
        if self._custom is not None and not known and version is None:
            verdict = self._custom.judge(obj, written)
        if verdict is not None:
            problems, version, fits = verdict.problems, verdict.version, verdict.fits
        else:
            fits = self._schemas.fits(typed)
            problems = [] if fits else self._schemas.problems(typed, written)
        obj.schema_known = known or verdict is not None
        obj.schema_valid = fits
        told: list[SchemaProblem | VersionProblem] = [*problems, *([version] if version is not None else ())]
        return Judged(
            [self._finding(obj, problem) for problem in told if problem.rule in self._active],
            any(problem.kind == "missing-field" for problem in problems),
            known or version is not None or verdict is not None,
        )

    def _finding(self, obj: Object, problem: SchemaProblem | VersionProblem) -> Finding:
        path = problem.path
        return Finding(
            rule=problem.rule,
            severity=self._active[problem.rule].severity,
            message=problem.message,
            remediation=problem.remediation,
            file=obj.file,
            span=obj.place(path, at_key=isinstance(problem, SchemaProblem) and problem.at == "key"),
            path=path,
            stable_path=obj.stable_path(path),
            object=obj.ref,
            container=_container_name(obj, path),
            fix=problem.fix,
            patches=problem.patches,
        )


def custom_resources(
    objects: Sequence[Object],
    schemas: Schemas,
    folders: SchemaFolders | None,
    around: Kustomizations,
    declared: Declared,
    *,
    with_rules: bool,
) -> CustomResources | None:
    """Return what judges custom resources, None where there are none, or nothing is known of their kinds.

    `folders` hold schemas besides the definitions among the objects; `with_rules` is whether the CEL rules of
    definitions count.
    """
    definitions = [obj for obj in objects if obj.kind == "CustomResourceDefinition"]
    if not definitions and folders is None:
        return None
    if all(schemas.knows(obj.api_version, obj.kind) for obj in objects):
        return None
    from kube_audit.universe import Universes
    from kube_audit.validation.custom_resources import CustomResources

    universes: list[Universes] = []

    def see(one: str, other: str) -> bool:
        if not universes:
            universes.append(Universes(objects, around, declared.universes))
        return universes[0].see(one, other)

    return CustomResources(definitions, see, folders, schemas.version, with_rules=with_rules)


def _container_name(obj: Object, path: Path) -> str | None:
    """Return the name of the container that a path leads into, None where it leads into none."""
    pod = pod_of(obj)
    for container in pod.containers() if pod is not None else ():
        if path[: len(container.path)] == container.path:
            return container.name
    return None
