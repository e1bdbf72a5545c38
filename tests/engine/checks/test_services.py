"""How bad a node port is."""

from __future__ import annotations

import pytest

from tests.support import audit_text


def severity(ingress: str, annotations: str = "{}") -> str:
    text = f"""
apiVersion: v1
kind: Service
metadata: {{name: web, annotations: {annotations}}}
spec: {{type: NodePort, ports: [{{port: 80}}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web{ingress}
"""
    (finding,) = audit_text(text, select=["service-node-port"]).findings
    return finding.severity


BACKEND = "defaultBackend: {service: {name: web, port: {number: 80}}}"
GCE = f", annotations: {{kubernetes.io/ingress.class: gce}}}}\nspec: {{{BACKEND}}}"


@pytest.mark.parametrize(
    "ingress", [GCE, f"}}\nspec: {{{BACKEND}}}", f"}}\nspec: {{ingressClassName: alb, {BACKEND}}}"]
)
def test_a_load_balancer_that_needs_the_node_port_makes_it_an_info(ingress: str) -> None:
    assert severity(ingress) == "info"


def test_other_controllers_do_not_need_it() -> None:
    assert severity(f"}}\nspec: {{ingressClassName: nginx, {BACKEND}}}") == "warning"
    assert severity(GCE.replace("name: web,", "name: other,")) == "warning"


def test_a_load_balancer_that_goes_to_the_pods_does_not_need_it() -> None:
    assert severity(GCE, annotations="""{cloud.google.com/neg: '{"ingress": true}'}""") == "warning"
