"""What a configuration declares about the world is taken into account."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_audit import audit, config
from kube_audit.validation.kubernetes import newest_version
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
