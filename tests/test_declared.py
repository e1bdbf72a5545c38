"""What a configuration declares about the world is taken into account."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kube_audit import audit, config
from kube_audit.validation.definitions import newest_version
from tests.support import catalogue

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
  - name: web
    image: web:1
    envFrom:
    - secretRef: {name: web-tls}
---
apiVersion: v1
kind: Secret
metadata: {name: other, namespace: shop}
"""
ROLLOUT = """\
apiVersion: apps.example.com/v1
kind: Runner
metadata: {name: web}
spec:
  work:
    template:
      metadata: {labels: {app: web}}
      spec:
        containers:
        - name: web
          image: web:latest
"""


def found(tmp_path: Path, settings: str, files: dict[str, str], *rules: str) -> list[tuple[str, str]]:
    (tmp_path / ".kube-audit.yaml").write_text(settings)
    loaded = config.load(tmp_path / ".kube-audit.yaml")
    chosen = catalogue().choose("default", rules, [])
    sources = [(name, text.encode()) for name, text in files.items()]
    request = audit.Request(sources, chosen, newest_version(), config=loaded)
    return [(f.rule, f.severity) for f in audit.run(request, catalogue()).findings]


@pytest.mark.parametrize(
    ("external", "silent"),
    [
        ("{kind: Secret, name: '*-tls'}", True),
        ("{kind: Secret, name: web-tls, namespace: shop}", True),
        ("{kind: Secret}", True),
        ("{kind: Secret, name: '*-tls', namespace: other}", False),
        ("{kind: ConfigMap, name: web-tls}", False),
    ],
)
def test_references_to_what_exists_elsewhere_are_right(tmp_path: Path, external: str, silent: bool) -> None:
    rules = ("env-reference-not-found",)
    assert (found(tmp_path, f"external: [{external}]\n", {"a.yaml": POD}, *rules) == []) == silent


def test_custom_kinds_can_be_workloads(tmp_path: Path) -> None:
    settings = "workloads: [{kind: Runner.apps.example.com, pod-template: spec.work.template}]\n"
    assert found(tmp_path, settings, {"a.yaml": ROLLOUT}, "image-tag-latest") == [("image-tag-latest", "warning")]
    assert found(tmp_path, "profile: default\n", {"a.yaml": ROLLOUT}, "image-tag-latest") == []


def test_folders_can_be_declared_to_be_universes_of_their_own(tmp_path: Path) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n"
    service += "spec: {selector: {app: web}, ports: [{port: 80}]}\n"
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: shop, labels: {app: web}}\nspec: {containers: []}\n"
    )
    files = {
        "eu/service.yaml": service,
        "eu/pod.yaml": pod.replace("app: web", "app: wob") % "a",
        "us/pod.yaml": pod % "b",
    }
    assert found(tmp_path, "profile: default\n", files, "dangling-service") == []
    here = Path.cwd()
    settings = f"universes: ['{here}/*']\n"
    assert found(tmp_path, settings, files, "dangling-service") == [("dangling-service", "error")]


REFERENCES = """\
references:
- {kind: Rollout.argoproj.io, path: spec.workloadRef, to: Deployment}
- {kind: KafkaTopic.kafka.strimzi.io, path: metadata.labels, to: Kafka.kafka.strimzi.io, name: strimzi.io/cluster}
- {kind: Certificate.cert-manager.io, path: spec.issuerRef, to: Issuer.cert-manager.io, kind-key: kind}
- {kind: Backup.example.com, path: "spec.parts[].source", to: PersistentVolumeClaim, name: claim, namespace: space}
workloads:
- {kind: CloneSet.apps.kruise.io, pod-template: spec.template}
"""
NAMED = {
    "named.yaml": """\
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop},
 spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: []}}}}
---
{apiVersion: kafka.strimzi.io/v1beta2, kind: Kafka, metadata: {name: events, namespace: shop}}
---
{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: internal, namespace: shop}}
---
{apiVersion: cert-manager.io/v1, kind: ClusterIssuer, metadata: {name: letsencrypt}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: store}}
"""
}
REFERRING = """\
{{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {{name: web, namespace: shop}},
 spec: {{workloadRef: {{apiVersion: apps/v1, kind: Deployment, name: {0}}}}}}}
---
{{apiVersion: kafka.strimzi.io/v1beta2, kind: KafkaTopic,
 metadata: {{name: orders, namespace: shop, labels: {{strimzi.io/cluster: {1}}}}}}}
---
{{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {{name: a, namespace: shop}},
 spec: {{secretName: a, issuerRef: {{name: {2}}}}}}}
---
{{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {{name: b, namespace: shop}},
 spec: {{secretName: b, issuerRef: {{name: {3}, kind: ClusterIssuer}}}}}}
---
{{apiVersion: example.com/v1, kind: Backup, metadata: {{name: all, namespace: shop}},
 spec: {{parts: [{{source: {{claim: {4}, space: store}}}}]}}}}
"""


def test_references_of_custom_kinds_can_be_declared(tmp_path: Path) -> None:
    right = {**NAMED, "a.yaml": REFERRING.format("web", "events", "internal", "letsencrypt", "data")}
    wrong = {**NAMED, "a.yaml": REFERRING.format("webb", "event", "intrnal", "letsencript", "dats")}
    rules = ("reference-not-found",)
    assert found(tmp_path, REFERENCES, right, *rules) == []
    assert found(tmp_path, REFERENCES, wrong, *rules) == [("reference-not-found", "error")] * 5
    assert found(tmp_path, REFERENCES, {"a.yaml": wrong["a.yaml"]}, *rules) == [("reference-not-found", "info")] * 5
    assert found(tmp_path, "profile: default\n", wrong, *rules) == []


def test_the_users_own_rules_see_declared_references(tmp_path: Path) -> None:
    (tmp_path / ".kube-audit.yaml").write_text(REFERENCES)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own-issuer.yaml").write_text(
        """\
id: own-issuer
title: Certificate is not issued by an issuer of its own namespace
category: references
severity: warning
profiles: [default]
kinds: [Certificate.cert-manager.io]
each: related.references
when: self.via == 'declared'
expression: self.kind == 'Issuer.cert-manager.io'
location: "{self.path}"
message: "is issued by {self.kind} `{self.name}`"
rationale: Issuers of one namespace can be looked after by those who use them, others cannot.
remediation: Name an Issuer of the certificate's own namespace, or make one there.
references: [https://cert-manager.io/docs/concepts/issuer/]
examples:
- passes: "{apiVersion: v1, kind: Pod, metadata: {name: web}}"
- fails: "{apiVersion: v1, kind: Pod, metadata: {name: web}}"
"""
    )
    right = REFERRING.format("web", "events", "internal", "letsencrypt", "data")
    for name, text in {**NAMED, "a.yaml": right}.items():
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "kube_audit", "check", ".", "--rules", "rules", "--select", "own-issuer"]
    done = subprocess.run([*command, "-o", "json"], cwd=tmp_path, capture_output=True, text=True)
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["message"], finding["path"]) == (
        "is issued by ClusterIssuer.cert-manager.io `letsencrypt`",
        "spec.issuerRef.name",
    )
