"""What is known of API versions, held against the schemas of every bundled Kubernetes version."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import pytest

from kube_audit.findings import Patch
from kube_audit.validation import api_versions, definitions
from kube_audit.validation.api_versions import ApiChange, VersionProblem, change, client_side, is_group_like
from kube_audit.validation.definitions import Node
from kube_audit.validation.kubernetes import Schemas

VERSIONS = definitions.supported_versions()
NEWEST = VERSIONS[-1]


@functools.cache
def schemas(version: str) -> Schemas:
    return Schemas(version)


def judge(api_version: str, kind: str, target: str = NEWEST) -> VersionProblem | None:
    return api_versions.judge(api_version, kind, target, schemas(target))


def problem(api_version: str, kind: str, target: str = NEWEST) -> VersionProblem:
    found = judge(api_version, kind, target)
    assert found is not None
    return found


def number(version: str) -> int:
    return int(version.removeprefix("1."))


# The table against the bundled schemas.


def all_changes() -> list[ApiChange]:
    return sorted(api_versions.changes(), key=lambda one: (one.api_version, one.kind))


@pytest.mark.parametrize("one", all_changes(), ids=lambda one: f"{one.api_version} {one.kind}")
def test_what_is_said_to_be_removed_is_gone_from_the_schemas_in_that_release(one: ApiChange) -> None:
    served = [version for version in VERSIONS if schemas(version).knows(one.api_version, one.kind)]
    if one.removed is None:
        assert served == list(VERSIONS)
    elif number(one.removed) > number(NEWEST):
        assert served[-1] == NEWEST
    elif number(one.removed) > number(VERSIONS[0]):
        assert number(served[-1]) + 1 == number(one.removed)
    else:
        assert served == []


@pytest.mark.parametrize("one", all_changes(), ids=lambda one: f"{one.api_version} {one.kind}")
def test_a_replacement_is_served_by_the_newest_version_and_deprecation_comes_before_removal(one: ApiChange) -> None:
    if one.replacement is not None:
        assert schemas(NEWEST).knows(one.replacement, one.kind)
    if one.removed is not None and one.deprecated is not None:
        assert number(one.deprecated) < number(one.removed)
    if one.same:
        assert one.replacement is not None
        assert one.note == ""


def test_whatever_vanishes_between_two_bundled_versions_is_in_the_table() -> None:
    for before, after in itertools.pairwise(VERSIONS):
        for api_version, kind in set(schemas(before).kinds()) - set(schemas(after).kinds()):
            known = change(api_version, kind)
            if kind != "Status":  # resource.k8s.io listed the answer of a failed request for a while
                assert known is not None, (api_version, kind)
                assert known.removed == after


def _shape(known: definitions.Definitions, node: Node, above: tuple[str, ...] = ()) -> Any:
    """Return fields and types of a schema, as far as people write them."""
    if node.name and (node.name in above or ".apimachinery." in node.name):
        return node.name
    above = (*above, node.name)
    fields = {
        name: _shape(known, known.resolve(schema), above)
        for name, schema in node.fields.items()
        if name not in ("apiVersion", "kind", "status")
    }
    inner = [known.child(node, 0), None if node.fields else known.child(node, "")]
    return (
        node.types,
        tuple(sorted(node.schema.get("required", ()))),
        fields,
        [one and _shape(known, one, above) for one in inner],
    )


@pytest.mark.parametrize(
    "one", [one for one in all_changes() if one.same], ids=lambda one: f"{one.api_version} {one.kind}"
)
def test_versions_called_the_same_have_the_same_fields_where_both_are_served(one: ApiChange) -> None:
    assert one.replacement is not None
    for version in VERSIONS:
        if schemas(version).knows(one.api_version, one.kind) and schemas(version).knows(one.replacement, one.kind):
            known = definitions.definitions(version)
            old, new = (known.chain(v, one.kind, ())[0] for v in (one.api_version, one.replacement))
            assert _shape(known, old) == _shape(known, new)


def test_every_group_that_the_schemas_serve_is_built_in() -> None:
    served = {api.rpartition("/")[0] for version in VERSIONS for api, _ in schemas(version).kinds()}
    assert served <= api_versions.BUILT_IN_GROUPS
    gone = api_versions.BUILT_IN_GROUPS - served
    assert gone == {"auditregistration.k8s.io", "extensions", "settings.k8s.io"}


def test_whatever_a_version_serves_is_fine_there_unless_deprecated() -> None:
    for version in VERSIONS:
        for api_version, kind in schemas(version).kinds():
            found = judge(api_version, kind, version)
            assert found is None or found.rule == "api-version-deprecated"


# Removed and deprecated.


def test_a_removed_version_is_an_error_that_names_release_replacement_and_what_else_changes() -> None:
    assert problem("extensions/v1beta1", "Deployment", "1.30") == VersionProblem(
        "api-version-removed",
        ("apiVersion",),
        "extensions/v1beta1 Deployment: gone since Kubernetes 1.16; use apps/v1; there, `spec.selector` is "
        "required and must match the labels of the pod template",
        "Write `apiVersion: apps/v1` and adapt the fields that changed.",
        (Patch("set", ("apiVersion",), "apps/v1"),),
        "unsafe",
    )


@pytest.mark.parametrize(
    ("api_version", "kind", "removed", "replacement", "fix"),
    [
        ("apps/v1beta1", "StatefulSet", "1.16", "apps/v1", "unsafe"),
        ("apps/v1beta2", "DaemonSet", "1.16", "apps/v1", "unsafe"),
        ("extensions/v1beta1", "Ingress", "1.22", "networking.k8s.io/v1", "unsafe"),
        ("networking.k8s.io/v1beta1", "Ingress", "1.22", "networking.k8s.io/v1", "unsafe"),
        ("extensions/v1beta1", "NetworkPolicy", "1.16", "networking.k8s.io/v1", "safe"),
        ("batch/v1beta1", "CronJob", "1.25", "batch/v1", "safe"),
        ("policy/v1beta1", "PodDisruptionBudget", "1.25", "policy/v1", "unsafe"),
        ("autoscaling/v2beta1", "HorizontalPodAutoscaler", "1.25", "autoscaling/v2", "unsafe"),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "1.26", "autoscaling/v2", "safe"),
        ("rbac.authorization.k8s.io/v1beta1", "RoleBinding", "1.22", "rbac.authorization.k8s.io/v1", "safe"),
        ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "1.22", "apiextensions.k8s.io/v1", "unsafe"),
        ("storage.k8s.io/v1beta1", "CSIDriver", "1.22", "storage.k8s.io/v1", "safe"),
        ("scheduling.k8s.io/v1beta1", "PriorityClass", "1.22", "scheduling.k8s.io/v1", "safe"),
    ],
)
def test_removed_versions_that_are_still_met(
    api_version: str, kind: str, removed: str, replacement: str, fix: str
) -> None:
    found = problem(api_version, kind, "1.30")
    assert found.rule == "api-version-removed"
    assert found.message.startswith(f"{api_version} {kind}: gone since Kubernetes {removed}; use {replacement}")
    assert found.patches == (Patch("set", ("apiVersion",), replacement),)
    assert found.fix == fix


def test_a_list_of_a_removed_kind_is_removed_too() -> None:
    assert problem("extensions/v1beta1", "DeploymentList").rule == "api-version-removed"


def test_a_kind_without_successor_gets_advice_and_no_patch() -> None:
    found = problem("policy/v1beta1", "PodSecurityPolicy")
    assert "use Pod Security Admission" in found.message
    assert (found.patches, found.fix) == ((), None)


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("1.25", None),
        ("1.26", "api-version-deprecated"),
        ("1.28", "api-version-deprecated"),
        ("1.29", "api-version-removed"),
    ],
)
def test_the_target_version_decides(target: str, rule: str | None) -> None:
    found = judge("flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema", target)
    assert (found.rule if found else None) == rule


def test_a_deprecated_version_is_a_warning_that_names_the_release_that_drops_it() -> None:
    found = problem("networking.k8s.io/v1beta1", "IPAddress", "1.35")
    assert (found.rule, found.fix) == ("api-version-deprecated", "safe")
    assert found.message == (
        "networking.k8s.io/v1beta1 IPAddress: deprecated since Kubernetes 1.34, to be removed in 1.37; "
        "use networking.k8s.io/v1"
    )


def test_a_replacement_that_the_target_does_not_serve_yet_is_not_proposed() -> None:
    found = problem("flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema", "1.27")
    assert found.patches == (Patch("set", ("apiVersion",), "flowcontrol.apiserver.k8s.io/v1beta3"),)
    assert found.fix == "unsafe"


def test_endpoints_are_deprecated_in_favour_of_another_kind() -> None:
    assert judge("v1", "Endpoints", "1.32") is None
    found = problem("v1", "Endpoints", "1.33")
    assert (found.rule, found.patches) == ("api-version-deprecated", ())
    assert "EndpointSlice" in found.message


# Kinds that Kubernetes does not know.


@pytest.mark.parametrize(
    ("api_version", "kind", "end", "patches"),
    [
        ("v1", "Deployment", "; Deployment is in apps/v1", {"apiVersion": "apps/v1"}),
        ("apps/v1", "Pod", "; Pod is in v1", {"apiVersion": "v1"}),
        ("apps/v2", "StatefulSet", "; StatefulSet is in apps/v1", {"apiVersion": "apps/v1"}),
        (
            "node.k8s.io/v1alpha1",
            "RuntimeClass",
            "; RuntimeClass is in node.k8s.io/v1",
            {"apiVersion": "node.k8s.io/v1"},
        ),
        ("apps/v1", "deployment", "; did you mean Deployment?", {"kind": "Deployment"}),
        ("apps/v1", "Deployments", "; did you mean Deployment?", {"kind": "Deployment"}),
        ("networking.k8s.io/v1", "NetworkPolicies", "; did you mean NetworkPolicy?", {"kind": "NetworkPolicy"}),
        ("apps/v1", "Deploymnt", "; did you mean Deployment?", {"kind": "Deployment"}),
        (
            "v1",
            "ingress",
            "; did you mean Ingress in networking.k8s.io/v1?",
            {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"},
        ),
        ("v1", "Route", "; OpenShift has it in route.openshift.io/v1", {"apiVersion": "route.openshift.io/v1"}),
        ("v1", "Foo", f"Kubernetes {NEWEST} has no kind Foo in v1", {}),
        ("app/v1", "Deployment", "Kubernetes has no API app/v1; Deployment is in apps/v1", {"apiVersion": "apps/v1"}),
        (
            "rbac/v1",
            "Role",
            "; Role is in rbac.authorization.k8s.io/v1",
            {"apiVersion": "rbac.authorization.k8s.io/v1"},
        ),
        ("v1beta1", "Job", "; Job is in batch/v1", {"apiVersion": "batch/v1"}),
    ],
)
def test_an_unknown_kind_is_an_error_that_says_what_was_meant(
    api_version: str, kind: str, end: str, patches: dict[str, str]
) -> None:
    found = problem(api_version, kind)
    assert found.rule == "schema-invalid"
    assert found.message.endswith(end)
    assert {str(patch.path[0]): patch.value for patch in found.patches} == patches
    assert found.fix == ("unsafe" if patches else None)


def test_a_kind_of_a_newer_version_is_said_to_be_newer() -> None:
    found = problem("storage.k8s.io/v1", "VolumeAttributesClass", "1.29")
    assert "; it is served from 1.34 on, in 1.29 VolumeAttributesClass is in storage.k8s.io/v1alpha1" in found.message


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("gateway.networking.k8s.io/v1", "Gateway"),
        ("snapshot.storage.k8s.io/v1", "VolumeSnapshot"),
        ("metrics.k8s.io/v1beta1", "PodMetrics"),
        ("cluster.x-k8s.io/v1beta1", "Cluster"),
        ("cert-manager.io/v1", "Certificate"),
        ("serving.knative.dev/v1", "Service"),
        ("batch.volcano.sh/v1alpha1", "Job"),
        ("example.com/v1", "Deployment"),
        ("v1beta1", "Bee"),
        ("skaffold/v4beta1", "Config"),
        ("v1", "List"),
        ("v1", "ConfigMapList"),
        ("rbac.authorization.k8s.io/v1", "RoleList"),
        ("", ""),
        ("/", "Pod"),
        ("a/b/c", "Pod"),
    ],
)
def test_what_kubernetes_does_not_serve_itself_is_left_alone(api_version: str, kind: str) -> None:
    assert judge(api_version, kind) is None


def test_a_name_of_a_megabyte_is_met() -> None:
    assert len(problem("v1", "Pod" * 10**6).message) < 200
    assert len(problem("apps/" + "v1" * 10**6, "Foo").message) < 300


# Files that look like objects.


@pytest.mark.parametrize(
    ("api_version", "kind", "what"),
    [
        ("v1", "Config", "kubeconfig file"),
        ("kind.x-k8s.io/v1alpha4", "Cluster", "kind configuration"),
        ("kubeadm.k8s.io/v1beta3", "ClusterConfiguration", "kubeadm configuration"),
        ("skaffold/v3", "Config", "Skaffold configuration"),
        ("kustomize.config.k8s.io/v1beta1", "Kustomization", "kustomize's own file"),
        ("builtin", "LabelTransformer", "kustomize's own file"),
        ("krew.googlecontainertools.github.com/v1alpha2", "Plugin", "Krew plugin description"),
        ("audit.k8s.io/v1", "Policy", "audit policy or audit event"),
        ("apps/v1", "Deployment", None),
        ("v1", "ConfigMap", None),
        ("cert-manager.io/v1", "Certificate", None),
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", None),
    ],
)
def test_files_that_no_cluster_stores_are_known_by_what_they_are(api_version: str, kind: str, what: str | None) -> None:
    assert client_side(api_version, kind) == what


@pytest.mark.parametrize(
    ("api_version", "expected"),
    [
        ("v1", True),
        ("apps/v1", True),
        ("extensions/v1beta1", True),
        ("cert-manager.io/v1", True),
        ("release-notes/v2", False),
        ("skaffold/v4beta1", False),
        ("v2", False),
        ("builtin", False),
        ("apps/", False),
        ("example.com/v1/extra", False),
        ("", False),
    ],
)
def test_an_apiversion_of_a_cluster_is_v1_a_built_in_group_or_a_domain(api_version: str, expected: bool) -> None:
    assert is_group_like(api_version) is expected
