"""Every API version that Kubernetes deprecated or removed since 1.8, the release, and what takes its place.

Releases follow Kubernetes' deprecation guide, its changelogs and the lifecycle markers of its API types (a beta
is deprecated three releases after it appeared and removed three later, unless its type says otherwise). From
1.25 on the tests hold them against the bundled schemas.
"""

from __future__ import annotations

_SELECTOR = "there, `spec.selector` is required and must match the labels of the pod template"
_INGRESS = (
    "there, `pathType` is required for every path, `serviceName` and `servicePort` became"
    " `service: {name: …, port: {number: …}}`, and `spec.backend` became `defaultBackend`"
)
_CRD = (
    "there, `version`, `validation`, `subresources` and `additionalPrinterColumns` belong to each item of"
    " `versions`, every version needs a structural `schema`, and `scope` is required"
)
_WEBHOOK = (
    "there, `sideEffects` (None or NoneOnDryRun) and `admissionReviewVersions` are required, and the defaults of"
    " `failurePolicy` (Fail), `matchPolicy` (Equivalent) and `timeoutSeconds` (10) differ"
)
_METRICS = "there, a metric's `targetAverageUtilization` became `target: {type: Utilization, averageUtilization: …}`"
_PDB = "there, an empty `selector: {}` selects every pod of the namespace, where v1beta1 selected none"
_PSP = "Kubernetes has no PodSecurityPolicy any more: use Pod Security Admission (labels on the Namespace)"
_SHARES = "there, `assuredConcurrencyShares` became `nominalConcurrencyShares`"
_NOMINAL = "there, an explicit `nominalConcurrencyShares: 0` stays 0 instead of becoming 30"
_CLAIM = "there, each item of `spec.devices.requests` puts its fields under `exactly`"
_SLICE = "there, the fields below `basic` of each device stand directly in the device"
_REDESIGNED = "dynamic resource allocation was redesigned; see resource.k8s.io/v1"
_RBAC_KINDS = "ClusterRole ClusterRoleBinding Role RoleBinding"
_CLAIMS = "ResourceClaim ResourceClaimTemplate"
_APPS = "apps/v1"
_RBAC = "rbac.authorization.k8s.io/v1"
_REGISTRATION = "admissionregistration.k8s.io/v1"
_FLOW = "flowcontrol.apiserver.k8s.io/v1"
_RESOURCE = "resource.k8s.io/v1"
_STORAGE = "storage.k8s.io/v1"
_NETWORKING = "networking.k8s.io/v1"

Row = tuple[str, str, str | None, str | None, str | None, bool, str]
ROWS: tuple[Row, ...] = (
    ("extensions/v1beta1", "DaemonSet Deployment ReplicaSet", "1.8", "1.16", _APPS, False, _SELECTOR),
    ("extensions/v1beta1", "Ingress", "1.14", "1.22", _NETWORKING, False, _INGRESS),
    ("extensions/v1beta1", "NetworkPolicy", "1.9", "1.16", _NETWORKING, True, ""),
    ("extensions/v1beta1", "PodSecurityPolicy", "1.11", "1.16", None, False, _PSP),
    ("apps/v1beta1", "Deployment ReplicaSet StatefulSet", "1.8", "1.16", _APPS, False, _SELECTOR),
    ("apps/v1beta1", "ControllerRevision", "1.8", "1.16", _APPS, True, ""),
    ("apps/v1beta2", "DaemonSet Deployment ReplicaSet StatefulSet", "1.9", "1.16", _APPS, False, _SELECTOR),
    ("apps/v1beta2", "ControllerRevision", "1.9", "1.16", _APPS, True, ""),
    ("batch/v1beta1", "CronJob", "1.21", "1.25", "batch/v1", True, ""),
    ("batch/v2alpha1", "CronJob", None, "1.21", "batch/v1", True, ""),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler", "1.22", "1.25", "autoscaling/v2", False, _METRICS),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "1.23", "1.26", "autoscaling/v2", True, ""),
    ("policy/v1beta1", "PodDisruptionBudget", "1.21", "1.25", "policy/v1", False, _PDB),
    ("policy/v1beta1", "PodSecurityPolicy", "1.21", "1.25", None, False, _PSP),
    ("networking.k8s.io/v1beta1", "Ingress", "1.19", "1.22", _NETWORKING, False, _INGRESS),
    ("networking.k8s.io/v1beta1", "IngressClass", "1.19", "1.22", _NETWORKING, True, ""),
    ("networking.k8s.io/v1beta1", "IPAddress ServiceCIDR", "1.34", "1.37", _NETWORKING, True, ""),
    ("networking.k8s.io/v1alpha1", "IPAddress ServiceCIDR", None, "1.31", _NETWORKING, False, ""),
    ("networking.k8s.io/v1alpha1", "ClusterCIDR", None, "1.29", None, False, "it was withdrawn"),
    ("rbac.authorization.k8s.io/v1beta1", _RBAC_KINDS, "1.17", "1.22", _RBAC, True, ""),
    ("rbac.authorization.k8s.io/v1alpha1", _RBAC_KINDS, "1.17", "1.23", _RBAC, False, ""),
    (
        f"{_REGISTRATION}beta1",
        "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
        "1.16",
        "1.22",
        _REGISTRATION,
        False,
        _WEBHOOK,
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
        "1.31",
        "1.34",
        _REGISTRATION,
        True,
        "",
    ),
    (
        "admissionregistration.k8s.io/v1alpha1",
        "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
        None,
        "1.32",
        _REGISTRATION,
        True,
        "",
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding",
        "1.37",
        "1.40",
        _REGISTRATION,
        True,
        "",
    ),
    (
        "admissionregistration.k8s.io/v1alpha1",
        "InitializerConfiguration",
        None,
        "1.14",
        None,
        False,
        "use a MutatingWebhookConfiguration",
    ),
    (
        "apiextensions.k8s.io/v1beta1",
        "CustomResourceDefinition",
        "1.16",
        "1.22",
        "apiextensions.k8s.io/v1",
        False,
        _CRD,
    ),
    ("apiregistration.k8s.io/v1beta1", "APIService", "1.19", "1.22", "apiregistration.k8s.io/v1", True, ""),
    (
        "auditregistration.k8s.io/v1alpha1",
        "AuditSink",
        None,
        "1.19",
        None,
        False,
        "configure the API server's audit webhook",
    ),
    ("authentication.k8s.io/v1beta1", "TokenReview", "1.19", "1.22", "authentication.k8s.io/v1", True, ""),
    ("authentication.k8s.io/v1beta1", "SelfSubjectReview", "1.30", "1.33", "authentication.k8s.io/v1", True, ""),
    ("authentication.k8s.io/v1alpha1", "SelfSubjectReview", None, "1.32", "authentication.k8s.io/v1", True, ""),
    (
        "authorization.k8s.io/v1beta1",
        "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
        "1.19",
        "1.22",
        "authorization.k8s.io/v1",
        False,
        "there, `spec.group` became `spec.groups`",
    ),
    (
        "certificates.k8s.io/v1beta1",
        "CertificateSigningRequest",
        "1.19",
        "1.22",
        "certificates.k8s.io/v1",
        False,
        "there, `signerName` and `usages` are required",
    ),
    ("certificates.k8s.io/v1beta1", "ClusterTrustBundle", "1.36", "1.39", "certificates.k8s.io/v1", True, ""),
    ("certificates.k8s.io/v1alpha1", "ClusterTrustBundle", None, "1.37", "certificates.k8s.io/v1", True, ""),
    ("certificates.k8s.io/v1alpha1", "PodCertificateRequest", None, "1.35", "certificates.k8s.io/v1", False, ""),
    ("coordination.k8s.io/v1beta1", "Lease", "1.19", "1.22", "coordination.k8s.io/v1", True, ""),
    ("coordination.k8s.io/v1beta1", "LeaseCandidate", "1.36", "1.39", None, False, ""),
    ("coordination.k8s.io/v1alpha1", "LeaseCandidate", None, "1.32", "coordination.k8s.io/v1beta1", False, ""),
    (
        "discovery.k8s.io/v1beta1",
        "EndpointSlice",
        "1.21",
        "1.25",
        "discovery.k8s.io/v1",
        False,
        "there, an endpoint's `topology` became `nodeName` and `zone`",
    ),
    ("discovery.k8s.io/v1alpha1", "EndpointSlice", "1.20", "1.21", "discovery.k8s.io/v1", False, ""),
    (
        "events.k8s.io/v1beta1",
        "Event",
        "1.22",
        "1.25",
        "events.k8s.io/v1",
        False,
        "there, `action`, `reason`, `reportingController` and `reportingInstance` are required",
    ),
    (f"{_FLOW}beta1", "FlowSchema", "1.23", "1.26", _FLOW, True, ""),
    (f"{_FLOW}beta1", "PriorityLevelConfiguration", "1.23", "1.26", _FLOW, False, _SHARES),
    (f"{_FLOW}beta2", "FlowSchema", "1.26", "1.29", _FLOW, True, ""),
    (f"{_FLOW}beta2", "PriorityLevelConfiguration", "1.26", "1.29", _FLOW, False, _SHARES),
    (f"{_FLOW}beta3", "FlowSchema", "1.29", "1.32", _FLOW, True, ""),
    (f"{_FLOW}beta3", "PriorityLevelConfiguration", "1.29", "1.32", _FLOW, False, _NOMINAL),
    ("node.k8s.io/v1beta1", "RuntimeClass", "1.22", "1.25", "node.k8s.io/v1", True, ""),
    (f"{_RESOURCE}alpha1", f"PodScheduling ResourceClass {_CLAIMS}", None, "1.27", None, False, _REDESIGNED),
    (
        f"{_RESOURCE}alpha2",
        f"PodSchedulingContext ResourceClaimParameters ResourceClass ResourceClassParameters ResourceSlice {_CLAIMS}",
        None,
        "1.31",
        None,
        False,
        _REDESIGNED,
    ),
    (f"{_RESOURCE}alpha3", "PodSchedulingContext", None, "1.32", None, False, "it was withdrawn"),
    (f"{_RESOURCE}alpha3", "DeviceClass", None, "1.34", _RESOURCE, False, ""),
    (f"{_RESOURCE}alpha3", _CLAIMS, None, "1.34", _RESOURCE, False, _CLAIM),
    (f"{_RESOURCE}alpha3", "ResourceSlice", None, "1.34", _RESOURCE, False, _SLICE),
    (f"{_RESOURCE}beta1", "DeviceClass", "1.35", "1.38", _RESOURCE, True, ""),
    (f"{_RESOURCE}beta1", _CLAIMS, "1.35", "1.38", _RESOURCE, False, _CLAIM),
    (f"{_RESOURCE}beta1", "ResourceSlice", "1.35", "1.38", _RESOURCE, False, _SLICE),
    (f"{_RESOURCE}beta2", f"DeviceClass ResourceSlice {_CLAIMS}", "1.36", "1.39", _RESOURCE, True, ""),
    ("scheduling.k8s.io/v1beta1", "PriorityClass", "1.14", "1.22", "scheduling.k8s.io/v1", True, ""),
    ("scheduling.k8s.io/v1alpha1", "PriorityClass", "1.14", "1.23", "scheduling.k8s.io/v1", True, ""),
    ("scheduling.k8s.io/v1alpha1", "Workload", None, "1.36", "scheduling.k8s.io/v1beta1", False, ""),
    ("scheduling.k8s.io/v1alpha2", "PodGroup Workload", None, "1.37", "scheduling.k8s.io/v1beta1", False, ""),
    (
        "settings.k8s.io/v1alpha1",
        "PodPreset",
        None,
        "1.20",
        None,
        False,
        "use an admission webhook, or write the settings out",
    ),
    (f"{_STORAGE}beta1", "CSIDriver StorageClass VolumeAttachment", "1.19", "1.22", _STORAGE, True, ""),
    (f"{_STORAGE}beta1", "CSINode", "1.17", "1.22", _STORAGE, True, ""),
    (f"{_STORAGE}beta1", "CSIStorageCapacity", "1.24", "1.27", _STORAGE, True, ""),
    (f"{_STORAGE}beta1", "VolumeAttributesClass", "1.34", "1.37", _STORAGE, True, ""),
    (f"{_STORAGE}alpha1", "CSIStorageCapacity VolumeAttachment", "1.21", "1.24", _STORAGE, False, ""),
    (f"{_STORAGE}alpha1", "VolumeAttributesClass", None, "1.35", _STORAGE, True, ""),
    (
        "storagemigration.k8s.io/v1alpha1",
        "StorageVersionMigration",
        None,
        "1.35",
        "storagemigration.k8s.io/v1",
        False,
        "",
    ),
    ("v1", "ComponentStatus", "1.19", None, None, False, "ask the components' health endpoints instead"),
    ("v1", "Endpoints", "1.33", None, None, False, "use EndpointSlice (discovery.k8s.io/v1) instead"),
)
"""apiVersion, kinds, deprecated in, removed in, replacement, whether shape and meaning are the same there, and
what else changes. None where there is no such release or replacement."""
