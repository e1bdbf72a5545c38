"""Schema errors in plain words: what stands there, what Kubernetes wants there, and what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from kube_audit.findings import Patch, Path, path_text
from kube_audit.patterns import lazily
from kube_audit.validation.field_values import BASE64, likely_quantities
from kube_audit.validation.kubernetes import (
    CUSTOM,
    REPEATED,
    Definitions,
    Failures,
    Node,
    ProblemKind,
    SchemaProblem,
    Written,
)
from kube_audit.validation.unknown_fields import closest, meant, noun, shown

_MOST_HINTS = 50
"""A file of thousands of unknown fields is no manifest: searching a meaning for each would take minutes."""
_LONGEST_VALUE = 60
_MOST_CHOICES = 20

_TEMPLATE = lazily(r"\$\{|\$\(|\$[A-Za-z_]|\{\{|\{%|<%|%\{|@[A-Za-z_][A-Za-z0-9_.-]*@|#\{")
_DIRECTIVE = lazily(r"\$(?:patch|retainKeys|setElementOrder|deleteFromPrimitiveList)\b")
_UNFINISHED = lazily(
    r"<[^<>]+>|\[[^\[\]]+\]|__\w+__|[A-Z][A-Z0-9]+(?:[ _-][A-Z0-9]+)*"
    r"|(?i:.*(?:your|replace|change)[ _-].*|(?:change|replace)me|todo|tbd|x{3,}|\.\.\.)"
)
_OF_MAPPINGS = ("additionalProperties", "required")
_SHAPES = ("allOf", "anyOf", "oneOf", "not", "minItems", "minProperties")
_INTEGER = lazily(r"[+-]?[0-9]+\Z")
_NUMBER = lazily(r"[+-]?[0-9]+(?:\.[0-9]+)?\Z")
_TRUTHS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
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
_QUANTITY_ADVICE = 'Write a number with a unit and no blank, such as "500m", "2", "128Mi" or "1Gi".'
_MANAGED_PODS = "it describes the pods to run"


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where something is wrong."""

    path: Path
    nodes: list[Node]
    value: Any
    where: str
    """What people call a mapping that stands there: "the container", "the Deployment"."""
    secret: bool
    """Whether the value may be confidential and must not show up in a message."""
    written: Written | None

    @property
    def node(self) -> Node:
        return self.nodes[-1]

    @property
    def custom(self) -> bool:
        """Whether the object is a custom resource."""
        return self.nodes[0].name == CUSTOM

    @property
    def label(self) -> str:
        """The field as people speak of it: "replicas", "env[0].value", "annotations.team"."""
        if not self.path:
            return self.where
        start = len(self.path) - 1
        in_free_mapping = len(self.nodes) > 1 and not self.nodes[-2].fields
        while start > 0 and (isinstance(self.path[start], int) or in_free_mapping):
            start -= 1
            in_free_mapping = False
        if start > 1 and isinstance(self.path[start - 1], int):
            start -= 2
        return f"`{shown(path_text(self.path[start:]))}`"


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
        spot = _Spot(path, nodes, value, where, secret, written(path))
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
    spot: _Spot, failures: Failures, known: Definitions, version: str, hints: int, encrypted: bool
) -> Iterator[SchemaProblem]:
    meant_fields = set()
    unknown = {field for kind in failures.get("additionalProperties", ()) for field in _unexpected(kind, spot)}
    for field in spot.value:
        templated = _TEMPLATE.search(field) and not _DIRECTIVE.match(field)
        if field not in unknown or templated or (encrypted and field == "sops"):
            continue
        text, remediation = f"unknown field `{shown(field)}` in {spot.where}", f"Remove `{shown(field)}`."
        if hints > 0:
            hints -= 1
            found = meant(known, version, spot.nodes, spot.path, spot.value, field)
            remediation = found.remediation
            meant_fields.add(found.stands_for)
            text += found.hint and f"; {found.hint}"
        yield SchemaProblem("schema-invalid", "unknown-field", (*spot.path, field), "key", text, remediation)
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


def _unexpected(kind: Any, spot: _Spot) -> Iterable[str]:
    """Return the fields that an error is about: all, where the schema names no field."""
    fields: Iterable[str] = getattr(kind, "unexpected", spot.value)
    return fields


def _value_problems(spot: _Spot, failures: Failures, *, within: bool) -> Iterator[SchemaProblem]:
    """Yield the plainest problem of a value. Where something within it fails too, its shape is not judged."""
    for kind in failures.pop(REPEATED, ()):
        yield from _repeated(spot, *json.loads(kind.message))
    if within or "type" in failures or holds_template(spot.value):
        failures = {word: kinds for word, kinds in failures.items() if word not in _SHAPES}
    if failures:
        yield _value_problem(spot, failures)


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


def _repeated(spot: _Spot, index: int, first: int, keys: list[str]) -> Iterator[SchemaProblem]:
    """Tell an entry of a list whose key an earlier one has; no keys mean that the entries themselves are unique."""
    entry = spot.value[index]
    if holds_template(entry):
        return
    parts = [entry[key] for key in keys if key in entry] if keys else [entry]
    if not parts:
        return
    shown_parts = [f"`{_cut(_literal(part))}`" for part in parts if not isinstance(part, (dict, list))]
    what = " and ".join(shown_parts) if shown_parts and not spot.secret else "the same entry"
    yield SchemaProblem(
        "list-map-key-duplicate",
        "other",
        (*spot.path, index),
        "value",
        f"{what} stands twice in {spot.label}, first in entry {first + 1}: the API server refuses it",
        "Remove one of the entries, or give it the key that was meant." if keys else "Remove one of the two.",
    )


def _value_problem(spot: _Spot, failures: Failures) -> SchemaProblem:
    allowed = _choices(spot.node.schema.get("enum") or [c for kind in failures.get("enum", ()) for c in kind.options])
    became_other = isinstance(spot.value, (bool, int, float))
    trapped = spot.written if became_other and spot.written is not None and spot.written.plain else None
    kind: ProblemKind
    encoded = spot.node.types == ("string",) and spot.node.schema.get("pattern") == BASE64
    if "type" in failures and not (allowed and trapped) and not (encoded and became_other):
        wants_text = spot.node.types == ("string",) or (spot.custom and "string" in spot.node.types)
        if wants_text and trapped:
            return _trap(spot, trapped)
        kind, texts = "wrong-type", _wrong_type(spot)
    elif allowed and not failures.keys().isdisjoint(("enum", "type")):
        kind, texts = "bad-enum", _not_allowed(spot, allowed)
    elif spot.custom and not (spot.node.short == "Quantity" and "pattern" in failures):
        from kube_audit.validation.constraint_messages import describe

        described = describe(spot.label, spot.value, _found(spot), spot.node.schema, failures)
        kind, texts = described.kind, described[1:]
    elif failures.keys() & {"minimum", "maximum"}:
        kind, texts = "other", _out_of_range(spot)
    else:
        kind, texts = "bad-format", _malformed(spot)
    placeholder = _placeholder(spot, allowed) if "type" in failures or not spot.custom else None
    if placeholder is not None:
        wanted = "one of the allowed values" if allowed else _wanted(spot.node)
        texts = (
            f"{spot.label} is {placeholder}, which reads like a placeholder; {wanted} is wanted",
            "Put the real value in its place before the object is applied.",
        )
    rule: Literal["schema-invalid", "resource-quantity-invalid"]
    rule = "resource-quantity-invalid" if kind == "bad-format" and spot.node.short == "Quantity" else "schema-invalid"
    return SchemaProblem(rule, kind, spot.path, "value", *texts)


def _choices(values: Iterable[Any]) -> list[str]:
    """Return the values of a fixed set as they are written, without the empty text and null."""
    return [_literal(value) for value in values if value is not None and value != ""]


def _trap(spot: _Spot, written: Written) -> SchemaProblem:
    text = shown(written.text)
    if spot.secret:
        message = f"{spot.label} must be text, but without quotes YAML reads it as {_kind_of(spot.value)}"
        remediation = "Put quotes around the value."
    else:
        became = _kind_of(spot.value) if text == _literal(spot.value) else _plain(spot.value)
        message = f"{spot.label} must be text, but YAML reads {text} as {became}"
        remediation = f'Put quotes around it: "{text}".'
    patch = Patch("set", spot.path, written.text)
    return SchemaProblem("yaml-type-trap", "wrong-type", spot.path, "value", message, remediation, (patch,), "safe")


def _wrong_type(spot: _Spot) -> tuple[str, str]:
    wanted = _wanted(spot.node)
    if spot.value is None:
        item = spot.path and isinstance(spot.path[-1], int)
        return (
            f"{spot.label} is empty, {wanted} is wanted",
            "Fill the item in or remove its `-`." if item else "Fill it in or remove it.",
        )
    return f"{spot.label} is {_found(spot)}, {wanted} is wanted", _advice(spot)


def _wanted(node: Node) -> str:
    if node.short == "Quantity":
        return 'a quantity such as "500m" or "128Mi"'
    types = node.types
    if set(types) == {"string", "integer"}:
        return "a whole number or text"
    if types == ("array",):
        inner = node.schema.get("items", {})
        return "a list of mappings" if "$ref" in inner else "a list"
    words = {
        "object": "a mapping",
        "array": "a list",
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
    }
    return " or ".join(words[t] for t in types) or "something else"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _plain(value: Any) -> str:
    return _literal(value) if isinstance(value, bool) else f"the number {_literal(value)}"


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"


def _found(spot: _Spot) -> str:
    if spot.secret or isinstance(spot.value, (dict, list)):
        return _kind_of(spot.value)
    if isinstance(spot.value, str):
        return f'the text "{_cut(spot.value)}"' if spot.value else "an empty text"
    return _cut(_plain(spot.value))


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_VALUE else f"{line[: _LONGEST_VALUE - 1]}…"


def _placeholder(spot: _Spot, allowed: list[str]) -> str | None:
    """Describe a value that somebody has yet to fill in: PORT, <port>, [YOUR IMAGE]; None for any other."""
    value = spot.value
    if spot.secret or (allowed and isinstance(value, str) and value.isalnum()):
        # ALWAYS or RWO where a few words are allowed is a wrong word.
        return None
    collection = {"array", "object"}.intersection(spot.node.types)
    if isinstance(value, str) and not collection and _reads_unfinished(value) and value.lower() not in _TRUTHS:
        return f'the text "{value}"'
    if isinstance(value, list) and len(value) == 1 and "string" in spot.node.types:
        # [YOUR IMAGE] is a list to YAML.
        inner = value[0]
        return f"the list [{inner}]" if isinstance(inner, str) and _reads_unfinished(inner) else None
    return None


def _reads_unfinished(text: str) -> bool:
    return len(text) <= _LONGEST_VALUE and _UNFINISHED.fullmatch(text) is not None


def _advice(spot: _Spot) -> str:
    value, types = spot.value, spot.node.types
    if isinstance(value, str) and not spot.secret:
        text = value.strip()
        if ("integer" in types and _INTEGER.match(text)) or ("number" in types and _NUMBER.match(text)):
            return f"Write {text} without quotes."
        if "boolean" in types and (truth := _TRUTHS.get(text.lower())) is not None:
            return f"Write {truth} without quotes."
    if types == ("array",):
        if isinstance(value, dict):
            return "Start each item with `- `."
        if isinstance(value, str) and value.strip() and not spot.secret:
            if spot.path[-1] in ("command", "args") and " " in value.strip():
                return 'Make it a list with one item for each word: `["…", "…"]`.'
            return f"Make it a list: `[{_cut(value)}]`."
        return "Write a list, each item on a line of its own that starts with `- `."
    if types == ("object",):
        if isinstance(value, list):
            if value and all(isinstance(item, dict) and item.keys() == {"name", "value"} for item in value):
                return "Write one `name: value` line for each, without `- `."
            return "Remove the `- ` in front, so that the fields stand directly below."
        return "Write its fields as `key: value` lines below it, or remove it."
    if types == ("boolean",):
        return "Write true or false, without quotes."
    if types in {("integer",), ("number",)}:
        return "Write a number, without quotes and without a unit."
    if isinstance(value, list):
        return "Write a single value, without `- ` or square brackets; quote it if it starts with `[`."
    if isinstance(value, dict):
        return "Write a single value; quote it if it holds `: ` or starts with `{`."
    if spot.node.short == "Quantity":
        return _QUANTITY_ADVICE
    if "integer" in types:
        return "Write a number, or a name in quotes."
    return "Put quotes around the value."


def _not_allowed(spot: _Spot, allowed: list[str]) -> tuple[str, str]:
    if isinstance(spot.value, str):
        text, is_what = spot.value, f"`{_cut(spot.value)}`"
    elif spot.written is not None and spot.written.text != _literal(spot.value):
        text = spot.written.text
        is_what = f"`{shown(text)}`, which YAML reads as {_plain(spot.value)}"
    else:
        text, is_what = "", _found(spot)
    named = [*map(_cut, allowed[:_MOST_CHOICES]), f"{len(allowed) - _MOST_CHOICES} others"][: len(allowed)]
    listed = f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else named[0]
    are = "allowed are" if len(allowed) > 1 else "allowed is"
    likely = closest(text, allowed)
    if likely is None:
        return f"{spot.label} is {is_what}; {are} {listed}", f"Write one of {listed}."
    capitals = " (capital letters matter)" if likely.lower() == text.lower() else ""
    return (
        f"{spot.label} is {is_what}; {are} {listed}; did you mean {likely}{capitals}?",
        f"Write {likely}.",
    )


def _out_of_range(spot: _Spot) -> tuple[str, str]:
    low, high = spot.node.schema["minimum"], spot.node.schema["maximum"]
    return (
        f"{spot.label} is {_found(spot)}, which does not fit this field",
        f"Write a whole number from {low} to {high}.",
    )


def _malformed(spot: _Spot) -> tuple[str, str]:
    if spot.node.short == "Quantity":
        message = f"{spot.label} is {_found(spot)}, which is no quantity"
        likely = likely_quantities(spot.value)
        if likely:
            return f"{message}; did you mean {' or '.join(likely)}?", f"Write {likely[0]}."
        return message, _QUANTITY_ADVICE
    if spot.node.short == "Time":
        return (
            f"{spot.label} is {_found(spot)}, which is no time as Kubernetes writes it",
            "Write it like 2024-12-31T23:59:59Z, or remove it.",
        )
    message = f"{spot.label} is not valid base64"
    if spot.path[:1] == ("data",):
        return message, "Put the plain text under `stringData` instead, or encode it: `printf %s VALUE | base64`."
    return message, "Encode it with `base64`, without blanks."
