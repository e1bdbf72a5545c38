"""Whether the ports that a Service sends traffic to are ports of the pods it selects.

A name is looked up in each pod, among containers and sidecars, for the same protocol (FindPort in
`pkg/api/v1/pod/util.go`); a number is used as it is, so it can only be compared with what containers declare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import path_text
from kube_audit.manifests.objects import mapping, sequence
from kube_audit.names import closest
from kube_audit.paths import expand
from kube_audit.placeholders import is_placeholder

_Port = tuple[str, int, str]
"""Name ("" without one), number, protocol."""


def target_ports(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the ports of a Service that no container of a selected workload has. Pods of Jobs come and go: they pass.

    `found` holds `path` (of targetPort), `port` (the Service's own, as people call it), `target`, `numeric`, `some`
    (other workloads have it), `pods` (the workloads that have not), `known` (their ports) and `similar`.
    """
    del params
    spec = mapping(element.obj.data.get("spec"))
    pods = [pod for pod in element.related["pods"] if pod["kind"] not in ("Job", "CronJob")]
    declared = [(pod, _declared(pod["pod"])) for pod in pods]
    ports = spec.get("ports")
    for index, entry in enumerate(ports if isinstance(ports, list) else ()):
        port = mapping(entry)
        target, protocol = port.get("targetPort", port.get("port")), port.get("protocol", "TCP")
        if isinstance(target, bool) or not isinstance(target, int | str) or target in ("", 0):
            continue
        numeric = isinstance(target, int)
        if numeric and (spec.get("clusterIP") == "None" or not all(complete for _, (_, complete) in declared)):
            continue
        if isinstance(target, str) and (is_placeholder(target) or target.isdecimal()):
            continue
        lacking = [(pod, known) for pod, (known, _) in declared if not _has(known, target, protocol)]
        if not lacking:
            continue
        known = lacking[0][1]
        names = [name for name, _, of_protocol in known if name and of_protocol == protocol]
        similar = "" if numeric else closest(str(target), names)
        found = {
            "path": f"spec.ports[{index}].targetPort",
            "port": str(port.get("name", port.get("port", ""))),
            "target": str(target),
            "numeric": numeric,
            "some": len(lacking) < len(declared),
            "pods": [{**pod, "at": _place(pod, similar)} for pod, _ in lacking[:3]],
            "known": [_told(*one) for one in known],
            "similar": similar,
        }
        yield Hit(("spec", "ports", index, "targetPort" if "targetPort" in port else "port"), found)


def _declared(pod: Mapping[str, Any]) -> tuple[list[_Port], bool]:
    """Return the ports that a pod's containers and sidecars declare, and whether each of them declares one."""
    containers = [mapping(one) for one in sequence(pod.get("containers"))]
    containers += [
        c for one in sequence(pod.get("initContainers")) if (c := mapping(one)).get("restartPolicy") == "Always"
    ]
    found: list[_Port] = []
    complete = bool(containers)
    for container in containers:
        ports = [mapping(port) for port in sequence(container.get("ports"))]
        complete = complete and bool(ports) and all(isinstance(port.get("containerPort"), int) for port in ports)
        for port in ports:
            name, number, protocol = (port.get(field) for field in ("name", "containerPort", "protocol"))
            found.append((str(name or ""), number if isinstance(number, int) else 0, str(protocol or "TCP")))
    return found, complete and not any(is_placeholder(name) for name, _, _ in found)


def _place(pod: Mapping[str, Any], name: str) -> str:
    """Return the path of the port of a name in a workload; of the first container that declares ports, else of any."""
    template = f"{pod['template']}." if pod["template"] else ""
    for path, port in expand(pod["pod"], "containers[].ports[]"):
        if not name or mapping(port).get("name") == name:
            return f"{template}spec.{path_text(path if name else path[:-1])}"
    return f"{template}spec.containers"


def _has(known: list[_Port], target: int | str, protocol: str) -> bool:
    if any(is_placeholder(name) or not number for name, number, _ in known):  # filled in later
        return True
    wanted = 1 if isinstance(target, int) else 0
    return any(port[wanted] == target and port[2] == protocol for port in known)


def _told(name: str, number: int, protocol: str) -> str:
    ending = "" if protocol == "TCP" else f"/{protocol}"
    return f"{name} ({number}{ending})" if name else f"{number}{ending}"
