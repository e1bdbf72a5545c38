"""Names, labels and annotations that the API server refuses, or that its controllers cannot work with.

Source: ValidateObjectMeta of apimachinery, and the name functions of each kind's strategy in k8s.io/kubernetes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.checks import naming
from kube_audit.engine.checks.naming import DNS_1035_LABEL, DNS_LABEL, DNS_SUBDOMAIN, PATH_SEGMENT, Syntax
from kube_audit.engine.elements import Element, Hit
from kube_audit.engine.scopes import is_kubernetes_group
from kube_audit.findings import Path
from kube_audit.manifests.objects import Object, mapping
from kube_audit.paths import expand
from kube_audit.placeholders import is_placeholder

_SYNTAX: dict[str, Syntax] = {
    "Namespace": DNS_LABEL,
    "StatefulSet": DNS_LABEL,
    "Service": DNS_1035_LABEL,
    **dict.fromkeys(
        (
            *("ConfigMap", "ControllerRevision", "CronJob", "CSINode", "CSIStorageCapacity", "DaemonSet", "Deployment"),
            *("DeviceClass", "Endpoints", "EndpointSlice", "FlowSchema", "HorizontalPodAutoscaler", "Ingress"),
            *("IngressClass", "Job", "Lease", "LimitRange", "MutatingWebhookConfiguration", "NetworkPolicy", "Node"),
            *("PersistentVolume", "PersistentVolumeClaim", "Pod", "PodTemplate", "PriorityClass"),
            *("PriorityLevelConfiguration", "ReplicaSet", "ReplicationController", "ResourceClaim"),
            *("ResourceClaimTemplate", "ResourceQuota", "RuntimeClass", "Secret", "ServiceAccount", "ServiceCIDR"),
            *("StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
            *("ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass"),
        ),
        DNS_SUBDOMAIN,
    ),
}
"""Kind to what its names may look like; other kinds of Kubernetes take whatever fits into a URL."""

_NAMED_BY_THEIR_CONTENT = frozenset({"CustomResourceDefinition", "APIService", "ClusterTrustBundle", "IPAddress"})
_NOT_STORED = frozenset({"authentication.k8s.io", "authorization.k8s.io", "admission.k8s.io"})
_NOT_FROM_DEFINITIONS = (".openshift.io", "metrics.k8s.io", "projectcalico.org", "dapr.io")
"""Groups whose kinds have other rules for names: other API servers serve them, or programs read them from files."""

_READ_FROM_FILES = frozenset({"install.istio.io", "mirror.openshift.io"})
"""Groups whose objects often are input of a command line, which needs no name."""

_CRON_JOB_NAME = 52
_STATEFUL_SET_NAME = 52
_ANNOTATIONS = 256 * 1024
_SMALL = 50_000
"""Characters of a document that surely make no object too large, if none of them stands for many (an alias)."""


def invalid_name(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a missing name, and a name or namespace whose characters its kind does not allow.

    `found` holds `problem`, and `better`: a valid name close to it, or "".
    """
    obj = element.obj
    if obj.group in _NOT_STORED or not isinstance(obj.data.get("metadata", {}), dict):
        return
    field = "name" if obj.metadata.get("name") not in (None, "") else "generateName"
    name = obj.metadata.get(field)
    if name in (None, ""):
        if is_kubernetes_group(obj.group) or ("metadata" in obj.data and obj.group not in _READ_FROM_FILES):
            yield Hit(("metadata", "name"), {"problem": "the object has no name", "better": ""})
    elif isinstance(name, str) and not is_placeholder(name):
        syntax = _syntax(obj)
        wrong = naming.problem(name, syntax, prefix=field == "generateName") if syntax else ""
        if wrong:
            better = naming.corrected(name, syntax) if syntax and field == "name" else ""
            said = f"the {'start of a name' if field == 'generateName' else 'name'} `{naming.shortened(name)}` {wrong}"
            yield Hit(("metadata", field), {"problem": said, "better": better})
    namespace = obj.namespace
    if namespace is not None and not is_placeholder(namespace):
        wrong = naming.problem(namespace, DNS_LABEL) or naming.too_long(namespace, DNS_LABEL)
        if wrong:
            said = f"the namespace `{naming.shortened(namespace)}` {wrong}"
            yield Hit(("metadata", "namespace"), {"problem": said, "better": ""})


def too_large(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield names that are too long, annotations that are too large together, and objects too large for `apply`.

    `found` holds `problem`, and `works`: whether there is a way to apply the object all the same. Sizes in bytes.
    """
    obj = element.obj
    name = obj.metadata.get("name")
    if isinstance(name, str) and not is_placeholder(name) and obj.group not in _NOT_STORED:
        problem = _length_problem(obj, name)
        if problem:
            yield Hit(("metadata", "name"), {"problem": f"the name {problem}", "works": False})
    annotations = mapping(obj.metadata.get("annotations"))
    size = sum(_bytes(key) + _bytes(value) for key, value in annotations.items() if isinstance(value, str))
    if size > _ANNOTATIONS:
        problem = f"the annotations have {size} bytes together, and at most {_ANNOTATIONS} are allowed"
        yield Hit(("metadata", "annotations"), {"problem": problem, "works": False})
    elif obj.document.length > _SMALL:
        size = json_size(obj.data, aliases=bool(obj.document.nodes.targets))
        if size > _ANNOTATIONS:
            problem = f"the object has about {size} bytes, and `kubectl apply` can remember {_ANNOTATIONS}"
            yield Hit((), {"problem": problem, "works": True})


def invalid_labels(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield labels, and keys of annotations, that are refused: the object's own, and those of what it makes.

    `found` holds `problem`.
    """
    for where in _metadata(element):
        data: Any = element.obj.data
        for step in where:
            data = data[step]
        for key, value in mapping(mapping(data).get("labels")).items():
            path = (*where, "labels", key)
            if is_placeholder(key):
                continue
            wrong = naming.label_key_problem(key)
            if wrong:
                yield Hit(path, {"problem": f"the label key `{naming.shortened(key)}` {wrong}"})
            if not isinstance(value, str) or is_placeholder(value):
                continue
            wrong = naming.label_value_problem(value)
            if wrong:
                yield Hit(path, {"problem": f"the value `{naming.shortened(value)}` of label `{key}` {wrong}"})
        for key in mapping(mapping(data).get("annotations")):
            wrong = "" if is_placeholder(key) else naming.label_key_problem(key.lower())
            if wrong:
                path = (*where, "annotations", key)
                yield Hit(path, {"problem": f"the annotation key `{naming.shortened(key)}` {wrong}"})


def _metadata(element: Element) -> Iterator[Path]:
    """Yield the places of an object's metadata, and of the metadata of the pods and claims it makes."""
    data = element.obj.data
    seen: set[Path] = set()
    patterns = ["metadata"]
    if is_kubernetes_group(element.obj.group):
        patterns += ["spec.template.metadata", "spec.jobTemplate.metadata", "spec.volumeClaimTemplates[].metadata"]
        patterns += ["template.metadata", "spec.jobTemplate.spec.template.metadata"]
    for pattern in patterns:
        for path, found in expand(data, pattern):
            if isinstance(found, dict) and path not in seen:
                seen.add(path)
                yield path


def _syntax(obj: Object) -> Syntax | None:
    """What an object's name may look like; None where that is not known."""
    if obj.kind in _NAMED_BY_THEIR_CONTENT and is_kubernetes_group(obj.group):
        return None
    if is_kubernetes_group(obj.group):
        return _SYNTAX.get(obj.kind, PATH_SEGMENT)
    return None if obj.group.endswith(_NOT_FROM_DEFINITIONS) else DNS_SUBDOMAIN


def _length_problem(obj: Object, name: str) -> str:
    if not is_kubernetes_group(obj.group):
        return naming.too_long(name, DNS_SUBDOMAIN)
    if obj.kind == "CronJob" and len(name) > _CRON_JOB_NAME:
        return f"has {len(name)} characters, and at most {_CRON_JOB_NAME} are allowed: its Jobs' names add 11"
    if obj.kind == "Job" and len(name) > naming.LABEL_LENGTH:
        return (
            f"has {len(name)} characters, and at most {naming.LABEL_LENGTH} are allowed: its pods carry it as a label"
        )
    if obj.kind == "StatefulSet" and len(name) > _STATEFUL_SET_NAME:
        return (
            f"has {len(name)} characters, and beyond {_STATEFUL_SET_NAME} its pods can be refused: a label of theirs "
            f"holds the name and a hash of ten characters, and takes {naming.LABEL_LENGTH}"
        )
    syntax = _syntax(obj)
    return naming.too_long(name, syntax) if syntax else ""


def json_size(data: Any, aliases: bool = True) -> int:
    """Return about how many bytes data takes as JSON without blanks; parts shared by aliases are counted each time."""
    if not aliases:
        return len(json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace"))
    known: dict[int, int] = {}

    def size(part: Any) -> int:
        if isinstance(part, str):
            return _bytes(part) + part.count("\n") + part.count('"') + part.count("\\") + 2
        if not isinstance(part, dict | list):
            return len(str(part))
        counted = known.get(id(part))
        if counted is None:
            if isinstance(part, dict):
                counted = 2 + sum(_bytes(key) + 4 + size(value) for key, value in part.items())
            else:
                counted = 2 + sum(size(value) + 1 for value in part)
            known[id(part)] = counted
        return counted

    return size(data)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
