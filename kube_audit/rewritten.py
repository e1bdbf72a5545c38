"""Findings about what kustomize writes over: the text that they are about is never applied.

Nothing is built. A finding goes where every kustomization that is applied, as far as the files show, writes the
very field; what it writes instead is not judged.
"""

from __future__ import annotations

from collections.abc import Iterable

from kube_audit.engine.scopes import kind_names, pod_of
from kube_audit.findings import Finding, ObjectRef, Path
from kube_audit.manifests.kustomizations import Kustomizations, Writes
from kube_audit.manifests.objects import Object, mapping

_LABELS = ("metadata", "labels")
_PLAIN_SELECTORS = ("Service", "ReplicationController")


def without_rewritten(
    findings: Iterable[Finding], objects: Iterable[Object], kustomizations: Kustomizations
) -> list[Finding]:
    """Return the findings without those on labels, annotations, images and so on that kustomize sets."""
    found = list(findings)
    if not any(kustomization.writes.sets_fields for kustomization in kustomizations.all):
        return found
    by_ref: dict[tuple[str, ObjectRef], Object] = {}
    for obj in objects:
        by_ref.setdefault((obj.file, obj.ref), obj)
    kept = []
    for finding in found:
        about = by_ref.get((finding.file, finding.object)) if finding.object is not None and finding.path else None
        if about is None or not _is_rewritten(about, finding.path, kustomizations):
            kept.append(finding)
    return kept


def _is_rewritten(obj: Object, path: Path, kustomizations: Kustomizations) -> bool:
    def writes_it(writes: Writes) -> bool:
        return any(_covers(obj, field, path) for field in _fields(obj, writes))

    return kustomizations.in_every_build(obj.file, writes_it)


def _covers(obj: Object, field: Path, path: Path) -> bool:
    """Whether a path leads into a field, or to something empty above it, which is filled by writing the field."""
    if path[: len(field)] == field:
        return True
    return len(path) > 1 and field[: len(path)] == path and _is_empty(_at(obj, path))


def _is_empty(value: object) -> bool:
    return not value or (isinstance(value, dict) and all(map(_is_empty, value.values())))


def _at(obj: Object, path: Path) -> object:
    value: object = obj.data
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = mapping(value).get(step)
    return value


def _fields(obj: Object, writes: Writes) -> Iterable[Path]:
    """Yield the paths of an object that a kustomization writes."""
    if writes.namespace is not None:
        yield ("metadata", "namespace")
    yield from ((*_LABELS, key) for key in writes.labels)
    yield from (("metadata", "annotations", key) for key in writes.annotations)
    if writes.replicas and obj.name in writes.replicas:
        yield ("spec", "replicas")
    pod = pod_of(obj)
    if pod is None:
        if obj.kind == "Service":
            yield from (("spec", "selector", key) for key in writes.selectors)
        return
    if len(pod.path) > 1:
        yield from ((*pod.path[:-1], *_LABELS, key) for key in writes.pod_labels)
        yield from ((*pod.path[:-1], "metadata", "annotations", key) for key in writes.annotations)
        plain = kind_names(obj.api_version, obj.kind)[0] in _PLAIN_SELECTORS
        selector = ("spec", "selector") if plain else ("spec", "selector", "matchLabels")
        yield from ((*selector, key) for key in writes.selectors)
    for container in pod.containers() if writes.images else ():
        if _without_version(container.data.get("image")) in writes.images:
            yield (*container.path, "image")


def _without_version(image: object) -> str:
    """Return an image without tag and digest, as kustomize compares it with the names under `images`."""
    if not isinstance(image, str):
        return ""
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
