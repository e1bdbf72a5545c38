"""What the API server refuses in an Ingress: ValidateIngressSpec in `pkg/apis/networking/validation`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.paths import expand
from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder

_LABELS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_HOST = lazily(_LABELS)
_WILDCARD = lazily(rf"\*\.{_LABELS}")
_REFUSED_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_REFUSED_ENDS = ("/..", "/.")


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield what makes an Ingress unacceptable; `found` holds `reason`."""
    del params
    spec = mapping(element.obj.data.get("spec"))
    current = element.obj.api_version == "networking.k8s.io/v1"
    if current and not spec.get("rules") and "defaultBackend" not in spec:
        yield _hit(("spec",), "it has neither `rules` nor a `defaultBackend`, so it routes nothing")
    for pattern in ("rules[].host", "tls[].hosts[]"):
        for path, host in expand(spec, pattern):
            reason = host_problem(host, of_tls=pattern.startswith("tls"))
            if reason:
                yield _hit(("spec", *path), reason)
    for path, entry in expand(spec, "rules[].http.paths[]"):
        yield from _path(("spec", *path), mapping(entry), current=current)
    if current and isinstance(spec.get("defaultBackend"), dict):
        yield from _backend(("spec", "defaultBackend"), spec["defaultBackend"])


def host_problem(host: Any, *, of_tls: bool = False) -> str:
    """Return why a host is none that an Ingress may have, "" where it may have it.

    Rules refuse addresses; under `tls` an IPv4 address passes, since it looks like a name (validateIngressTLS).
    """
    if not isinstance(host, str) or not host or is_placeholder(host):
        return ""
    if re.fullmatch(r"[^:]+:\d+", host):
        return f"the host `{host}` has a port: a rule is for every port of the controller"
    if "://" in host or "/" in host:
        return f"the host `{host}` is a URL: write the name alone, and the path under `paths`"
    if not of_tls and _is_address(host):
        return f"the host `{host}` is an address; a rule needs a name, or no host at all"
    if len(host) > 253:
        return "the host has more than 253 characters"
    if "*" in host:
        fits = _WILDCARD.fullmatch(host)
        return "" if fits else f"in the host `{host}` the `*` has to be the whole first part, as in `*.example.com`"
    return "" if _HOST.fullmatch(host) else f"the host `{host}` is no name in lower case that DNS knows"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _path(path: Path, entry: dict[str, Any], *, current: bool) -> Iterator[Hit]:
    text, kind = entry.get("path", ""), entry.get("pathType")
    if isinstance(text, str) and not is_placeholder(text):
        if kind in ("Exact", "Prefix"):
            refused = next((part for part in _REFUSED_PARTS if part in text), None)
            refused = refused or next((end for end in _REFUSED_ENDS if text.endswith(end)), None)
            if not text.startswith("/"):
                yield _hit((*path, "path"), f"the path `{text}` has to start with `/` for the type {kind}")
            elif refused:
                yield _hit((*path, "path"), f"the path `{text}` must not hold `{refused}` for the type {kind}")
        elif text and not text.startswith("/"):
            yield _hit((*path, "path"), f"the path `{text}` has to start with `/`")
    if current and isinstance(entry.get("backend"), dict):
        yield from _backend((*path, "backend"), entry["backend"])


def _backend(path: Path, backend: dict[str, Any]) -> Iterator[Hit]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is None and resource is None:
        if "serviceName" not in backend:  # that is an unknown field, which the schema reports
            yield _hit(path, "the backend names neither a `service` nor a `resource`")
        return
    if service is not None and resource is not None:
        yield _hit(path, "the backend names both a `service` and a `resource`, of which it can have one")
    port = mapping(service).get("port")
    if isinstance(service, dict):
        given = [field for field in ("name", "number") if mapping(port).get(field)]
        if not given:
            yield _hit((*path, "service"), "the Service's port is missing: write its `name` or its `number`")
        elif len(given) > 1:
            yield _hit(
                (*path, "service", "port"), "the Service's port has a `name` and a `number`, of which one counts"
            )


def _hit(path: Path, reason: str) -> Hit:
    return Hit(path, {"reason": reason})
