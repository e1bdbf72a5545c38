"""Autoscalers that cannot do their work: what they measure is not there, or what they say is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.run import Element, Hit
from kube_audit.manifests.objects import mapping

_METRICS_ANNOTATION = "autoscaling.alpha.kubernetes.io/metrics"


def utilization_without_request(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield each resource that an autoscaler measures in percent of this container's request, where it has none.

    `found` holds `resource` and `autoscaler`, an entry of `related`. One container without the request is enough:
    the controller gives up on the whole pod (calculatePodRequests of kube-controller-manager's podautoscaler).
    """
    container = element.container
    if container is None:
        return
    for resource in ("cpu", "memory"):
        if resource in element.effective["requests"]:
            continue
        for autoscaler in element.related["autoscalers"]:
            measured = dict(_measured_in_percent(autoscaler["object"]))
            if resource in measured and measured[resource] in (None, container.name):
                yield Hit(("resources", "requests", resource), {"resource": resource, "autoscaler": autoscaler})
                break


def _measured_in_percent(autoscaler: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield each resource whose utilization counts, with the name of the one container meant, None for all."""
    spec = mapping(autoscaler.get("spec"))
    if autoscaler.get("kind") == "ScaledObject":
        yield from _by_keda(spec)
        return
    metrics = _entries(spec.get("metrics"))
    for metric in metrics:
        for field in ("containerResource", "resource"):
            source = mapping(metric.get(field))
            target = mapping(source.get("target"))
            percent = "averageUtilization" in target or "targetAverageUtilization" in source
            if percent and "averageValue" not in target and isinstance(source.get("name"), str):
                yield source["name"], source.get("container") if field == "containerResource" else None
    annotations = mapping(mapping(autoscaler.get("metadata")).get("annotations"))
    if "targetCPUUtilizationPercentage" in spec or (not spec.get("metrics") and _METRICS_ANNOTATION not in annotations):
        yield "cpu", None  # 80 % CPU is the default of every version where nothing else is measured


def _by_keda(spec: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    for trigger in _entries(spec.get("triggers")):
        metadata = mapping(trigger.get("metadata"))
        percent = trigger.get("metricType", metadata.get("type")) == "Utilization"
        if percent and trigger.get("type") in ("cpu", "memory"):
            yield trigger["type"], metadata.get("containerName")


def _entries(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
