"""One defect, one finding: where a narrow rule and a wider one speak of the same place, the narrow one is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from kube_audit.engine.model import Rule
from kube_audit.findings import Finding, ObjectRef, Path, Severity, at_least

_Place = tuple[str, ObjectRef | None, str]
"""File, object, and the wide rule that has nothing to add there."""


def without_superseded(findings: Iterable[Finding], rules: Mapping[str, Rule]) -> list[Finding]:
    """Return findings without those of wide rules on a field of which a narrower rule speaks, or of one within it.

    Which rule is narrower than which is said by `supersedes` in the rules' files. A mild finding hides no worse one.
    """
    found = list(findings)
    narrow: dict[_Place, list[tuple[Path, Severity]]] = defaultdict(list)
    for finding in found:
        rule = rules.get(finding.rule)
        for wide in rule.supersedes if rule is not None else ():
            narrow[finding.file, finding.object, wide].append((finding.path, finding.severity))
    if not narrow:
        return found
    return [
        finding
        for finding in found
        if not any(
            _overlap(finding.path, path) and at_least(severity, finding.severity)
            for path, severity in narrow.get((finding.file, finding.object, finding.rule), ())
        )
    ]


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
