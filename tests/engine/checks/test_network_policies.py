"""Which egress rules let pods ask DNS."""

from __future__ import annotations

import pytest

from tests.support import audit_text


def found(*rules: str, more: str = "", pod: str = "") -> int:
    text = f"""
apiVersion: v1
kind: Pod
metadata: {{name: web, labels: {{app: web}}}}
spec: {{containers: [{{name: web, image: "web:1"}}]{pod}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web}}
spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{", ".join(rules)}]}}
{more}
"""
    return len(audit_text(text, select=["network-policy-blocks-dns"]).findings)


SYSTEM = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}"
DB = "{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}"


@pytest.mark.parametrize(
    "rule",
    [
        "{}",
        "{ports: [{port: 53, protocol: UDP}]}",
        "{ports: [{port: dns, protocol: UDP}]}",
        "{ports: [{port: 1, endPort: 100, protocol: UDP}]}",
        "{ports: [{protocol: UDP}]}",
        f"{{to: [{SYSTEM}]}}",
        f"{{to: [{SYSTEM}], ports: [{{port: 53, protocol: UDP}}]}}",
        "{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}]}",
        "{to: [{namespaceSelector: {matchLabels: {name: kube-system}}}], ports: [{port: 53}]}",
        "{to: [{ipBlock: {cidr: 10.96.0.10/32}}], ports: [{port: 53}]}",
        "{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}",
    ],
)
def test_rules_that_let_dns_through(rule: str) -> None:
    assert found(DB, rule) == 0


@pytest.mark.parametrize(
    "rule",
    [
        DB,
        "{ports: [{port: 443}]}",
        "{to: [{podSelector: {}}]}",
        "{to: [{ipBlock: {cidr: 10.0.0.0/8}}, {podSelector: {matchLabels: {app: db}}}], ports: [{port: 443}]}",
        "{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: data}}}], ports: [{port: 53}]}",
    ],
)
def test_rules_that_do_not(rule: str) -> None:
    assert found(rule) == 1


def test_who_is_reached_by_address_alone_needs_no_names() -> None:
    addresses = "{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 443}]}"
    assert found(addresses) == 0
    assert found(addresses, DB) == 1


def test_what_is_closed_on_purpose_and_pods_without_cluster_dns_are_left_out() -> None:
    assert found() == 0
    assert found(DB, pod=", hostNetwork: true") == 0
    assert found(DB, pod=", dnsPolicy: Default") == 0


def test_policies_of_other_kinds_may_open_more() -> None:
    cilium = (
        "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x}\nspec: {endpointSelector: {}}"
    )
    assert found(DB, more=cilium) == 0
