"""Autoscalers: what they measure, what the API server refuses, and that no data can make the checks fail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_audit.findings import Finding
from tests.support import audit_text

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]},
        },
    },
}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


def audited(*objects: dict[str, Any], rules: tuple[str, ...]) -> list[Finding]:
    return audit_text("\n---\n".join(json.dumps(one) for one in objects), select=rules).findings


def autoscaler(version: str = "autoscaling/v2", **spec: Any) -> dict[str, Any]:
    spec = {"scaleTargetRef": TARGET, "minReplicas": 2, "maxReplicas": 5, **spec}
    return {"apiVersion": version, "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": spec}


def scaled_object(**trigger: Any) -> dict[str, Any]:
    spec = {"scaleTargetRef": {"name": "web"}, "triggers": [trigger]}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "web"}, "spec": spec}


def resource(name: str, **target: Any) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", **target}}}


@pytest.mark.parametrize(
    ("scaler", "missing"),
    [
        (autoscaler(metrics=[resource("cpu", averageUtilization=70)]), ["cpu"]),
        (autoscaler(metrics=[resource(r, averageUtilization=70) for r in ("cpu", "memory")]), ["cpu", "memory"]),
        (autoscaler(metrics=[resource("memory", averageValue="1Gi")]), []),
        (autoscaler(), ["cpu"]),
        (autoscaler("autoscaling/v1", targetCPUUtilizationPercentage=50), ["cpu"]),
        (
            autoscaler("autoscaling/v2beta1", metrics=[{"resource": {"name": "cpu", "targetAverageUtilization": 50}}]),
            ["cpu"],
        ),
        (scaled_object(type="memory", metricType="Utilization", metadata={"value": "60"}), ["memory"]),
        (scaled_object(type="cpu", metadata={"type": "Utilization", "value": "60"}), ["cpu"]),
        (scaled_object(type="cpu", metricType="AverageValue", metadata={"value": "1"}), []),
        (scaled_object(type="cpu", metricType="Utilization", metadata={"containerName": "other"}), []),
        (scaled_object(type="cron", metadata={"desiredReplicas": "10"}), []),
    ],
)
def test_a_request_is_missing_where_an_autoscaler_measures_in_percent(
    scaler: dict[str, Any], missing: list[str]
) -> None:
    found = audited(scaler, DEPLOYMENT, rules=("hpa-target-without-requests",))
    assert [finding.path[-1] for finding in found] == missing
    assert all(finding.related[0].message.endswith("web, `spec.metrics`") for finding in found)


@pytest.mark.parametrize(
    ("target", "needed"),
    [
        ({"kind": "Deployment", "name": "web"}, "apps/v1"),
        ({"apiVersion": "v1", "kind": "StatefulSet", "name": "web"}, "apps/v1"),
        ({"apiVersion": "extensions/v1beta1", "kind": "Deployment", "name": "web"}, "apps/v1"),
        ({"apiVersion": "apps/v1", "kind": "ReplicationController", "name": "web"}, "v1"),
    ],
)
def test_a_target_in_the_wrong_group_gets_the_right_one(target: dict[str, str], needed: str) -> None:
    (finding,) = audited(autoscaler(scaleTargetRef=target), rules=("hpa-invalid",))
    assert [(patch.path[-1], patch.value) for patch in finding.patches] == [("apiVersion", needed)]
    assert finding.fix == "safe"


@pytest.mark.parametrize(
    "target",
    [
        {"apiVersion": "apps/v1beta2", "kind": "Deployment", "name": "web"},
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"},
        {"apiVersion": "example.com/v1", "kind": "Deployment", "name": "web"},
        {"apiVersion": "${VERSION}", "kind": "Deployment", "name": "web"},
    ],
)
def test_a_target_that_may_well_be_found_is_let_through(target: dict[str, str]) -> None:
    assert not audited(autoscaler(scaleTargetRef=target), rules=("hpa-invalid",))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "cpu", "Resource", "External", "${X}", "1Gi"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "resource",
                    "external",
                    "target",
                    "name",
                    "averageValue",
                    "scaleUp",
                    "policies",
                    "value",
                    "kind",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(values, values, values, values)
def test_no_data_makes_a_check_fail(metrics: Any, behavior: Any, target: Any, least: Any) -> None:
    scaler = autoscaler(metrics=metrics, behavior=behavior, minReplicas=least)
    other = {**autoscaler(scaleTargetRef=target), "metadata": {"name": "other"}}
    found = audited(scaler, other, DEPLOYMENT, rules=("hpa-invalid", "hpa-target-without-requests"))
    assert "rule-error" not in {finding.rule for finding in found}
