"""What refers to what: a table of kinds and field paths, and the reader that finds an object's references by it.

Sources: the Kubernetes API reference for each kind; for custom kinds the API documentation of their project.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kube_audit.engine.scopes import Pod, kind_names
from kube_audit.findings import Path
from kube_audit.manifests.objects import Object
from kube_audit.operators import created_names
from kube_audit.paths import expand
from kube_audit.records import NamedTuple

__all__ = ["CREATED_EVERYWHERE", "Reference", "ReferenceField", "created_names", "expand", "references"]


class ReferenceField(NamedTuple):
    """One place where a kind names another object.

    `path` leads to the mapping that holds the name (`[]` goes through a list); the other fields are keys in
    it; where the name stands there by itself, `name` is empty. `to` is the kind named, unless `kind` is the key that
    tells. `keys` leads to the keys of the target's data.
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
    default_port: int | None = None
    """The port meant where none is written."""
    unless: str = ""
    """A key of the mapping that takes the place of this one."""
    subset: str = ""
    host: bool = False
    """The name is a host: `web`, or `web.shop.svc.cluster.local`."""


def _service_called_by(via: str, path: str) -> ReferenceField:
    return ReferenceField(via, path, "Service", namespace="namespace", port="port", default_port=443)


_GATEWAY = "gateway.networking.k8s.io"
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
    *(
        ReferenceField("volume", f"volumes[].{field}", "Secret")
        for field in (
            "csi.nodePublishSecretRef",
            "cephfs.secretRef",
            "flexVolume.secretRef",
            "iscsi.secretRef",
            "rbd.secretRef",
        )
    ),
    ReferenceField("volume", "volumes[].azureFile", "Secret", name="secretName"),
    ReferenceField("claim", "volumes[].persistentVolumeClaim", "PersistentVolumeClaim", name="claimName"),
    ReferenceField("imagePullSecret", "imagePullSecrets[]", "Secret"),
    ReferenceField("serviceAccount", "", "ServiceAccount", name="serviceAccountName"),
    ReferenceField("serviceAccount", "", "ServiceAccount", name="serviceAccount", unless="serviceAccountName"),
    ReferenceField("priorityClass", "", "PriorityClass", name="priorityClassName"),
    ReferenceField("runtimeClass", "", "RuntimeClass", name="runtimeClassName"),
    ReferenceField("storageClass", "volumes[].ephemeral.volumeClaimTemplate.spec", "StorageClass", "storageClassName"),
    ReferenceField("deviceClaim", "resourceClaims[]", "ResourceClaim", "resourceClaimName"),
    ReferenceField("deviceClaim", "resourceClaims[]", "ResourceClaimTemplate", "resourceClaimTemplateName"),
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
    "EndpointSlice": (ReferenceField("endpoints", "metadata.labels", "Service", name="kubernetes.io/service-name"),),
    "HorizontalPodAutoscaler": (
        ReferenceField("scaleTarget", "spec.scaleTargetRef", kind="kind"),
        ReferenceField("metric", "spec.metrics[].object.describedObject", kind="kind"),
    ),
    "ScaledObject.keda.sh": (ReferenceField("scaleTarget", "spec.scaleTargetRef", "Deployment", kind="kind"),),
    "VerticalPodAutoscaler.autoscaling.k8s.io": (ReferenceField("scaleTarget", "spec.targetRef", kind="kind"),),
    "StatefulSet": (
        ReferenceField("headlessService", "spec", "Service", name="serviceName"),
        ReferenceField("storageClass", "spec.volumeClaimTemplates[].spec", "StorageClass", name="storageClassName"),
    ),
    "PersistentVolumeClaim": (ReferenceField("storageClass", "spec", "StorageClass", name="storageClassName"),),
    "PersistentVolume": (ReferenceField("storageClass", "spec", "StorageClass", name="storageClassName"),),
    "RoleBinding": (
        ReferenceField("role", "roleRef", kind="kind"),
        ReferenceField("subject", "subjects[]", kind="kind", namespace="namespace"),
    ),
    "ClusterRoleBinding": (
        ReferenceField("role", "roleRef", kind="kind"),
        ReferenceField("subject", "subjects[]", kind="kind", namespace="namespace"),
    ),
    "ServiceAccount": (ReferenceField("imagePullSecret", "imagePullSecrets[]", "Secret"),),
    "Secret": (
        ReferenceField(
            "tokenAccount", "metadata.annotations", "ServiceAccount", name="kubernetes.io/service-account.name"
        ),
    ),
    **{
        kind: (_service_called_by("webhook", "webhooks[].clientConfig.service"),)
        for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
    },
    "APIService": (_service_called_by("apiService", "spec.service"),),
    "CustomResourceDefinition": (_service_called_by("webhook", "spec.conversion.webhook.clientConfig.service"),),
    "VirtualService.networking.istio.io": (
        *(
            ReferenceField(
                "destination",
                f"spec.{protocol}[].{step}",
                "Service",
                name="host",
                port="port",
                subset="subset",
                host=True,
            )
            for protocol, step in (
                ("http", "route[].destination"),
                ("http", "mirror"),
                ("tcp", "route[].destination"),
                ("tls", "route[].destination"),
            )
        ),
        ReferenceField("meshGateway", "spec.gateways[]", "Gateway.networking.istio.io", name=""),
    ),
    "DestinationRule.networking.istio.io": (ReferenceField("destination", "spec", "Service", name="host", host=True),),
    "Application.argoproj.io": (ReferenceField("project", "spec", "AppProject.argoproj.io", name="project"),),
    "ApplicationSet.argoproj.io": (
        ReferenceField("project", "spec.template.spec", "AppProject.argoproj.io", name="project"),
    ),
    f"Gateway.{_GATEWAY}": (
        ReferenceField("gatewayClass", "spec", f"GatewayClass.{_GATEWAY}", name="gatewayClassName"),
        ReferenceField(
            "certificate", "spec.listeners[].tls.certificateRefs[]", "Secret", kind="kind", namespace="namespace"
        ),
    ),
    **{
        f"{route}.{_GATEWAY}": (
            ReferenceField(
                "backend", "spec.rules[].backendRefs[]", "Service", kind="kind", namespace="namespace", port="port"
            ),
            ReferenceField(
                "backend",
                "spec.rules[].filters[].requestMirror.backendRef",
                "Service",
                kind="kind",
                namespace="namespace",
                port="port",
            ),
            ReferenceField(
                "parent",
                "spec.parentRefs[]",
                f"Gateway.{_GATEWAY}",
                kind="kind",
                namespace="namespace",
                subset="sectionName",
            ),
        )
        for route in ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute")
    },
}
"""Kind, as rules name it, to its reference fields."""

CREATED_EVERYWHERE = frozenset(
    {
        ("ConfigMap", "kube-root-ca.crt"),
        ("ConfigMap", "openshift-service-ca.crt"),
        ("ServiceAccount", "default"),
        ("AppProject.argoproj.io", "default"),
        ("Gateway.networking.istio.io", "mesh"),
        ("ConfigMap", "istio-ca-root-cert"),
        ("ConfigMap", "extension-apiserver-authentication"),
        ("Role", "extension-apiserver-authentication-reader"),
        ("Service", "kubernetes"),
        ("Service", "kube-dns"),
        ("Service", "kubernetes-dashboard"),
        ("Service", "metrics-server"),
        ("PriorityClass", "system-node-critical"),
        ("PriorityClass", "system-cluster-critical"),
    }
)
"""What every namespace or cluster has without a manifest, and add-ons that most clusters get from elsewhere."""


DECLARED: dict[str, tuple[ReferenceField, ...]] = {}
"""Kind to reference fields that the configuration of the present run declares."""


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
    subset: str | None = None
    """Part of the target that is asked for: as Istio's DestinationRules define them, or a listener of a Gateway."""
    subset_path: Path = ()


def references(obj: Object, pod: Pod | None) -> Iterator[Reference]:
    """Yield everything an object names, in the order of the table."""
    for name in kind_names(obj.api_version, obj.kind):
        for field in (*REFERENCES.get(name, ()), *DECLARED.get(name, ())):
            for path, holder in expand(obj.data, field.path):
                yield from _read(field, path, holder, obj)
    if pod is not None:
        claimed = _claimed_volumes(obj)
        for field in POD_REFERENCES:
            for path, holder in expand(pod.spec, field.path):
                if not (claimed and path[:1] == ("volumes",) and _volume_name(pod, path) in claimed):
                    yield from _read(field, (*pod.path, *path), holder, obj)


def _claimed_volumes(obj: Object) -> set[Any]:
    """Return the names of the volumes that a StatefulSet's controller puts its claims in the place of."""
    if obj.kind != "StatefulSet":
        return set()
    return {name for _, name in expand(obj.data, "spec.volumeClaimTemplates[].metadata.name") if isinstance(name, str)}


def _volume_name(pod: Pod, path: Path) -> Any:
    volume = pod.spec["volumes"][path[1]]
    return volume.get("name")


def _read(field: ReferenceField, path: Path, holder: Any, obj: Object) -> Iterator[Reference]:
    if not field.name:  # the name itself, with its namespace before a slash
        space, _, own = holder.rpartition("/") if isinstance(holder, str) else ("", "", "")
        if own:
            yield Reference(field.via, path, field.to, own, space or obj.home, False, (), None, path)
        return
    if not isinstance(holder, dict) or (field.unless and holder.get(field.unless)):
        return
    name = holder.get(field.name)
    if not isinstance(name, str) or not name:
        return
    kind = _target_kind(field, holder)
    if kind is None:
        return
    namespace = holder.get(field.namespace) if field.namespace else None
    if field.host:
        place = service_of_host(name)
        if place is None:
            return
        name, namespace = place
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
        namespace=namespace if isinstance(namespace, str) and namespace else obj.home,
        optional=holder.get("optional") is True,
        keys=tuple((at, key) for at, key in keys if isinstance(key, str)),
        port=field.default_port if not isinstance(port, int | str) or isinstance(port, bool) else port,
        port_path=port_path,
        subset=subset if field.subset and isinstance(subset := holder.get(field.subset), str) else None,
        subset_path=(*path, field.subset),
    )


def service_of_host(host: str) -> tuple[str, str | None] | None:
    """Return name and namespace of the Service that a host in a mesh's configuration means, None where it is none.

    Istio takes a name without dots for a Service of the configuration's own namespace, and everything else for a
    full name; of those, the ones below `svc` are Services.
    """
    parts = host.split(".")
    if "*" in host or not all(parts):
        return None
    if len(parts) == 1:
        return host, None
    return (parts[0], parts[1]) if len(parts) > 2 and parts[2] == "svc" else None


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
    group = holder.get("group", holder.get("apiGroup", field.to.partition(".")[2]))
    return kind_names(f"{group}/v1", kind)[0] if isinstance(group, str) and group else kind
