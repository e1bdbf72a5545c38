"""What a workload's account may do: every way in which a binding reaches it, and roles put together."""

from __future__ import annotations

import json
import time

import pytest

from kube_audit.findings import Finding
from tests.support import audit_texts

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  serviceAccountName: web
  containers: [{name: web, image: "example.com/web:1"}]
---
"""
READER = """\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [secrets], verbs: [list]}]
"""
RULE = "service-account-aggregate-privilege"


def binding(subject: str, *, role: str = "reader", kind: str = "ClusterRoleBinding", metadata: str = "name: b") -> str:
    reference = f"{{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}"
    head = f"apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{{metadata}}}\n"
    return f"{head}roleRef: {reference}\nsubjects: [{{{subject}}}]\n"


def takeovers(*texts: str) -> list[Finding]:
    files: dict[str, str | bytes] = {f"{number}.yaml": text for number, text in enumerate(texts)}
    return [f for f in audit_texts(files, select=[RULE]).findings if f.rule == RULE]


@pytest.mark.parametrize(
    "subject",
    [
        "kind: ServiceAccount, name: web, namespace: shop",
        'kind: User, name: "system:serviceaccount:shop:web"',
        'kind: Group, name: "system:serviceaccounts"',
        'kind: Group, name: "system:serviceaccounts:shop"',
        'kind: Group, name: "system:authenticated"',
    ],
)
def test_a_binding_reaches_an_account_by_its_name_and_by_its_groups(subject: str) -> None:
    (finding,) = takeovers(POD, binding(subject), READER)
    assert "read Secrets in every namespace" in finding.message
    assert [place.message for place in finding.related] == ["ClusterRoleBinding b, `roleRef`"]


@pytest.mark.parametrize(
    "subject",
    [
        "kind: ServiceAccount, name: web, namespace: blog",
        "kind: ServiceAccount, name: webb, namespace: shop",
        "kind: User, name: web",
        'kind: User, name: "system:serviceaccount:blog:web"',
        'kind: Group, name: "system:serviceaccounts:blog"',
        'kind: Group, name: "system:unauthenticated"',
        "kind: Group, name: web",
    ],
)
def test_a_binding_for_somebody_else_does_not_reach_it(subject: str) -> None:
    assert takeovers(POD, binding(subject), READER) == []


def test_an_account_without_namespace_is_of_the_role_bindings_own() -> None:
    subject = "kind: ServiceAccount, name: web"
    in_system = POD.replace("namespace: shop", "namespace: kube-system")
    for namespace, found in (("kube-system", 1), ("shop", 0)):
        one = binding(subject, kind="RoleBinding", metadata=f"name: b, namespace: {namespace}")
        assert len(takeovers(in_system, one, READER)) == found


def test_a_role_binding_grants_nothing_beyond_its_namespace() -> None:
    subject = "kind: ServiceAccount, name: web, namespace: shop"
    assert takeovers(POD, binding(subject, kind="RoleBinding", metadata="name: b, namespace: shop"), READER) == []
    (finding,) = takeovers(
        POD, binding(subject, kind="RoleBinding", metadata="name: b, namespace: kube-system"), READER
    )
    assert "read Secrets in `kube-system`" in finding.message


def test_roles_are_put_together_through_several_steps_and_circles() -> None:
    aggregating = """\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %s, labels: {%s: "true"}}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {%s: "true"}}]}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
"""
    labelled = READER.replace("{name: reader}", '{name: part, labels: {c: "true"}}')
    chain = aggregating % ("reader", "a", "b") + aggregating % ("middle", "b", "c") + aggregating % ("circle", "c", "b")
    (finding,) = takeovers(POD, binding("kind: ServiceAccount, name: web, namespace: shop"), chain, labelled)
    assert "read Secrets in every namespace" in finding.message
    assert "everything" not in finding.message  # the rules beside aggregationRule are overwritten


def test_roles_that_every_cluster_has_count_with_what_the_files_add_to_them() -> None:
    bound = binding("kind: ServiceAccount, name: web, namespace: shop", role="view")
    assert takeovers(POD, bound) == []
    added = READER.replace("{name: reader}", '{name: x, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}}')
    (finding,) = takeovers(POD, bound, added)
    assert "`ClusterRole view` through `ClusterRoleBinding b`" in finding.message


@pytest.mark.parametrize(
    ("rules", "open"),
    [
        ([("", "secrets", "get", "one")], False),
        ([("", "configmaps", "get", "")], False),
        ([("example.com", "secrets", "get", "")], False),
        ([("", "pods/exec", "create", "")], True),
        ([("", "*/exec", "create", "")], True),
        ([("", "pods/log", "get", "")], False),
        ([("rbac.authorization.k8s.io", "clusterroles", "escalate", "")], False),
        ([("rbac.authorization.k8s.io", "clusterroles", "escalate,update", "")], True),
        ([("rbac.authorization.k8s.io", "clusterroles", "bind", "")], False),
        (
            [
                ("rbac.authorization.k8s.io", "clusterroles", "bind", "cluster-admin"),
                ("rbac.authorization.k8s.io", "rolebindings", "create", ""),
            ],
            True,
        ),
        (
            [
                ("rbac.authorization.k8s.io", "clusterroles", "bind", "shop-reader"),
                ("rbac.authorization.k8s.io", "rolebindings", "create", ""),
            ],
            False,
        ),
        ([("", "groups", "impersonate", "")], False),
        ([("", "users", "impersonate", "")], True),
        ([("apps", "deployments", "patch", "")], True),
        ([("extensions", "deployments", "patch", "")], False),
        ([("", "nodes/proxy", "get", "")], True),
        ([("certificates.k8s.io", "certificatesigningrequests/approval", "update", "")], False),
    ],
)
def test_a_way_is_open_only_with_all_that_it_needs(rules: list[tuple[str, str, str, str]], open: bool) -> None:
    written = [
        {
            "apiGroups": [group],
            "resources": [resource],
            "verbs": verbs.split(","),
            **({"resourceNames": [name]} if name else {}),
        }
        for group, resource, verbs, name in rules
    ]
    role = READER.split("rules:")[0] + f"rules: {json.dumps(written)}\n"
    found = takeovers(POD, binding("kind: ServiceAccount, name: web, namespace: shop"), role)
    assert bool(found) == open


def test_what_findings_on_one_role_say_already_is_an_info() -> None:
    subject = "kind: ServiceAccount, name: web, namespace: shop"
    (told,) = takeovers(POD, binding(subject), READER)
    (added_up,) = takeovers(POD, binding(subject), binding(subject, role="edit", metadata="name: c"), READER)
    assert (told.severity, added_up.severity) == ("info", "warning")


@pytest.mark.parametrize(
    ("pod", "account", "audience", "found"),
    [
        ("", "", None, True),
        ("", "false", None, False),
        ("false", "", None, False),
        ("true", "false", None, True),
        ("false", "", "", True),
        ("false", "", "vault", False),
    ],
)
def test_only_pods_with_a_token_of_the_api_are_at_risk(
    pod: str, account: str, audience: str | None, found: bool
) -> None:
    text = POD.replace("---\n", "")
    text += f"  automountServiceAccountToken: {pod}\n" if pod else ""
    if audience is not None:
        token = {"path": "token", **({"audience": audience} if audience else {})}
        volumes = [{"name": "t", "projected": {"sources": [{"serviceAccountToken": token}]}}]
        text += f"  volumes: {json.dumps(volumes)}\n"
    own = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: shop}\n"
    own += f"automountServiceAccountToken: {account}\n" if account else ""
    bound = binding("kind: ServiceAccount, name: web, namespace: shop")
    assert bool(takeovers(text, own, bound, READER)) == found


def test_nonsense_in_roles_and_bindings_is_passed_over() -> None:
    head = "apiVersion: rbac.authorization.k8s.io/v1\n"
    bad = [
        head + "kind: ClusterRoleBinding\nmetadata: {name: a}\nroleRef: [x]\nsubjects: {a: b}\n",
        head
        + "kind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {kind: Role, name: reader}\nsubjects: [1, {}]\n",
        head + "kind: ClusterRole\nmetadata: {name: reader, labels: [1]}\nrules: {a: b}\naggregationRule: 1\n",
        head
        + "kind: ClusterRole\nmetadata: {name: x}\naggregationRule: {clusterRoleSelectors: [1, {matchLabels: 3}]}\n",
    ]
    assert takeovers(POD, *bad, binding('kind: Group, name: "system:authenticated"')) == []


def test_many_bindings_for_all_accounts_do_not_multiply_with_many_workloads() -> None:
    pods = "".join(POD.replace("name: web,", f"name: web-{number},") for number in range(1500))
    everyone = 'kind: Group, name: "system:serviceaccounts"'
    bindings = "---\n".join(binding(everyone, role="view", metadata=f"name: b{number}") for number in range(1500))
    started = time.perf_counter()
    assert takeovers(pods, bindings) == []
    assert time.perf_counter() - started < 10
