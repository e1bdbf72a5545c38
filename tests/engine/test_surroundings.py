"""What users' own rules see in `related` of rights, namespaces, routes, and what workloads share."""

from __future__ import annotations

from typing import Any

import pytest

from kube_audit.engine.related import Related
from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.objects import Object, objects
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents
from kube_audit.relations import Relations

SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccount: web
      containers: [{name: web, image: "nginx:1.25"}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  template:
    metadata: {labels: {app: api}}
    spec:
      containers: [{name: api, image: "nginx:1.26-alpine"}]
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: blog}
spec:
  containers: [{name: web, image: "nginx:1.26"}]
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: outside, namespace: shop}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: front, port: {number: 80}}}}]}}]}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: compute, namespace: shop}
---
apiVersion: v1
kind: LimitRange
metadata: {name: defaults, namespace: blog}
---
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {name: sizes, namespace: shop}
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: api}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: shop}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get]}
- {apiGroups: [""], resources: [configmaps], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: web}]
"""


def read(**files: str) -> tuple[Related, list[Object]]:
    found = [
        obj
        for name, text in files.items()
        for document in documents(Text(text))
        for obj in objects(f"{name.replace('__', '/')}.yaml", document)
    ]
    return Related(Relations(found, Kustomizations())), found


def related(name: str, of: str, **files: str) -> Any:
    made, found = read(**files)
    (obj,) = [obj for obj in found if str(obj.ref) == of]
    return made.of(obj, frozenset({name}))[name]


def refs(name: str, of: str, **files: str) -> list[str]:
    entries = related(name, of, **files)
    return [entry["ref"] for entry in ([entries] if isinstance(entries, dict) else entries or [])]


@pytest.mark.parametrize(
    ("name", "of", "found"),
    [
        ("serviceAccount", "Deployment shop/web", ["ServiceAccount shop/web"]),
        ("serviceAccount", "Deployment shop/api", []),
        ("bindings", "Role shop/reader", ["RoleBinding shop/readers"]),
        ("ownNamespace", "Deployment shop/web", ["Namespace shop"]),
        ("ownNamespace", "Pod blog/other", []),
        ("quotas", "Namespace shop", ["ResourceQuota shop/compute"]),
        ("quotas", "Deployment shop/web", ["ResourceQuota shop/compute"]),
        ("limitRanges", "Namespace shop", []),
        ("limitRanges", "Pod blog/other", ["LimitRange blog/defaults"]),
        ("ingresses", "Deployment shop/web", ["Ingress shop/outside"]),
        ("ingresses", "Service shop/front", ["Ingress shop/outside"]),
        ("ingresses", "Deployment shop/api", []),
        ("verticalAutoscalers", "Deployment shop/api", ["VerticalPodAutoscaler shop/sizes"]),
        ("verticalAutoscalers", "Deployment shop/web", []),
        ("workloads", "Deployment shop/web", ["Deployment shop/api"]),
        ("workloads", "Pod blog/other", []),
    ],
)
def test_related_holds_what_an_object_is_tied_to(name: str, of: str, found: list[str]) -> None:
    assert refs(name, of, shop=SHOP) == found


@pytest.mark.parametrize("of", ["Deployment shop/web", "ServiceAccount shop/web"])
def test_grants_tell_binding_role_and_rule(of: str) -> None:
    grants = related("grants", of, shop=SHOP)
    assert [(g["path"], g["rule"]["resources"]) for g in grants] == [
        ("rules[0]", ["pods"]),
        ("rules[1]", ["configmaps"]),
    ]
    assert {(g["binding"]["ref"], g["role"]["ref"], g["source"]["ref"]) for g in grants} == {
        ("RoleBinding shop/readers", "Role shop/reader", "Role shop/reader")
    }
    assert {(g["everywhere"], g["namespace"]) for g in grants} == {(False, "shop")}


def test_images_lead_to_the_version_that_more_workloads_run() -> None:
    assert related("sameImages", "Pod blog/other", shop=SHOP) == []
    (drift,) = related("sameImages", "Deployment shop/web", shop=SHOP)
    assert (drift["image"], drift["count"], drift["target"]["ref"]) == ("nginx:1.26", 1, "Pod blog/other")
    assert drift["path"] == "spec.template.spec.containers[0].image"
    more = "\n---\n".join(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}}}\nspec: {{containers: [{{name: a, image: 'nginx:1.25'}}]}}"
        for n in range(2)
    )
    assert related("sameImages", "Deployment shop/web", shop=SHOP, more=more) == []
    (drift,) = related("sameImages", "Pod blog/other", shop=SHOP, more=more)
    assert (drift["image"], drift["count"]) == ("nginx:1.25", 3)


def test_variants_of_a_tree_do_not_see_each_other() -> None:
    files = {"env__dev__shop": SHOP, "env__prod__shop": SHOP.replace("nginx:1.26", "nginx:1.27")}
    made, found = read(**files)
    pods = [obj for obj in found if str(obj.ref) == "Deployment shop/web"]
    drifts = [made.of(obj, frozenset({"sameImages"}))["sameImages"][0]["image"] for obj in pods]
    assert drifts == ["nginx:1.26", "nginx:1.27"]
    assert [len(made.of(obj, frozenset({"grants"}))["grants"]) for obj in pods] == [2, 2]
    assert [len(made.of(obj, frozenset({"workloads"}))["workloads"]) for obj in pods] == [1, 1]


def test_what_names_no_namespace_belongs_together_where_its_files_do() -> None:
    quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: compute}\n"
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    assert refs("quotas", "Namespace shop", shop__a=namespace, shop__b=quota) == ["ResourceQuota compute"]
    assert refs("quotas", "Namespace shop", shop__a=namespace, blog__b=quota) == []
