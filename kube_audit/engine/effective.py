"""What a container really runs with: API defaults, the pod's settings below the container's own, namespace defaults.

Sources: the Kubernetes API reference (PodSpec, Container, SecurityContext), `pkg/apis/core/v1/defaults.go` for
defaults, and the LimitRanger admission plug-in.
"""

from __future__ import annotations

from typing import Any

from kube_audit.engine.images import ImageError
from kube_audit.engine.images import parse as parse_image
from kube_audit.engine.scopes import Container, Pod
from kube_audit.manifests.objects import Object, mapping

_INHERITED = ("runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile", "appArmorProfile", "seLinuxOptions")
_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


def of_pod(obj: Object, pod: Pod) -> dict[str, Any]:
    """Return a pod's effective settings: `os`, `restartPolicy`, `longRunning`, `serviceAccount`, host namespaces.

    `longRunning` is false for Jobs, CronJobs and pods that do not restart: what runs to its end.
    """
    spec = pod.spec
    default_restart = "Always"
    restart = spec.get("restartPolicy", default_restart)
    return {
        "os": _os(spec),
        "restartPolicy": restart,
        "longRunning": obj.kind not in ("Job", "CronJob") and restart not in ("Never", "OnFailure"),
        "serviceAccount": spec.get("serviceAccountName") or spec.get("serviceAccount") or "default",
        "hostUsers": spec.get("hostUsers", True),
        "hostNetwork": spec.get("hostNetwork", False),
    }


def _os(spec: dict[str, Any]) -> str:
    """Return the operating system: `os.name`, else what the node selector asks for, else linux."""
    selector = mapping(spec.get("nodeSelector"))
    wanted = selector.get("kubernetes.io/os") or selector.get("beta.kubernetes.io/os")
    name = mapping(spec.get("os")).get("name") or wanted
    return name if isinstance(name, str) else "linux"


def of_container(
    of_its_pod: dict[str, Any], pod: Pod, container: Container, limit_defaults: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return a container's effective settings; what nothing sets is absent.

    On top of the pod's: `type`, `privileged`, `allowPrivilegeEscalation`, `readOnlyRootFilesystem`,
    `capabilities` (`add`, `drop`, upper case, without CAP_), the inherited security settings, `requests`,
    `limits`, `fromLimitRange` and `imagePullPolicy`. `limit_defaults` holds `default` and `defaultRequest` of the
    namespace's LimitRanges, {} where none is known.
    """
    own = mapping(container.data.get("securityContext"))
    shared = mapping(pod.spec.get("securityContext"))
    settings = dict(of_its_pod)
    settings["type"] = container.type
    settings["longRunning"] = container.type == "sidecar" or (of_its_pod["longRunning"] and container.type == "app")
    for field in _INHERITED:
        value = own.get(field, shared.get(field))
        if value is not None:
            settings[field] = value
    annotation = mapping(pod.metadata.get("annotations")).get(f"{_APPARMOR_ANNOTATION}{container.name}")
    if "appArmorProfile" not in settings and isinstance(annotation, str):
        settings["appArmorProfile"] = _apparmor(annotation)
    capabilities = mapping(own.get("capabilities"))
    settings["capabilities"] = {
        "add": _capability_names(capabilities.get("add")),
        "drop": _capability_names(capabilities.get("drop")),
    }
    privileged = own.get("privileged") is True
    settings["privileged"] = privileged
    settings["allowPrivilegeEscalation"] = (
        privileged or own.get("allowPrivilegeEscalation") is not False or "SYS_ADMIN" in settings["capabilities"]["add"]
    )
    settings["readOnlyRootFilesystem"] = own.get("readOnlyRootFilesystem") is True
    settings |= _resources(pod, container, limit_defaults)
    settings["imagePullPolicy"] = _pull_policy(container.data)
    return settings


def _resources(pod: Pod, container: Container, limit_defaults: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Requests default to limits, then to the LimitRange; pod-level resources bound every container.

    `fromLimitRange` names what only the LimitRange gives: "limits.cpu", "requests.memory", ….
    """
    own = mapping(container.data.get("resources"))
    of_pod = mapping(pod.spec.get("resources"))
    limits = {**mapping(of_pod.get("limits")), **mapping(own.get("limits"))}
    requests = {**limits, **mapping(of_pod.get("requests")), **mapping(own.get("requests"))}
    default_limits = limit_defaults.get("default", {})
    default_requests = {**default_limits, **limit_defaults.get("defaultRequest", {})}
    given = [f"limits.{name}" for name in default_limits if name not in limits]
    given += [f"requests.{name}" for name in default_requests if name not in requests]
    return {
        "limits": {**default_limits, **limits},
        "requests": {**default_requests, **requests},
        "fromLimitRange": sorted(given),
    }


def _capability_names(names: Any) -> list[str]:
    entries = names if isinstance(names, list) else ()
    return [name.upper().removeprefix("CAP_") for name in entries if isinstance(name, str)]


def _apparmor(annotation: str) -> dict[str, str]:
    if annotation == "runtime/default":
        return {"type": "RuntimeDefault"}
    if annotation.startswith("localhost/"):
        return {"type": "Localhost", "localhostProfile": annotation.removeprefix("localhost/")}
    return {"type": "Unconfined"}


def _pull_policy(container: dict[str, Any]) -> str:
    """Always for the tag `latest` or no tag at all, else IfNotPresent (SetDefaults_Container)."""
    policy = container.get("imagePullPolicy")
    if isinstance(policy, str):
        return policy
    image = container.get("image")
    if not isinstance(image, str):
        return "IfNotPresent"
    try:
        parsed = parse_image(image)
    except ImageError:
        return "IfNotPresent"
    latest = parsed.tag == "latest" or (parsed.tag is None and parsed.digest is None)
    return "Always" if latest else "IfNotPresent"
