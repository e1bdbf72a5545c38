"""What the API server refuses in a Service, and pods that opt out of a service mesh.

Source: ValidateService in `pkg/apis/core/validation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.paths import expand
from kube_audit.placeholders import is_placeholder

_OPT_OUT = {"istio": ("sidecar.istio.io/inject", "false"), "linkerd": ("linkerd.io/inject", "disabled")}


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield what makes a Service unacceptable; `found` holds `reason`."""
    del params
    spec = mapping(element.obj.data.get("spec"))
    kind, address = spec.get("type", "ClusterIP"), spec.get("clusterIP")
    headless = address == "None"
    if any(isinstance(value, str) and is_placeholder(value) for value in (kind, address)):
        return
    if kind == "ExternalName":
        if not spec.get("externalName"):
            yield _hit(("spec",), "type ExternalName needs an `externalName`")
        if isinstance(address, str) and address:
            yield _hit(("spec", "clusterIP"), "a Service of type ExternalName has no `clusterIP`")
        return
    if not spec.get("ports") and not headless:
        yield _hit(("spec",), "it has no `ports`; only headless Services can do without")
    if headless and kind in ("NodePort", "LoadBalancer"):
        yield _hit(("spec", "clusterIP"), f"`clusterIP: None` cannot be had with type {kind}")
    if kind == "ClusterIP":
        yield from _only_outside(spec)
    if "sessionAffinityConfig" in spec and spec.get("sessionAffinity") != "ClientIP":
        yield _hit(("spec", "sessionAffinityConfig"), "`sessionAffinityConfig` needs `sessionAffinity: ClientIP`")
    ranges = spec.get("loadBalancerSourceRanges")
    for index, text in enumerate(ranges if isinstance(ranges, list) else ()):
        if isinstance(text, str) and not is_placeholder(text) and not _is_range(text.strip()):
            reason = f"`{text}` in `loadBalancerSourceRanges` is no address range such as `10.0.0.0/8`"
            yield _hit(("spec", "loadBalancerSourceRanges", index), reason)


def _only_outside(spec: dict[str, Any]) -> Iterator[Hit]:
    """Yield what a Service has for clients outside of the cluster, whom its type ClusterIP does not serve."""
    for path, port in expand(spec, "ports[].nodePort"):
        if isinstance(port, int) and port != 0:
            yield _hit(("spec", *path), f"`nodePort` {port} needs type NodePort or LoadBalancer, and this is ClusterIP")
    policy = spec.get("externalTrafficPolicy")
    if isinstance(policy, str) and policy and not is_placeholder(policy) and not spec.get("externalIPs"):
        reason = f"`externalTrafficPolicy: {policy}` needs type NodePort or LoadBalancer, and this is ClusterIP"
        yield _hit(("spec", "externalTrafficPolicy"), reason)
    if spec.get("loadBalancerSourceRanges"):
        reason = "`loadBalancerSourceRanges` needs type LoadBalancer, and this is ClusterIP"
        yield _hit(("spec", "loadBalancerSourceRanges"), reason)


def _is_range(text: str) -> bool:
    if "/" not in text:
        return False
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def mesh_opt_out(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield labels and annotations by which pods stay out of a mesh. `params` gives `meshes`, by name."""
    if element.pod is None:
        return
    for mesh in params["meshes"]:
        key, value = _OPT_OUT[mesh]
        for field in ("labels", "annotations"):
            written = mapping(element.pod.metadata.get(field)).get(key)
            if written is not None and str(written).lower() == value:
                yield Hit((*element.pod.path[:-1], "metadata", field, key), {"mesh": mesh, "key": key, "value": value})


def _hit(path: Path, reason: str) -> Hit:
    return Hit(path, {"reason": reason})
