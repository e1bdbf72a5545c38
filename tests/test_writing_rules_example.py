"""The page on writing rules shows rules that hold: their own examples, and the real command on other manifests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kube_audit.engine.model import from_data, read_file
from kube_audit.engine.sweep import derived
from kube_audit.engine.testing import failures, survives_negation
from tests.pages import Block, blocks, documents
from tests.support import catalogue

RULES = [
    block
    for block in blocks("docs/writing-rules.md")
    if block.language == "yaml" and block.body.startswith("id: ") and "examples:" in block.body
]
SHOP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "registry.example.com/shop:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: shop}
spec: {selector: {app: shop}, ports: [{port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, namespace: shop}
spec: {rules: [{backendRefs: [{name: shop, port: 80}]}]}
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all, namespace: %s}
spec: {podSelector: {}}
"""


def written(block: Block, folder: Path) -> Path:
    file = folder / f"{documents(block)[0]['id']}.yaml"
    file.write_text(block.body)
    return file


@pytest.mark.parametrize("block", RULES, ids=str)
def test_a_rule_on_the_page_holds_its_examples(block: Block, tmp_path: Path) -> None:
    content = read_file(written(block, tmp_path))
    rule = from_data(content, "page")
    rule = derived(rule)
    assert list(failures(rule, content, catalogue())) == []
    assert not survives_negation(rule, content, catalogue())


@pytest.mark.parametrize(("namespace", "expected"), [("shop", []), ("blog", ["Deployment shop/shop"])])
def test_the_rule_about_several_objects_works_from_a_folder_of_rules(
    tmp_path: Path, namespace: str, expected: list[str]
) -> None:
    (tmp_path / "rules").mkdir()
    (block,) = [block for block in RULES if "ingress-without-network-policy" in block.body]
    written(block, tmp_path / "rules")
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "shop.yaml").write_text(SHOP)
    (tmp_path / "k8s" / "policy.yaml").write_text(POLICY % namespace)
    command = [sys.executable, "-m", "kube_audit", "check", "--rules", "rules", "k8s", "--output", "json"]
    command += ["--select", "ingress-without-network-policy"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    report = json.loads(done.stdout)
    objects = [f["object"] for f in report["findings"] if f["rule"] == "ingress-without-network-policy"]
    assert [f"{o['kind']} {o['namespace']}/{o['name']}" for o in objects] == expected
