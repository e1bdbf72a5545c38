"""Lists whose entries stand for their key: containers by name, webhooks by name, spread constraints by two fields.

Source: `x-kubernetes-list-type` and `x-kubernetes-list-map-keys` of the API's OpenAPI description; which repetitions
are refused when an object is created: the validation of each kind in k8s.io/kubernetes/pkg/apis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.checks.naming import shortened
from kube_audit.engine.elements import Element, Hit
from kube_audit.engine.scopes import is_kubernetes_group
from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.paths import expand
from kube_audit.placeholders import is_placeholder
from kube_audit.records import NamedTuple

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


class _KeyedList(NamedTuple):
    """A list by its pattern; no keys mean that the entries themselves are unique."""

    pattern: str
    keys: tuple[str, ...]
    refused: bool
    """Whether the API server refuses a repetition at all times, not only in a server-side apply."""


_IN_PODS = (
    _KeyedList("imagePullSecrets", ("name",), refused=False),
    _KeyedList("hostAliases", ("ip",), refused=False),
    _KeyedList("resourceClaims", ("name",), refused=True),
    _KeyedList("schedulingGates", ("name",), refused=True),
    _KeyedList("topologySpreadConstraints", ("topologyKey", "whenUnsatisfiable"), refused=True),
    *(_KeyedList(f"{field}[].volumeDevices", ("devicePath",), refused=True) for field in _CONTAINERS),
    *(_KeyedList(f"{field}[].resources.claims", ("name", "request"), refused=True) for field in _CONTAINERS),
)
_IN_METADATA = (
    _KeyedList("metadata.finalizers", (), refused=False),
    _KeyedList("metadata.ownerReferences", ("uid",), refused=False),
)
_WEBHOOKS = (
    _KeyedList("webhooks", ("name",), refused=True),
    _KeyedList("webhooks[].matchConditions", ("name",), refused=True),
)
_POLICY = (
    _KeyedList("spec.matchConditions", ("name",), refused=True),
    _KeyedList("spec.variables", ("name",), refused=True),
)
_FLOW = tuple(
    _KeyedList(f"spec.rules[].{rules}[].{field}", (), refused=False)
    for rules, fields in (
        ("resourceRules", ("verbs", "apiGroups", "resources", "namespaces")),
        ("nonResourceRules", ("verbs", "nonResourceURLs")),
    )
    for field in fields
)
_EXIT_CODES = "podFailurePolicy.rules[].onExitCodes.values"
_BY_KIND: dict[str, tuple[_KeyedList, ...]] = {
    "MutatingWebhookConfiguration": _WEBHOOKS,
    "ValidatingWebhookConfiguration": _WEBHOOKS,
    "MutatingAdmissionPolicy": _POLICY,
    "ValidatingAdmissionPolicy": _POLICY,
    "ValidatingAdmissionPolicyBinding": (_KeyedList("spec.validationActions", (), refused=True),),
    "FlowSchema": _FLOW,
    "ServiceAccount": (_KeyedList("secrets", ("name",), refused=False),),
    "CSIDriver": (_KeyedList("spec.volumeLifecycleModes", (), refused=False),),
    "Job": (_KeyedList(f"spec.{_EXIT_CODES}", (), refused=True),),
    "CronJob": (_KeyedList(f"spec.jobTemplate.spec.{_EXIT_CODES}", (), refused=True),),
}


def repeated_container_names(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield containers whose name another container of the pod has; `found` holds `name`, `list` and `first`."""
    owners: dict[str, str] = {}
    for field in _CONTAINERS:
        for path, container in expand(element.value, f"{field}[]"):
            name = mapping(container).get("name")
            if not isinstance(name, str) or not name or is_placeholder(name):
                continue
            if name in owners:
                yield Hit((*path, "name"), {"name": name, "list": field, "first": owners[name]})
            else:
                owners[name] = field


def repeated_keys(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield entries whose key an earlier entry of the same list has.

    `found` holds `list` (its name), `entry` (the key as text), `first` (position of the first, from 1), `keyed`
    (whether entries are told apart by a field) and `refused`. Lists with rules of their own are left out: containers,
    environment, ports, volumes and mounts.
    """
    obj = element.obj
    for keyed in _IN_METADATA:
        yield from _repeated(obj.data, (), keyed)
    if is_kubernetes_group(obj.group):
        for keyed in _BY_KIND.get(obj.kind, ()):
            yield from _repeated(obj.data, (), keyed)
    if element.pod is not None:
        for keyed in _IN_PODS:
            yield from _repeated(element.pod.spec, element.pod.path, keyed)


def _repeated(data: Any, start: Path, keyed: _KeyedList) -> Iterator[Hit]:
    for path, entries in expand(data, keyed.pattern):
        first: dict[tuple[Any, ...], int] = {}
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            key = _key(entry, keyed.keys)
            if key is None:
                continue
            if key in first:
                found = {
                    "list": str(path[-1]),
                    "entry": " and ".join(f"`{shortened(str(part))}`" for part in key if part != ""),
                    "first": first[key] + 1,
                    "keyed": bool(keyed.keys),
                    "refused": keyed.refused,
                }
                yield Hit((*start, *path, index), found)
            first.setdefault(key, index)


def _key(entry: Any, fields: tuple[str, ...]) -> tuple[Any, ...] | None:
    """Return what tells an entry apart, None for what has no key and for what is still to be filled in."""
    parts = [mapping(entry).get(field, "") for field in fields] if fields else [entry]
    if not parts or parts[0] == "" or not all(isinstance(part, str | int) for part in parts):
        return None
    if any(isinstance(part, str) and is_placeholder(part) for part in parts):
        return None
    return tuple(parts)
