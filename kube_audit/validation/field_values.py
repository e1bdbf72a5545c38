"""What the API server refuses beyond types: values outside a field's fixed set, malformed quantities and base64.

The published schemas leave these out. The sets follow the API reference and the validation that kube-apiserver
runs when an object is created; fields that it leaves to the kubelet or to an admission plugin are not here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kube_audit.patterns import lazily

QUANTITY = r"^\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]*)?(?:[eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?\s*$"
"""resource.ParseQuantity of apimachinery: a number, then a decimal or binary suffix or an exponent."""

_SYMBOL = r"[A-Za-z0-9+/][\r\n]*"
BASE64 = rf"^[\r\n]*(?:(?:{_SYMBOL}){{4}})*(?:(?:{_SYMBOL}){{2}}=[\r\n]*=[\r\n]*|(?:{_SYMBOL}){{3}}=[\r\n]*)?$"
"""base64.StdEncoding of Go: padded, line breaks ignored."""

TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})$"
"""time.RFC3339 of Go, as metav1.Time reads it."""

_PROTOCOL = ("TCP", "UDP", "SCTP")
_PULL = ("Always", "IfNotPresent", "Never")
_TERMINATION = ("File", "FallbackToLogsOnError")
_CONTAINER_RESTART = ("Always", "OnFailure", "Never")
_PROFILE = ("RuntimeDefault", "Localhost", "Unconfined")
_SELECT = ("In", "NotIn", "Exists", "DoesNotExist")
_EFFECT = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_HONOR = ("Honor", "Ignore")
_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
_VOLUME_MODE = ("Filesystem", "Block")
_UPDATE = ("RollingUpdate", "OnDelete")
_RETENTION = ("Retain", "Delete")
_FAIL = ("Fail", "Ignore")
_MATCH = ("Exact", "Equivalent")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_REINVOKE = ("Never", "IfNeeded")
_OPERATIONS = ("CREATE", "UPDATE", "DELETE", "CONNECT", "*")
_RULE_SCOPE = ("Cluster", "Namespaced", "*")
_PREEMPT = ("PreemptLowerPriority", "Never")

_CORE: dict[str, tuple[str, ...]] = {
    "Container.imagePullPolicy": _PULL,
    "Container.restartPolicy": _CONTAINER_RESTART,
    "Container.terminationMessagePolicy": _TERMINATION,
    "EphemeralContainer.imagePullPolicy": _PULL,
    "EphemeralContainer.terminationMessagePolicy": _TERMINATION,
    "ImageVolumeSource.pullPolicy": _PULL,
    "ContainerPort.protocol": _PROTOCOL,
    "ContainerResizePolicy.restartPolicy": ("NotRequired", "RestartContainer"),
    "EndpointPort.protocol": _PROTOCOL,
    "HTTPGetAction.scheme": ("HTTP", "HTTPS"),
    "HostPathVolumeSource.type": (
        "DirectoryOrCreate",
        "Directory",
        "FileOrCreate",
        "File",
        "Socket",
        "CharDevice",
        "BlockDevice",
    ),
    "NodeSelectorRequirement.operator": (*_SELECT, "Gt", "Lt"),
    "PersistentVolumeClaimSpec.accessModes": _MODES,
    "PersistentVolumeClaimSpec.volumeMode": _VOLUME_MODE,
    "PersistentVolumeSpec.accessModes": _MODES,
    "PersistentVolumeSpec.persistentVolumeReclaimPolicy": ("Retain", "Delete", "Recycle"),
    "PersistentVolumeSpec.volumeMode": _VOLUME_MODE,
    "PodOS.name": ("linux", "windows"),
    "PodSecurityContext.fsGroupChangePolicy": ("OnRootMismatch", "Always"),
    "PodSecurityContext.seLinuxChangePolicy": ("MountOption", "Recursive"),
    "PodSecurityContext.supplementalGroupsPolicy": ("Merge", "Strict"),
    "PodSpec.dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "PodSpec.restartPolicy": ("Always", "OnFailure", "Never"),
    "AppArmorProfile.type": _PROFILE,
    "SeccompProfile.type": _PROFILE,
    "ScopedResourceSelectorRequirement.operator": _SELECT,
    "SecurityContext.procMount": ("Default", "Unmasked"),
    "ServicePort.protocol": _PROTOCOL,
    "ServiceSpec.externalTrafficPolicy": ("Cluster", "Local"),
    "ServiceSpec.internalTrafficPolicy": ("Cluster", "Local"),
    "ServiceSpec.ipFamilies": ("IPv4", "IPv6"),
    "ServiceSpec.ipFamilyPolicy": ("SingleStack", "PreferDualStack", "RequireDualStack"),
    "ServiceSpec.sessionAffinity": ("ClientIP", "None"),
    "ServiceSpec.type": ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    "Taint.effect": _EFFECT,
    "Toleration.effect": _EFFECT,
    "Toleration.operator": ("Equal", "Exists", "Lt", "Gt"),
    "TopologySpreadConstraint.nodeAffinityPolicy": _HONOR,
    "TopologySpreadConstraint.nodeTaintsPolicy": _HONOR,
    "TopologySpreadConstraint.whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
    "VolumeMount.mountPropagation": ("None", "HostToContainer", "Bidirectional"),
    "VolumeMount.recursiveReadOnly": ("Disabled", "IfPossible", "Enabled"),
}

ALLOWED: Mapping[str, tuple[str, ...]] = {
    **{f"api.core.v1.{field}": values for field, values in _CORE.items()},
    "apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement.operator": _SELECT,
    "api.apps.v1.DaemonSetUpdateStrategy.type": _UPDATE,
    "api.apps.v1.DeploymentStrategy.type": ("RollingUpdate", "Recreate"),
    "api.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy.whenDeleted": _RETENTION,
    "api.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy.whenScaled": _RETENTION,
    "api.apps.v1.StatefulSetSpec.podManagementPolicy": ("OrderedReady", "Parallel"),
    "api.apps.v1.StatefulSetUpdateStrategy.type": _UPDATE,
    "api.autoscaling.v2.HPAScalingPolicy.type": ("Pods", "Percent"),
    "api.autoscaling.v2.HPAScalingRules.selectPolicy": ("Max", "Min", "Disabled"),
    "api.autoscaling.v2.MetricSpec.type": ("Resource", "ContainerResource", "Pods", "Object", "External"),
    "api.autoscaling.v2.MetricTarget.type": ("Utilization", "Value", "AverageValue"),
    "api.batch.v1.CronJobSpec.concurrencyPolicy": ("Allow", "Forbid", "Replace"),
    "api.batch.v1.JobSpec.completionMode": ("NonIndexed", "Indexed"),
    "api.batch.v1.JobSpec.podReplacementPolicy": ("TerminatingOrFailed", "Failed"),
    "api.batch.v1.PodFailurePolicyOnExitCodesRequirement.operator": ("In", "NotIn"),
    "api.batch.v1.PodFailurePolicyRule.action": ("Ignore", "Count", "FailIndex", "FailJob"),
    "api.discovery.v1.EndpointPort.protocol": _PROTOCOL,
    "api.discovery.v1.EndpointSlice.addressType": ("IPv4", "IPv6", "FQDN"),
    "api.networking.v1.HTTPIngressPath.pathType": ("Prefix", "Exact", "ImplementationSpecific"),
    "api.networking.v1.IngressClassParametersReference.scope": ("Cluster", "Namespace"),
    "api.networking.v1.NetworkPolicyPort.protocol": _PROTOCOL,
    "api.networking.v1.NetworkPolicySpec.policyTypes": ("Ingress", "Egress"),
    "api.policy.v1.PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy": ("IfHealthyBudget", "AlwaysAllow"),
    "api.rbac.v1.RoleRef.apiGroup": ("rbac.authorization.k8s.io",),
    "api.rbac.v1.RoleRef.kind": ("Role", "ClusterRole"),
    "api.rbac.v1.Subject.kind": ("User", "Group", "ServiceAccount"),
    "api.scheduling.v1.PriorityClass.preemptionPolicy": _PREEMPT,
    "api.storage.v1.CSIDriverSpec.fsGroupPolicy": ("ReadWriteOnceWithFSType", "File", "None"),
    "api.storage.v1.CSIDriverSpec.volumeLifecycleModes": ("Persistent", "Ephemeral"),
    "api.storage.v1.StorageClass.reclaimPolicy": _RETENTION,
    "api.storage.v1.StorageClass.volumeBindingMode": ("Immediate", "WaitForFirstConsumer"),
    "api.admissionregistration.v1.MutatingWebhook.failurePolicy": _FAIL,
    "api.admissionregistration.v1.MutatingWebhook.matchPolicy": _MATCH,
    "api.admissionregistration.v1.MutatingWebhook.reinvocationPolicy": _REINVOKE,
    "api.admissionregistration.v1.MutatingWebhook.sideEffects": _SIDE_EFFECTS,
    "api.admissionregistration.v1.ValidatingWebhook.failurePolicy": _FAIL,
    "api.admissionregistration.v1.ValidatingWebhook.matchPolicy": _MATCH,
    "api.admissionregistration.v1.ValidatingWebhook.sideEffects": _SIDE_EFFECTS,
    "api.admissionregistration.v1.RuleWithOperations.operations": _OPERATIONS,
    "api.admissionregistration.v1.RuleWithOperations.scope": _RULE_SCOPE,
    "api.admissionregistration.v1.NamedRuleWithOperations.operations": _OPERATIONS,
    "api.admissionregistration.v1.NamedRuleWithOperations.scope": _RULE_SCOPE,
    "api.admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec.validationActions": (
        "Deny",
        "Warn",
        "Audit",
    ),
    "api.admissionregistration.v1.ValidatingAdmissionPolicySpec.failurePolicy": _FAIL,
    "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceConversion.strategy": (
        "None",
        "Webhook",
    ),
    "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec.scope": (
        "Cluster",
        "Namespaced",
    ),
}
"""Field → the values the API server takes; the field is named by its definition, without `io.k8s.`."""

_INTEGER_BITS = {"int32": 31, "int64": 63}
_TEXT = ["string", "null"]


def tighten(definitions: dict[str, Any]) -> None:
    """Add to the schemas' definitions, in place, what the API server refuses beyond types.

    The empty text is let through everywhere: to the API server it is the same as leaving the field out.
    """
    for field, values in ALLOWED.items():
        name, _, prop = field.rpartition(".")
        schema = definitions.get(f"io.k8s.{name}", {}).get("properties", {}).get(prop)
        if schema is not None:
            schema.get("items", schema)["enum"] = [*values, "", None]
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {
        "type": ["string", "number", "null"],
        "minLength": 1,
        "pattern": QUANTITY,
    }
    definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = {"type": ["string", "integer", "null"]}
    definitions["io.k8s.apimachinery.pkg.apis.meta.v1.Time"] = {"type": _TEXT, "pattern": TIME}


def of_format(name: str) -> dict[str, Any]:
    """Return the JSON Schema keywords that say what an OpenAPI format of Kubernetes demands."""
    if name == "byte":
        return {"pattern": BASE64}
    if bits := _INTEGER_BITS.get(name):
        return {"minimum": -(2**bits), "maximum": 2**bits - 1}
    return {}


_NUMBER_AND_UNIT = lazily(r"\s*([+-]?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*\Z")
_UNITS = {
    "b": ("",),
    "bytes": ("",),
    "c": ("",),
    "cpu": ("",),
    "cpus": ("",),
    "core": ("",),
    "cores": ("",),
    "mcpu": ("m",),
    "millicores": ("m",),
    **{
        written: (f"{letter.upper()}i", letter if letter == "k" else letter.upper())
        for letter in "kmgtp"
        for written in (letter, f"{letter}b", f"{letter}byte", f"{letter}bytes")
    },
    **{f"{letter}{i}": (f"{letter.upper()}i",) for letter in "kmgtp" for i in ("i", "ib")},
}


def likely_quantities(text: str) -> list[str]:
    """Return what somebody probably meant who wrote a malformed quantity, best guess first; [] where unclear.

    >>> likely_quantities("512MB")
    ['512Mi', '512M']
    >>> likely_quantities("100 m")
    ['100m']
    """
    if len(text) > 40 or not (match := _NUMBER_AND_UNIT.match(text)):
        return []
    number, unit = match.groups()
    if re.match(QUANTITY, number + unit):
        return [number + unit]
    return [number + suffix for suffix in _UNITS.get(unit.lower(), ())]
