"""Each field by which Kubernetes objects name one another is in the table, and a misspelt name in it is found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kube_audit.engine.scopes import POD_TEMPLATES
from kube_audit.references import POD_REFERENCES, REFERENCES, ReferenceField
from tests.support import audit_texts

API_VERSIONS = {
    "APIService": "apiregistration.k8s.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "Deployment": "apps/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Ingress": "networking.k8s.io/v1",
    "IngressClass": "networking.k8s.io/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "PriorityClass": "scheduling.k8s.io/v1",
    "ResourceClaim": "resource.k8s.io/v1",
    "ResourceClaimTemplate": "resource.k8s.io/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "RuntimeClass": "node.k8s.io/v1",
    "StatefulSet": "apps/v1",
    "StorageClass": "storage.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
}
KINDS_NAMED = {"scaleTarget": "Deployment", "metric": "Ingress", "role": "Role", "subject": "ServiceAccount"}
"""What is named where the field does not say, but another key beside the name."""
TARGET, WRITTEN = "frontend-main", "frontend-mian"


def head(kind: str, name: str) -> dict[str, Any]:
    own, _, group = kind.partition(".")
    api_version = f"{group}/v1" if group else API_VERSIONS.get(own, "v1")
    return {"apiVersion": api_version, "kind": own, "metadata": {"name": name, "namespace": "shop"}}


def put(obj: dict[str, Any], path: str, value: Any) -> None:
    """Put a value where a path of the table leads, with a list of one item for each []."""
    steps = [step for step in path.split(".") if step]
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        inner: Any = value if last else {}
        name = step.removesuffix("[]")
        if step.endswith("[]"):
            obj = obj.setdefault(name, [inner])[0] if not last else obj.update({name: [inner]}) or {}
        elif last and isinstance(inner, dict):
            obj.setdefault(name, {}).update(inner)
        else:
            obj = obj.setdefault(name, inner)
    if not steps:
        obj.update(value)


def holder(field: ReferenceField, kind: str) -> Any:
    """Return what holds the misspelt name."""
    if not field.name:
        return WRITTEN
    held: dict[str, Any] = {field.name: WRITTEN}
    if field.kind:
        held |= {field.kind: kind.partition(".")[0], "apiVersion": head(kind, "")["apiVersion"]}
    if field.namespace:
        held[field.namespace] = "shop"
    return held


def cases() -> list[Any]:
    found = [("Pod", f"spec.{field.path}".rstrip("."), field) for field in POD_REFERENCES]
    found.extend((kind, field.path, field) for kind, fields in REFERENCES.items() for field in fields)
    return [pytest.param(*one, id=f"{one[0]}: {one[1]}.{one[2].name}") for one in found]


@pytest.mark.parametrize(("kind", "path", "field"), cases())
def test_a_misspelt_name_is_found_and_the_object_that_is_meant_is_shown(
    kind: str, path: str, field: ReferenceField
) -> None:
    named = field.to or KINDS_NAMED[field.via]
    if kind == "ClusterRoleBinding" and field.via == "role":
        named = "ClusterRole"
    obj, target = head(kind, "one"), head(named, TARGET)
    if field.path.startswith("volumes[]"):
        put(obj, "spec.volumes[]", {"name": "data"})
    if kind == "StatefulSet":  # without them it is taken for a patch
        obj["spec"] = {"selector": {}, "template": {"spec": {"containers": []}}}
    put(obj, path, holder(field, named))
    if named in ("ConfigMap", "Secret"):
        target["data"] = {"a": "Yg=="}
    files = {"one.json": json.dumps(obj), "target.json": json.dumps(target)}
    found = [
        f for f in audit_texts(files, profile="all").findings if f.severity == "error" and "did you mean" in f.message
    ]
    shown = [(place.file, f.path[-1]) for f in found for place in f.related]
    last = field.name or 0
    assert ("target.json", last) in shown, [f.message for f in found]


def test_pods_are_looked_into_in_every_kind_of_workload() -> None:
    for kind, template in POD_TEMPLATES.items():
        pod = {"containers": [{"name": "web", "image": "web:1"}], "serviceAccountName": WRITTEN}
        obj: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "one", "namespace": "shop"}}
        put(obj, ".".join((*template, "spec")), pod)
        files = {"one.json": json.dumps(obj), "target.json": json.dumps(head("ServiceAccount", TARGET))}
        found = [f for f in audit_texts(files).findings if f.rule == "service-account-not-found"]
        assert [(f.severity, f.related[0].file) for f in found] == [("error", "target.json")], kind
