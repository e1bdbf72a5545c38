"""Security settings that stand in a pod's annotations, and settings of a pod that rule each other out.

Sources: `pkg/apis/core/validation` of Kubernetes for what the API server refuses, and the check `appArmorProfile` of
k8s.io/pod-security-admission.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.engine.scopes import Pod
from kube_audit.findings import Path, path_text
from kube_audit.manifests.objects import mapping
from kube_audit.placeholders import is_placeholder

_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_CONTEXT = "securityContext"

_LINUX_POD_FIELDS = (
    "appArmorProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "runAsGroup",
    "runAsUser",
    "seLinuxChangePolicy",
    "seLinuxOptions",
    "seccompProfile",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
)
_LINUX_CONTAINER_FIELDS = (
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "capabilities",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile",
)


def apparmor_profiles(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield each AppArmor profile of a workload's pod that is neither the runtime's nor one of the node's files.

    `found` has `who` (the pod, a container, or an annotation) and `value`.
    """
    if element.pod is None:
        return
    for who, path, context in _contexts(element.pod):
        profile = mapping(context.get("appArmorProfile")).get("type")
        if isinstance(profile, str) and profile not in ("RuntimeDefault", "Localhost") and not is_placeholder(profile):
            yield Hit((*path, "appArmorProfile", "type"), {"who": who, "value": profile})
    for path, name, value in _annotations(element.pod, _APPARMOR):
        allowed = value in ("", "runtime/default") or value.startswith("localhost/")
        if not allowed and not is_placeholder(value):
            yield Hit(path, {"who": f"the annotation for container `{name}`", "value": value})


def apparmor_unknown_containers(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield each AppArmor annotation whose container is not in the pod.

    `found` has `name`, `names` (the containers there are) and `path`, the annotation's path as text.
    """
    if element.pod is None:
        return
    names = sorted({container.name for container in element.pod.containers() if container.name})
    for path, name, _ in _annotations(element.pod, _APPARMOR):
        if name not in names and not any(is_placeholder(each) for each in (name, *names)):
            yield Hit(path, {"name": name, "names": names, "path": path_text(path)})


def seccomp_annotations(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield each seccomp annotation of the alpha days.

    `found` has `annotation` and `path` (its key, and its path as text), `field` (the path of the `seccompProfile`
    that says the same), and `profile`: what stands there already, else the annotation's value translated, else {}.
    """
    pod = element.pod
    if pod is None:
        return
    owners = {_SECCOMP_POD: (*pod.path, _CONTEXT)} | {
        f"{_SECCOMP_CONTAINER}{container.name}": (*container.path, _CONTEXT) for container in pod.containers()
    }
    contexts = {path: context for _, path, context in _contexts(pod)}
    for key, value in mapping(pod.metadata.get("annotations")).items():
        if key != _SECCOMP_POD and not key.startswith(_SECCOMP_CONTAINER):
            continue
        path: Path = (*pod.path[:-1], "metadata", "annotations", key)
        owner = owners.get(key)
        found = {"annotation": key, "path": path_text(path), "field": "", "profile": {}}
        if owner is not None:
            there = contexts[owner].get("seccompProfile")
            found |= {
                "field": path_text((*owner, "seccompProfile")),
                "profile": there if isinstance(there, dict) else _seccomp_profile(value),
            }
        yield Hit(path, found)


def conflicts(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield each setting of a pod that contradicts another one.

    `found` has `text` (which two, for a message) and `refused`: whether the API server takes no such pod.
    """
    pod = element.pod
    if pod is None:
        return
    yield from _user_namespace_conflicts(pod)
    system = mapping(pod.spec.get("os")).get("name")
    for who, path, context in _contexts(pod):
        yield from _escalation_conflicts(who, path, context)
        yield from _capability_conflicts(who, path, context)
        if system == "linux" and "windowsOptions" in context:
            text = f"{who} has `windowsOptions`, and the pod's `os.name` is `linux`"
            yield _refused((*path, "windowsOptions"), text)
        elif system == "windows":
            fields = _LINUX_CONTAINER_FIELDS if len(path) > len(pod.path) + 1 else _LINUX_POD_FIELDS
            for field in fields:
                if field in context:
                    text = f"{who} sets `{field}`, which Linux alone has, and the pod's `os.name` is `windows`"
                    yield _refused((*path, field), text)


def _user_namespace_conflicts(pod: Pod) -> Iterator[Hit]:
    if pod.spec.get("hostUsers") is not False:
        return
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field) is True:
            text = f"the pod sets `{field}: true`, and with `hostUsers: false` wants a user namespace of its own"
            yield _refused((*pod.path, field), text)


def _escalation_conflicts(who: str, path: Path, context: dict[str, Any]) -> Iterator[Hit]:
    if context.get("allowPrivilegeEscalation") is not False:
        return
    place = (*path, "allowPrivilegeEscalation")
    if context.get("privileged") is True:
        yield _refused(place, f"{who} sets `allowPrivilegeEscalation: false` and `privileged: true`")
    # The API server looks for this spelling alone: SYS_ADMIN passes.
    if "CAP_SYS_ADMIN" in _texts(mapping(context.get("capabilities")).get("add")):
        yield _refused(place, f"{who} sets `allowPrivilegeEscalation: false` and adds `CAP_SYS_ADMIN`")


def _capability_conflicts(who: str, path: Path, context: dict[str, Any]) -> Iterator[Hit]:
    capabilities = mapping(context.get("capabilities"))
    dropped = {_capability(name) for name in _texts(capabilities.get("drop"))}
    for index, name in enumerate(_texts(capabilities.get("add"))):
        if _capability(name) in dropped:
            text = f"{who} adds the capability `{name}` and drops it, and container runtimes differ in what wins"
            yield Hit((*path, "capabilities", "add", index), {"text": text, "refused": False})


def _refused(path: Path, text: str) -> Hit:
    return Hit(path, {"text": f"{text}: the API server refuses the combination", "refused": True})


def _contexts(pod: Pod) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Yield who a security context belongs to, its path, and the context, {} where there is none."""
    yield "the pod", (*pod.path, _CONTEXT), mapping(pod.spec.get(_CONTEXT))
    for container in pod.containers():
        who = f"container `{container.name or '?'}`"
        yield who, (*container.path, _CONTEXT), mapping(container.data.get(_CONTEXT))


def _annotations(pod: Pod, prefix: str) -> Iterator[tuple[Path, str, str]]:
    """Yield path, rest of the key and value of each annotation of the pod with a prefix."""
    for key, value in mapping(pod.metadata.get("annotations")).items():
        if key.startswith(prefix) and isinstance(value, str):
            yield (*pod.path[:-1], "metadata", "annotations", key), key.removeprefix(prefix), value


def _seccomp_profile(annotation: Any) -> dict[str, str]:
    """Translate an annotation's value; {} for one that means nothing."""
    if annotation in ("runtime/default", "docker/default"):
        return {"type": "RuntimeDefault"}
    if annotation == "unconfined":
        return {"type": "Unconfined"}
    if isinstance(annotation, str) and annotation.startswith("localhost/"):
        return {"type": "Localhost", "localhostProfile": annotation.removeprefix("localhost/")}
    return {}


def _texts(value: Any) -> list[str]:
    return [item if isinstance(item, str) else "" for item in value] if isinstance(value, list) else []


def _capability(name: str) -> str:
    """Return a capability's name as the kernel's documentation has it, without CAP_."""
    return name.upper().removeprefix("CAP_") or "?"
