"""Every key of the configuration makes a difference to a run, and has its place in the documentation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube_audit.bundled import schemas_dir
from tests.cli.test_check import report, run

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((schemas_dir() / "config.schema.json").read_text("utf-8"))
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: web
    image: web
    envFrom: [{secretRef: {name: web-tls}}]
---
apiVersion: v1
kind: Secret
metadata: {name: other}
stringData: {a: b}
"""
CUSTOM = """\
apiVersion: example.com/v1
kind: Runner
metadata: {name: runner}
spec:
  secret: {name: othr}
  template: {spec: {containers: [{name: run, image: run, restartPolicy: Never}]}}
"""
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: runners.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: runners, kind: Runner}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: string}}}}
"""
RULE = """\
id: pod-owner-missing
title: Pod has no owner
category: labels
severity: warning
profiles: [default]
kinds: [Pod]
expression: "'owner' in object.?metadata.?labels.orValue({})"
location: metadata.labels
message: "no owner"
rationale: |
  Whoever finds that it does not work has to know whom to ask.
remediation: |
  Write the label `owner` with the name of the team.
references: [https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/]
examples:
  - passes: |
      apiVersion: v1
      kind: Pod
      metadata: {name: a, labels: {owner: me}}
      spec: {containers: [{name: a, image: "a:1"}]}
  - fails: |
      apiVersion: v1
      kind: Pod
      metadata: {name: a, labels: {app: a}}  # finding
      spec: {containers: [{name: a, image: "a:1"}]}
"""
TREE = {
    "a/pod.yaml": POD,
    "b/pod.yaml": POD.replace("image: web", "image: web:stable"),
    "custom.yaml": CUSTOM,
    "more/rules/pod-owner-missing.yaml": RULE,
    "more/crds/runner.yaml": CRD,
    "base.yaml": "rules: {naked-pod: off}\n",
    "wrong.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: [1]\n",
    "more/.kube-auditignore": "*\n",
}


def override(condition: str, rules: str = "image-tag-latest: off") -> str:
    return f"overrides: [{{{condition}, rules: {{{rules}}}, reason: why}}]"


CASES = {
    "extends": ("extends: base.yaml", "naked-pod warning a/pod.yaml", None),
    "profile": ("profile: schema", "naked-pod warning a/pod.yaml", None),
    "rules": ("rules: {naked-pod: off}", "naked-pod warning a/pod.yaml", None),
    "severity": ("rules: {naked-pod: {severity: error}}", "naked-pod warning a/pod.yaml", "naked-pod error a/pod.yaml"),
    "enabled": ("rules: {naked-pod: {enabled: false}}", "naked-pod warning a/pod.yaml", None),
    "params": (
        "rules: {image-tag-latest: {params: {floating_tags: [stable]}}}",
        None,
        "image-tag-latest warning b/pod.yaml",
    ),
    "paths": (override("paths: [a/]"), "image-tag-latest warning a/pod.yaml", None),
    "kinds": (override("kinds: [Pod]"), "image-tag-latest warning a/pod.yaml", None),
    "namespaces": (override("namespaces: [def*]"), "image-tag-latest warning a/pod.yaml", None),
    "names": (override("names: [web]"), "image-tag-latest warning a/pod.yaml", None),
    "labels": (override("labels: {app: web}"), "image-tag-latest warning a/pod.yaml", None),
    "overrides": (
        override("names: [web]", "image-tag-latest: error"),
        "image-tag-latest warning a/pod.yaml",
        "image-tag-latest error a/pod.yaml",
    ),
    "reason": (override("names: [web]"), "image-tag-latest warning a/pod.yaml", None),
    "until": (
        override("names: [web], until: 2020-01-01"),
        None,
        "suppression-unused warning .kube-audit.yaml",
    ),
    "rule-folders": ("rule-folders: [more/rules]", None, "pod-owner-missing warning a/pod.yaml"),
    "schema-folders": ("schema-folders: [more/crds]", None, "schema-invalid error custom.yaml"),
    "workloads": (
        "workloads: [{kind: Runner.example.com, pod-template: spec.template}]",
        None,
        "image-tag-latest warning custom.yaml",
    ),
    "references": (
        "references: [{kind: Runner.example.com, path: spec.secret, to: Secret, name: name}]",
        None,
        "reference-not-found error custom.yaml",
    ),
    "external": (
        "external: [{kind: Secret, name: web-*, namespace: default, reason: made by hand}]",
        "env-reference-not-found warning a/pod.yaml",
        None,
    ),
}
ELSEWHERE = {
    "kubernetes-version": "test_values_of_the_run",
    "fail-on": "test_values_of_the_run",
    "output": "test_values_of_the_run",
    "baseline": "tests/test_baseline.py",
    "kind": "CASES",
    "name": "CASES",
    "namespace": "CASES",
    "path": "CASES",
    "to": "CASES",
    "pod-template": "CASES",
    "kind-key": "tests/test_declared.py",
    "universes": "tests/test_declared.py",
}
"""Keys whose effect is shown by another test, or as a part of another key."""


def keys(schema: Any) -> Iterator[str]:
    """Every key that a configuration may have, at any depth."""
    if isinstance(schema, dict):
        for name, below in schema.items():
            if name == "properties":
                yield from below
            yield from keys(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from keys(below)


def state(folder: Path, text: str) -> set[str]:
    for name, content in {**TREE, ".kube-audit.yaml": text}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    findings = report(cwd=folder)["findings"]
    return {f"{f['rule']} {f['severity']} {f['file']}" for f in findings if f["suppressed"] is None}


@pytest.mark.parametrize("key", CASES)
def test_a_key_makes_the_difference_that_it_should(tmp_path: Path, key: str) -> None:
    text, removed, added = CASES[key]
    before, after = state(tmp_path, "profile: default"), state(tmp_path, text)
    assert removed is None or removed in before - after
    assert added is None or added in after - before, after - before


def test_values_of_the_run(tmp_path: Path) -> None:
    state(tmp_path, "fail-on: never\nseverity: error\noutput: [csv, json=out.json]\nkubernetes-version: '1.27'\n")
    done = run("check", cwd=tmp_path)
    shown = json.loads((tmp_path / "out.json").read_text())
    assert (done.returncode, shown["kubernetesVersion"], done.stdout[:14]) == (0, "1.27", "severity,rule,")
    assert {finding["severity"] for finding in shown["findings"]} == {"error"}
    overruled = run("check", "--fail-on", "warning", "--severity", "info", "-o", "json", cwd=tmp_path)
    assert overruled.returncode == 1
    assert '"info"' in overruled.stdout


def test_every_key_is_tried() -> None:
    assert set(keys(SCHEMA)) == {*CASES, *ELSEWHERE}


def test_every_key_is_documented_and_described() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert [key for key in keys(SCHEMA) if not re.search(rf"(?<![\w-]){key}(?![\w-])", page)] == []
    for key, node in SCHEMA["properties"].items():
        assert node.get("description"), key


def test_rules_of_ones_own_are_listed_and_explained_like_others(tmp_path: Path) -> None:
    state(tmp_path, "rule-folders: [more/rules]\n")
    assert "pod-owner-missing" in run("rules", "list", cwd=tmp_path / "a").stdout
    assert "Pod has no owner" in run("rules", "show", "pod-owner-missing", cwd=tmp_path).stdout
    (tmp_path / ".kube-audit.yaml").write_text("rule-folders: [gone]\n")
    done = run("rules", "list", cwd=tmp_path)
    assert (done.returncode, ".kube-audit.yaml:1:1: there is no folder gone" in done.stderr) == (2, True)
