"""What else has to change where an object moves to the API version that replaces its own.

Follows the conversions of the API server's own types: pkg/apis/networking and pkg/apis/extensions for Ingress,
pkg/apis/autoscaling for metrics, pkg/apis/apps for selectors, all of k8s.io/kubernetes, and the deprecation guide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kube_audit.findings import FixSafety, Patch, Path
from kube_audit.manifests.objects import mapping, sequence
from kube_audit.validation.api_versions import VersionProblem

_WITH_DEFAULT_SELECTOR = ("extensions/v1beta1", "apps/v1beta1")
_GONE_FROM_WORKLOADS = ("rollbackTo", "templateGeneration")
_TARGETS = {"targetAverageUtilization": "averageUtilization", "targetAverageValue": "averageValue"}
_METRICS = {"Resource": "resource", "ContainerResource": "containerResource"}


class _Unconvertible(Exception):
    """The object holds something that this module does not know how to write in the new version."""


def completed(problem: VersionProblem, data: dict[str, Any]) -> VersionProblem:
    """Return a problem whose fix changes the rest of the object too, where it is known how; else the problem itself.

    `data` is the object as its own version has it. The fix is safe where the object means the same afterwards.
    """
    target = next((patch.value for patch in problem.patches if patch.path == ("apiVersion",)), None)
    known = _CONVERSIONS.get((target, data.get("kind")))
    if known is None or problem.fix == "safe":
        return problem
    convert, safety = known
    try:
        more = tuple(convert(data.get("apiVersion"), mapping(data.get("spec"))))
    except _Unconvertible:
        return problem
    return problem._replace(patches=(*problem.patches, *more), fix=safety)


def _ingress(api_version: Any, spec: dict[str, Any]) -> Iterator[Patch]:
    if "backend" in spec:
        yield Patch("rename", ("spec", "backend"), "defaultBackend")
        yield from _ingress_backend(spec["backend"], ("spec", "backend"))
    for number, rule in enumerate(sequence(spec.get("rules"))):
        for index, entry in enumerate(sequence(mapping(mapping(rule).get("http")).get("paths"))):
            path: Path = ("spec", "rules", number, "http", "paths", index)
            if "pathType" not in mapping(entry):
                yield Patch("set", (*path, "pathType"), "ImplementationSpecific")
            yield from _ingress_backend(mapping(entry).get("backend"), (*path, "backend"))


def _ingress_backend(backend: Any, path: Path) -> Iterator[Patch]:
    name, port = mapping(backend).get("serviceName"), mapping(backend).get("servicePort")
    if name is None and port is None and "resource" in mapping(backend):
        return
    if not isinstance(name, str) or not isinstance(port, int | str) or isinstance(port, bool):
        raise _Unconvertible
    by = "name" if isinstance(port, str) else "number"
    yield Patch("set", (*path, "service"), {"name": name, "port": {by: port}})
    yield Patch("remove", (*path, "serviceName"))
    yield Patch("remove", (*path, "servicePort"))


def _workload(api_version: Any, spec: dict[str, Any]) -> Iterator[Patch]:
    if "selector" not in spec:
        labels = mapping(mapping(mapping(spec.get("template")).get("metadata")).get("labels"))
        if api_version not in _WITH_DEFAULT_SELECTOR or not labels:
            raise _Unconvertible
        yield Patch("set", ("spec", "selector"), {"matchLabels": dict(labels)})
    for field in _GONE_FROM_WORKLOADS:
        if field in spec:
            yield Patch("remove", ("spec", field))


def _autoscaler(api_version: Any, spec: dict[str, Any]) -> Iterator[Patch]:
    for index, metric in enumerate(sequence(spec.get("metrics"))):
        field = _METRICS.get(str(mapping(metric).get("type")))
        source = mapping(mapping(metric).get(field)) if field is not None else {}
        old = [name for name in _TARGETS if name in source]
        if field is None or len(old) != 1:
            raise _Unconvertible
        kind = "Utilization" if old == ["targetAverageUtilization"] else "AverageValue"
        path: Path = ("spec", "metrics", index, field)
        yield Patch("set", (*path, "target"), {"type": kind, _TARGETS[old[0]]: source[old[0]]})
        yield Patch("remove", (*path, old[0]))


def _disruption_budget(api_version: Any, spec: dict[str, Any]) -> Iterator[Patch]:
    if not any(mapping(spec.get("selector")).values()):
        raise _Unconvertible  # empty, it selected no pods, and now selects all
    return iter(())


_Convert = Callable[[Any, dict[str, Any]], Iterator[Patch]]
_CONVERSIONS: dict[tuple[Any, Any], tuple[_Convert, FixSafety]] = {
    ("networking.k8s.io/v1", "Ingress"): (_ingress, "safe"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"): (_autoscaler, "safe"),
    ("policy/v1", "PodDisruptionBudget"): (_disruption_budget, "safe"),
    # The defaults of strategies and histories differ.
    **{("apps/v1", kind): (_workload, "unsafe") for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")},
}
