"""Which objects see each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.kustomizations import read as read_kustomization
from kube_audit.manifests.objects import Object, objects
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents
from kube_audit.universe import Universes
from tests.support import audit_texts


def some(file: str, *names: str) -> list[Object]:
    text = "\n---\n".join(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}" for name in names)
    return [obj for document in documents(Text(text)) for obj in objects(file, document)]


def universes(*groups: list[Object], kustomizations: Kustomizations | None = None) -> Universes:
    return Universes([obj for group in groups for obj in group], kustomizations or Kustomizations())


def test_everything_sees_everything_where_nothing_is_defined_twice() -> None:
    one = universes(some("a/x.yaml", "web"), some("b/y.yaml", "db"))
    assert one.see("a/x.yaml", "b/y.yaml")


def test_folders_that_define_the_same_object_are_variants() -> None:
    one = universes(some("env/dev/x.yaml", "web"), some("env/prod/x.yaml", "web"), some("common/c.yaml", "shared"))
    assert not one.see("env/dev/x.yaml", "env/prod/other.yaml")
    assert one.see("env/dev/x.yaml", "env/dev/deep/other.yaml")
    assert one.see("env/dev/x.yaml", "common/c.yaml")


def test_variants_are_told_by_where_the_paths_part() -> None:
    one = universes(some("clusters/eu/apps/web.yaml", "web"), some("clusters/us/apps/web.yaml", "web"))
    assert not one.see("clusters/eu/infra/db.yaml", "clusters/us/apps/web.yaml")


def test_a_family_of_variants_grows_by_every_shared_object() -> None:
    one = universes(some("a/x.yaml", "p"), some("b/x.yaml", "p", "q"), some("c/x.yaml", "q"))
    assert not one.see("a/x.yaml", "c/x.yaml")


def test_what_lies_above_is_shared_with_every_variant() -> None:
    one = universes(some("x.yaml", "web"), some("dev/x.yaml", "web"), some("prod/x.yaml", "web"))
    assert one.see("x.yaml", "dev/x.yaml")
    assert not one.see("dev/x.yaml", "prod/x.yaml")


def test_what_one_kustomization_includes_sees_each_other() -> None:
    around = Kustomizations()
    around.add(read_kustomization("overlay/kustomization.yaml", {"resources": ["../base", "extra.yaml"]}))
    around.add(read_kustomization("base/kustomization.yaml", {"resources": ["web.yaml"]}))
    one = universes(some("base/web.yaml", "web"), some("overlay/extra.yaml", "web"), kustomizations=around)
    assert one.see("overlay/extra.yaml", "base/web.yaml")
    assert not one.see("overlay/unlisted.yaml", "base/web.yaml")


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\ndata: {{colour: red}}\n"
POD = """apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: shop}}
spec:
  containers: [{{name: web, image: "registry.example.com/web:1.2", envFrom: [{{configMapRef: {{name: {asks}}}}}]}}]
"""


def config(name: str) -> str:
    return CONFIG.format(name=name)


def pod(asks: str, name: str = "web") -> str:
    return POD.format(asks=asks, name=name)


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        # Variants do not see each other: overlays, environments, clusters, copies of an application.
        ({"overlays/dev/p.yaml": pod("only-prod"), "overlays/prod/p.yaml": pod("only-prod")}, False),
        ({"env/dev/p.yaml": pod("only-prod"), "env/prod/deep/down/p.yaml": pod("other")}, False),
        ({"clusters/eu/apps/p.yaml": pod("only-prod"), "clusters/us/p.yaml": pod("other")}, False),
        ({"apps/a/p.yaml": pod("only-prod"), "apps/b/p.yaml": pod("other")}, False),
        # Folders that repeat nothing are no variants: a monorepo of applications, whatever its folders are called.
        ({"apps/a/p.yaml": pod("only-prod"), "apps/b/p.yaml": pod("other", "blog")}, True),
        ({"env/dev/p.yaml": pod("only-prod"), "env/prod/p.yaml": pod("other", "blog")}, True),
        # What lies above or beside variants is seen, and sees them.
        ({"p.yaml": pod("only-prod"), "env/dev/p.yaml": pod("other", "blog"), "env/prod/p.yaml": pod("other")}, True),
        ({"env/dev/p.yaml": pod("shared"), "env/prod/p.yaml": pod("other"), "common/c.yaml": config("shared")}, True),
        ({"env/dev/p.yaml": pod("shared"), "env/prod/p.yaml": pod("other"), "env/c.yaml": config("shared")}, True),
        # A kustomization overrules it.
        (
            {
                "a/p.yaml": pod("only-prod"),
                "b/p.yaml": pod("other"),
                "a/kustomization.yaml": "resources: [p.yaml, ../b/c.yaml]\n",
            },
            True,
        ),
        # A file is no folder: what one folder holds twice is seen twice.
        ({"all/p.yaml": pod("only-prod"), "all/q.yaml": pod("other")}, True),
    ],
)
def test_the_rule_of_the_documentation_predicts_who_sees_whom(files: dict[str, str], seen: bool) -> None:
    asking, *others = (file for file in files if file.endswith(("p.yaml", "q.yaml")))
    if not any("shared" in text for text in files.values()):  # the other folder has what is asked for
        files = {**files, f"{(others or [asking])[-1].rpartition('/')[0]}/c.yaml": config("only-prod")}
    result = audit_texts(files, select=["env-reference-not-found"])
    told = [f.severity for f in result.findings if f.file == asking and f.rule == "env-reference-not-found"]
    assert told == ([] if seen else ["info"])


DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "registry.example.com/web:1.2"}]}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"


@pytest.mark.parametrize(
    ("service", "workload", "meet"),
    [
        ("shop/s.yaml", "shop/d.yaml", True),
        ("shop/s.yaml", "d.yaml", True),
        ("s.yaml", "shop/web/d.yaml", True),
        ("shop/services/s.yaml", "shop/deployments/d.yaml", True),
        ("shop/s.yaml", "blog/d.yaml", False),
    ],
)
def test_selectors_without_a_namespace_keep_to_their_application(service: str, workload: str, meet: bool) -> None:
    result = audit_texts({service: SERVICE, workload: DEPLOYMENT}, select=["dangling-service"])
    assert [f.severity for f in result.findings if f.rule == "dangling-service"] == ([] if meet else ["info"])


@pytest.mark.parametrize("by_hand", [["--universe", "clusters/*"], []])
def test_universes_can_be_set_by_hand(tmp_path: Path, by_hand: list[str]) -> None:
    for file, text in {"clusters/eu/p.yaml": pod("settings"), "clusters/us/c.yaml": config("settings")}.items():
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(text)
    command = [sys.executable, "-m", "kube_audit", "check", ".", "--select", "env-reference-not-found", *by_hand]
    done = subprocess.run([*command, "--output", "json"], cwd=tmp_path, capture_output=True, text=True)
    assert bool(json.loads(done.stdout)["findings"]) == bool(by_hand)
