"""Labels and annotations that a configuration demands: where they are looked for, and which values count."""

from __future__ import annotations

from typing import Any

import pytest

from kube_audit.engine.checks.required_metadata import missing_annotations, missing_labels
from kube_audit.engine.elements import Element
from kube_audit.engine.scopes import pod_of
from kube_audit.findings import path_text
from kube_audit.manifests.objects import objects
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: shop, labels: {{owner: {owner}}}}}
spec:
  template:
    metadata: {{labels: {{app: shop}}}}
    spec: {{containers: []}}
"""


def element_of(text: str) -> Element:
    (document,) = documents(Text(text))
    (obj,) = objects("x.yaml", document)
    return Element(obj, obj.data, (), None, pod_of(obj), None, {}, {})


def missing(text: str, required: dict[str, str], kinds: tuple[str, ...] = (), template: bool = False) -> dict[str, Any]:
    params = {"required_labels": required, "kinds": kinds, "include_pod_template": template}
    return {path_text(hit.path): hit.found["absent"] for hit in missing_labels(element_of(text), params)}


@pytest.mark.parametrize(
    ("owner", "pattern", "right"),
    [
        ("team-a", "", True),
        ("team-a", "team-.", True),
        ("team-ab", "team-.", False),
        ("'{{ .Values.owner }}'", "team-.", True),
        ("'${OWNER}'", "team-.", True),
        ("''", "team-.", False),
        ("'a(b'", "a(b", True),  # no expression: taken literally
        ("'ab'", "a(b", False),
    ],
)
def test_a_value_has_to_match_as_a_whole(owner: str, pattern: str, right: bool) -> None:
    found = missing(DEPLOYMENT.format(owner=owner), {"owner": pattern})
    assert found == ({} if right else {"metadata.labels.owner": False})


def test_an_absent_label_is_told_for_object_and_pod_template_apart() -> None:
    text = DEPLOYMENT.format(owner="team-a")
    assert missing(text, {"owner": ""}, template=True) == {"spec.template.metadata.labels.owner": True}
    assert missing(text, {"tier": ""}, template=True) == {
        "metadata.labels.tier": True,
        "spec.template.metadata.labels.tier": True,
    }


def test_only_the_chosen_kinds_are_judged() -> None:
    text = DEPLOYMENT.format(owner="team-a")
    assert missing(text, {"tier": ""}, kinds=("Deployment",))
    assert not missing(text, {"tier": ""}, kinds=("Service",))


def test_a_pod_has_no_template_besides_itself() -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: []}\n"
    assert missing(text, {"tier": ""}, template=True) == {"metadata.labels.tier": True}


def test_a_kustomization_is_no_object_of_a_cluster() -> None:
    text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n"
    assert not missing(text, {"tier": ""})


def test_annotations_are_looked_for_among_annotations() -> None:
    params = {"required_annotations": {"owner": ""}, "kinds": [], "include_pod_template": False}
    (hit,) = missing_annotations(element_of(DEPLOYMENT.format(owner="team-a")), params)
    assert path_text(hit.path) == "metadata.annotations.owner"


@pytest.mark.parametrize("value", ["5", "[a]", "{a: b}", "true"])
def test_values_of_the_wrong_type_are_left_to_the_schema(value: str) -> None:
    assert missing(DEPLOYMENT.format(owner=value), {"owner": "x"}) == {}
