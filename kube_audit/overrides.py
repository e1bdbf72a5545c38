"""What the configuration says about some files or objects only: findings silenced, or of another severity."""

from __future__ import annotations

import os.path
from collections.abc import Collection, Container, Iterable, Iterator
from datetime import date
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import Any

from kube_audit.config import Override
from kube_audit.engine.scopes import is_kubernetes_group
from kube_audit.findings import Finding, ObjectRef, Severity, Span, Suppression
from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.objects import Object, mapping
from kube_audit.patterns import lazily
from kube_audit.suppressions import EVERY_RULE, UNUSED

_SEVERITIES: dict[str, Severity] = {"error": "error", "warning": "warning", "info": "info"}
_WILDCARD = lazily(r"[*?[\\]")
# fmt: off
_CLUSTER_SCOPED = frozenset(
    {
        "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding",
        "ClusterTrustBundle", "CustomResourceDefinition", "DeviceClass", "FlowSchema", "IngressClass",
        "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace",
        "Node", "PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "RuntimeClass", "StorageClass",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
        "VolumeAttachment", "VolumeAttributesClass"
    }
)
# fmt: on


class Overrides:
    """The overrides of a configuration, applied to the findings of one run."""

    def __init__(
        self, overrides: Iterable[Override], objects: Iterable[Object], today: date, kustomizations: Kustomizations
    ) -> None:
        """Take the overrides, of which those past their date no longer hold.

        Objects tell their labels, and kustomizations the namespaces that objects are put into.
        """
        self._all = list(overrides)
        self._expired = {
            number
            for number, override in enumerate(self._all)
            if override.until is not None and date.fromisoformat(override.until) < today
        }
        self._used: set[int] = set()
        self._objects: dict[tuple[str, ObjectRef], Object] = {}
        self._kustomizations = kustomizations
        if any(override.labels for override in self._all):
            self._objects = {(obj.file, obj.ref): obj for obj in objects}
        self._path_specs: dict[int, Any] = {}

    def apply(self, finding: Finding) -> Finding:
        """Return a finding as the overrides make it; the last one that is meant for it decides."""
        for number in range(len(self._all) - 1, -1, -1):
            override = self._all[number]
            said = override.rules.get(finding.rule, override.rules.get(EVERY_RULE))
            if said is None or number in self._expired or not self._meant(number, finding):
                continue
            self._used.add(number)
            if said == "off":
                return finding._replace(suppressed=finding.suppressed or Suppression("config", override.reason))
            return finding._replace(severity=_SEVERITIES[said])
        return finding

    def unused(self, severity: Severity, active: Container[str], roots: Collection[str] = ()) -> Iterator[Finding]:
        """Yield a finding for each override that has expired, or changed nothing that the active rules found.

        `roots` are the files and folders that were audited, () for all there is. What may hold for something outside
        them is only told as info.
        """
        for number, override in enumerate(self._all):
            if number in self._expired:
                yield _useless(override, severity, f"expired on {override.until}", "Remove it, or renew its date.")
            elif number not in self._used and any(rule == EVERY_RULE or rule in active for rule in override.rules):
                seen = not roots or all(_lies_in(folder, roots) for folder in _reach(override))
                told = "changes no finding" + ("" if seen else " of what was audited")
                yield _useless(override, severity if seen else "info", told, "Remove it, or correct its conditions.")

    def _meant(self, number: int, finding: Finding) -> bool:
        override, ref = self._all[number], finding.object
        if override.paths and not self._path_matches(number, finding.file):
            return False
        wanted = ((override.kinds, ref.kind if ref else None), (override.names, ref.name if ref else None))
        if any(patterns and not _matches(patterns, value) for patterns, value in wanted):
            return False
        if override.namespaces and not any(
            _matches(override.namespaces, namespace) for namespace in self._namespaces(finding.file, ref)
        ):
            return False
        obj = self._objects.get((finding.file, ref)) if ref else None
        labels = mapping(obj.metadata.get("labels")) if obj else {}
        return all(_matches((pattern,), labels.get(key)) for key, pattern in override.labels.items())

    def _namespaces(self, file: str, ref: ObjectRef | None) -> set[str]:
        """Return the namespaces that an object is applied to, `default` where none is said; none where it has none."""
        if ref is None or (ref.kind in _CLUSTER_SCOPED and is_kubernetes_group(ref.api_version.rpartition("/")[0])):
            return set()
        written = ref.namespace or "default"
        return {build.namespace or written for build in self._kustomizations.builds(file)} or {written}

    def _path_matches(self, number: int, file: str) -> bool:
        spec = self._path_specs.get(number)
        if spec is None:
            spec = self._path_specs[number] = _path_spec(self._all[number])
        return _is_file_of(self._all[number], spec, file)


def reaches(override: Override, file: str) -> bool:
    """Whether an override may hold for something in a file, by its paths alone."""
    return not override.paths or _is_file_of(override, _path_spec(override), file)


def _path_spec(override: Override) -> Any:
    from pathspec import PathSpec

    return PathSpec.from_lines("gitignore", override.paths)


def _is_file_of(override: Override, spec: Any, file: str) -> bool:
    relative = os.path.relpath(os.path.abspath(file), override.folder.absolute())
    return not relative.startswith("..") and bool(spec.match_file(relative.replace(os.sep, "/")))


def _matches(patterns: Iterable[str], value: object) -> bool:
    return isinstance(value, str) and any(fnmatchcase(value, pattern) for pattern in patterns)


def _reach(override: Override) -> Iterator[str]:
    """Yield the files and folders in which everything lies that an override may hold for."""
    for pattern in override.paths or ("",):
        steps = pattern.strip("/").split("/")
        anchored = "/" in pattern.rstrip("/")
        fixed = list(takewhile(lambda step: not _WILDCARD.search(step), steps)) if anchored else []
        yield os.path.abspath(os.path.join(override.folder, *fixed))


def _lies_in(path: str, roots: Collection[str]) -> bool:
    return any(os.path.commonpath((path, os.path.abspath(root))) == os.path.abspath(root) for root in roots)


def _useless(override: Override, severity: Severity, told: str, remediation: str) -> Finding:
    file, line, column = override.origin.rsplit(":", 2)
    return Finding(
        rule=UNUSED,
        severity=severity,
        message=f"the override “{override.reason}” {told}",
        remediation=remediation,
        file=os.path.relpath(file).replace(os.sep, "/"),
        span=Span(int(line), int(column), int(line), int(column) + 1),
    )
