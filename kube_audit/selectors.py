"""Label selectors: matchLabels, matchExpressions with every operator, and the plain maps of Services.

Semantics of `k8s.io/apimachinery/pkg/labels` and the API reference for LabelSelector.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kube_audit.manifests.objects import Object, mapping


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
        if obj.kind == "ReplicationController":
            return Selector.from_labels(spec.get("selector"))
        selector = spec.get("selector")
        return Selector.from_label_selector(selector) if isinstance(selector, dict) else None

    def matches(self, labels: dict[str, Any]) -> bool:
        """Whether labels fulfil every part of the selector."""
        return all(labels.get(key) == value for key, value in self.equalities) and all(
            _holds(labels.get(key), operator, values) for key, operator, values in self.expressions
        )


def _holds(value: Any, operator: str, values: frozenset[str]) -> bool:
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False
