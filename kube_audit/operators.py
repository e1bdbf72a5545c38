"""Objects and pods that come about through custom resources: what their controllers make, as far as it can be told.

Source: the API documentation of each project named in the tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kube_audit.engine.scopes import kind_names
from kube_audit.manifests.objects import Object, mapping
from kube_audit.paths import expand

CREATES: dict[str, tuple[tuple[str, str], ...]] = {
    "SealedSecret.bitnami.com": (("Secret", "metadata.name"), ("Secret", "spec.template.metadata.name")),
    "ExternalSecret.external-secrets.io": (("Secret", "spec.target.name"), ("Secret", "metadata.name")),
    "ClusterExternalSecret.external-secrets.io": (
        ("Secret", "spec.externalSecretName"),
        ("Secret", "spec.externalSecretSpec.target.name"),
        ("Secret", "metadata.name"),
    ),
    "ExternalSecret.kubernetes-client.io": (("Secret", "metadata.name"),),
    "VaultStaticSecret.secrets.hashicorp.com": (("Secret", "spec.destination.name"),),
    "VaultDynamicSecret.secrets.hashicorp.com": (("Secret", "spec.destination.name"),),
    "VaultPKISecret.secrets.hashicorp.com": (("Secret", "spec.destination.name"),),
    "VaultSecret.ricoberger.de": (("Secret", "metadata.name"),),
    "InfisicalSecret.secrets.infisical.com": (("Secret", "spec.managedSecretReference.secretName"),),
    "DopplerSecret.secrets.doppler.com": (("Secret", "spec.managedSecret.name"),),
    "OnePasswordItem.onepassword.com": (("Secret", "metadata.name"),),
    "BitwardenSecret.k8s.bitwarden.com": (("Secret", "spec.secretName"),),
    "AzureKeyVaultSecret.spv.no": (("Secret", "spec.output.secret.name"), ("ConfigMap", "spec.output.configMap.name")),
    "SecretProviderClass.secrets-store.csi.x-k8s.io": (("Secret", "spec.secretObjects[].secretName"),),
    "SopsSecret.isindir.github.com": (("Secret", "spec.secretTemplates[].name"), ("Secret", "metadata.name")),
    "Certificate.cert-manager.io": (("Secret", "spec.secretName"),),
    "Certificate.certmanager.k8s.io": (("Secret", "spec.secretName"),),
    "Issuer.cert-manager.io": (("Secret", "spec.acme.privateKeySecretRef.name"),),
    "ClusterIssuer.cert-manager.io": (("Secret", "spec.acme.privateKeySecretRef.name"),),
    "Bundle.trust.cert-manager.io": (("ConfigMap", "metadata.name"), ("Secret", "metadata.name")),
    "KafkaUser.kafka.strimzi.io": (("Secret", "metadata.name"),),
    "ObjectBucketClaim.objectbucket.io": (("Secret", "metadata.name"), ("ConfigMap", "metadata.name")),
}
"""Custom kinds whose controllers create objects under a name that the manifest tells."""

_ONLY_REFER = (
    "monitoring.coreos.com/ServiceMonitor monitoring.coreos.com/PodMonitor monitoring.coreos.com/PrometheusRule "
    "monitoring.coreos.com/Probe monitoring.coreos.com/ScrapeConfig networking.istio.io/* security.istio.io/* "
    "telemetry.istio.io/* gateway.networking.k8s.io/HTTPRoute gateway.networking.k8s.io/GRPCRoute "
    "gateway.networking.k8s.io/TCPRoute gateway.networking.k8s.io/TLSRoute gateway.networking.k8s.io/UDPRoute "
    "gateway.networking.k8s.io/ReferenceGrant traefik.io/* traefik.containo.us/* keda.sh/* autoscaling.k8s.io/* "
    "cilium.io/* projectcalico.org/* crd.projectcalico.org/* kyverno.io/* snapshot.storage.k8s.io/* "
    "policy.linkerd.io/* linkerd.io/* cert-manager.io/* external-secrets.io/* bitnami.com/* "
    "secrets-store.csi.x-k8s.io/* networking.gke.io/* cloud.google.com/* split.smi-spec.io/* metrics.k8s.io/*"
)
_REFERRING = frozenset(_ONLY_REFER.split())


_KEPT = {"secrets": "Secret", "configmaps": "ConfigMap"}


def refers_only(obj: Object) -> bool:
    """Whether a custom resource is of a kind that makes nothing besides what `created_names` tells."""
    return not {f"{obj.group}/{obj.kind}", f"{obj.group}/*"}.isdisjoint(_REFERRING)


def own_pod_labels(obj: Object) -> dict[str, str]:
    """Return the labels that a custom resource with a pod template gives its pods, {} where it has none."""
    template = mapping(mapping(obj.data.get("spec")).get("template"))
    labels = mapping(mapping(template.get("metadata")).get("labels"))
    return {key: value for key, value in labels.items() if isinstance(value, str)}


def created_names(obj: Object) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of the objects that a controller creates from an object."""
    for kind, path in _created_paths(obj):
        for _, name in expand(obj.data, path):
            if isinstance(name, str) and name:
                yield kind, name
    if obj.kind in ("Role", "ClusterRole"):
        yield from _kept_by_holder(obj)


def _kept_by_holder(role: Object) -> Iterator[tuple[str, str]]:
    """Yield what a program makes and keeps by itself: names in a role that also lets it create such objects."""
    named: list[tuple[str, str]] = []
    creates: set[str] = set()
    for _, rule in expand(role.data, "rules[]"):
        resources, names, verbs = (mapping(rule).get(field) for field in ("resources", "resourceNames", "verbs"))
        for resource, kind in _KEPT.items():
            if isinstance(resources, list) and resource in resources:
                if isinstance(names, list) and names:
                    named += [(kind, name) for name in names if isinstance(name, str)]
                elif isinstance(verbs, list) and "create" in verbs:
                    creates.add(kind)
    return (pair for pair in named if pair[0] in creates)


def _created_paths(obj: Object) -> Iterator[tuple[str, str]]:
    names = kind_names(obj.api_version, obj.kind)
    for name in names:
        yield from CREATES.get(name, ())
    if len(names) == 1:  # Crossplane and others write how to connect to what they provide
        yield "Secret", "spec.writeConnectionSecretToRef.name"
    elif obj.kind == "Ingress" and _asks_for_certificate(obj):
        yield "Secret", "spec.tls[].secretName"


def _asks_for_certificate(obj: Object) -> bool:
    annotations: dict[str, Any] = mapping(obj.metadata.get("annotations"))
    return any(key.startswith("cert-manager.io/") or key == "kubernetes.io/tls-acme" for key in annotations)
