"""What network policies say wrongly, and what they leave no way to.

Sources: ValidateNetworkPolicySpec in `pkg/apis/networking/validation`; the API reference for NetworkPolicy.
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
from kube_audit.selectors import Selector

_DIRECTIONS = (("ingress", "from", "Ingress"), ("egress", "to", "Egress"))
_DNS_NAMESPACE = {"kubernetes.io/metadata.name": "kube-system"}


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield what makes a NetworkPolicy unacceptable, or a part of it without effect.

    `found` holds `reason` and `error` (false for what is accepted and does nothing).
    """
    del params
    spec = mapping(element.obj.data.get("spec"))
    types = spec.get("policyTypes")
    named = [t for t in types if isinstance(t, str)] if isinstance(types, list) else []
    unknown = any(t not in ("Ingress", "Egress") for t in named)  # refused: the schema says so
    for field, side, kind in _DIRECTIONS:
        if named and not unknown and spec.get(field) and kind not in named:
            reason = f"`{field}` rules have no effect, since `policyTypes` does not name `{kind}`"
            yield Hit(("spec", field), {"reason": reason, "error": False})
        for path, peer in expand(spec, f"{field}[].{side}[]"):
            yield from _peer(("spec", *path), mapping(peer))


def _peer(path: Path, peer: dict[str, Any]) -> Iterator[Hit]:
    if not peer:
        yield Hit(path, {"reason": "a peer has to name an `ipBlock` or a selector, this one is empty", "error": True})
        return
    block = peer.get("ipBlock")
    if not isinstance(block, dict):
        return
    if "podSelector" in peer or "namespaceSelector" in peer:
        reason = "`ipBlock` cannot stand together with selectors: make two peers of them"
        yield Hit((*path, "ipBlock"), {"reason": reason, "error": True})
    cidr = block.get("cidr")
    if not isinstance(cidr, str) or is_placeholder(cidr):
        return
    network = _network(cidr)
    if network is None:
        reason = f"`{cidr}` is no address range in CIDR notation, such as `10.0.0.0/8`"
        yield Hit((*path, "ipBlock", "cidr"), {"reason": reason, "error": True})
    excepted = block.get("except")
    for index, text in enumerate(excepted if isinstance(excepted, list) else ()):
        if not isinstance(text, str) or is_placeholder(text):
            continue
        inner = _network(text)
        at = (*path, "ipBlock", "except", index)
        if inner is None:
            reason = f"`{text}` is no address range in CIDR notation, such as `10.0.0.0/8`"
            yield Hit(at, {"reason": reason, "error": True})
        elif network is not None and not _lies_within(inner, network):
            reason = f"the exception `{text}` does not lie within `{cidr}`"
            yield Hit(at, {"reason": reason, "error": True})


def _network(text: str) -> Any:
    """Return the range; None where it is none. Bits after the prefix are allowed, as Go's ParseCIDR does."""
    if "/" not in text:
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _lies_within(inner: Any, outer: Any) -> bool:
    return bool(inner.version == outer.version and inner.prefixlen > outer.prefixlen and inner.subnet_of(outer))


def open_rules(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield rules that admit everything. `found` holds `direction` (ingress, egress) and `ports` (some are named).

    `params`: `with_ports` for rules that name ports, but no peers; `treat_universal_cidr_as_all` for /0 ranges.
    """
    for field, side, _ in _DIRECTIONS:
        for path, entry in expand(element.obj.data, f"spec.{field}[]"):
            rule = mapping(entry)
            peers, ports = rule.get(side), bool(rule.get("ports"))
            if not isinstance(entry, dict) or (ports and not params["with_ports"]):
                continue
            everyone = (
                isinstance(peers, list) and params["treat_universal_cidr_as_all"] and any(map(_is_anywhere, peers))
            )
            if not peers or everyone:
                yield Hit(path, {"direction": field, "ports": ports})


def _is_anywhere(peer: Any) -> bool:
    block = mapping(mapping(peer).get("ipBlock"))
    return str(block.get("cidr", "")).endswith("/0") and not block.get("except")


def blocks_dns(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a policy that opens some egress, where no policy of the pods at hand opens port 53 to cluster DNS.

    `self` is an entry of `podPolicies`. Policies that close egress completely are taken to mean it, and those that
    open it to address ranges alone need no names. `found` holds `pods`, a workload.
    """
    del params
    spec = mapping(element.obj.data.get("spec"))
    if not _restricts_egress(spec) or not spec.get("egress") or _opens_dns(spec) or _only_addresses(spec):
        return
    group = element.value
    if any(policy["kind"] != "NetworkPolicy" for policy in group["policies"]):
        return  # policies of other kinds may open what this one does not
    if group["pods"]["hostNetwork"] is True or group["pods"]["dnsPolicy"] in ("None", "Default"):
        return
    others = [policy["spec"] for policy in group["policies"]]
    if not any(_opens_dns(other) for other in others if _restricts_egress(other)):
        yield Hit(("spec", "egress"), {"pods": group["pods"]})


def _restricts_egress(spec: dict[str, Any]) -> bool:
    """Whether a policy is one for egress: it says so, or says nothing and has egress rules."""
    types = spec.get("policyTypes")
    if isinstance(types, list) and types:
        return "Egress" in types
    return bool(spec.get("egress"))


def _only_addresses(spec: dict[str, Any]) -> bool:
    rules = spec.get("egress")
    peers = [mapping(rule).get("to") for rule in (rules if isinstance(rules, list) else ())]
    return all(
        isinstance(to, list) and to and all(isinstance(mapping(peer).get("ipBlock"), dict) for peer in to)
        for to in peers
    )


def _opens_dns(spec: dict[str, Any]) -> bool:
    rules = spec.get("egress")
    return any(_rule_opens_dns(mapping(rule)) for rule in (rules if isinstance(rules, list) else ()))


def _rule_opens_dns(rule: dict[str, Any]) -> bool:
    ports = rule.get("ports")
    if isinstance(ports, list) and ports and not any(_is_dns_port(mapping(port)) for port in ports):
        return False
    peers = rule.get("to")
    if not isinstance(peers, list) or not peers:
        return True
    return any(_may_hold_dns(mapping(peer), named_port=bool(ports)) for peer in peers)


def _is_dns_port(port: dict[str, Any]) -> bool:
    number, end = port.get("port"), port.get("endPort")
    if number is None or isinstance(number, str):  # a name: cluster DNS calls its ports dns and dns-tcp
        return number is None or number.startswith("dns") or is_placeholder(number)
    if isinstance(number, int) and isinstance(end, int):
        return number <= 53 <= end
    return number in (53, 5353, 8053)


def _may_hold_dns(peer: dict[str, Any], *, named_port: bool) -> bool:
    """Whether a peer may be cluster DNS: in kube-system, in any namespace, or an address that cannot be told."""
    if isinstance(peer.get("ipBlock"), dict):
        return named_port or str(peer["ipBlock"].get("cidr", "")).endswith("/0")
    spaces = peer.get("namespaceSelector")
    if isinstance(spaces, dict):
        selector = Selector.from_label_selector(spaces)
        by_name = any(key in _DNS_NAMESPACE for key, _ in selector.equalities)
        return selector.matches(_DNS_NAMESPACE) if by_name or not selector.equalities else True
    return named_port  # pods of the own namespace, on port 53: a DNS server of one's own
