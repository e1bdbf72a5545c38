"""RBAC objects that are refused or grant nothing: which entries are named, and what is proposed instead."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.engine.checks.rbac import invalid
from kube_audit.engine.checks.rbac_resources import CLUSTER_SCOPED, RESOURCES
from kube_audit.engine.elements import Element
from kube_audit.findings import path_text
from kube_audit.manifests.objects import objects
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents

Found = dict[str, tuple[str, str]]


def found_in(kind: str, **fields: Any) -> Found:
    """Return path → (level, problem) for an object of a kind with these fields."""
    manifest = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "x"}, **fields}
    (document,) = documents(Text(json.dumps(manifest)))
    (obj,) = objects("x.yaml", document)
    element = Element(obj, obj.data, (), None, None, None, {}, {})
    return {path_text(hit.path): (hit.found["level"], hit.found["problem"]) for hit in invalid(element, {})}


def rule(groups: list[str], resources: list[str], verbs: list[str] | None = None) -> dict[str, Any]:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs or ["get"]}


@pytest.mark.parametrize(
    ("group", "written", "meant"),
    [
        ("", "Secret", "secrets"),
        ("", "podss", "pods"),
        ("networking.k8s.io", "networkpolicy", "networkpolicies"),
        ("networking.k8s.io", "ingress", "ingresses"),
        ("apps", "deployment/scale", "deployments"),
    ],
)
def test_a_misspelt_resource_is_named_with_what_it_means(group: str, written: str, meant: str) -> None:
    level, problem = found_in("ClusterRole", rules=[rule([group], [written])])["rules[0].resources[0]"]
    assert level == "warning"
    assert f"did you mean `{meant}`" in problem


@pytest.mark.parametrize(
    ("groups", "resource", "home"),
    [
        (["", "batch"], "deployments", "`apps`"),
        (["policy"], "pods/eviction", "the core group"),
        (["extensions"], "leases", "`coordination.k8s.io`"),
    ],
)
def test_a_resource_in_the_wrong_group_is_told_its_own(groups: list[str], resource: str, home: str) -> None:
    level, problem = found_in("ClusterRole", rules=[rule(groups, [resource])])["rules[0].resources[0]"]
    assert level == "warning"
    assert f"it belongs to {home}" in problem


def test_a_wrong_group_is_no_matter_where_another_rule_names_the_right_one() -> None:
    assert not found_in("ClusterRole", rules=[rule([""], ["deployments"]), rule(["apps"], ["deployments"])])
    assert found_in("ClusterRole", rules=[rule([""], ["deployments"]), rule(["apps"], ["statefulsets"])])


@pytest.mark.parametrize(
    "one",
    [
        rule(["shop.example.com"], ["deployment"]),
        rule(["", "shop.example.com"], ["orders"]),
        rule(["*"], ["deployment"]),
        rule([""], ["*"]),
        rule([""], ["*/scale"]),
        rule([""], ["somethingquitedifferent"]),
        rule(["{{ .group }}"], ["pod"]),
        rule([""], ["${RESOURCE}"]),
        rule([""], ["pods"], ["approve-all"]),
    ],
)
def test_what_cannot_be_judged_is_left_alone(one: dict[str, Any]) -> None:
    assert found_in("ClusterRole", rules=[one]) == {}


@pytest.mark.parametrize("resource", ["pods/*", "*/*", "secret*"])
def test_patterns_that_rbac_does_not_know_match_nothing(resource: str) -> None:
    assert found_in("Role", rules=[rule([""], [resource])])["rules[0].resources[0]"][0] == "warning"


def test_a_role_grants_nothing_without_namespace_except_on_its_own_namespace() -> None:
    found = found_in("Role", rules=[rule([""], ["nodes", "namespaces", "pods", "nodes/metrics"])])
    assert {path: level for path, (level, _) in found.items()} == {
        "rules[0].resources[0]": "info",
        "rules[0].resources[3]": "info",
    }
    assert found_in("ClusterRole", rules=[rule([""], ["nodes"])]) == {}


def test_verbs_of_urls_are_http_methods() -> None:
    urls = {"nonResourceURLs": ["/metrics"], "verbs": ["post", "pots", "list"]}
    found = found_in("ClusterRole", rules=[urls])
    assert list(found) == ["rules[0].verbs[1]"]
    assert "`post`" in found["rules[0].verbs[1]"][1]


def test_refused_rules_are_errors() -> None:
    found = found_in(
        "Role",
        rules=[
            {"nonResourceURLs": ["/x"], "verbs": ["get"]},
            {"verbs": ["get"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": []},
        ],
    )
    assert {path: level for path, (level, _) in found.items()} == {
        "rules[0].nonResourceURLs": "error",
        "rules[1].apiGroups": "error",
        "rules[1].resources": "error",
        "rules[2].verbs": "error",
    }


def test_subjects_carry_the_group_of_their_kind() -> None:
    group = "rbac.authorization.k8s.io"
    good = [
        {"kind": "ServiceAccount", "name": "a", "namespace": "n", "apiGroup": ""},
        {"kind": "User", "name": "Jane Doe", "apiGroup": group},
        {"kind": "Group", "name": "g"},
    ]
    assert found_in("ClusterRoleBinding", roleRef={"kind": "ClusterRole"}, subjects=good) == {}
    bad = [
        {"kind": "ServiceAccount", "name": "a", "namespace": "n", "apiGroup": group},
        {"kind": "User", "name": "u", "apiGroup": "v1"},
        {"kind": "ServiceAccount", "name": "system:serviceaccount:n:a", "namespace": "n"},
        {"kind": "ServiceAccount", "name": "a"},
    ]
    found = found_in("ClusterRoleBinding", roleRef={"kind": "Role"}, subjects=bad)
    assert set(found) == {
        "roleRef.kind",
        "subjects[0].apiGroup",
        "subjects[1].apiGroup",
        "subjects[2].name",
        "subjects[3]",
    }
    assert found_in("RoleBinding", roleRef={"kind": "Role"}, subjects=bad[3:]) == {}


def test_every_cluster_scoped_resource_is_a_known_one() -> None:
    assert all(name in RESOURCES[group] for group, name in CLUSTER_SCOPED)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text("aZ09*/-. {$é", max_size=5)
    | st.sampled_from(["", "*", "pods", "Role"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["apiGroups", "resources", "verbs", "kind", "name", "namespace"]), inner)
    ),
    max_leaves=8,
)


@given(kind=st.sampled_from(["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"]), value=anything)
def test_no_shape_of_an_object_makes_it_fail(kind: str, value: Any) -> None:
    found_in(kind, rules=value, subjects=value, roleRef=value, aggregationRule=value)
