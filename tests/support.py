"""Audits for tests: of a text, or of files, through the same calls that the command line makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from kube_audit import audit
from kube_audit.engine.catalogue import Catalogue, load
from kube_audit.findings import AuditResult
from kube_audit.sources.files import find
from kube_audit.validation.definitions import newest_version


@cache
def catalogue() -> Catalogue:
    """Return the built-in rules, loaded once."""
    return load()


def audit_text(
    text: str | bytes, *, profile: str = "default", select: Sequence[str] = (), version: str | None = None
) -> AuditResult:
    """Audit one manifest, named `manifest.yaml`."""
    return audit_texts({"manifest.yaml": text}, profile=profile, select=select, version=version)


def audit_texts(
    files: Mapping[str, str | bytes],
    *,
    profile: str = "default",
    select: Sequence[str] = (),
    version: str | None = None,
) -> AuditResult:
    """Audit manifests that are given by name and content."""
    sources = [(name, text.encode() if isinstance(text, str) else text) for name, text in files.items()]
    rules = catalogue().choose(profile, select, [])
    return audit.run(audit.Request(sources, rules, version or newest_version(), profile), catalogue())


def audit_paths(*paths: Path | str, profile: str = "default", select: Sequence[str] = ()) -> AuditResult:
    """Audit files and folders."""
    sources = list(find([str(path) for path in paths], Path.cwd()))
    rules = catalogue().choose(profile, select, [])
    return audit.run(audit.Request(sources, rules, newest_version(), profile), catalogue())
