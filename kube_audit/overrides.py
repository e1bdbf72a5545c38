"""What the configuration says about some files or objects only: findings silenced, or of another severity."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from kube_audit.config import Override
from kube_audit.findings import Finding, ObjectRef, Severity, Span, Suppression
from kube_audit.manifests.objects import Object, mapping
from kube_audit.suppressions import EVERY_RULE, UNUSED

_SEVERITIES: dict[str, Severity] = {"error": "error", "warning": "warning", "info": "info"}


class Overrides:
    """The overrides of a configuration, applied to the findings of one run."""

    def __init__(self, overrides: Iterable[Override], objects: Iterable[Object], today: date) -> None:
        """Take the overrides that still hold on a day; `objects` are asked for their labels."""
        self._all = list(overrides)
        self._expired = [o for o in self._all if o.until is not None and date.fromisoformat(o.until) < today]
        self._used: set[int] = set()
        self._labels: dict[tuple[str, ObjectRef], Mapping[str, Any]] = {}
        if any(override.labels for override in self._all):
            self._labels = {(obj.file, obj.ref): mapping(obj.metadata.get("labels")) for obj in objects}
        self._path_specs: dict[int, Any] = {}

    def apply(self, finding: Finding) -> Finding:
        """Return a finding as the overrides make it; the last one that is meant for it decides."""
        for number in range(len(self._all) - 1, -1, -1):
            override = self._all[number]
            said = override.rules.get(finding.rule, override.rules.get(EVERY_RULE))
            if said is None or override in self._expired or not self._meant(number, finding):
                continue
            self._used.add(number)
            if said == "off":
                return finding._replace(suppressed=finding.suppressed or Suppression("config", override.reason))
            return finding._replace(severity=_SEVERITIES[said])
        return finding

    def unused(self, severity: Severity) -> list[Finding]:
        """Return a finding for each override that has expired, or changed nothing."""
        return [
            _unused(override, severity, expired=override in self._expired)
            for number, override in enumerate(self._all)
            if number not in self._used
        ]

    def _meant(self, number: int, finding: Finding) -> bool:
        override, ref = self._all[number], finding.object
        if override.paths and not self._path_matches(number, finding.file):
            return False
        wanted = (
            (override.kinds, ref.kind if ref else None),
            (override.namespaces, (ref.namespace or "default") if ref else None),
            (override.names, ref.name if ref else None),
        )
        if any(patterns and not _matches(patterns, value) for patterns, value in wanted):
            return False
        labels = self._labels.get((finding.file, ref), {}) if ref else {}
        return all(_matches((pattern,), labels.get(key)) for key, pattern in override.labels.items())

    def _path_matches(self, number: int, file: str) -> bool:
        override = self._all[number]
        spec = self._path_specs.get(number)
        if spec is None:
            from pathspec import PathSpec

            spec = self._path_specs[number] = PathSpec.from_lines("gitignore", override.paths)
        relative = os.path.relpath(os.path.abspath(file), override.folder.absolute())
        return not relative.startswith("..") and bool(spec.match_file(relative.replace(os.sep, "/")))


def _matches(patterns: Iterable[str], value: object) -> bool:
    return isinstance(value, str) and any(fnmatchcase(value, pattern) for pattern in patterns)


def _unused(override: Override, severity: Severity, *, expired: bool) -> Finding:
    file, _, line = override.origin.rpartition(":")
    number = int(line) if file and line.isdigit() else 1
    told = f"expired on {override.until}" if expired else "changes no finding"
    return Finding(
        rule=UNUSED,
        severity=severity,
        message=f"the override “{override.reason}” {told}",
        remediation="Remove it, or renew its date." if expired else "Remove it, or correct its conditions.",
        file=os.path.relpath(file or override.origin).replace(os.sep, "/"),
        span=Span(number, 1, number, 2),
    )
