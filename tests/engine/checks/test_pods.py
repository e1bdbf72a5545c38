"""Checks of probes, volumes, placement and amounts: what they say, and that no data can make them fail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_audit.findings import Finding
from tests.support import audit_text

CHECKED = ("probe-invalid", "probe-timing-futile", "volume-invalid", "toleration-invalid", "memory-quantity-suspicious")


def findings(pod: dict[str, Any], *rules: str) -> list[Finding]:
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": pod}
    return audit_text(json.dumps(manifest), select=rules or CHECKED).findings


def with_container(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "web", "image": "registry.example.com/web:1", **fields}]}


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ({}, "does not say what to ask: one of `exec`, `httpGet`, `tcpSocket` and `grpc` is needed"),
        ({"exec": {}}, "has an `exec` without a command"),
        ({"tcpSocket": {"port": 0}}, "asks port 0, and ports go from 1 to 65535"),
        ({"tcpSocket": {"port": "80"}}, 'asks the port named "80": a number must be written without quotes'),
        (
            {"tcpSocket": {"port": "a-b-c-d-e-f-g-h-i"}},
            "asks the port `a-b-c-d-e-f-g-h-i`, which no port can be named: "
            "up to 15 small letters, digits and single hyphens",
        ),
        ({"tcpSocket": {"port": 1}, "timeoutSeconds": -1}, "has `timeoutSeconds: -1`, and it cannot be negative"),
    ],
)
def test_a_probe_that_is_refused_is_explained(probe: dict[str, Any], message: str) -> None:
    (finding,) = findings(with_container(livenessProbe=probe), "probe-invalid")
    assert finding.message == f"the liveness probe of container `web` {message}"


def test_zero_means_the_default_as_for_the_api_server() -> None:
    probe = {"tcpSocket": {"port": 80}, "periodSeconds": 0, "failureThreshold": 0, "successThreshold": 0}
    assert not findings(with_container(livenessProbe=probe), "probe-invalid", "probe-timing-futile")


def test_only_the_probe_that_kills_is_a_warning() -> None:
    probe = {"tcpSocket": {"port": 80}, "periodSeconds": 1, "timeoutSeconds": 2}
    found = findings(with_container(livenessProbe=probe, readinessProbe=probe), "probe-timing-futile")
    assert [(f.path[-1], f.severity) for f in found] == [
        ("livenessProbe", "warning"),
        ("timeoutSeconds", "info"),
        ("timeoutSeconds", "info"),
    ]


@pytest.mark.parametrize(
    ("resource", "amount", "message"),
    [
        ("memory", "512m", "`memory: 512m` means 0.512 bytes; did you mean `512Mi`?"),
        ("memory", 128, "`memory: 128` means 128 bytes; did you mean `128Mi`?"),
        ("memory", "900k", "`memory: 900k` means 900000 bytes"),
        ("cpu", 250, "`cpu: 250` means 250 cores; did you mean `250m`?"),
        ("cpu", "1Gi", "`cpu: 1Gi` means 1073741824 cores"),
    ],
)
def test_an_amount_that_is_far_off_says_what_it_means(resource: str, amount: str | int, message: str) -> None:
    pod = with_container(resources={"limits": {resource: amount}})
    (finding,) = findings(pod, "memory-quantity-suspicious")
    assert finding.message == message


@pytest.mark.parametrize(("resource", "amount"), [("memory", "0"), ("memory", "1Mi"), ("cpu", "99"), ("cpu", "1m")])
def test_amounts_that_can_be_meant_are_let_through(resource: str, amount: str) -> None:
    assert not findings(with_container(resources={"limits": {resource: amount}}), "memory-quantity-suspicious")


def test_mounts_below_a_variable_are_let_through() -> None:
    mounts = [
        {"name": "data", "mountPath": "/a", "subPathExpr": "$(POD_NAME)/data"},
        {"name": "data", "mountPath": "/b", "subPath": "..data"},
    ]
    pod = {**with_container(volumeMounts=mounts), "volumes": [{"name": "data", "emptyDir": {}}]}
    assert not findings(pod, "volume-invalid")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "x", "1", "-1", "${X}", "1Gi", "Exists", "In"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "livenessProbe",
                    "exec",
                    "httpGet",
                    "port",
                    "timeoutSeconds",
                    "volumes",
                    "volumeMounts",
                    "name",
                    "mountPath",
                    "subPath",
                    "emptyDir",
                    "tolerations",
                    "operator",
                    "values",
                    "resources",
                    "limits",
                    "cpu",
                    "memory",
                    "affinity",
                    "nodeAffinity",
                    "weight",
                    "maxSkew",
                    "topologySpreadConstraints",
                    "initContainers",
                    "requiredDuringSchedulingIgnoredDuringExecution",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(values, values, values)
def test_no_data_makes_a_check_fail(of_pod: Any, of_container: Any, probe: Any) -> None:
    container = {**(of_container if isinstance(of_container, dict) else {}), "name": "web", "livenessProbe": probe}
    pod = {**(of_pod if isinstance(of_pod, dict) else {"tolerations": of_pod}), "containers": [container]}
    assert "rule-error" not in {finding.rule for finding in findings(pod)}
