"""Manifests read and fixed for tests, by patches given directly."""

from __future__ import annotations

from typing import Any

from kube_audit.findings import Finding, Patch, parse_path
from kube_audit.fixes import FileFix, fix_file
from kube_audit.manifests import manifest
from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.manifest import Manifest
from kube_audit.manifests.objects import Object

HEAD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"


def read(text: str | bytes, name: str = "manifest.yaml") -> Manifest:
    one = manifest.read(name, text.encode() if isinstance(text, str) else text)
    manifest.sort_out(one, Kustomizations(), lambda api_version, kind: None)
    return one


def set_(path: str, value: Any) -> Patch:
    return Patch("set", parse_path(path), value)


def remove(path: str) -> Patch:
    return Patch("remove", parse_path(path))


def rename(path: str, name: str) -> Patch:
    return Patch("rename", parse_path(path), name)


def finding(obj: Object, *patches: Patch) -> Finding:
    return Finding(
        rule="test",
        severity="warning",
        message="",
        remediation="",
        file=obj.file,
        span=obj.place(()),
        object=obj.ref,
        fix="safe",
        patches=patches,
    )


def fixed(text: str, *patches: Patch, name: str = "manifest.yaml") -> FileFix:
    """Make each patch as a finding of its own, all at once, in the text's first object."""
    one = read(text, name)
    return fix_file(one, [finding(one.objects[0], patch) for patch in patches])


def after(text: str, *patches: Patch) -> str:
    fix = fixed(text, *patches)
    assert [reason for _, reason in fix.refused] == []
    return fix.after


def refusal(text: str, *patches: Patch) -> str:
    """The one reason for which fixes of a text are refused; nothing changes."""
    fix = fixed(text, *patches)
    assert fix.after == text
    (reason,) = {reason for _, reason in fix.refused}
    return reason


def same_but(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text
