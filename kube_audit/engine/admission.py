"""What Pod Security admission would say in the namespace that a pod goes to: the PSS rules, at that namespace's level.

Follows the labels of Pod Security admission (`pod-security.kubernetes.io/enforce`, `warn`, `audit` and their
`-version`), https://kubernetes.io/docs/concepts/security/pod-security-admission/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kube_audit.engine.elements import ElementSource
from kube_audit.engine.model import Rule
from kube_audit.engine.run import Engine
from kube_audit.findings import Finding, RelatedPlace, Severity
from kube_audit.manifests.objects import Object, mapping
from kube_audit.patterns import lazily

RULE = "pod-rejected-by-namespace-level"
_LABEL = "pod-security.kubernetes.io/"
_LEVELS = ("baseline", "restricted")
_MODES: tuple[tuple[str, Severity, str], ...] = (
    ("enforce", "error", "refuses this pod"),
    ("warn", "warning", "warns about this pod"),
    ("audit", "info", "notes this pod in the audit log"),
)
_VERSION = lazily(r"v1\.(\d+)\Z")


class Admission:
    """Judges workloads by the level of their namespace. Engines are made when a level is first met."""

    def __init__(self, choose: Callable[[str], Iterable[Rule]], source: ElementSource, target: str) -> None:
        """Take what returns the rules of a profile, and the version of the cluster."""
        self._choose = choose
        self._source = source
        self._related = source.related
        self._target = target
        self._engines: dict[tuple[str, str], Engine] = {}

    def findings(self, obj: Object) -> Iterator[Finding]:
        """Yield a finding for each PSS check that a workload's pod fails at its namespace's level, worst mode only."""
        relations = self._related.relations
        if obj.home is None or relations.number(obj) not in relations.pods:
            return
        for number in relations.named(obj, "Namespace", None, obj.home):
            namespace = relations.objects[number]
            seen: set[tuple[str, Any]] = set()
            for mode, severity, does in _MODES:
                level, version = self._level(mapping(namespace.metadata.get("labels")), mode)
                if level not in _LEVELS:
                    continue
                place = RelatedPlace(
                    namespace.file, namespace.place(("metadata", "labels", _LABEL + mode)), str(namespace.ref)
                )
                for broken in self._engine(level, version).findings(obj):
                    if broken.rule == "rule-error" or (broken.rule, broken.path) in seen:
                        continue
                    seen.add((broken.rule, broken.path))
                    yield broken._replace(
                        rule=RULE,
                        severity=severity,
                        message=f"namespace `{obj.home}` {does} (level {level}): {broken.message}",
                        related=(place,),
                    )

    def _level(self, labels: dict[str, Any], mode: str) -> tuple[str, str]:
        match = _VERSION.match(str(labels.get(f"{_LABEL}{mode}-version", "latest")))
        newest = int(self._target.partition(".")[2])
        minor = min(int(match[1]), newest) if match else newest
        return str(labels.get(_LABEL + mode, "")), f"1.{minor}"

    def _engine(self, level: str, version: str) -> Engine:
        key = (level, version)
        if key not in self._engines:
            source = self._source if version == self._target else ElementSource(self._related, version)
            self._engines[key] = Engine(list(self._choose(f"pss-{level}")), source)
        return self._engines[key]
