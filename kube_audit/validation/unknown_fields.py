"""What somebody meant who wrote a field that Kubernetes does not know: a typo, another place, another version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from kube_audit.findings import Path, path_text
from kube_audit.validation.definitions import Definitions, Node, definitions, supported_versions

_LONGEST_FIELD = 64
_FARTHEST = 4
"""How many levels up and down, together, a field may have slipped."""
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_NOT_WRITTEN_BY_PEOPLE = frozenset({"status", "managedFields", "ownerReferences"})
_NOUNS = {
    "Container": "a container",
    "ContainerPort": "a container's port",
    "EnvVar": "an environment variable",
    "EphemeralContainer": "an ephemeral container",
    "JobSpec": "the Job's spec",
    "PodSpec": "the pod's spec",
    "PodTemplateSpec": "the pod template",
    "Probe": "a probe",
    "Volume": "a volume",
    "VolumeMount": "a volume mount",
}
_OTHER_NAMES = {
    "Container": {"arguments": "args", "entrypoint": "command", "environment": "env"},
    "PodSpec": {"restart": "restartPolicy"},
}
"""What fields are called in other places, such as Docker Compose files."""
_LESSER_CONTAINERS = ("initContainers[]", "ephemeralContainers[]")

_UNDER_RESOURCES = "put it under `requests` (what is reserved) or `limits` (the most it may use)"
_HPA_TARGET = "in autoscaling/v2 it is written `target: {{type: {type}, {field}: …}}`"
_KNOWN_MOVES = {
    ("ResourceRequirements", "cpu"): _UNDER_RESOURCES,
    ("ResourceRequirements", "memory"): _UNDER_RESOURCES,
    ("ResourceRequirements", "ephemeral-storage"): _UNDER_RESOURCES,
    ("IngressSpec", "backend"): "in networking.k8s.io/v1 it is called `defaultBackend`",
    ("IngressBackend", "serviceName"): "in networking.k8s.io/v1 it is written `service: {name: …}`",
    ("IngressBackend", "servicePort"): (
        "in networking.k8s.io/v1 it is written `service: {port: {number: …}}`, or `{name: …}` for a named port"
    ),
    ("HorizontalPodAutoscalerSpec", "targetCPUUtilizationPercentage"): (
        "in autoscaling/v2 it is an item of `metrics` of type Resource, name cpu"
    ),
    ("ResourceMetricSource", "targetAverageUtilization"): _HPA_TARGET.format(
        type="Utilization", field="averageUtilization"
    ),
    ("ResourceMetricSource", "targetAverageValue"): _HPA_TARGET.format(type="AverageValue", field="averageValue"),
    ("CustomResourceDefinitionSpec", "version"): "in apiextensions.k8s.io/v1 use the list `versions`",
    ("CustomResourceDefinitionSpec", "validation"): (
        "in apiextensions.k8s.io/v1 each item of `versions` has its own `schema`"
    ),
    ("ConfigMap", "stringData"): "a ConfigMap keeps text under `data`",
    ("DaemonSetSpec", "replicas"): "a DaemonSet runs one pod on every node that fits, not a number of them",
    ("JobSpec", "replicas"): "a Job has `completions` and `parallelism` instead",
    ("DeploymentSpec", "rollbackTo"): "apps/v1 has no such field; use `kubectl rollout undo`",
    ("DaemonSetSpec", "templateGeneration"): "apps/v1 has no such field",
}


@dataclass(frozen=True, slots=True)
class Meant:
    """What an unknown field probably is."""

    hint: str
    """End of the message: "did you mean `ports`?"; empty where nothing comes to mind."""
    remediation: str
    stands_for: str | None = None
    """The field of the same mapping that is written this way; that it is missing is no second mistake."""
    renamed: bool = False
    """Whether to give it that field's name is all there is to do."""


def meant(
    known: Definitions, version: str, nodes: list[Node], path: Path, mapping: dict[str, Any], field: str
) -> Meant:
    """Say what an unknown field of a mapping probably is.

    `nodes` are the schemas from the object's root down to the mapping, `path` is the route to it.
    """
    value = mapping[field]
    node = nodes[-1]
    nothing = Meant("", f"Remove `{shown(field)}`, or look up how this field is called.")
    if len(field) > _LONGEST_FIELD:
        return nothing
    if not node.fields:
        return Meant("its definition names no fields here", f"Remove `{field}`, which the API server would drop.")
    missing = [name for name in node.schema.get("required", ()) if name not in mapping]
    if (same := next(iter(same_letters(field, node.fields)), None)) is not None:
        return _rename(field, same, fits=_takes(known, node, same, value))
    if (other_name := _other_name(field, node)) is not None:
        return _rename(field, other_name, fits=_takes(known, node, other_name, value))
    if field.startswith("$"):
        return Meant(
            "it is a directive of a strategic merge patch",
            "Use this file as a patch of a Kustomization, or remove the directive.",
        )
    if (move := _known_move(node, field, value)) is not None:
        return move
    if (other := _other_version(version, node, field)) is not None:
        return other
    near = _elsewhere(known, nodes, path, field, value)
    if near is not None and near[0] == 1:
        return _move(field, near[1])
    if (typo := _typo(field, node, 0.8) or _short_form(field, missing)) is not None:
        return _rename(field, typo, fits=_takes(known, node, typo, value))
    near = near or _elsewhere(known, nodes, path, field, None)
    if near is not None:
        return _move(field, near[1])
    if (typo := _typo(field, node, 0.6)) is not None:
        return _rename(field, typo)
    if node.short == "ObjectMeta" and not isinstance(value, (dict, list)):
        return Meant(
            "free names are for labels and annotations",
            f"Move `{field}` under `labels` if something selects by it, else under `annotations`.",
        )
    return nothing


def shown(field: str) -> str:
    """Return a field's name short enough for a message."""
    return field if len(field) <= _LONGEST_FIELD else f"{field[:_LONGEST_FIELD]}…"


def noun(node: Node, path: Path, kind: str) -> str:
    """Return what people call a mapping of an object: "the container", "`resources`", "the Deployment"."""
    if not path:
        return f"the {kind}"
    if (name := _NOUNS.get(node.short)) is not None:
        return re.sub(r"^an? ", "the ", name)
    if isinstance(path[-1], str):
        return f"`{shown(path[-1])}`"
    return f"`{path_text(path[-2:])}`"


def _rename(field: str, name: str, *, fits: bool = False) -> Meant:
    return Meant(f"did you mean `{name}`?", f"Rename `{field}` to `{name}`.", name, fits)


def _takes(known: Definitions, node: Node, field: str, value: Any) -> bool:
    return value is not None and _fits(value, known.resolve(node.fields[field]))


def _letters(field: str) -> str:
    return re.sub("[^a-z0-9]", "", field.lower())


def _other_name(field: str, node: Node) -> str | None:
    names = _OTHER_NAMES.get(node.short, {})
    close = get_close_matches(field.lower(), names, n=1, cutoff=0.85)
    return names[close[0]] if close and names[close[0]] in node.fields else None


def _typo(field: str, node: Node, least: float) -> str | None:
    by_lower = {name.lower(): name for name in node.fields}
    close = get_close_matches(field.lower(), by_lower, n=1, cutoff=least)
    return by_lower[close[0]] if close else None


def _short_form(field: str, missing: list[str]) -> str | None:
    """`port` for `containerPort`: the end of exactly one required field that is not there."""
    found = [name for name in missing if name.lower().endswith(field.lower())]
    return found[0] if len(found) == 1 else None


def _known_move(node: Node, field: str, value: Any) -> Meant | None:
    if (move := _KNOWN_MOVES.get((node.short, field))) is not None:
        stands_for = "target" if node.short == "ResourceMetricSource" else None
        return Meant(move, f"Remove `{field}`, or write it that way.", stands_for)
    if isinstance(value, (dict, list)) or _typo(field, node, 0.8) is not None:
        return None
    if node.short == "LabelSelector":
        return Meant("labels go under `matchLabels`", f"Move `{field}` under `matchLabels`.")
    if node.short == "EnvVar" and field.upper() == field:
        return Meant(
            "a variable's name is a value here",
            f"Write `- name: {field}` and, below it, `value: …`.",
            "name",
        )
    return None


def _other_version(version: str, node: Node, field: str) -> Meant | None:
    """Look into the other versions; loading them costs some ms each, so the newest is asked first."""
    versions = supported_versions()
    if not node.name or version not in versions:
        return None

    def has(other: str) -> bool:
        return field in definitions(other).defs.get(node.name, {}).get("properties", {})

    later = versions[versions.index(version) + 1 :]
    if later and has(later[-1]):
        first = next(other for other in later if has(other))
        return Meant(
            f"Kubernetes has it from {first} on, the target version is {version}",
            f"Remove `{field}`, or check for Kubernetes {first} (`--kubernetes-version {first}`).",
        )
    if version != versions[0] and has(versions[0]):
        return Meant(
            f"Kubernetes {versions[0]} had it, {version} no longer does",
            f"Remove `{field}`.",
        )
    return None


def _move(field: str, places: list[tuple[Node, str]]) -> Meant:
    texts = []
    for node, where in places:
        name = _NOUNS.get(node.short)
        at = f"`{where}`" if where else "the top level"
        texts.append(f"{name} ({at})" if name and where else at)
    target = f"{', '.join(texts[:-1])} or {texts[-1]}" if len(texts) > 1 else texts[0]
    return Meant(f"it belongs into {target}", f"Move `{field}` into {target}; check the indentation.")


def _elsewhere(
    known: Definitions, nodes: list[Node], path: Path, field: str, value: Any
) -> tuple[int, list[tuple[Node, str]]] | None:
    """Return the nearest places that have such a field and take such a value (None: any), with their distance.

    A place above is named by its whole route, one further below by its route from here.
    """
    best: dict[int, dict[str, Node]] = {}
    levels_up = 0
    for end in range(len(nodes) - 1, -1, -1):
        if not nodes[end].fields:
            continue
        if levels_up > _FARTHEST or (best and min(best) < levels_up):
            break
        start = path_text(path[:end]) if levels_up else ""
        for node, where, levels_down in _below(known, nodes[end], start):
            distance = levels_up + levels_down
            schema = node.fields.get(field) if 0 < distance <= _FARTHEST else None
            if schema is not None and (value is None or _fits(value, known.resolve(schema))):
                if not levels_down:
                    return distance, [(node, where)]
                best.setdefault(distance, {}).setdefault(where, node)
        levels_up += 1
    if not best:
        return None
    distance = min(best)
    places = [(node, where) for where, node in best[distance].items()]
    main = [place for place in places if not any(name in place[1] for name in _LESSER_CONTAINERS)]
    places = main or places
    return (distance, places) if len(places) <= 3 else None


def _below(known: Definitions, node: Node, where: str) -> Iterator[tuple[Node, str, int]]:
    waiting = [(node, where, 0)]
    while waiting:
        node, where, depth = waiting.pop(0)
        yield node, where, depth
        if depth == _FARTHEST - 1 or node.short == "JSONSchemaProps":
            continue
        for name, schema in node.fields.items():
            if name in _NOT_WRITTEN_BY_PEOPLE:
                continue
            inner, text = known.resolve(schema), f"{where}.{name}" if where else name
            if "items" in inner.schema:
                inner, text = known.resolve(inner.schema["items"]), f"{text}[]"
            if inner.fields:
                waiting.append((inner, text, depth + 1))


def _fits(value: Any, node: Node) -> bool:
    types = node.types
    if not types:
        return True
    if isinstance(value, bool):
        return "boolean" in types
    return any(isinstance(value, _PYTHON_TYPES[t]) for t in types)


def same_letters(text: str, choices: Iterable[str]) -> list[str]:
    """Return the choices that differ from a text in capitals and punctuation only."""
    letters = _letters(text)
    return [choice for choice in choices if letters and _letters(choice) == letters]


def closest(text: str, choices: list[str]) -> str | None:
    """Return the choice that a text is probably a misspelling of: by case first, then by likeness."""
    if len(text) > _LONGEST_FIELD:
        return None
    alike = same_letters(text, choices)
    if alike:
        return alike[0]
    rated = [(SequenceMatcher(None, text.lower(), choice.lower()).ratio(), choice) for choice in choices]
    ratio, choice = max(rated, default=(0.0, ""))
    return choice if ratio >= 0.7 else None
