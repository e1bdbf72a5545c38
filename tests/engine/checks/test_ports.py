"""Names of ports, and which of a Service's ports its pods have."""

from __future__ import annotations

import pytest

from kube_audit.engine.checks.ports import service_name_problem
from tests.support import audit_text


@pytest.mark.parametrize("name", ["http", "h", "grpc-web", "web-8080", "8080-web", "a" * 15])
def test_names_that_iana_allows(name: str) -> None:
    assert service_name_problem(name) == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a" * 16, "15 characters, this one 16"),
        ("Http", "lower-case"),
        ("http_web", "lower-case"),
        ("80-80", "one letter"),
        ("8080", "one letter"),
        ("-http", "hyphens"),
        ("http-", "hyphens"),
        ("a--b", "hyphens"),
    ],
)
def test_names_that_iana_does_not_allow(name: str, said: str) -> None:
    assert said in service_name_problem(name)


def test_quotes_are_the_matter_of_target_ports_alone() -> None:
    text = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, targetPort: "8080"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: 'web:1', ports: [{name: "8080", containerPort: 8080}]}]}
"""
    result = audit_text(text, select=["port-name-invalid"])
    said = {finding.object.kind: finding.message for finding in result.findings if finding.object}
    assert "write it without" in said["Service"]
    assert "one letter" in said["Pod"]


def found(containers: str, port: str, spec: str = "") -> list[tuple[str, str]]:
    text = f"""
apiVersion: v1
kind: Pod
metadata: {{name: web, labels: {{app: web}}}}
spec: {{containers: {containers}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{selector: {{app: web}}, ports: [{port}]{spec}}}
"""
    result = audit_text(text, select=["service-target-port-mismatch"])
    return [(finding.severity, finding.message) for finding in result.findings]


ONE = "[{name: web, image: 'web:1', ports: [{name: http, containerPort: 8080}]}]"
SILENT = "[{name: web, image: 'web:1', ports: [{name: http, containerPort: 8080}]}, {name: log, image: 'log:1'}]"


def test_a_name_is_an_error_and_a_number_a_warning() -> None:
    assert found(ONE, "{port: 80, targetPort: http}") == []
    assert [severity for severity, _ in found(ONE, "{port: 80, targetPort: htpp}")] == ["error"]
    assert [severity for severity, _ in found(ONE, "{port: 80, targetPort: 8081}")] == ["warning"]


def test_a_number_is_not_judged_where_a_container_does_not_say_what_it_listens_on() -> None:
    assert found(SILENT, "{port: 80, targetPort: 8081}") == []
    assert len(found(SILENT, "{port: 80, targetPort: other}")) == 1


def test_ports_to_be_filled_in_are_not_judged() -> None:
    later = "[{name: web, image: 'web:1', ports: [{name: '${PORT_NAME}', containerPort: 8080}]}]"
    assert found(later, "{port: 80, targetPort: http}") == []


def test_headless_services_do_not_translate_numbers() -> None:
    assert found(ONE, "{port: 80, targetPort: 8081}", spec=", clusterIP: None") == []
