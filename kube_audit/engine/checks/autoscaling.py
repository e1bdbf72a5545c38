"""Autoscalers that cannot do their work: what they measure is not there, or what they say is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.engine.quantities import is_quantity, parse
from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.placeholders import is_placeholder

_METRICS_ANNOTATION = "autoscaling.alpha.kubernetes.io/metrics"
Problem = tuple[Path, str, str]
_SOURCES = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}
_VALUES = {
    "Resource": ("averageUtilization", "averageValue"),
    "ContainerResource": ("averageUtilization", "averageValue"),
    "Pods": ("averageValue",),
    "Object": ("value", "averageValue"),
    "External": ("value", "averageValue"),
}
_GROUPS = {"Deployment": "apps", "StatefulSet": "apps", "ReplicaSet": "apps", "ReplicationController": ""}
_NOT_SCALABLE = frozenset({"DaemonSet", "Job", "CronJob", "Pod", "Service"})
_LONGEST_WINDOW = 3600
_LONGEST_PERIOD = 1800


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


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield what the API server refuses in a HorizontalPodAutoscaler, and targets that its controller cannot scale.

    `found` holds `problem`, and `api_version`: the one that the target needs, else "". Follows
    ValidateHorizontalPodAutoscaler of k8s.io/kubernetes/pkg/apis/autoscaling/validation; zero copies are
    refused where no version of Kubernetes allows them: without an Object or External metric.
    """
    spec = mapping(element.value.get("spec"))
    found = [*_copies(spec), *_target(mapping(spec.get("scaleTargetRef"))), *_behavior(mapping(spec.get("behavior")))]
    if element.obj.api_version in ("autoscaling/v2", "autoscaling/v2beta2"):
        for index, metric in enumerate(spec["metrics"] if isinstance(spec.get("metrics"), list) else ()):
            found += [(("metrics", index, *path), problem, "") for path, problem in _metric(mapping(metric))]
    for path, problem, api_version in found:
        yield Hit(("spec", *path), {"problem": problem, "api_version": api_version})


def _copies(spec: dict[str, Any]) -> Iterator[Problem]:
    least, most = _integer(spec.get("minReplicas")), _integer(spec.get("maxReplicas"))
    if most is not None and most < 1:
        yield ("maxReplicas",), f"has `maxReplicas: {most}`, and it must be 1 or more", ""
    elif least is not None and most is not None and most < least:
        yield ("maxReplicas",), f"has `maxReplicas: {most}`, which is less than its `minReplicas: {least}`", ""
    if least is not None and least < 0:
        yield ("minReplicas",), f"has `minReplicas: {least}`, and it cannot be negative", ""
    types = {str(metric.get("type")) for metric in _entries(spec.get("metrics"))}
    if least == 0 and types.isdisjoint({"Object", "External"}):
        reason = "without a metric of type Object or External: with no copy left there is nothing else to measure"
        yield ("minReplicas",), f"has `minReplicas: 0` {reason}", ""
    percent = _integer(spec.get("targetCPUUtilizationPercentage"))
    if percent is not None and percent < 1:
        path = ("targetCPUUtilizationPercentage",)
        yield path, f"has `targetCPUUtilizationPercentage: {percent}`, and it must be 1 or more", ""


def _target(target: dict[str, Any]) -> Iterator[Problem]:
    kind, version = target.get("kind"), target.get("apiVersion", "")
    if not isinstance(kind, str) or not isinstance(version, str) or is_placeholder(version):
        return
    path = ("scaleTargetRef",)
    group = version.rpartition("/")[0]
    if kind in _NOT_SCALABLE and group in ("", "apps", "batch"):
        yield (*path, "kind"), f"targets a {kind}, which has no number of copies to set", ""
    elif kind in _GROUPS and group != _GROUPS[kind] and group in ("", "apps", "extensions"):
        needed = f"{_GROUPS[kind]}/v1".removeprefix("/")
        written = f"with `apiVersion: {version}`" if version else "without an `apiVersion`"
        problem = f"targets a {kind} {written}: it is looked up by that group and is not found there"
        yield (*path, "apiVersion"), f"{problem}; `{needed}` is needed", needed


def _metric(metric: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield what is wrong with a metric of autoscaling/v2."""
    of_type = metric.get("type")
    if not isinstance(of_type, str) or of_type not in _SOURCES:
        return  # the schema knows the types
    field = _SOURCES[of_type]
    if field not in metric:
        yield ("type",), f"has a metric of type {of_type} without its `{field}`, which says what to measure"
    for other in _SOURCES.values():
        if other in metric and other != field:
            yield (other,), f"has a metric of type {of_type} with `{other}`, which belongs to another type"
    source = mapping(metric.get(field))
    target = mapping(source.get("target"))
    if "target" not in source:
        return
    path, wanted = (field, "target"), _VALUES[of_type]
    given = [name for name in wanted if name in target]
    if not given:
        names = " or ".join(f"`{name}`" for name in wanted)
        yield path, f"has a metric of type {of_type} whose target has no {names}, so it has no goal"
    if len(given) > 1:
        yield (*path, given[1]), f"has a target with both `{given[0]}` and `{given[1]}`, and only one is allowed"
    for name in ("averageUtilization", "averageValue", "value"):
        if is_quantity(target.get(name)) and parse(target[name]) <= 0:
            yield (*path, name), f"has a target with `{name}: {target[name]}`, and it must be more than 0"


def _behavior(behavior: dict[str, Any]) -> Iterator[Problem]:
    for direction in ("scaleUp", "scaleDown"):
        rules = mapping(behavior.get(direction))
        path: Path = ("behavior", direction)
        window = _integer(rules.get("stabilizationWindowSeconds"))
        if window is not None and not 0 <= window <= _LONGEST_WINDOW:
            reason = f"has `stabilizationWindowSeconds: {window}`, and it goes from 0 to {_LONGEST_WINDOW}"
            yield (*path, "stabilizationWindowSeconds"), reason, ""
        if rules.get("policies") == []:
            yield (*path, "policies"), f"has an empty list of policies for {direction}", ""
        for index, policy in enumerate(_entries(rules.get("policies"))):
            value, period = _integer(policy.get("value")), _integer(policy.get("periodSeconds"))
            if value is not None and value < 1:
                yield (
                    (*path, "policies", index, "value"),
                    f"has a policy of `value: {value}`, and it must be 1 or more",
                    "",
                )
            if period is not None and not 1 <= period <= _LONGEST_PERIOD:
                reason = f"has a policy with `periodSeconds: {period}`, and it goes from 1 to {_LONGEST_PERIOD}"
                yield (*path, "policies", index, "periodSeconds"), reason, ""


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
