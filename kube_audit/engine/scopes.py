"""Where each kind keeps its pod, and what the containers of a pod are: rules never spell that out themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from kube_audit.findings import Path
from kube_audit.manifests.objects import Object, mapping
from kube_audit.records import NamedTuple

ContainerType = Literal["app", "sidecar", "init", "ephemeral"]

_TEMPLATE = ("spec", "template")
POD_TEMPLATES: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "DaemonSet": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "ReplicationController": _TEMPLATE,
    "Job": _TEMPLATE,
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "PodTemplate": ("template",),
}
"""Kind to the path of what has a pod's `metadata` and `spec`."""

CUSTOM_POD_TEMPLATES: dict[str, tuple[str, ...]] = {
    "Rollout.argoproj.io": _TEMPLATE,
    "DeploymentConfig.apps.openshift.io": _TEMPLATE,
}
"""The same for kinds that are not Kubernetes' own, as Kind.group; a run adds those of its configuration."""

_GROUPS_WITHOUT_DOT = frozenset({"", "apps", "batch", "autoscaling", "policy", "extensions"})
_OWN_GROUPS = frozenset(
    f"{name}.k8s.io"
    for name in (
        "admissionregistration",
        "apiextensions",
        "apiregistration",
        "authentication",
        "authorization",
        "certificates",
        "coordination",
        "discovery",
        "events",
        "flowcontrol.apiserver",
        "internal.apiserver",
        "networking",
        "node",
        "rbac.authorization",
        "resource",
        "scheduling",
        "storage",
        "storagemigration",
    )
)


def is_kubernetes_group(group: str) -> bool:
    """Whether a group belongs to Kubernetes itself: a bare kind in a rule means only those."""
    return group in _GROUPS_WITHOUT_DOT or group in _OWN_GROUPS


def kind_names(api_version: str, kind: str) -> tuple[str, ...]:
    """Return the names under which rules may ask for an object's kind: `Kind.group`, and `Kind` for own kinds."""
    group = api_version.rpartition("/")[0]
    return (kind, f"{kind}.{group}") if is_kubernetes_group(group) else (f"{kind}.{group}",)


class Container(NamedTuple):
    """One container of a pod, and where it stands in its object."""

    type: ContainerType
    path: Path
    data: dict[str, Any]

    @property
    def name(self) -> str | None:
        """The container's name, None where it is absent or no string."""
        name = self.data.get("name")
        return name if isinstance(name, str) else None


class Pod(NamedTuple):
    """A pod, or the pod that a workload makes: its spec, its metadata, and where the spec stands."""

    path: Path
    spec: dict[str, Any]
    metadata: dict[str, Any]

    @property
    def labels(self) -> dict[str, Any]:
        """Labels of the pod, {} where there are none."""
        return mapping(self.metadata.get("labels"))

    def containers(self) -> Iterator[Container]:
        """Yield every container that is a mapping: containers, init containers, ephemeral ones."""
        for field in ("containers", "initContainers", "ephemeralContainers"):
            entries = self.spec.get(field)
            for index, data in enumerate(entries if isinstance(entries, list) else ()):
                if isinstance(data, dict):
                    yield Container(_type(field, data), (*self.path, field, index), data)


def _type(field: str, data: dict[str, Any]) -> ContainerType:
    if field == "containers":
        return "app"
    if field == "ephemeralContainers":
        return "ephemeral"
    return "sidecar" if data.get("restartPolicy") == "Always" else "init"


def pod_of(obj: Object) -> Pod | None:
    """Return the pod of a workload, None for other kinds and where no pod spec stands."""
    if is_kubernetes_group(obj.group):
        path = POD_TEMPLATES.get(obj.kind)
    else:
        path = CUSTOM_POD_TEMPLATES.get(f"{obj.kind}.{obj.group}")
    if path is None:
        return None
    template: Any = obj.data
    for step in path:
        template = mapping(template).get(step)
    template = mapping(template)
    spec = template.get("spec")
    return Pod((*path, "spec"), spec, mapping(template.get("metadata"))) if isinstance(spec, dict) else None
