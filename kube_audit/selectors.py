"""Label selectors: matchLabels, matchExpressions with every operator, and the plain maps of Services.

Semantics of `k8s.io/apimachinery/pkg/labels` and the API reference for LabelSelector.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kube_audit.findings import Path
from kube_audit.manifests.objects import Object, mapping
from kube_audit.records import NamedTuple

Labels = dict[str, Any]
Pair = tuple[str, str]
_POD_NAME = "statefulset.kubernetes.io/pod-name"
_JOB_NAMES = ("job-name", "batch.kubernetes.io/job-name")
_WITH_HASHES = frozenset(
    {
        "pod-template-hash",
        "controller-revision-hash",
        "apps.kubernetes.io/pod-index",
        "controller-uid",
        "batch.kubernetes.io/controller-uid",
        "pod-template-generation",
    }
)
"""Labels whose values only the cluster knows."""


class Selector(NamedTuple):
    """A selector: pairs that must be equal, and expressions (key, operator, values). Empty selects everything."""

    equalities: tuple[tuple[str, str], ...]
    expressions: tuple[tuple[str, str, frozenset[str]], ...] = ()

    @staticmethod
    def from_labels(labels: Any) -> Selector:
        """Make a selector of a plain map of labels, as Services have."""
        return Selector(tuple((key, value) for key, value in mapping(labels).items() if isinstance(value, str)))

    @staticmethod
    def from_label_selector(selector: Any) -> Selector:
        """Make a selector of a LabelSelector with matchLabels and matchExpressions."""
        entries = mapping(selector).get("matchExpressions")
        expressions = []
        for entry in entries if isinstance(entries, list) else ():
            key, operator, values = (mapping(entry).get(field) for field in ("key", "operator", "values"))
            if isinstance(key, str) and isinstance(operator, str):
                texts = frozenset(v for v in values if isinstance(v, str)) if isinstance(values, list) else frozenset()
                expressions.append((key, operator, texts))
        equalities = Selector.from_labels(mapping(selector).get("matchLabels")).equalities
        return Selector(equalities, tuple(expressions))

    @staticmethod
    def of(obj: Object) -> Selector | None:
        """Return the selector by which an object chooses pods, None where it chooses none by labels."""
        spec = mapping(obj.data.get("spec"))
        if obj.kind == "Service":
            chosen = mapping(spec.get("selector"))
            return Selector.from_labels(chosen) if chosen and spec.get("type") != "ExternalName" else None
        if obj.kind == "NetworkPolicy":
            return Selector.from_label_selector(spec.get("podSelector"))
        if obj.group == "cilium.io":
            endpoints = spec.get("endpointSelector")
            return _of_cilium(endpoints) if isinstance(endpoints, dict) else None
        if obj.kind == "ReplicationController":
            return Selector.from_labels(spec.get("selector"))
        selector = spec.get("selector")
        return Selector.from_label_selector(selector) if isinstance(selector, dict) else None

    @property
    def keys(self) -> frozenset[str]:
        """The labels that are asked for, or asked not to be there."""
        return frozenset([*(key for key, _ in self.equalities), *(key for key, _, _ in self.expressions)])

    @property
    def choices(self) -> Iterator[list[Pair]]:
        """For each label that must have one of some values, these values; each label by itself is necessary."""
        yield from ([pair] for pair in self.equalities)
        for key, operator, values in self.expressions:
            if operator == "In":
                yield [(key, value) for value in sorted(values)]

    def matches(self, labels: dict[str, Any]) -> bool:
        """Whether labels fulfil every part of the selector."""
        return all(labels.get(key) == value for key, value in self.equalities) and all(
            _holds(labels.get(key), operator, values) for key, operator, values in self.expressions
        )


def _holds(value: Any, operator: str, values: frozenset[str]) -> bool:
    match operator:
        case "In":
            return isinstance(value, str) and value in values
        case "NotIn":
            return not isinstance(value, str) or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False


def requirement_path(obj: Object, key: str, *, of_expression: bool) -> Path:
    """Return the place of what an object's selector (see `Selector.of`) says of a label."""
    if obj.kind == "NetworkPolicy":
        field = "podSelector"
    else:
        field = "endpointSelector" if obj.group == "cilium.io" else "selector"
    if of_expression:
        return ("spec", field, "matchExpressions")
    plain = obj.kind in ("Service", "ReplicationController") and not obj.group
    return ("spec", field, key) if plain else ("spec", field, "matchLabels", key)


def labels_of_pods(obj: Object, labels: Labels) -> Labels:
    """Return a workload's pod labels with those that its controller adds (`*` stands for the ordinal)."""
    if obj.kind == "StatefulSet":
        return {**labels, _POD_NAME: f"{obj.name}-*"}
    if obj.kind == "Job":
        return {**dict.fromkeys(_JOB_NAMES, obj.name), **labels}
    return labels


def at_run_time(selector: Selector) -> Selector:
    """Return a selector as `labels_of_pods` can answer it: without hashes, one pod of a StatefulSet like all."""
    if not any(key in _WITH_HASHES or key == _POD_NAME for key, _ in selector.equalities):
        return selector
    equalities = tuple(
        (key, re.sub(r"-\d+$", "-*", value) if key == _POD_NAME else value)
        for key, value in selector.equalities
        if key not in _WITH_HASHES
    )
    return Selector(equalities, selector.expressions)


def _of_cilium(chosen: dict[str, Any]) -> Selector:
    """Cilium's labels may carry their source, and its policies may name the namespace like a label."""
    plain = Selector.from_label_selector(chosen)
    equalities = tuple((key.removeprefix("k8s:").removeprefix("any:"), value) for key, value in plain.equalities)
    return Selector(tuple(pair for pair in equalities if not pair[0].startswith("io.kubernetes.pod.namespace")))
