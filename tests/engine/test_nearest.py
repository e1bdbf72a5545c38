"""Findings between objects show both places: what is written, and what it should have been compared with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import audit_text

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels:
        app: web
        tier: front
    spec:
      containers:
      - name: web
        image: registry.example.com/web:1.2
        ports:
        - name: http
          containerPort: 8080
        resources: {requests: {cpu: 1, memory: 1Gi}}
"""
CASES = {
    "dangling-service": """
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec:
  selector:
    app: weeb  # finding
    tier: front
  ports: [{port: 80}]
---"""
    + WEB.replace("app: web\n", "app: web  # shown\n", 1),
    "dangling-service of a label that is missing": """
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec:
  selector:
    app: web
    track: stable  # finding
  ports: [{port: 80}]
---"""
    + WEB.replace("labels:\n", "labels:  # shown\n"),
    "dangling-network-policy": """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: front, namespace: shop}
spec:
  podSelector:
    matchLabels:
      app: web
      tier: frunt  # finding
---"""
    + WEB.replace("tier: front\n", "tier: front  # shown\n"),
    "dangling-network-policy by expressions": """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: front, namespace: shop}
spec:
  podSelector:
    matchExpressions:  # finding
    - {key: app, operator: In, values: [web, blog]}
    - {key: tier, operator: NotIn, values: [front]}
---"""
    + WEB.replace("tier: front\n", "tier: front  # shown\n"),
    "pdb-selects-nothing": """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: front, namespace: shop}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app: weeb  # finding
---"""
    + WEB.replace("app: web\n", "app: web  # shown\n", 1),
    "dangling-service-monitor": """
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: front, namespace: shop}
spec:
  selector:
    matchLabels:
      app: front-end
      team: one  # finding
  endpoints: [{port: http}]
---
apiVersion: v1
kind: Service
metadata:
  name: front
  namespace: shop
  labels:
    app: front-end
    team: two  # shown
spec: {ports: [{port: 80}]}
""",
    "dangling-service-monitor by its port": """
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: front, namespace: shop}
spec:
  selector: {matchLabels: {app: front}}
  endpoints:
  - port: metrics  # finding
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop, labels: {app: front}}
spec:
  ports:  # shown
  - {name: http, port: 80}
""",
    "dangling-hpa": """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  maxReplicas: 4
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: webb  # finding
---"""
    + WEB.replace("name: web\n", "name: web  # shown\n", 1),
    "dangling-hpa of another kind": """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  maxReplicas: 4
  scaleTargetRef:
    apiVersion: apps/v1
    kind: StatefulSet
    name: web  # finding
---"""
    + WEB.replace("kind: Deployment", "kind: Deployment  # shown"),
    "dangling-hpa in another namespace": """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: blog}
spec:
  maxReplicas: 4
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: web  # finding
---"""
    + WEB.replace("namespace: shop\n", "namespace: shop  # shown\n"),
    "service-target-port-mismatch": """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports:
  - port: 80
    targetPort: htttp  # finding
---"""
    + WEB.replace("- name: http\n", "- name: http  # shown\n"),
    "dangling-ingress": """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  defaultBackend:
    service:
      name: web
      port:
        number: 8080  # finding
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  ports:  # shown
  - port: 80
""",
    "env-reference-not-found": """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
  - name: web
    image: registry.example.com/web:1.2
    env:
    - name: LEVEL
      valueFrom:
        configMapKeyRef:
          name: settings
          key: log_levl  # finding
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data:
  colour: red
  log_level: |  # shown
    info
""",
    "istio-destination-not-found": """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  http:
  - route:
    - destination:
        host: web
        subset: v2  # finding
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec:
  host: web
  subsets:  # shown
  - {name: v1, labels: {version: v1}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
""",
    "replicas-set-with-hpa": """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  maxReplicas: 4
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}  # shown
---"""
    + WEB.replace("spec:\n  selector", "spec:\n  replicas: 2  # finding\n  selector"),
}


@pytest.mark.parametrize("case", CASES)
def test_both_places_are_shown(case: str) -> None:
    rule = case.partition(" ")[0]
    lines = CASES[case].splitlines()
    (finding,) = [f for f in audit_text(CASES[case], profile="all").findings if f.rule == rule]
    assert [lines.index(line) + 1 for line in lines if line.endswith("# finding")] == [finding.span.line]
    assert [lines.index(line) + 1 for line in lines if line.endswith("# shown")] == [
        p.span.line for p in finding.related
    ]


def test_what_no_label_comes_close_to_is_shown_alone() -> None:
    text = CASES["dangling-service"].replace("weeb", "mail").replace("    tier: front\n", "", 1)
    (finding,) = [f for f in audit_text(text).findings if f.rule == "dangling-service"]
    assert (finding.severity, finding.related) == ("warning", ())
    assert "closest" not in finding.message


def test_reports_for_machines_have_both_places(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(CASES["dangling-service"])
    command = [sys.executable, "-m", "kube_audit", "check", "shop.yaml", "--select", "dangling-service"]
    command += ["--output", "json=report.json", "--output", "sarif=report.sarif", "--output", "text"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "closest is Deployment shop/web, where `app` is `web`" in " ".join(done.stdout.split())
    assert "at shop.yaml:21:9" in done.stdout
    (found,) = json.loads((tmp_path / "report.json").read_text())["findings"]
    (place,) = found["related"]
    assert (found["line"], found["path"]) == (7, "spec.selector.app")
    assert (place["file"], place["line"], place["column"]) == ("shop.yaml", 21, 9)
    (result,) = json.loads((tmp_path / "report.sarif").read_text())["runs"][0]["results"]
    (location,) = result["relatedLocations"]
    region = location["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"]) == (21, 9)
    assert location["message"]["text"] == "Deployment shop/web, `spec.template.metadata.labels.app`"
