"""What odd real files come to: each row of the corpus's list of oddities, by its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_audit.findings import AuditResult
from tests.corpus import CORPUS, needs_corpus
from tests.support import audit_paths

pytestmark = needs_corpus

SCHEMA_PROFILE = "schema"


def audited(file: str) -> AuditResult:
    return audit_paths(CORPUS / file, profile=SCHEMA_PROFILE)


def found(result: AuditResult) -> list[tuple[str, int]]:
    return [(finding.rule, finding.span.line) for finding in result.findings]


def reasons(result: AuditResult) -> str:
    return "; ".join(skipped.reason for skipped in result.summary.skipped)


@pytest.mark.parametrize(
    ("file", "objects"),
    [
        ("checkov/tests/kubernetes/parser/examples/yaml/busybox_utf8_bom.yaml", 1),
        ("argo-cd/reposerver/repository/testdata/utf-16/utf-16.yaml", 2),
        ("regolibrary/controls/examples/c002.yaml", 1),
        ("ContainerSolutions__kubernetes-examples/Secret/secret-key-ref.yaml", 2),
        ("cert-manager__cert-manager/make/config/bind/configmap.yaml", 1),
        ("argo-cd/manifests/install.yaml", 59),
        ("kube-prometheus/manifests/setup/0alertmanagerConfigCustomResourceDefinition.yaml", 1),
        ("billimek__k8s-gitops/kubernetes/default/plex/plex.yaml", 1),
        ("bjw-s__home-ops/kubernetes/main/apps/downloads/qbittorrent/tools/helmrelease.yaml", 1),
        ("billimek__k8s-gitops/kubernetes/monitoring/smokeping-prober/servicemonitor.yaml", 1),
        ("stefanprodan__podinfo/deploy/bases/database/cronjob-backup-daily.yaml", 1),
        ("instrumenta__kubeval/fixtures/unconventional_keys.yaml", 1),
        ("istio__istio/pilot/pkg/serviceregistry/ambient/testdata/peer-authn-permissive-port-mtls-strict-in.yaml", 1),
        ("istio__istio/pkg/config/validation/testdata/crds/serviceentry-valid.yaml", 5),
        ("argoproj__argo-workflows/examples/dag-diamond.yaml", 1),
        ("kube-prometheus/manifests/prometheus-prometheusRule.yaml", 1),
        ("open-policy-agent__gatekeeper-library/library/general/allowedrepos/template.yaml", 1),
        ("kubernetes-sigs__kustomize/examples/ldap/base/deployment.yaml", 1),
        ("kube-prometheus/manifests/prometheus-roleBindingSpecificNamespaces.yaml", 3),
        ("linkerd__linkerd2/cli/cmd/testdata/inject_emojivoto_list_empty_resources.input.yml", 2),
        ("kubeconform/fixtures/list_valid.yaml", 6),
        ("kubernetes-sigs__kustomize/examples/ldap/overlays/production/deployment.yaml", 0),
        ("kelseyhightower__kubernetes-the-hard-way/configs/kube-apiserver-to-kubelet.yaml", 2),
        ("examples/_archived/storage/redis/redis-controller.yaml", 1),
        ("knative__serving/config/core/deployments/activator.yaml", 2),
    ],
)
def test_odd_files_are_read_without_a_finding(file: str, objects: int) -> None:
    result = audited(file)
    assert (result.summary.objects, found(result)) == (objects, [])


@pytest.mark.parametrize(
    ("file", "findings"),
    [
        ("kubernetes__test-infra/label_sync/syntax_error_example.yaml", [("yaml-syntax", 4)]),
        ("polaris/pkg/kube/test_files/test_3/bad.yaml", [("yaml-syntax", 3)]),
        (
            "spring-petclinic__spring-petclinic-cloud/k8s/customers-service-deployment.yaml",
            [("yaml-duplicate-key", 62)],
        ),
        ("examples/_archived/openshift-origin/etcd-controller.yaml", [("yaml-duplicate-key", 12)]),
        (
            "examples/_archived/persistent-volume-provisioning/quobyte/quobyte-admin-secret.yaml",
            [("yaml-duplicate-key", 9)],
        ),
        (
            "kubernetes__ingress-gce/docs/deploy/resources/glbc-neg.yaml",
            [("schema-invalid", 35), ("yaml-duplicate-key", 66)],
        ),
        ("argo-cd/docs/operator-manual/argocd-secret.yaml", [("schema-invalid", n) for n in (*range(28, 43, 2), 48)]),
        (
            "GoogleCloudPlatform__kubernetes-engine-samples/streaming/kafka-confluent/manifests/05-replicator/"
            "replicator.yaml",
            [("yaml-duplicate-key", 31)],
        ),
        (
            "kube-linter/tests/checks/cel.yml",
            [*(("schema-invalid", line) for line in (3, 10, 17)), ("yaml-duplicate-key", 36)],
        ),
        (
            "aws-samples__eks-workshop-v2/manifests/modules/troubleshooting/workernodes/yaml/configmaps-new.yaml",
            [("yaml-duplicate-key", 59)],
        ),
        (
            "crossplane__crossplane/design/assets/design-doc-provider-strategy/cloudcontrol/comparison-dbinstance.yaml",
            [("yaml-duplicate-key", 32), ("yaml-duplicate-key", 78)],
        ),
        ("kubernetes__ingress-gce/cmd/echo/echo.yaml", [("yaml-syntax", 14)]),
        ("linkerd__linkerd2/test/integration/deep/dualstack/testdata/ipfamilies-policy.yml", [("yaml-syntax", 32)]),
        ("regolibrary/controls/examples/c008.yaml", [("yaml-syntax", 12)]),
        ("cert-manager__cert-manager/make/config/bind/service.yaml", [("yaml-syntax", 11)]),
        (
            "GoogleCloudPlatform__kubernetes-engine-samples/networking/sctp/sctp-deployment.yaml",
            [("schema-invalid", 33), ("schema-invalid", 45)],
        ),
        ("kubernetes__ingress-gce/docs/deploy/resources/glbc-l4.yaml", [("schema-invalid", 35)]),
        (
            "kubernetes__ingress-nginx/docs/examples/auth/oauth-external-auth/vouch-proxy.yaml",
            [("yaml-type-trap", 21)],
        ),
        ("flannel-io__flannel/Documentation/minikube.yml", [("api-version-removed", 38)]),
        (
            "pluto/e2e/tests/assets/list/list-deployment-deprecated-and-non-deprecated.yaml",
            [("api-version-removed", 3)],
        ),
        (
            "GoogleCloudPlatform__bank-of-anthos/extras/tls-ip-selfsigned/frontend-ingress.yaml",
            [("api-version-removed", 19)],
        ),
    ],
)
def test_what_is_wrong_in_odd_files_is_found_once_and_at_its_line(file: str, findings: list[tuple[str, int]]) -> None:
    assert found(audited(file)) == findings


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("kubeconform/fixtures/blank.yaml", "empty"),
        ("kubeconform/fixtures/comment.yaml", "empty"),
        ("microservices-demo/.github/workflows/ci-pr.yaml", "no apiVersion and kind"),
        ("cfn-lint/test/fixtures/templates/good/generic.yaml", "CloudFormation"),
        ("microservices-demo/helm-chart/templates/adservice.yaml", "Helm chart"),
        ("microservices-demo/helm-chart/Chart.yaml", "Helm chart metadata"),
        ("examples/_archived/newrelic/newrelic-config-template.yaml", "template"),
        ("aws-containers__retail-store-sample-app/terraform/eks/default/values/ui.yaml", "template (`%{`)"),
        ("longhorn__longhorn/dev/scale-test/statefulset.yaml", "template (`@STS_NAME@`)"),
        ("external-secrets__external-secrets/docs/snippets/cluster-external-secret-fanout.yaml", "template (`{%`)"),
        (
            "microservices-demo/kustomize/components/without-loadgenerator/delete-loadgenerator.patch.yaml",
            "kustomize patch",
        ),
        (
            "kubeflow__manifests/applications/jupyter/notebook-controller/upstream/overlays/kubeflow/patches/"
            "remove-namespace.yaml",
            "kustomize patch",
        ),
        (
            "kubernetes-sigs__kustomize/examples/springboot/overlays/production/memorylimit_patch.yaml",
            "kustomize patch",
        ),
        ("apache__camel-k/install/overlays/own-namespace/patch-resource-requirements.yaml", "patch"),
        ("kubernetes__kops/channels/src/operators/coredns.addons.x-k8s.io/resources.yaml", "fragment"),
        (
            "kubernetes-sigs__metrics-server/manifests/components/high-availability-1.21+/patch-pdb-version.yaml",
            "patch",
        ),
        ("stefanprodan__gitops-istio/apps/backend/deployment.patch.yaml", "patch"),
        (
            "kubeflow__manifests/applications/pipeline/upstream/base/installs/multi-user/cache/deployment-patch.yaml",
            "patch",
        ),
        ("kubernetes-sigs__kustomize/examples/ldap/base/kustomization.yaml", "kustomization"),
        ("argo-cd/reposerver/repository/testdata/empty-list/empty-list.yaml", "empty list"),
        ("istio__istio/releasenotes/notes/45413.yaml", "no API of a cluster"),
        ("microservices-demo/skaffold.yaml", "Skaffold"),
        ("ContainerSolutions__kubernetes-examples/plugins/examples.yaml", "Krew"),
        ("spring-petclinic__spring-petclinic-cloud/docker/grafana/provisioning/dashboards/all.yml", "no apiVersion"),
        (
            "GoogleCloudPlatform__kubernetes-engine-samples/ai-ml/infw-gw/examples/getting-started/"
            "inference-pool-variables.yaml",
            "kind without apiVersion",
        ),
        ("kubeconform/fixtures/missing_kind_value.yaml", "no apiVersion"),
    ],
)
def test_what_is_no_object_is_left_out_with_its_reason(file: str, reason: str) -> None:
    result = audited(file)
    assert found(result) == []
    assert reason in reasons(result)
    assert result.summary.skipped


def test_columns_of_a_first_line_with_a_byte_order_mark() -> None:
    file = CORPUS / "checkov/tests/kubernetes/parser/examples/yaml/busybox_utf8_bom.yaml"
    result = audit_paths(file, profile="all")
    assert {finding.span.column for finding in result.findings if finding.span.line == 1} <= {1, 13}


def test_a_broken_document_leaves_the_others_audited() -> None:
    assert audited("kubernetes__ingress-gce/cmd/echo/echo.yaml").summary.objects == 1
    assert (
        audited("linkerd__linkerd2/test/integration/deep/dualstack/testdata/ipfamilies-policy.yml").summary.objects == 2
    )


def test_every_file_seen_is_audited_or_skipped_with_a_reason() -> None:
    result = audit_paths(CORPUS, profile=SCHEMA_PROFILE)
    names = {str(Path(s.file)) for s in result.summary.skipped}
    audited_names = {finding.file for finding in result.findings}
    assert result.summary.audited + len(names) >= result.summary.files
    assert audited_names
