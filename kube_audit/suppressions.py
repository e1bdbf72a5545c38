"""Findings that somebody has decided about: comments, annotations and configuration, and which of these do nothing.

Comments: `# kube-audit: ignore[rule-id, …] reason` at the end of a line holds for that line; on a line of its own
for the key or list item that starts below it, with everything in it; above an object for all of it;
`# kube-audit: ignore-file[rule-id, …] reason` for the file. `*` stands for every rule.
Annotations: `kube-audit.io/ignore: rule-id, …` and `kube-audit.io/ignore.<rule-id>: reason` on an object or a pod
template, and those of kube-linter, kube-score, Checkov and Polaris for the checks that a rule names as equivalent.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kube_audit.engine.scopes import pod_of
from kube_audit.findings import Finding, Path, Severity, Span, Suppression
from kube_audit.manifests.manifest import Manifest
from kube_audit.manifests.objects import Object, mapping
from kube_audit.manifests.positions import MAPPING, SCALAR, SEQUENCE, Nodes
from kube_audit.manifests.yaml import Document

UNUSED = "suppression-unused"
EVERY_RULE = "*"
_COMMENT = re.compile(r"#[ \t]*kube-audit:[ \t]*(?P<said>[^\r\n]*)")
_SAID = re.compile(r"(?P<what>ignore|ignore-file)\[(?P<rules>[^\]]*)\][ \t:-]*(?P<reason>.*)\Z")
_OWN_ANNOTATION = "kube-audit.io/ignore"
_KUBE_LINTER = "ignore-check.kube-linter.io/"
_POLARIS = re.compile(r"polaris\.fairwinds\.com/(?:(?P<check>.+)-)?exempt\Z")
_CHECKOV = re.compile(r"checkov\.io/skip[0-9]*\Z")

Equivalents = Mapping[tuple[str, str], frozenset[str]]
"""(tool, the tool's id in lower case) to the ids of our rules for it."""


@dataclass(slots=True, eq=False)
class Silencer:
    """One place that silences findings: for which rules, on which lines of which file, why, and whether it did."""

    kind: Literal["comment", "annotation", "config"]
    file: str
    span: Span
    rules: frozenset[str]
    first_line: int
    last_line: int
    reason: str | None
    written: str
    """As it stands in the file, for messages."""
    wrong: str | None = None
    """Why it can never silence anything, None where it can."""
    foreign: bool = False
    """Written for another tool, which may have a use for it that we do not see."""
    used: set[str] = field(default_factory=set)

    def silences(self, finding: Finding) -> bool:
        """Whether a finding is meant."""
        return (
            self.first_line <= finding.span.line <= self.last_line
            and (finding.rule in self.rules or EVERY_RULE in self.rules)
            and finding.rule != UNUSED
        )


def in_manifest(manifest: Manifest, known_rules: frozenset[str], equivalents: Equivalents) -> list[Silencer]:
    """Return everything in a file that silences findings, or means to."""
    found = list(_comments(manifest, known_rules)) if "kube-audit:" in manifest.text.content else []
    for obj in manifest.objects:
        found.extend(_annotations(obj, known_rules, equivalents))
    return found


def apply(findings: Iterable[Finding], silencers: Iterable[Silencer]) -> list[Finding]:
    """Return the findings, those that are meant by a silencer marked as suppressed."""
    by_file: dict[str, list[Silencer]] = defaultdict(list)
    for silencer in silencers:
        if silencer.wrong is None:
            by_file[silencer.file].append(silencer)
    return [_silenced(finding, by_file.get(finding.file, ())) for finding in findings]


def _silenced(finding: Finding, silencers: Iterable[Silencer]) -> Finding:
    suppression = finding.suppressed
    for silencer in silencers:
        if silencer.silences(finding):
            silencer.used.add(finding.rule)
            suppression = suppression or Suppression(silencer.kind, silencer.reason)
    return finding if suppression is finding.suppressed else finding._replace(suppressed=suppression)


def unused(silencers: Iterable[Silencer], active: frozenset[str], severity: Severity) -> Iterator[Finding]:
    """Yield a finding for everything that silences nothing, as far as the active rules can tell."""
    for silencer in silencers:
        message = silencer.wrong
        if message is None and not silencer.foreign:
            idle = sorted((silencer.rules & active) - silencer.used)
            if EVERY_RULE in silencer.rules:
                message = None if silencer.used else f"`{silencer.written}` silences nothing"
            elif idle:
                names = ", ".join(f"`{rule}`" for rule in idle)
                message = f"there is no finding of {names} here to silence"
        if message is not None:
            yield Finding(
                rule=UNUSED,
                severity=severity,
                message=message,
                remediation="Remove it, or correct the rule or the place; `kube-audit rules list` has the names.",
                file=silencer.file,
                span=silencer.span,
            )


def _comments(manifest: Manifest, known_rules: frozenset[str]) -> Iterator[Silencer]:
    text = manifest.text
    for match in _COMMENT.finditer(text.content):
        document = _document_at(manifest, match.start())
        if document is not None and _in_scalar(document, match.start() - document.offset):
            continue
        span = text.span(match.start(), match.end())
        written = match.group().strip()
        said = _SAID.match(match["said"].strip())
        if said is None:
            wrong = f"`{written[:60]}` is not understood; write `# kube-audit: ignore[rule-id] reason`"
            yield Silencer("comment", manifest.file, span, frozenset(), 0, 0, None, written, wrong)
            continue
        rules = _names(said["rules"])
        line_start = text.content.rfind("\n", 0, match.start()) + 1
        alone = not text.content[line_start : match.start()].strip()
        first, last = span.line, span.line
        if said["what"] == "ignore-file":
            first, last = 1, 1 << 30
        elif alone:
            first, last = _block_below(manifest, match.end()) or (0, 0)
        reason = said["reason"].strip() or None
        mistake = _wrong_names(rules, known_rules)
        yield Silencer("comment", manifest.file, span, rules, first, last, reason, written, mistake)


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _wrong_names(rules: frozenset[str], known_rules: frozenset[str]) -> str | None:
    unknown = sorted(rules - known_rules - {EVERY_RULE})
    if not rules:
        return "no rule is named between the brackets; `*` stands for all"
    return f"there is no rule `{unknown[0]}`" if unknown else None


def _document_at(manifest: Manifest, offset: int) -> Document | None:
    """Return the last document whose text starts before an offset."""
    before = [document for document in manifest.documents if document.offset <= offset]
    return before[-1] if before else None


def _in_scalar(document: Document, offset: int) -> bool:
    """Whether an offset lies within a scalar, so that what looks like a comment is text."""
    from bisect import bisect_right

    nodes = document.nodes
    number = bisect_right(nodes.start, offset) - 1
    return number >= 0 and nodes.type[number] == SCALAR and nodes.start[number] <= offset < nodes.end[number]


def _block_below(manifest: Manifest, offset: int) -> tuple[int, int] | None:
    """Return the first and last line of the key, list item or object that starts below a comment."""
    for document in manifest.documents:
        nodes = document.nodes
        for number in range(document.root, _end_of(manifest, document)):
            start = nodes.start[number]
            if document.offset + start >= offset and not _is_block_list(nodes, number):
                end = nodes.end[number]
                is_block = nodes.type[number] == MAPPING and (number == document.root or _is_item(nodes.text, start))
                if not is_block:
                    key = number + 1 if nodes.type[number] == MAPPING else number
                    value = nodes.after[key]
                    holds_value = value < len(nodes.type) and nodes.text[nodes.end[key] :].lstrip()[:1] == ":"
                    end = nodes.end[value] if holds_value else nodes.end[key]
                span = document.span(start, end)
                return span.line, span.end_line
    return None


def _end_of(manifest: Manifest, document: Document) -> int:
    return document.nodes.after[document.root] if document.root < len(document.nodes.type) else document.root


def _is_block_list(nodes: Nodes, number: int) -> bool:
    """Whether a node is a list written with dashes: its first item starts at the same place, and is what is meant."""
    return nodes.type[number] == SEQUENCE and nodes.text[nodes.start[number]] == "-"


def _is_item(text: str, start: int) -> bool:
    """Whether what starts here is an item of a block list."""
    return text[:start].rstrip(" ").endswith("-")


def _annotations(obj: Object, known_rules: frozenset[str], equivalents: Equivalents) -> Iterator[Silencer]:
    yield from _of_metadata(obj, (), obj.metadata, known_rules, equivalents)
    pod = pod_of(obj)
    if pod is not None and obj.kind != "Pod":
        yield from _of_metadata(obj, pod.path[:-1], pod.metadata, known_rules, equivalents)


def _of_metadata(
    obj: Object, path: Path, metadata: Mapping[str, Any], known_rules: frozenset[str], equivalents: Equivalents
) -> Iterator[Silencer]:
    """Yield the silencers among the annotations of what stands at a path; they hold for all of it."""
    for key, value in mapping(metadata.get("annotations")).items():
        if not isinstance(value, str) or "/" not in key:
            continue
        foreign = not key.startswith(_OWN_ANNOTATION)
        if foreign:
            rules, reason = _foreign(key, value, equivalents)
            wrong = None
        else:
            rules, reason = _own(key, value)
            wrong = _wrong_names(rules, known_rules)
        if rules or not foreign:
            span = obj.place((*path, "metadata", "annotations", key), at_key=True)
            lines = obj.lines_of(path)
            yield Silencer("annotation", obj.file, span, rules, *lines, reason, f"{key}: {value}"[:80], wrong, foreign)


def _own(key: str, value: str) -> tuple[frozenset[str], str | None]:
    rule = key.removeprefix(_OWN_ANNOTATION).removeprefix(".")
    return (frozenset({rule}), value.strip() or None) if rule else (_names(value), None)


def _foreign(key: str, value: str, equivalents: Equivalents) -> tuple[frozenset[str], str | None]:
    """Return the rules that an annotation for another tool silences, and the reason given."""
    none: frozenset[str] = frozenset()
    if key == "kube-linter.io/ignore-all":
        return _all_of("kube-linter", equivalents), value
    if key.startswith(_KUBE_LINTER):
        return equivalents.get(("kube-linter", key.removeprefix(_KUBE_LINTER).lower()), none), value
    if key == "kube-score/ignore":
        checks = (equivalents.get(("kube-score", name.lower()), none) for name in _names(value))
        return none.union(*checks), "kube-score/ignore"
    if _CHECKOV.match(key):
        check, _, reason = value.partition("=")
        return equivalents.get(("checkov", check.strip().lower()), none), reason.strip() or None
    if (match := _POLARIS.match(key)) and value == "true":
        if match["check"] is None:
            return _all_of("polaris", equivalents), key
        return equivalents.get(("polaris", match["check"].lower()), none), key
    return none, None


def _all_of(tool: str, equivalents: Equivalents) -> frozenset[str]:
    return frozenset().union(*(rules for (of_tool, _), rules in equivalents.items() if of_tool == tool))
