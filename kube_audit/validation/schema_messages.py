"""Schema errors in plain words: what stands there, what Kubernetes wants there, and what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kube_audit.findings import FixSafety, Patch, Path
from kube_audit.patterns import lazily
from kube_audit.validation.definitions import Definitions, Node
from kube_audit.validation.kubernetes import CUSTOM, REPEATED, Failures, SchemaProblem, Written
from kube_audit.validation.schema_wording import Spot, cut, literal
from kube_audit.validation.unknown_fields import meant, noun, shown
from kube_audit.validation.value_messages import value_problem

_MOST_HINTS = 50
"""A file of thousands of unknown fields is no manifest: searching a meaning for each would take minutes."""
_TEMPLATE = lazily(r"\$\{|\$\(|\$[A-Za-z_]|\{\{|\{%|<%|%\{|@[A-Za-z_][A-Za-z0-9_.-]*@|#\{")
_DIRECTIVE = lazily(r"\$(?:patch|retainKeys|setElementOrder|deleteFromPrimitiveList)\b")
_OF_MAPPINGS = ("additionalProperties", "required")
_SHAPES = ("allOf", "anyOf", "oneOf", "not", "minItems", "minProperties")
_SECRET_NAME = lazily(r"passw|secret|token|credential|api_?key|private", re.IGNORECASE)

_PURPOSE = {
    ("Container", "name"): "every container needs a name of its own",
    ("ContainerPort", "containerPort"): "it says which port the container listens on",
    ("CronJobSpec", "schedule"): 'it says when to run, such as "0 3 * * *"',
    ("CronJobSpec", "jobTemplate"): "it describes the Job to start",
    ("DaemonSetSpec", "selector"): "it says which pods are its own: repeat the labels of the pod template",
    ("DeploymentSpec", "selector"): "it says which pods are its own: repeat the labels of the pod template",
    ("StatefulSetSpec", "selector"): "it says which pods are its own: repeat the labels of the pod template",
    ("ReplicaSetSpec", "selector"): "it says which pods are its own: repeat the labels of the pod template",
    ("EnvVar", "name"): "every environment variable needs a name",
    ("HTTPGetAction", "port"): "it says which port of the container to ask",
    ("HTTPIngressPath", "backend"): "it says which Service gets the requests",
    ("HTTPIngressPath", "pathType"): "write Prefix, Exact or ImplementationSpecific",
    ("HorizontalPodAutoscalerSpec", "maxReplicas"): "it says up to how many pods to scale",
    ("HorizontalPodAutoscalerSpec", "scaleTargetRef"): "it says which workload to scale",
    ("JobSpec", "template"): "it describes the pod to run",
    ("PodSpec", "containers"): "a pod runs at least one container",
    ("PolicyRule", "verbs"): "it says which actions the rule allows",
    ("RoleRef", "name"): "it names the role to grant",
    ("ServicePort", "port"): "it is the port that the Service listens on",
    ("StatefulSetSpec", "serviceName"): "it names the headless Service that gives its pods their addresses",
    ("TCPSocketAction", "port"): "it says which port of the container to ask",
    ("Volume", "name"): "volume mounts refer to it by name",
    ("VolumeMount", "mountPath"): "it says where the volume appears in the container",
    ("VolumeMount", "name"): "it says which of the pod's volumes to mount",
}
_MANAGED_PODS = "it describes the pods to run"


def explain(
    data: dict[str, Any],
    failures: dict[Path, Failures],
    known: Definitions,
    version: str,
    written: Callable[[Path], Written | None],
) -> list[SchemaProblem]:
    """Turn a validator's failures by path into problems in order of path.

    What a template or SOPS fills in before the object reaches Kubernetes is no problem.
    """
    api_version, kind = data["apiVersion"], data["kind"]
    encrypted = isinstance(data.get("sops"), dict)
    problems: list[SchemaProblem] = []
    hints = _MOST_HINTS
    within = {path[:end] for path in failures for end in range(len(path))}
    for path in sorted(failures, key=_order):
        nodes = known.chain(api_version, kind, path)
        nodes += [Node("", {})] * (len(path) + 1 - len(nodes))
        value = _value(data, path)
        where = noun(nodes[-1], path, kind)
        secret = _is_secret(data, path, custom=nodes[0].name == CUSTOM)
        spot = Spot(path, nodes, value, where, secret, written(path))
        rest = {word: kinds for word, kinds in failures[path].items() if word not in _OF_MAPPINGS}
        if isinstance(value, dict) and len(rest) < len(failures[path]):
            found = list(_mapping_problems(spot, failures[path], known, version, hints, encrypted))
            problems += found
            hints -= len(found)
        if rest and not _filled_in_later(value, encrypted):
            problems += _value_problems(spot, rest, within=path in within)
    return sorted(problems, key=lambda problem: _order(problem.path))


def _order(path: Path) -> list[tuple[bool, str | int]]:
    return [(isinstance(step, str), step) for step in path]


def _value(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def _is_secret(data: dict[str, Any], path: Path, *, custom: bool) -> bool:
    if data.get("kind") == "Secret" and path[:1] in {("data",), ("stringData",)}:
        return True
    if path[-1:] == ("value",):
        name = _value(data, path[:-1]).get("name")
        return isinstance(name, str) and _SECRET_NAME.search(name) is not None
    return custom and any(isinstance(step, str) and _SECRET_NAME.search(step) for step in path)


def _filled_in_later(value: Any, encrypted: bool) -> bool:
    if not isinstance(value, str):
        return False
    return _TEMPLATE.search(value) is not None or (encrypted and value.startswith("ENC["))


def _mapping_problems(
    spot: Spot, failures: Failures, known: Definitions, version: str, hints: int, encrypted: bool
) -> Iterator[SchemaProblem]:
    meant_fields = set()
    unknown = {field for kind in failures.get("additionalProperties", ()) for field in _unexpected(kind, spot)}
    for field in spot.value:
        templated = _TEMPLATE.search(field) and not _DIRECTIVE.match(field)
        if field not in unknown or templated or (encrypted and field == "sops"):
            continue
        text, remediation = f"unknown field `{shown(field)}` in {spot.where}", f"Remove `{shown(field)}`."
        patches: tuple[Patch, ...] = ()
        if hints > 0:
            hints -= 1
            found = meant(known, version, spot.nodes, spot.path, spot.value, field)
            remediation = found.remediation
            meant_fields.add(found.stands_for)
            text += found.hint and f"; {found.hint}"
            if found.renamed and found.stands_for not in spot.value:
                patches = (Patch("rename", (*spot.path, field), found.stands_for),)
        # Some clients let the API server drop such fields: under its right name it begins to count.
        fix: FixSafety | None = "unsafe" if patches else None
        path = (*spot.path, field)
        yield SchemaProblem("schema-invalid", "unknown-field", path, "key", text, remediation, patches, fix)
    if spot.path[:1] == ("status",) and not spot.custom:
        # The API server drops the status of what is applied before it validates.
        return
    demanding = "Kubernetes" if spot.node.name.startswith("io.k8s.") else "its definition"
    missing = [kind.property for kind in failures.get("required", ())]
    for field in dict.fromkeys((*spot.node.schema.get("required", ()), *missing)):
        if field in spot.value or field in meant_fields:
            continue
        purpose = _PURPOSE.get((spot.node.short, field))
        if purpose is None and field == "template":
            purpose = _MANAGED_PODS
        yield SchemaProblem(
            "schema-invalid",
            "missing-field",
            spot.path,
            "key" if spot.path and isinstance(spot.path[-1], str) else "value",
            f"{spot.where} has no `{shown(field)}`" + (f"; {purpose}" if purpose else f", which {demanding} requires"),
            f"Add `{shown(field)}`.",
        )


def _unexpected(kind: Any, spot: Spot) -> Iterable[str]:
    """Return the fields that an error is about: all, where the schema names no field."""
    fields: Iterable[str] = getattr(kind, "unexpected", spot.value)
    return fields


def _value_problems(spot: Spot, failures: Failures, *, within: bool) -> Iterator[SchemaProblem]:
    """Yield the plainest problem of a value. Where something within it fails too, its shape is not judged."""
    for kind in failures.pop(REPEATED, ()):
        yield from _repeated(spot, *json.loads(kind.message))
    if within or "type" in failures or holds_template(spot.value):
        failures = {word: kinds for word, kinds in failures.items() if word not in _SHAPES}
    if failures:
        yield value_problem(spot, failures)


def holds_template(value: Any) -> bool:
    """Whether a template stands anywhere in a value, for another program to fill in."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if _TEMPLATE.search(part) is not None:
                return True
        elif isinstance(part, (dict, list)):
            waiting.extend(part.values() if isinstance(part, dict) else part)
    return False


def _repeated(spot: Spot, index: int, first: int, keys: list[str]) -> Iterator[SchemaProblem]:
    """Tell an entry of a list whose key an earlier one has; no keys mean that the entries themselves are unique."""
    entry = spot.value[index]
    if holds_template(entry):
        return
    parts = [entry[key] for key in keys if key in entry] if keys else [entry]
    if not parts:
        return
    shown_parts = [f"`{cut(literal(part))}`" for part in parts if not isinstance(part, (dict, list))]
    what = " and ".join(shown_parts) if shown_parts and not spot.secret else "the same entry"
    yield SchemaProblem(
        "list-map-key-duplicate",
        "other",
        (*spot.path, index),
        "value",
        f"{what} stands twice in {spot.label}, first in entry {first + 1}: the API server refuses it",
        "Remove one of the entries, or give it the key that was meant." if keys else "Remove one of the two.",
    )
