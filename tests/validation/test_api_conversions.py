"""Objects of removed API versions are rewritten for the next one: what the fix makes of a manifest, to the text."""

from __future__ import annotations

import pytest

from kube_audit.findings import Finding
from kube_audit.fixes import fix_file
from tests.support import audit_text

INGRESS = """\
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: shop}
spec:
  backend:  # for the rest
    serviceName: web
    servicePort: 80
  rules:
  - http:
      paths:
      - backend: {serviceName: web, servicePort: http}
      # the API
      - path: /api
        pathType: Prefix
        backend:
          serviceName: api
          servicePort: 8080
"""
NEW_INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  defaultBackend:  # for the rest
    service:
      name: web
      port:
        number: 80
  rules:
  - http:
      paths:
      - backend: {service: {name: web, port: {name: http}}}
        pathType: ImplementationSpecific
      # the API
      - path: /api
        pathType: Prefix
        backend:
          service:
            name: api
            port:
              number: 8080
"""
AUTOSCALER = """\
apiVersion: autoscaling/v2beta1
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 4
  metrics:
  - type: Resource
    resource: {name: cpu, targetAverageUtilization: 80}
  - type: Resource
    resource:
      name: memory
      targetAverageValue: 1Gi
"""
NEW_AUTOSCALER = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 4
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}
  - type: Resource
    resource:
      name: memory
      target:
        type: AverageValue
        averageValue: 1Gi
"""
DEPLOYMENT = """\
apiVersion: extensions/v1beta1
kind: Deployment
metadata: {name: web}
spec:
  rollbackTo: {revision: 1}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers: [{name: web, image: "web:1"}]
"""
NEW_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata:
      labels: {app: web}
    spec:
      containers: [{name: web, image: "web:1"}]
  selector:
    matchLabels:
      app: web
"""
BUDGET = """\
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
"""
OLD = ["api-version-removed", "schema-invalid"]


def old_version(text: str) -> Finding:
    (finding,) = (one for one in audit_text(text, select=OLD).findings if one.rule == "api-version-removed")
    return finding


def fixed(text: str) -> str:
    result = audit_text(text, select=OLD)
    return fix_file(result.manifests[0], result.findings).after


@pytest.mark.parametrize(
    ("text", "new", "safety"),
    [
        (INGRESS, NEW_INGRESS, "safe"),
        (INGRESS.replace("extensions/", "networking.k8s.io/"), NEW_INGRESS, "safe"),
        (AUTOSCALER, NEW_AUTOSCALER, "safe"),
        (BUDGET, BUDGET.replace("v1beta1", "v1"), "safe"),
        (DEPLOYMENT, NEW_DEPLOYMENT, "unsafe"),
        (DEPLOYMENT.replace("extensions/", "apps/"), NEW_DEPLOYMENT, "unsafe"),
    ],
    ids=["ingress", "networking", "autoscaler", "budget", "deployment", "apps"],
)
def test_an_object_is_rewritten_as_a_whole_and_then_accepted(text: str, new: str, safety: str) -> None:
    assert old_version(text).fix == safety
    assert fixed(text) == new
    assert audit_text(new, select=OLD).findings == []


@pytest.mark.parametrize(
    "text",
    [
        INGRESS.replace("servicePort: 80\n", "servicePort: true\n"),
        INGRESS.replace("    serviceName: web\n", ""),
        AUTOSCALER.replace("type: Resource\n    resource: {name: cpu,", "type: Pods\n    pods: {metricName: a,"),
        AUTOSCALER.replace("targetAverageUtilization: 80", ""),
        BUDGET.replace("{matchLabels: {app: web}}", "{}"),
        DEPLOYMENT.replace("labels: {app: web}", "labels: {}"),
        DEPLOYMENT.replace("extensions/v1beta1", "apps/v1beta2"),
        INGRESS[: INGRESS.index("spec:")] + "spec: {rules: [null, {http: x}], backend: 1}\n",
    ],
)
def test_where_it_is_not_known_how_only_the_version_changes_and_that_is_unsafe(text: str) -> None:
    finding = old_version(text)
    assert (finding.fix, [patch.path for patch in finding.patches]) == ("unsafe", [("apiVersion",)])
