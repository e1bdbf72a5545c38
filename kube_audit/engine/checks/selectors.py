"""Label selectors that the API server refuses.

Source: ValidateLabelSelector and ValidateLabels of k8s.io/apimachinery/pkg/apis/meta/v1/validation; which selectors
may not be empty: the validation of each kind in k8s.io/kubernetes/pkg/apis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.checks import naming
from kube_audit.engine.elements import Element, Hit
from kube_audit.engine.scopes import is_kubernetes_group
from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.paths import expand
from kube_audit.placeholders import is_placeholder

_AFFINITY_TERMS = tuple(
    f"affinity.{field}.{term}"
    for field in ("podAffinity", "podAntiAffinity")
    for term in (
        "requiredDuringSchedulingIgnoredDuringExecution[]",
        "preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm",
    )
)
_IN_PODS = (
    "topologySpreadConstraints[].labelSelector",
    *(f"{term}.{field}" for term in _AFFINITY_TERMS for field in ("labelSelector", "namespaceSelector")),
    "volumes[].ephemeral.volumeClaimTemplate.spec.selector",
    "volumes[].projected.sources[].clusterTrustBundle.labelSelector",
)
_WEBHOOK = ("webhooks[].namespaceSelector", "webhooks[].objectSelector")
_METRICS = tuple(f"spec.metrics[].{source}.metric.selector" for source in ("pods", "object", "external"))
_PEERS = tuple(
    f"spec.{direction}[].{side}[].{field}"
    for direction, side in (("ingress", "from"), ("egress", "to"))
    for field in ("podSelector", "namespaceSelector")
)
_POLICY = tuple(
    f"spec.{part}.{field}"
    for part in ("matchConstraints", "matchResources")
    for field in ("namespaceSelector", "objectSelector")
)
_SELECTORS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("Deployment", "DaemonSet", "ReplicaSet", "Job", "PodDisruptionBudget"), ("spec.selector",)),
    "StatefulSet": ("spec.selector", "spec.volumeClaimTemplates[].spec.selector"),
    "PersistentVolumeClaim": ("spec.selector",),
    "NetworkPolicy": ("spec.podSelector", *_PEERS),
    "HorizontalPodAutoscaler": _METRICS,
    "ClusterRole": ("aggregationRule.clusterRoleSelectors[]",),
    "MutatingWebhookConfiguration": _WEBHOOK,
    "ValidatingWebhookConfiguration": _WEBHOOK,
    "ValidatingAdmissionPolicy": _POLICY,
    "ValidatingAdmissionPolicyBinding": _POLICY,
    "MutatingAdmissionPolicy": _POLICY,
    "MutatingAdmissionPolicyBinding": _POLICY,
}
"""Kind to the places of its LabelSelectors."""

_PLAIN = frozenset({"Service", "ReplicationController"})
"""Kinds whose spec.selector is a plain map of labels."""

_NOT_EMPTY = frozenset({"Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"})


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield what is refused in an object's selectors; `found` holds `problem`."""
    obj = element.obj
    if not is_kubernetes_group(obj.group):
        return
    places = list(_places(element))
    for path, selector in places:
        own = path == ("spec", "selector")
        if own and obj.kind in _NOT_EMPTY and isinstance(selector, dict) and _empty(selector):
            yield Hit(path, {"problem": f"the selector is empty, and a {obj.kind} must say which pods are its own"})
        yield from _label_selector(path, mapping(selector))
    if obj.kind in _PLAIN:
        for path, labels in expand(obj.data, "spec.selector"):
            yield from _labels(path, labels)
    if element.pod is not None:
        yield from _labels((*element.pod.path, "nodeSelector"), element.pod.spec.get("nodeSelector"))


def _places(element: Element) -> Iterator[tuple[Path, Any]]:
    for pattern in _SELECTORS.get(element.obj.kind, ()):
        yield from expand(element.obj.data, pattern)
    if element.pod is not None:
        for pattern in _IN_PODS:
            for path, selector in expand(element.pod.spec, pattern):
                yield (*element.pod.path, *path), selector


def _empty(selector: dict[str, Any]) -> bool:
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def _label_selector(path: Path, selector: dict[str, Any]) -> Iterator[Hit]:
    yield from _labels((*path, "matchLabels"), selector.get("matchLabels"))
    expressions = selector.get("matchExpressions")
    for index, expression in enumerate(expressions if isinstance(expressions, list) else ()):
        yield from _expression((*path, "matchExpressions", index), mapping(expression))


def _expression(path: Path, expression: dict[str, Any]) -> Iterator[Hit]:
    key, operator, values = (expression.get(field) for field in ("key", "operator", "values"))
    values = values if isinstance(values, list) else []
    if operator in ("In", "NotIn") and not values:
        yield Hit(path, {"problem": f"`{operator}` for `{key}` needs at least one value"})
    if operator in ("Exists", "DoesNotExist") and values:
        yield Hit((*path, "values"), {"problem": f"`{operator}` for `{key}` cannot have values"})
    if isinstance(key, str) and not is_placeholder(key):
        wrong = naming.label_key_problem(key)
        if wrong:
            yield Hit((*path, "key"), {"problem": f"the label key `{naming.shortened(key)}` {wrong}"})
    for index, value in enumerate(values):
        if isinstance(value, str) and not is_placeholder(value):
            wrong = naming.label_value_problem(value)
            if wrong:
                said = f"the value `{naming.shortened(value)}` of label `{key}` {wrong}"
                yield Hit((*path, "values", index), {"problem": said})


def _labels(path: Path, labels: Any) -> Iterator[Hit]:
    for key, value in mapping(labels).items():
        if is_placeholder(key):
            continue
        wrong = naming.label_key_problem(key)
        if wrong:
            yield Hit((*path, key), {"problem": f"the label key `{naming.shortened(key)}` {wrong}"})
        if isinstance(value, str) and not is_placeholder(value):
            wrong = naming.label_value_problem(value)
            if wrong:
                said = f"the value `{naming.shortened(value)}` of label `{key}` {wrong}"
                yield Hit((*path, key), {"problem": said})
