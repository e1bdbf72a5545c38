"""Whether a Kubernetes version serves an object's apiVersion and kind, and what to write where it does not."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from kube_audit.findings import FixSafety, Patch, Path
from kube_audit.records import NamedTuple
from kube_audit.validation.api_history import ROWS
from kube_audit.validation.definitions import definitions, supported_versions
from kube_audit.validation.kubernetes import Schemas

BUILT_IN_GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "auditregistration.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "lifecycle.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "settings.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)
"""API groups that Kubernetes itself serves or served; "" is the core group."""

_LONGEST_NAME = 80
_NEVER_STORED = frozenset(
    {"List", "Status", "DeleteOptions", "PodStatusResult", "RangeAllocation", "SerializedReference"}
)
"""Kinds of the core group that the API knows and the schemas of objects leave out."""

_OPENSHIFT = {
    "BuildConfig": "build.openshift.io/v1",
    "DeploymentConfig": "apps.openshift.io/v1",
    "ImageStream": "image.openshift.io/v1",
    "Route": "route.openshift.io/v1",
    "Template": "template.openshift.io/v1",
}

_ADMISSION = "message between API server and webhook"
_API_SERVER = "configuration of the API server"
_KUSTOMIZE = "kustomize's own file"
_CLIENT_SIDE: dict[str, str] = {
    "abac.authorization.kubernetes.io": "policy file of the API server",
    "admission.k8s.io": _ADMISSION,
    "apiserver.config.k8s.io": _API_SERVER,
    "apiserver.k8s.io": _API_SERVER,
    "audit.k8s.io": "audit policy or audit event",
    "backstage.io": "Backstage catalogue entry",
    "builtin": _KUSTOMIZE,
    "chainsaw.kyverno.io": "Chainsaw test",
    "cli.kyverno.io": "file of the Kyverno command line",
    "client.authentication.k8s.io": "credential of a client",
    "componentconfig": "component configuration",
    "config.kubernetes.io": "function configuration",
    "controller-runtime.sigs.k8s.io": "controller configuration",
    "ctlptl.dev": "ctlptl configuration",
    "eksctl.io": "eksctl configuration",
    "eventratelimit.admission.k8s.io": _API_SERVER,
    "imagepolicy.k8s.io": _ADMISSION,
    "k3d.io": "k3d configuration",
    "kind.sigs.k8s.io": "kind configuration",
    "kind.x-k8s.io": "kind configuration",
    "kpt.dev": "kpt package description",
    "krew.googlecontainertools.github.com": "Krew plugin description",
    "kubeadm.k8s.io": "kubeadm configuration",
    "kubecontrollermanager.config.k8s.io": "controller manager configuration",
    "kubectl.config.k8s.io": "kubectl preferences",
    "kubelet.config.k8s.io": "kubelet configuration",
    "kubeproxy.config.k8s.io": "kube-proxy configuration",
    "kubescheduler.config.k8s.io": "scheduler configuration",
    "kustomize.config.k8s.io": _KUSTOMIZE,
    "kuttl.dev": "KUTTL test",
    "pod-security.admission.config.k8s.io": _API_SERVER,
    "resourcequota.admission.k8s.io": _API_SERVER,
    "scorecard.operatorframework.io": "scorecard configuration",
    "skaffold": "Skaffold configuration",
    "test.gatekeeper.sh": "Gatekeeper test suite",
    "webhook.admission.k8s.io": _API_SERVER,
}
_CLIENT_SIDE_KINDS: dict[tuple[str, str], str] = {
    ("v1", "Config"): "kubeconfig file",
    ("v1", "EncryptionConfig"): _API_SERVER,
    ("v1", "Policy"): "scheduler policy file",
    ("v1", "ComponentConfig"): "component configuration",
    ("apiextensions.k8s.io/v1", "ConversionReview"): _ADMISSION,
    ("apiextensions.k8s.io/v1beta1", "ConversionReview"): _ADMISSION,
}


class ApiChange(NamedTuple):
    """What became of one kind of an API version."""

    api_version: str
    kind: str
    deprecated: str | None
    """Release that first warned of it, "1.21"; None where none did."""
    removed: str | None
    """First release without it; None where there is no such plan."""
    replacement: str | None
    """apiVersion that has the kind now; None where there is none."""
    same: bool
    """Whether the object has the same shape and meaning there."""
    note: str
    """What else has to change, "" where nothing has or nothing is known."""


class VersionProblem(NamedTuple):
    """An apiVersion or kind that the target version does not serve, or soon will not."""

    rule: Literal["api-version-removed", "api-version-deprecated", "schema-invalid"]
    path: Path
    """Which of `apiVersion` and `kind` to point at."""
    message: str
    remediation: str
    patches: tuple[Patch, ...] = ()
    fix: FixSafety | None = None


@lru_cache
def _changes() -> dict[tuple[str, str], ApiChange]:
    return {
        (api_version, kind): ApiChange(api_version, kind, deprecated, removed, replacement, same, note)
        for api_version, kinds, deprecated, removed, replacement, same, note in ROWS
        for kind in kinds.split()
    }


def changes() -> tuple[ApiChange, ...]:
    """Return all that is known of deprecated and removed API versions."""
    return tuple(_changes().values())


def change(api_version: str, kind: str) -> ApiChange | None:
    """Return what became of a kind (or the List of it), None where nothing did."""
    return _changes().get((api_version, kind)) or _changes().get((api_version, kind.removesuffix("List")))


def client_side(api_version: str, kind: str) -> str | None:
    """Return what it is, where apiVersion and kind are those of a file that no cluster stores; else None."""
    group = api_version.rpartition("/")[0] or api_version
    return _CLIENT_SIDE_KINDS.get((api_version, kind)) or _CLIENT_SIDE.get(group)


def is_group_like(api_version: str) -> bool:
    """Whether an apiVersion can be one of a cluster's: v1, a built-in group, or a group that is a domain name."""
    group, slash, version = api_version.partition("/")
    if not slash:
        return api_version == "v1"
    return bool(version) and "/" not in version and (group in BUILT_IN_GROUPS or "." in group)


def judge(api_version: str, kind: str, target: str, schemas: Schemas) -> VersionProblem | None:
    """Say what is wrong with an apiVersion and kind for a target version ("1.30") with its schemas.

    None for what is served, and for everything outside the groups that Kubernetes itself serves.
    """
    known = change(api_version, kind)
    if known is not None and _reached(known.removed, target):
        return _removed(known, kind, schemas)
    if schemas.knows(api_version, kind):
        if known is not None and _reached(known.deprecated, target):
            return _deprecated(known, kind, schemas)
        return None
    group = api_version.rpartition("/")[0]
    if group not in BUILT_IN_GROUPS or (not group and api_version != "v1"):
        return _mistyped_group(api_version, kind, schemas)
    if api_version == "v1" and kind in _NEVER_STORED:
        return None
    return _unknown(api_version, kind, target, schemas)


def _reached(release: str | None, target: str) -> bool:
    return release is not None and _number(release) <= _number(target)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _replacement(known: ApiChange, kind: str, schemas: Schemas) -> str | None:
    """Return the replacement, or what the target serves in its place while that is yet to come."""
    if known.replacement is None or schemas.knows(known.replacement, kind):
        return known.replacement
    group = known.api_version.rpartition("/")[0]
    others = [
        other for other in _serving(kind, schemas) if other.rpartition("/")[0] == group and other != known.api_version
    ]
    return others[-1] if others else None


def _removed(known: ApiChange, kind: str, schemas: Schemas) -> VersionProblem:
    message = f"{known.api_version} {kind}: gone since Kubernetes {known.removed}"
    return _change_problem("api-version-removed", message, known, kind, schemas)


def _deprecated(known: ApiChange, kind: str, schemas: Schemas) -> VersionProblem:
    message = f"{known.api_version} {kind}: deprecated since Kubernetes {known.deprecated}"
    if known.removed is not None:
        message += f", to be removed in {known.removed}"
    return _change_problem("api-version-deprecated", message, known, kind, schemas)


def _change_problem(
    rule: Literal["api-version-removed", "api-version-deprecated"],
    message: str,
    known: ApiChange,
    kind: str,
    schemas: Schemas,
) -> VersionProblem:
    replacement = _replacement(known, kind, schemas)
    if replacement is None:
        message += f"; {known.note}" if known.note else ""
        remediation = f"{known.note[:1].upper()}{known.note[1:]}." if known.note else "Remove the object."
        return VersionProblem(rule, ("apiVersion",), message, remediation)
    message += f"; use {replacement}"
    note = known.note if replacement == known.replacement else ""
    message += f"; {note}" if note else ""
    remediation = f"Write `apiVersion: {replacement}`"
    same = known.same and replacement == known.replacement
    if same:
        remediation += "; nothing else changes."
    else:
        remediation += " and adapt the fields that changed." if note else " and check the fields against it."
    patch = Patch("set", ("apiVersion",), replacement)
    fix: FixSafety = "safe" if same else "unsafe"
    return VersionProblem(rule, ("apiVersion",), message, remediation, (patch,), fix)


def _serving(kind: str, schemas: Schemas) -> list[str]:
    """Return the API versions that have a kind, the stablest last."""

    def stability(api_version: str) -> tuple[bool, bool, str]:
        return ("alpha" not in api_version, "beta" not in api_version, api_version)

    return sorted((other for other, its_kind in schemas.kinds() if its_kind == kind), key=stability)


def _unknown(api_version: str, kind: str, target: str, schemas: Schemas) -> VersionProblem:
    unknown = f"Kubernetes {target} has no kind {kind[:_LONGEST_NAME]} in {api_version[:_LONGEST_NAME]}"
    elsewhere = _serving(kind, schemas)
    if (first := _first_later(api_version, kind, target)) is not None:
        message = f"{unknown}; it is served from {first} on"
        if elsewhere:
            message += f", in {target} {kind} is in {elsewhere[-1]}"
        remediation = f"Check for Kubernetes {first} (`--kubernetes-version {first}`) if that is what you run."
        return _problem("apiVersion", message, remediation)
    if elsewhere:
        return _wrong_version(unknown, kind, elsewhere[-1])
    here = [its_kind for other, its_kind in schemas.kinds() if other == api_version]
    if (meant := _kind_meant(kind, here)) is not None:
        return _problem(
            "kind",
            f"{unknown}; did you mean {meant}?",
            f"Write `kind: {meant}`.",
            Patch("set", ("kind",), meant),
        )
    if api_version == "v1" and kind in _OPENSHIFT:
        openshift = _OPENSHIFT[kind]
        return _problem(
            "apiVersion",
            f"{unknown}; OpenShift has it in {openshift}",
            f"Write `apiVersion: {openshift}` if it is meant for OpenShift.",
            Patch("set", ("apiVersion",), openshift),
        )
    if (meant := _kind_meant(kind, sorted({its_kind for _, its_kind in schemas.kinds()}))) is not None:
        right = _serving(meant, schemas)[-1]
        return _problem(
            "kind",
            f"{unknown}; did you mean {meant} in {right}?",
            f"Write `apiVersion: {right}` and `kind: {meant}`.",
            Patch("set", ("apiVersion",), right),
            Patch("set", ("kind",), meant),
        )
    return _problem("kind", unknown, "Check the spelling of `kind` and `apiVersion`.")


def _first_later(api_version: str, kind: str, target: str) -> str | None:
    """Return the first version after the target that serves what the newest version serves."""
    later = [version for version in supported_versions() if _number(version) > _number(target)]

    def serves(version: str) -> bool:
        return kind in definitions(version).kinds.get(api_version, ())

    if not later or not serves(later[-1]):
        return None
    return next(version for version in later if serves(version))


def _wrong_version(message: str, kind: str, right: str) -> VersionProblem:
    patch = Patch("set", ("apiVersion",), right)
    return _problem("apiVersion", f"{message}; {kind} is in {right}", f"Write `apiVersion: {right}`.", patch)


def _problem(field: str, message: str, remediation: str, *patches: Patch) -> VersionProblem:
    fix: FixSafety | None = "unsafe" if patches else None
    return VersionProblem("schema-invalid", (field,), message, remediation, patches, fix)


def _kind_meant(kind: str, kinds: list[str]) -> str | None:
    from kube_audit.validation.unknown_fields import closest

    by_lower = {other.lower(): other for other in kinds if not other.endswith("List")}
    lower = kind.lower()
    singulars = (lower, lower.removesuffix("s"), lower.removesuffix("es"), re.sub("ies$", "y", lower))
    for singular in singulars:
        if singular in by_lower:
            return by_lower[singular]
    return closest(kind, list(by_lower.values()))


def _mistyped_group(api_version: str, kind: str, schemas: Schemas) -> VersionProblem | None:
    """A built-in kind in a group that looks like its own, and that no custom resource would use."""
    from difflib import SequenceMatcher

    group, _, version = api_version.rpartition("/")
    if len(api_version) > _LONGEST_NAME or not re.match(r"v[0-9]", version):
        return None
    if "." in group and not group.endswith(".k8s.io"):
        return None
    for right in reversed(_serving(kind, schemas)):
        right_group = right.rpartition("/")[0]
        alike = SequenceMatcher(None, group.lower(), right_group).ratio() >= 0.8
        if not group or alike or group == right_group.partition(".")[0]:
            return _wrong_version(f"Kubernetes has no API {api_version}", kind, right)
    return None
