"""Which objects see each other."""

from __future__ import annotations

from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.kustomizations import read as read_kustomization
from kube_audit.manifests.objects import Object, objects
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents
from kube_audit.universe import Universes


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
