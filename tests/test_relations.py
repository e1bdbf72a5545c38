"""Which objects are tied to which, who sees whom, and that many objects take no more time each than few."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.kustomizations import read as read_kustomization
from kube_audit.manifests.objects import Object, objects
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents
from kube_audit.near_names import NearNames
from kube_audit.operators import created_names
from kube_audit.referrers import Referrers
from kube_audit.relations import Relations
from kube_audit.selectors import Selector
from kube_audit.universe import Members, Universes

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: front}}
    spec: {containers: [{name: web, image: "web:1.2"}]}
"""


def parsed(text: str, file: str = "a.yaml") -> list[Object]:
    return [obj for document in documents(Text(text)) for obj in objects(file, document)]


def relations(*texts: str, kustomizations: Kustomizations | None = None, **files: str) -> Relations:
    found = [obj for text in texts for obj in parsed(text)]
    found += [obj for file, text in files.items() for obj in parsed(text, file.replace("__", "/") + ".yaml")]
    return Relations(found, kustomizations or Kustomizations())


def selected(tree: Relations, labels: dict[str, Any], namespace: str | None = "shop") -> list[str | None]:
    selector = Selector.from_labels(labels)
    return [tree.objects[n].name for n in tree.selected(tree.objects[0], namespace, selector)]


def config(name: str, namespace: str = "") -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: '{namespace}'}}\n"


def test_a_selector_finds_pods_that_carry_all_of_its_labels_in_the_namespace() -> None:
    tree = relations(WEB)
    assert selected(tree, {"app": "web"}) == ["web"]
    assert selected(tree, {"app": "web", "tier": "back"}) == []
    assert selected(tree, {"app": "web"}, namespace="office") == []


def test_labels_that_controllers_add_are_known() -> None:
    db = WEB.replace("kind: Deployment", "kind: StatefulSet").replace("name: web,", "name: db,")
    assert selected(relations(db), {"statefulset.kubernetes.io/pod-name": "db-11"}) == ["db"]
    assert selected(relations(db), {"statefulset.kubernetes.io/pod-name": "web-0"}) == []
    assert selected(relations(WEB), {"app": "web", "pod-template-hash": "5d4f"}) == ["web"]


def test_of_several_definitions_the_one_of_the_own_folder_is_meant() -> None:
    tree = relations(top__web=WEB, top__next__web=WEB.replace("tier: front", "tier: back"))
    for number, obj in enumerate(tree.objects):
        assert tree.selected(obj, "shop", Selector.from_labels({"app": "web"})) == [number]


def test_a_misspelt_name_is_looked_up_in_its_kind_and_namespace() -> None:
    tree = relations(config("settings", "shop"), config("setting", "office"))
    asking = tree.objects[0]
    found = tree.misspelt(asking, "ConfigMap", "shop", "setings")
    assert found is not None
    assert tree.objects[found].name == "settings"
    assert tree.misspelt(asking, "Secret", "shop", "setings") is None
    assert tree.misspelt(asking, "ConfigMap", "none", "setings") is None


def test_among_many_names_one_edit_is_still_found() -> None:
    names = NearNames(
        f"service-{word}" for word in ("".join(chr(97 + (i >> s) % 26) for s in (0, 2, 4, 6)) for i in range(999))
    )
    names_of_few = NearNames(["frontend", "backend"])
    assert names_of_few.like("fronted") == ["frontend"]
    assert "service-aaaa" in names.like("service-aaa")
    assert names.like("something-else") == []


@pytest.mark.parametrize(("one", "other"), [("web-a", "web-b"), ("shop-eu", "shop-us"), ("web-http", "web-https")])
def test_names_that_differ_in_a_short_part_are_meant_to(one: str, other: str) -> None:
    assert NearNames([other]).like(one) == []


def test_what_a_custom_resource_makes_is_known_by_its_names() -> None:
    certificate = parsed(
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: web}\nspec: {secretName: web-tls}"
    )[0]
    ingress = parsed(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\n"
        "metadata: {name: web, annotations: {cert-manager.io/cluster-issuer: main}}\n"
        "spec: {tls: [{secretName: web-tls}]}"
    )[0]
    plain = parsed("apiVersion: networking.k8s.io/v1\nkind: Ingress\nspec: {tls: [{secretName: web-tls}]}")[0]
    assert list(created_names(certificate)) == [("Secret", "web-tls")]
    assert list(created_names(ingress)) == [("Secret", "web-tls")]
    assert list(created_names(plain)) == []


def test_only_custom_resources_that_make_things_explain_missing_ones() -> None:
    database = "apiVersion: example.com/v1\nkind: Database\nmetadata: {name: orders}"
    monitor = "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: orders}"
    for text, makes in ((database, True), (monitor, False)):
        tree = relations(text)
        assert tree.made_under_name(tree.objects[0], "orders-credentials") is makes
        assert tree.made_by_custom_resource(tree.objects[0], Selector.from_labels({"app": "orders"})) is makes


def test_names_that_a_kustomization_changes_are_told_apart() -> None:
    around = Kustomizations()
    around.add(read_kustomization("kustomization.yaml", {"namePrefix": "dev-"}))
    for kustomizations, expected in ((around, True), (None, False)):
        tree = relations(config("settings"), kustomizations=kustomizations)
        assert tree.named_by_kustomize(tree.objects[0], "ConfigMap", None, "dev-settings") is expected


def test_a_monitor_asks_for_the_own_labels_of_services_in_its_namespaces() -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop, labels: {app: web}}\n"
    monitor = (
        "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: web, namespace: monitoring}\n"
    )
    for where, count in (
        ("", 0),
        ("namespaceSelector: {matchNames: [shop]}, ", 1),
        ("namespaceSelector: {any: true}, ", 1),
    ):
        tree = relations(service, f"{monitor}spec: {{{where}selector: {{matchLabels: {{app: web}}}}}}")
        assert len(Referrers(tree).monitored(tree.objects[1])) == count


def test_policies_of_cilium_and_calico_count() -> None:
    cilium = (
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: web, namespace: shop}\n"
        "spec: {endpointSelector: {matchLabels: {'k8s:app': web}}}"
    )
    calico = (
        "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: web, namespace: shop}\n"
        "spec: {selector: \"app == 'db'\"}"
    )
    for policy in (cilium, calico):
        tree = relations(WEB, policy)
        assert Referrers(tree).network_policies(tree.objects[0]) == [1]


folders = st.lists(st.sampled_from("abc"), max_size=3).map("/".join)
placed = st.tuples(folders, st.sampled_from("xy"), st.sampled_from("pqrst"))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(placed, min_size=9, max_size=25), st.lists(st.tuples(folders, st.lists(folders, max_size=3)), max_size=3)
)
def test_walking_down_to_a_file_finds_what_asking_everybody_finds(
    files: list[tuple[str, str, str]], overlays: list[tuple[str, list[str]]]
) -> None:
    found = [obj for folder, file, name in files for obj in parsed(config(name), f"{folder}/{file}.yaml".lstrip("/"))]
    around = Kustomizations()
    for folder, included in overlays:
        resources = [f"{'../' * 3}{one}/x.yaml" for one in included] + ["x.yaml"]
        around.add(read_kustomization(f"{folder}/kustomization.yaml".lstrip("/"), {"resources": resources}))
    universes = Universes(found, around)
    members = Members()
    for number, obj in enumerate(found):
        members.add(number, obj.file)
    for asking in found:
        seen = list(universes.seen(asking.file, members))
        near = list(universes.seen_near(asking.file, members))
        assert sorted(seen) == [n for n, obj in enumerate(found) if universes.see(asking.file, obj.file)]
        assert sorted(near) == [n for n, obj in enumerate(found) if universes.near(asking.file, obj.file)]


@pytest.mark.parametrize("same_folder", [True, False])
def test_looking_things_up_does_not_look_at_everything(same_folder: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    see = Universes.see

    def counted(self: Universes, one: str, other: str) -> bool:
        nonlocal count
        count += 1
        return see(self, one, other)

    monkeypatch.setattr(Universes, "see", counted)
    found = [
        obj
        for i in range(300)
        for obj in parsed(config("same" if not same_folder else f"c{i}"), "a/x.yaml" if same_folder else f"a{i}/x.yaml")
    ]
    tree = Relations(found, Kustomizations())
    for obj in found:
        assert tree.named(obj, "ConfigMap", None, obj.name or "") == [tree.number(obj)]
        assert tree.misspelt(obj, "ConfigMap", None, "nothing-like-it") is None
    assert count < 20 * len(found)
