"""What many objects do to one another stays in proportion to their number, however they are tied."""

from __future__ import annotations

import cProfile
from collections.abc import Callable

import pytest

from kube_audit import rights
from tests.support import audit_text

RULES = (
    *("dangling-service", "service-target-port-mismatch", "readiness-probe-missing", "overlapping-selectors"),
    *("network-policy-blocks-dns", "network-policy-missing", "pod-disruption-budgets-overlap", "hpa-duplicate-target"),
    *("dangling-service-monitor", "ingress-duplicate-host-path", "duplicate-object", "env-reference-not-found"),
    *("service-account-aggregate-privilege", "namespace-quota-missing", "cpu-limit-missing", "dangling-network-policy"),
)
FEW, MANY = 100, 400


def workload(number: int, labels: str = "{app: web}") -> str:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web-{number}, namespace: shop}}
spec:
  selector: {{matchLabels: {labels}}}
  template:
    metadata: {{labels: {labels}}}
    spec:
      containers:
      - {{name: web, image: "web:1.2", envFrom: [{{configMapRef: {{name: settings-{number}-x}}}}]}}
"""


def service(number: int, selector: str = "{app: web}") -> str:
    metadata = f"{{name: web-{number}, namespace: shop, labels: {{app: web}}}}"
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {metadata}\nspec: {{selector: {selector}, ports: [{{port: 80}}]}}\n"
    )


def one_of(kind: str, number: int, spec: str) -> str:
    api_version = {
        "HorizontalPodAutoscaler": "autoscaling/v2",
        "Ingress": "networking.k8s.io/v1",
        "NetworkPolicy": "networking.k8s.io/v1",
        "PodDisruptionBudget": "policy/v1",
        "ServiceMonitor": "monitoring.coreos.com/v1",
    }.get(kind, "v1")
    return f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: one-{number}, namespace: shop}}\nspec: {spec}\n"


def role(number: int) -> str:
    """Return a role that aggregates all others and itself, and a binding of it to every account."""
    group = "rbac.authorization.k8s.io"
    return f"""
apiVersion: {group}/v1
kind: ClusterRole
metadata: {{name: one-{number}, labels: {{all: together}}}}
aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{all: together}}}}]}}
---
apiVersion: {group}/v1
kind: ClusterRoleBinding
metadata: {{name: one-{number}}}
roleRef: {{apiGroup: {group}, kind: ClusterRole, name: one-{number}}}
subjects: [{{apiGroup: {group}, kind: Group, name: "system:serviceaccounts"}}]
"""


ROUTE = (
    "{rules: [{host: a.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web-1}}}]}}]}"
)
TREES: dict[str, Callable[[int], list[str]]] = {
    "Services on one workload": lambda n: [workload(0), *map(service, range(n))],
    "Services on many workloads": lambda n: [*map(workload, range(n)), *map(service, range(n))],
    "Services that nearly select": lambda n: [
        text
        for i in range(n)
        for text in (workload(i, f"{{app: part-{i}-front}}"), service(i, f"{{app: part-{i}-fornt}}"))
    ],
    "policies on all pods": lambda n: [
        text for i in range(n) for text in (workload(i), one_of("NetworkPolicy", i, "{policyTypes: [Egress]}"))
    ],
    "budgets on all pods": lambda n: [
        text
        for i in range(n)
        for text in (workload(i), one_of("PodDisruptionBudget", i, "{selector: {matchLabels: {app: web}}}"))
    ],
    "autoscalers of one workload": lambda n: [
        workload(0),
        *(
            one_of(
                "HorizontalPodAutoscaler", i, "{scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web-0}}"
            )
            for i in range(n)
        ),
    ],
    "monitors of all Services": lambda n: [
        text
        for i in range(n)
        for text in (
            service(i),
            one_of("ServiceMonitor", i, "{selector: {matchLabels: {app: web}}, endpoints: [{port: http}]}"),
        )
    ],
    "routes of one host": lambda n: [service(1), *(one_of("Ingress", i, ROUTE) for i in range(n))],
    "definitions of one object": lambda n: [workload(0)] * n,
    "limits of one namespace": lambda n: [
        text
        for i in range(n)
        for text in (workload(i), one_of("LimitRange", i, "{limits: [{type: Container, default: {cpu: 1}}]}"))
    ],
    "roles that aggregate each other": lambda n: [text for i in range(n) for text in (workload(i), role(i))],
}


def calls(texts: list[str]) -> int:
    """Return how many functions an audit calls: a measure of work that is the same each time."""
    profile = cProfile.Profile()
    result = profile.runcall(audit_text, "---\n".join(texts), profile="all", select=RULES)
    assert not any(finding.rule == "rule-error" for finding in result.findings)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("tree", TREES)
def test_four_times_the_objects_take_about_four_times_as_long(tree: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "MOST", 20)  # from there on rights are no longer added up one by one
    make = TREES[tree]
    calls(make(1))  # what is done once
    few, many = calls(make(FEW)), calls(make(MANY))
    assert many < 5 * few  # sixteen times if each object looked at all others


def test_a_selector_of_a_thousand_expressions_is_answered() -> None:
    expressions = ", ".join(f"{{key: app, operator: NotIn, values: [blog-{i}]}}" for i in range(1000))
    selector = f"{{podSelector: {{matchExpressions: [{{key: app, operator: In, values: [web]}}, {expressions}]}}}}"
    texts = [*map(workload, range(100)), one_of("NetworkPolicy", 0, selector)]
    assert calls(texts) < 2_000_000
    found = audit_text("---\n".join(texts), profile="all", select=["network-policy-missing", "dangling-network-policy"])
    assert [f.rule for f in found.findings if f.rule != "suppression-unused"] == []


def test_objects_that_name_themselves_or_each_other_in_circles_are_judged() -> None:
    circles = [
        one_of("HorizontalPodAutoscaler", 0, "{scaleTargetRef: {kind: HorizontalPodAutoscaler, name: one-0}}"),
        one_of("HorizontalPodAutoscaler", 1, "{scaleTargetRef: {kind: HorizontalPodAutoscaler, name: one-2}}"),
        one_of("HorizontalPodAutoscaler", 2, "{scaleTargetRef: {kind: HorizontalPodAutoscaler, name: one-1}}"),
        role(0),
        role(1).replace("all: together}}]", "all: together}}, {matchExpressions: [{key: all, operator: Exists}]}]"),
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        "metadata: {name: a, namespace: shop, labels: {kubernetes.io/service-name: a}}\n",
    ]
    assert calls(circles) < 200_000
