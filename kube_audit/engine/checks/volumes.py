"""Volumes, mounts and claims that the API server refuses.

Source: ValidateVolumes, ValidateVolumeMounts and ValidatePersistentVolumeClaimSpec of
k8s.io/kubernetes/pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.engine.scopes import Pod
from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.placeholders import is_placeholder

Problem = tuple[Path, str]


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield what is refused in the volumes of a workload or in a claim; `found` holds `problem`."""
    pod, spec = element.pod, mapping(element.value.get("spec"))
    found = [*_volumes(pod), *_mounts(pod)] if pod is not None else []
    if element.obj.kind == "PersistentVolumeClaim":
        found += _access_modes(("spec",), spec)
    for index, template in _entries(spec.get("volumeClaimTemplates")):
        found += _access_modes(("spec", "volumeClaimTemplates", index, "spec"), mapping(template.get("spec")))
    for path, problem in found:
        yield Hit(path, {"problem": problem})


def _volumes(pod: Pod) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, volume in _entries(pod.spec.get("volumes")):
        path: Path = (*pod.path, "volumes", index)
        name = volume.get("name")
        if isinstance(name, str) and not is_placeholder(name):
            if name in seen:
                yield (*path, "name"), f"there are several volumes named `{name}`"
            seen.add(name)
        sources = [field for field, source in volume.items() if field != "name" and isinstance(source, dict)]
        if len(sources) > 1:
            named = " and ".join(f"`{source}`" for source in sources)
            yield (*path, sources[1]), f"volume `{name}` has {named}, and only one source is allowed"


def _mounts(pod: Pod) -> Iterator[Problem]:
    for container in pod.containers():
        seen: set[str] = set()
        for index, mount in _entries(container.data.get("volumeMounts")):
            path: Path = (*container.path, "volumeMounts", index)
            where = mount.get("mountPath")
            if where == "":
                yield (*path, "mountPath"), f"a mount of container `{container.name}` has an empty path"
            elif isinstance(where, str) and not is_placeholder(where):
                if where in seen:
                    yield (*path, "mountPath"), f"container `{container.name}` has several mounts at `{where}`"
                seen.add(where)
            yield from _below(path, container.name, mount)


def _below(path: Path, container: str | None, mount: dict[str, Any]) -> Iterator[Problem]:
    for field in ("subPath", "subPathExpr"):
        below = mount.get(field)
        if not isinstance(below, str) or is_placeholder(below.replace("$(", "")):
            continue
        if below.startswith("/"):
            yield (*path, field), f"`{field}: {below}` of container `{container}` must not start with a slash"
        if ".." in below.split("/"):
            yield (*path, field), f"`{field}: {below}` of container `{container}` must not hold `..`"
    if mount.get("subPath") and mount.get("subPathExpr"):
        reason = f"a mount of container `{container}` has both `subPath` and `subPathExpr`, and only one is allowed"
        yield (*path, "subPathExpr"), reason


def _access_modes(path: Path, claim: dict[str, Any]) -> Iterator[Problem]:
    modes = claim.get("accessModes")
    if not modes:
        yield (*path, "accessModes"), "the claim names no access mode, and needs one, such as `ReadWriteOnce`"
    elif isinstance(modes, list) and "ReadWriteOncePod" in modes and len(modes) > 1:
        yield (*path, "accessModes"), "the claim names `ReadWriteOncePod` beside other modes, and it must stand alone"


def _entries(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, dict):
            yield index, entry
