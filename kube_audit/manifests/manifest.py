"""One file read: its documents, the Kubernetes objects in them, and why the rest is none."""

from __future__ import annotations

import os.path
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from kube_audit.engine.scopes import is_kubernetes_group
from kube_audit.findings import Skipped
from kube_audit.manifests import kustomizations
from kube_audit.manifests.document import Document, Problem
from kube_audit.manifests.kustomizations import Kustomization, Kustomizations
from kube_audit.manifests.objects import Object, mapping, objects
from kube_audit.manifests.text import Text, decode
from kube_audit.manifests.yaml import documents
from kube_audit.patterns import lazily

_TEMPLATE_BLOCKS = lazily(r"^[ \t]*(?:\{\{-|\{\{ ?(?:if|range|with|end|define|include|template)\b|\{%|<%|%\{)", re.M)
_TEMPLATE_MARKS = lazily(r"\{\{.*\}\}|\{%|<%|%\{|@[A-Z][A-Z0-9_]*@|\$\{")
_PATCH_NAME = lazily(r"(?:^|[^a-z])patch(?:es)?(?:[^a-z]|$)")
_PATCHED_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})


class Manifest:
    """A file and what was found in it.

    `skipped` has an entry for each document that is no object, `problems` tells what is wrong with the file as text
    or YAML, in the documents that count.
    """

    __slots__ = ("_places", "documents", "file", "kustomization", "objects", "problems", "skipped", "text")

    def __init__(self, file: str, text: Text) -> None:
        self.file = file
        self.text = text
        self.documents: list[Document] = []
        self.objects: list[Object] = []
        self.skipped: list[Skipped] = []
        self.problems: list[Problem] = []
        self.kustomization: Kustomization | None = None
        self._places: list[tuple[int, int, Object]] = []

    def object_at(self, line: int) -> Object | None:
        """Return the object that stands on a line, once the file is sorted out; None where none does."""
        if not self._places:
            self._places = sorted(((*obj.lines, obj) for obj in self.objects), key=lambda place: place[:2])
        number = bisect_right(self._places, line, key=lambda place: place[0]) - 1
        if number < 0:
            return None
        _, last, obj = self._places[number]
        return obj if line <= last else None


def read(file: str, raw: bytes) -> Manifest:
    """Read a file's documents; `sort_out` then tells which of them are objects."""
    text, bad_bytes = decode(raw)
    manifest = Manifest(file, text)
    if bad_bytes is not None:
        remedy = "Save the file as UTF-8."
        start = bad_bytes.offset
        manifest.problems.append(Problem("yaml-syntax", start, start + 1, bad_bytes.message, remedy))
    manifest.documents = list(documents(text))
    for document in manifest.documents:
        if isinstance(document.data, dict) and kustomizations.is_kustomization(file, document.data):
            manifest.kustomization = kustomizations.read(file, document.data)
    return manifest


def sort_out(manifest: Manifest, around: Kustomizations, client_side: Callable[[str, str], str | None]) -> None:
    """Tell a file's objects from its other documents, given the kustomizations around it.

    `client_side` says of an apiVersion and kind why no cluster serves them, None where one does.
    """
    file = manifest.file
    reason = around.skip_reason(file)
    if reason is not None:
        manifest.skipped.append(Skipped(file, reason))
        return
    may_patch = "$patch" in manifest.text.content
    for document in manifest.documents:
        found = list(objects(file, document))
        reasons = [_why_no_object(obj, client_side, may_patch=may_patch) for obj in found]
        good = [obj for obj, why in zip(found, reasons, strict=True) if why is None]
        if good:
            manifest.objects.extend(good)
            manifest.problems.extend(document.problems)
            manifest.skipped.extend(
                Skipped(file, why, obj.line) for obj, why in zip(found, reasons, strict=True) if why is not None
            )
            continue
        if found:
            why = reasons[0]
        elif not document.readable:
            why = _template(document)
            if why is None:
                manifest.problems.extend(document.problems)
                continue
        else:
            why = _why_no_manifest(file, document.data)
        manifest.skipped.append(Skipped(file, why or "no Kubernetes object", document.line))
    if not manifest.documents and not manifest.problems:
        manifest.skipped.append(Skipped(file, "empty"))


def chart_reason(file: str) -> str | None:
    """Why a file that belongs to a Helm chart is not read as a manifest; None for other files."""
    folder = os.path.dirname(file)
    if os.path.basename(file) in ("Chart.yaml", "Chart.lock"):
        return "Helm chart metadata"
    parts = folder.split(os.sep)
    for index, part in enumerate(parts):
        chart = os.sep.join(parts[:index])
        if part == "templates" and _is_chart(chart):
            return f"template of the Helm chart {chart or '.'}, to be rendered first"
    if re.match(r"values[^/]*\.ya?ml$", os.path.basename(file)) and _is_chart(folder):
        return "Helm chart values"
    return None


@cache
def _is_chart(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "Chart.yaml"))


def _why_no_object(obj: Object, client_side: Callable[[str, str], str | None], *, may_patch: bool) -> str | None:
    reason = client_side(obj.api_version, obj.kind)
    if reason is not None:
        return reason
    if may_patch and "$patch" in _keys(obj.data):
        return "kustomize patch ($patch directive)"
    spec = mapping(obj.data.get("spec"))
    if obj.kind in _PATCHED_WORKLOADS and is_kubernetes_group(obj.group) and spec and "selector" not in spec:
        pod = mapping(mapping(spec.get("template")).get("spec"))
        containers = pod.get("containers")
        if not any("image" in mapping(c) for c in (containers if isinstance(containers, list) else ())):
            return "fragment of an object (no selector and no image), as patches are"
    return None


def looks_like_patch(file: str) -> bool:
    """Whether a file's or its folder's name says that it holds patches."""
    folder, name = os.path.split(file.lower())
    return bool(_PATCH_NAME.search(name) or _PATCH_NAME.search(os.path.basename(folder)))


def _keys(data: Any) -> Iterator[str]:
    pending = [data]
    seen: set[int] = set()
    while pending:
        part = pending.pop()
        if not isinstance(part, dict | list) or id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            yield from part
            pending.extend(part.values())
        else:
            pending.extend(part)


def _template(document: Document) -> str | None:
    """Say that an unreadable document is a template, None where it is just broken."""
    content = document.nodes.text
    if match := _TEMPLATE_BLOCKS.search(content):
        return f"template (`{match.group().strip()}`), to be rendered first"
    for problem in document.problems:
        at = problem.start - document.offset
        start = content.rfind("\n", 0, at) + 1
        end = content.find("\n", at)
        line = content[start : end if end >= 0 else len(content)]
        if match := _TEMPLATE_MARKS.search(line[:2000]):
            return f"template (`{match.group()[:40]}`), to be rendered first"
    return None


def _why_no_manifest(file: str, data: Any) -> str:
    """Say what a document without apiVersion and kind is."""
    if kustomizations.is_kustomization(file, data):
        return "kustomization"
    if os.path.basename(file) in (".kube-audit.yaml", ".kube-audit.yml"):
        return "configuration of kube-audit"
    if isinstance(data, list):
        operations = all(isinstance(entry, dict) and "op" in entry and "path" in entry for entry in data)
        return "JSON patch" if data and operations else "a list, no Kubernetes object"
    if not isinstance(data, dict):
        return "text, no Kubernetes object"
    if data.get("kind") is not None and "items" in data:
        return "empty list"
    if data.get("version") == 1 and isinstance(data.get("findings"), dict) and len(data) == 2:
        return "baseline of kube-audit"
    has_version, has_kind = isinstance(data.get("apiVersion"), str), isinstance(data.get("kind"), str)
    if has_kind and has_version:
        return "empty list"
    if has_kind:
        return "kind without apiVersion"
    if has_version:
        return "apiVersion without kind"
    if "services" in data and re.search(r"compose", os.path.basename(file)):
        return "Docker Compose file"
    if re.match(r"(?:.*[-.])?values[-.\w]*\.ya?ml$", os.path.basename(file)):
        return "values file"
    if "AWSTemplateFormatVersion" in data or ("Resources" in data and "Parameters" in data):
        return "CloudFormation template"
    return "no apiVersion and kind"
