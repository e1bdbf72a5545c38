"""What refers to what: a table of kinds and field paths, and the reader that finds an object's references by it.

Sources: the Kubernetes API reference for each kind; for custom kinds the API documentation of their project.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kube_audit.engine.scopes import Pod, kind_names
from kube_audit.findings import Path
from kube_audit.manifests.objects import Object, mapping


class ReferenceField(NamedTuple):
    """One place where a kind names another object.

    `path` leads to the mapping that holds the name (`[]` goes through a list); the other fields are keys in
    it. `to` is the kind named, unless `kind` is the key that tells. `keys` leads to the keys of the target's data.
    """

    via: str
    path: str
    to: str = ""
    name: str = "name"
    key: str = ""
    keys: str = ""
    kind: str = ""
    namespace: str = ""
    port: str = ""


_CONFIG = (("configMap", "ConfigMap"), ("secret", "Secret"))
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")

POD_REFERENCES: tuple[ReferenceField, ...] = (
    *(
        ReferenceField("env", f"{containers}[].env[].valueFrom.{field}KeyRef", kind, key="key")
        for containers in _CONTAINER_LISTS
        for field, kind in _CONFIG
    ),
    *(
        ReferenceField("envFrom", f"{containers}[].envFrom[].{field}Ref", kind)
        for containers in _CONTAINER_LISTS
        for field, kind in _CONFIG
    ),
    ReferenceField("volume", "volumes[].configMap", "ConfigMap", keys="items[].key"),
    ReferenceField("volume", "volumes[].secret", "Secret", name="secretName", keys="items[].key"),
    ReferenceField("volume", "volumes[].projected.sources[].configMap", "ConfigMap", keys="items[].key"),
    ReferenceField("volume", "volumes[].projected.sources[].secret", "Secret", keys="items[].key"),
    ReferenceField("claim", "volumes[].persistentVolumeClaim", "PersistentVolumeClaim", name="claimName"),
    ReferenceField("imagePullSecret", "imagePullSecrets[]", "Secret"),
    ReferenceField("serviceAccount", "", "ServiceAccount", name="serviceAccountName"),
    ReferenceField("priorityClass", "", "PriorityClass", name="priorityClassName"),
    ReferenceField("runtimeClass", "", "RuntimeClass", name="runtimeClassName"),
)
"""Below a pod's spec, whatever kind holds it."""

REFERENCES: dict[str, tuple[ReferenceField, ...]] = {
    "Ingress": (
        ReferenceField("backend", "spec.rules[].http.paths[].backend.service", "Service", port="port"),
        ReferenceField("backend", "spec.defaultBackend.service", "Service", port="port"),
        ReferenceField(
            "backend", "spec.rules[].http.paths[].backend", "Service", name="serviceName", port="servicePort"
        ),
        ReferenceField("backend", "spec.backend", "Service", name="serviceName", port="servicePort"),
        ReferenceField("tls", "spec.tls[]", "Secret", name="secretName"),
        ReferenceField("ingressClass", "spec", "IngressClass", name="ingressClassName"),
    ),
    "HorizontalPodAutoscaler": (ReferenceField("scaleTarget", "spec.scaleTargetRef", kind="kind"),),
    "ScaledObject.keda.sh": (ReferenceField("scaleTarget", "spec.scaleTargetRef", "Deployment", kind="kind"),),
    "VerticalPodAutoscaler.autoscaling.k8s.io": (ReferenceField("scaleTarget", "spec.targetRef", kind="kind"),),
    "StatefulSet": (ReferenceField("headlessService", "spec", "Service", name="serviceName"),),
    "RoleBinding": (
        ReferenceField("role", "roleRef", kind="kind"),
        ReferenceField("subject", "subjects[]", kind="kind", namespace="namespace"),
    ),
    "ClusterRoleBinding": (
        ReferenceField("role", "roleRef", kind="kind"),
        ReferenceField("subject", "subjects[]", kind="kind", namespace="namespace"),
    ),
    "ValidatingWebhookConfiguration": (
        ReferenceField("webhook", "webhooks[].clientConfig.service", "Service", namespace="namespace"),
    ),
    "MutatingWebhookConfiguration": (
        ReferenceField("webhook", "webhooks[].clientConfig.service", "Service", namespace="namespace"),
    ),
    "APIService": (ReferenceField("apiService", "spec.service", "Service", namespace="namespace"),),
    "CustomResourceDefinition": (
        ReferenceField("webhook", "spec.conversion.webhook.clientConfig.service", "Service", namespace="namespace"),
    ),
    **{
        f"{route}.gateway.networking.k8s.io": (
            ReferenceField(
                "backend", "spec.rules[].backendRefs[]", "Service", kind="kind", namespace="namespace", port="port"
            ),
            ReferenceField(
                "parent", "spec.parentRefs[]", "Gateway.gateway.networking.k8s.io", kind="kind", namespace="namespace"
            ),
        )
        for route in ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute")
    },
}
"""Kind, as rules name it, to its reference fields."""

CREATES: dict[str, tuple[tuple[str, str], ...]] = {
    "SealedSecret.bitnami.com": (("Secret", "metadata.name"),),
    "ExternalSecret.external-secrets.io": (("Secret", "spec.target.name"), ("Secret", "metadata.name")),
    "ExternalSecret.kubernetes-client.io": (("Secret", "metadata.name"),),
    "VaultStaticSecret.secrets.hashicorp.com": (("Secret", "spec.destination.name"),),
    "VaultDynamicSecret.secrets.hashicorp.com": (("Secret", "spec.destination.name"),),
    "OnePasswordItem.onepassword.com": (("Secret", "metadata.name"),),
    "AzureKeyVaultSecret.spv.no": (("Secret", "spec.output.secret.name"),),
    "SopsSecret.isindir.github.com": (("Secret", "metadata.name"),),
    "Certificate.cert-manager.io": (("Secret", "spec.secretName"),),
    "Issuer.cert-manager.io": (("Secret", "spec.acme.privateKeySecretRef.name"),),
    "ClusterIssuer.cert-manager.io": (("Secret", "spec.acme.privateKeySecretRef.name"),),
    "Bundle.trust.cert-manager.io": (("ConfigMap", "metadata.name"),),
}
"""Custom kinds whose controllers create objects under a name that the manifest tells."""

CREATED_EVERYWHERE = frozenset(
    {
        ("ConfigMap", "kube-root-ca.crt"),
        ("ConfigMap", "openshift-service-ca.crt"),
        ("ServiceAccount", "default"),
        ("Service", "kubernetes"),
        ("PriorityClass", "system-node-critical"),
        ("PriorityClass", "system-cluster-critical"),
    }
)
"""What every namespace or cluster has without a manifest."""


class Reference(NamedTuple):
    """One object named by another: where the name stands, and what is named."""

    via: str
    path: Path
    """Route to the name within the referring object."""
    kind: str
    name: str
    namespace: str | None
    optional: bool
    keys: tuple[tuple[Path, str], ...]
    """Keys of the target's data that are asked for, each with its path."""
    port: Any
    port_path: Path


def references(obj: Object, pod: Pod | None) -> Iterator[Reference]:
    """Yield everything an object names, in the order of the table."""
    for name in kind_names(obj.api_version, obj.kind):
        for field in REFERENCES.get(name, ()):
            for path, holder in expand(obj.data, field.path):
                yield from _read(field, path, holder, obj)
    if pod is not None:
        for field in POD_REFERENCES:
            for path, holder in expand(pod.spec, field.path):
                yield from _read(field, (*pod.path, *path), holder, obj)


def _read(field: ReferenceField, path: Path, holder: Any, obj: Object) -> Iterator[Reference]:
    if not isinstance(holder, dict):
        return
    name = holder.get(field.name)
    if not isinstance(name, str) or not name:
        return
    kind = _target_kind(field, holder)
    if kind is None:
        return
    namespace = holder.get(field.namespace) if field.namespace else None
    keys = [((*path, field.key), holder.get(field.key))] if field.key else []
    keys += [((*path, *below), value) for below, value in expand(holder, field.keys)] if field.keys else []
    port, port_path = holder.get(field.port) if field.port else None, (*path, field.port)
    if isinstance(port, dict):  # networking.k8s.io/v1 tells number and name apart
        step = "name" if "name" in port else "number"
        port, port_path = port.get(step), (*port_path, step)
    yield Reference(
        via=field.via,
        path=(*path, field.name),
        kind=kind,
        name=name,
        namespace=namespace if isinstance(namespace, str) and namespace else obj.namespace,
        optional=holder.get("optional") is True,
        keys=tuple((at, key) for at, key in keys if isinstance(key, str)),
        port=port if isinstance(port, int | str) and not isinstance(port, bool) else None,
        port_path=port_path,
    )


def _target_kind(field: ReferenceField, holder: dict[str, Any]) -> str | None:
    """Return the kind named, as rules name it; None where it cannot be told."""
    if not field.kind or field.kind not in holder:
        return field.to or None
    kind = holder[field.kind]
    if not isinstance(kind, str):
        return None
    version = holder.get("apiVersion")
    if isinstance(version, str) and version:
        return kind_names(version, kind)[0]
    group = holder.get("group", holder.get("apiGroup", ""))
    if isinstance(group, str) and group:
        return kind_names(f"{group}/v1", kind)[0]
    return field.to if field.to.startswith(f"{kind}.") else kind


def expand(data: Any, pattern: str) -> Iterator[tuple[Path, Any]]:
    """Yield (path, value) for everything that a pattern like `spec.rules[].http.paths[]` leads to."""
    found: list[tuple[Path, Any]] = [((), data)]
    for step in pattern.split(".") if pattern else ():
        name = step.removesuffix("[]")
        found = [((*path, name), mapping(value)[name]) for path, value in found if name in mapping(value)]
        if step.endswith("[]"):
            found = [
                ((*path, index), item)
                for path, value in found
                if isinstance(value, list)
                for index, item in enumerate(value)
            ]
    yield from found


def created_names(obj: Object) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of the objects that a custom resource's controller creates from it."""
    for kind_name in kind_names(obj.api_version, obj.kind):
        for kind, path in CREATES.get(kind_name, ()):
            for _, name in expand(obj.data, path):
                if isinstance(name, str) and name:
                    yield kind, name
