"""Ports of containers, Services, Ingresses and network policies: their numbers, their names, and what stands twice.

Rules of the API server: ValidateContainerPorts, ValidateService and ValidateNetworkPolicyPort in
`pkg/apis/core/validation` and `pkg/apis/networking/validation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from kube_audit.engine.elements import Element, Hit
from kube_audit.engine.scopes import Pod
from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.paths import expand
from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder

_LABEL = lazily(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PORT_FIELDS = {
    "Service": ("spec.ports[].port", "spec.ports[].targetPort"),
    "Ingress": (
        "spec.defaultBackend.service.port.number",
        "spec.rules[].http.paths[].backend.service.port.number",
        "spec.backend.servicePort",
        "spec.rules[].http.paths[].backend.servicePort",
    ),
    "NetworkPolicy": (
        "spec.ingress[].ports[].port",
        "spec.ingress[].ports[].endPort",
        "spec.egress[].ports[].port",
        "spec.egress[].ports[].endPort",
    ),
}


def duplicates(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield ports that stand twice in a pod or a Service, and node ports that another Service has taken.

    `found` holds `what` (two entries in people's words), `error` (whether the API server would refuse it) and
    `others` (the Services that have taken a node port).
    """
    del params
    if element.pod is not None:
        yield from _container_duplicates(element.pod)
    elif element.obj.kind == "Service":
        yield from _service_duplicates(element)


def _container_duplicates(pod: Pod) -> Iterator[Hit]:
    shared: set[tuple[Any, ...]] = set()
    of_host = pod.spec.get("hostNetwork") is True
    for container in pod.containers():
        on_host = set() if container.type == "init" else shared  # one init container runs after the other
        declared: set[tuple[int, str]] = set()
        for path, entry in expand(container.data, "ports[]"):
            port = mapping(entry)
            number, host = port.get("containerPort"), port.get("hostPort")
            protocol = str(port.get("protocol", "TCP"))
            at = (*container.path, *path)
            taken = host or (number if of_host else 0)  # SetDefaults_HostNetworkPorts
            if _is_number(taken) and taken > 0 and container.type != "ephemeral":
                key = (taken, protocol, port.get("hostIP", ""))
                if key in on_host:
                    field = "hostPort" if host else "containerPort"
                    ending = "" if host else ", the node's own with `hostNetwork`,"
                    yield _hit((*at, field), f"host port {taken}/{protocol}{ending}", error=True)
                    continue
                on_host.add(key)
            if isinstance(number, int):
                if (number, protocol) in declared and not host:
                    yield _hit((*at, "containerPort"), f"port {number}/{protocol}", error=False)
                declared.add((number, protocol))


def _service_duplicates(element: Element) -> Iterator[Hit]:
    seen: set[tuple[Any, ...]] = set()
    for path, entry in expand(element.obj.data, "spec.ports[]"):
        port = mapping(entry)
        protocol = str(port.get("protocol", "TCP"))
        for field, words in (("name", "name"), ("port", "port"), ("nodePort", "node port")):
            value = port.get(field)
            if value in (None, 0, "") or isinstance(value, bool | dict | list) or is_placeholder(str(value)):
                continue
            key = (field, value, None if field == "name" else protocol)
            if key in seen:
                ending = "" if field == "name" else f"/{protocol}"
                yield _hit((*path, field), f"{words} {value}{ending}", error=True)
                break
            seen.add(key)
    for rival in element.related["rivals"]:
        if rival["over"] == "nodePort":
            index = int(rival["path"].partition("[")[2].partition("]")[0])
            found = {"what": f"node port {rival['value']}", "error": True, "others": rival["others"]}
            yield Hit(("spec", "ports", index, "nodePort"), found)


def _hit(path: Path, what: str, *, error: bool) -> Hit:
    return Hit(path, {"what": what, "error": error, "others": []})


def names(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield names of ports that the API server would refuse. `found` holds `name` and `reason`."""
    del params
    if element.pod is not None:
        for container in element.pod.containers():
            for path, value in expand(container.data, "ports[].name"):
                yield from _name_hit((*container.path, *path), value, service_name_problem(value))
        return
    ports = list(expand(element.obj.data, "spec.ports[]"))
    for path, entry in ports:
        port = mapping(entry)
        name, target = port.get("name", ""), port.get("targetPort", 0)
        if len(ports) > 1 and not name:
            yield Hit(path, {"name": "", "reason": "it needs a name, since the Service has several ports"})
        elif name:
            wrong = isinstance(name, str) and not (len(name) <= 63 and _LABEL.fullmatch(name))
            reason = "the name of a Service's port is at most 63 lower-case letters, digits and inner hyphens"
            yield from _name_hit((*path, "name"), name, reason if wrong else "")
        if isinstance(target, str) and target:
            wrong_name = service_name_problem(target)
            if target.isdecimal():
                wrong_name = "in quotes a number is taken for a name: write it without"
            yield from _name_hit((*path, "targetPort"), target, wrong_name)


def service_name_problem(name: Any) -> str:
    """Return why a text is no IANA service name (RFC 6335), "" where it is one or no text."""
    if not isinstance(name, str) or not name:
        return ""
    if len(name) > 15:
        return f"a port name has at most 15 characters, this one {len(name)}"
    if not re.fullmatch(r"[a-z0-9-]+", name):
        return "a port name is made of lower-case letters, digits and hyphens"
    if not re.search(r"[a-z]", name):
        return "a port name has at least one letter"
    if name.startswith("-") or name.endswith("-") or "--" in name:
        return "a port name has single hyphens, none at its start or end"
    return ""


def _name_hit(path: Path, name: Any, reason: str) -> Iterator[Hit]:
    if reason and not is_placeholder(str(name)):
        yield Hit(path, {"name": str(name), "reason": reason})


def ranges(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield port numbers that cannot be. `found` holds `what` and `reason`; `params` gives `node_port_range`."""
    if element.pod is not None:
        yield from _pod_ranges(element.pod)
        return
    data = element.obj.data
    for pattern in _PORT_FIELDS.get(element.obj.kind, ()):
        for path, value in expand(data, pattern):
            lowest = 0 if path[-1] == "targetPort" else 1
            if _is_number(value) and not lowest <= value <= 65535:
                yield Hit(path, {"what": f"`{path[-1]}` {value}", "reason": "ports go from 1 to 65535"})
    low, high = params["node_port_range"]
    for path, value in expand(data, "spec.ports[].nodePort") if element.obj.kind == "Service" else ():
        if _is_number(value) and value != 0 and not low <= value <= high:
            reason = f"the nodes' range is {low} to {high}"
            yield Hit(path, {"what": f"`nodePort` {value}", "reason": reason})
    for direction in ("ingress", "egress") if element.obj.kind == "NetworkPolicy" else ():
        for path, entry in expand(data, f"spec.{direction}[].ports[]"):
            yield from _end_port(path, mapping(entry))


def _end_port(path: Path, entry: dict[str, Any]) -> Iterator[Hit]:
    end, start = entry.get("endPort"), entry.get("port")
    if end is None or not _is_number(end):
        return
    if start is None or isinstance(start, str):
        reason = "it ends a range whose `port` has to be a number"
    elif _is_number(start) and end < start:
        reason = f"it is below `port` {start}"
    else:
        return
    yield Hit((*path, "endPort"), {"what": f"`endPort` {end}", "reason": reason})


def _pod_ranges(pod: Pod) -> Iterator[Hit]:
    of_host = pod.spec.get("hostNetwork") is True
    for container in pod.containers():
        for path, entry in expand(container.data, "ports[]"):
            port = mapping(entry)
            at = (*container.path, *path)
            number, host = port.get("containerPort"), port.get("hostPort")
            whose = f"of container `{container.name}`"
            if _is_number(number) and number != 0 and not 1 <= number <= 65535:
                found = {"what": f"`containerPort` {number} {whose}", "reason": "ports go from 1 to 65535"}
                yield Hit((*at, "containerPort"), found)
            if _is_number(host) and not 0 <= host <= 65535:
                found = {"what": f"`hostPort` {host} {whose}", "reason": "ports go from 1 to 65535"}
                yield Hit((*at, "hostPort"), found)
            elif of_host and _is_number(host) and _is_number(number) and host not in (0, number):
                reason = f"with `hostNetwork` it has to be the `containerPort`, {number}"
                yield Hit((*at, "hostPort"), {"what": f"`hostPort` {host} {whose}", "reason": reason})


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
