"""Findings that somebody has decided about: comments, annotations and configuration, and which of these do nothing.

Comments: `# kube-audit: ignore[rule-id, …] reason` at the end of a line holds for that line; on a line of its own
for the key or list item that starts below it, with everything in it; above an object for all of it;
`# kube-audit: ignore-file[rule-id, …] reason` for the file. `*` stands for every rule.
Annotations: `kube-audit.io/ignore: rule-id, …` and `kube-audit.io/ignore.<rule-id>: reason` on an object or a pod
template, and those of kube-linter, kube-score, Checkov and Polaris for the checks that a rule names as equivalent.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from kube_audit.engine.scopes import pod_of
from kube_audit.findings import Finding, ObjectRef, Path, Severity, Span, Suppression
from kube_audit.manifests.document import Document
from kube_audit.manifests.manifest import Manifest
from kube_audit.manifests.objects import Object, mapping
from kube_audit.manifests.positions import MAPPING, SCALAR, SEQUENCE, Nodes
from kube_audit.names import closest
from kube_audit.patterns import lazily

UNUSED = "suppression-unused"
EVERY_RULE = "*"
_COMMENT = lazily(r"#[ \t]*kube-audit(?P<colon>:|(?=[ \t]+ignore(?:-file)?\[))[ \t]*(?P<said>[^\r\n]*)")
_SAID = lazily(r"(?P<what>ignore|ignore-file)\[(?P<rules>[^\]]*)\][ \t:–—-]*(?P<reason>.*)\Z")
_BLOCK_HEADER = lazily(r"(?:[&!][^\s]*[ \t]+)*[|>][^\r\n]*")
_COLON = lazily(r"\s*:")
_NO_LAST_LINE = 1 << 30
_STRETCH = 128
"""Lines of a stretch of a file, by which silencers are looked up."""
_WHOLE_FILE = -1
_FARTHEST_DASH = 100
"""Characters before an item of a list in which its dash is looked for."""
_OWN_ANNOTATION = "kube-audit.io/ignore"
_KUBE_LINTER = "ignore-check.kube-linter.io/"
_POLARIS = lazily(r"polaris\.fairwinds\.com/(?:(?P<check>.+)-)?exempt\Z")
_CHECKOV = lazily(r"(?:checkov|bridgecrew)\.io/skip[0-9]*\Z")

Equivalents = Mapping[tuple[str, str], frozenset[str]]
"""(tool, the tool's id in lower case) to the ids of our rules for it."""


class Silencer:
    """One place that silences findings: for which rules, on which lines of which file, why, and whether it did."""

    __slots__ = (
        "about", "elsewhere", "file", "first_line", "kind", "last_line", "reason", "rules", "span", "used",
        "written", "wrong",
    )  # fmt: skip

    def __init__(
        self,
        kind: Literal["comment", "annotation", "config"],
        file: str,
        span: Span,
        rules: frozenset[str],
        lines: tuple[int, int],
        reason: str | None,
        written: str,
        wrong: str | None = None,
        *,
        elsewhere: bool = False,
        about: ObjectRef | None = None,
    ) -> None:
        """Take a silencer as it is `written` in the file, and why it can never silence anything if it is `wrong`.

        It is `elsewhere` where it may have a use that is not seen: for another tool, or once its document can be read.
        """
        self.kind = kind
        self.file = file
        self.span = span
        self.rules = rules
        self.first_line, self.last_line = lines
        self.reason = reason
        self.written = written
        self.wrong = wrong
        self.elsewhere = elsewhere
        self.about = about
        self.used: set[str] = set()

    @property
    def is_for_file(self) -> bool:
        """Whether it holds for its whole file."""
        return self.last_line == _NO_LAST_LINE

    def silences(self, finding: Finding) -> bool:
        """Whether a finding is meant."""
        return (
            self.first_line <= finding.span.line <= self.last_line
            and (finding.rule in self.rules or EVERY_RULE in self.rules)
            and finding.rule != UNUSED
        )


def in_manifest(manifest: Manifest, known_rules: frozenset[str], equivalents: Equivalents) -> list[Silencer]:
    """Return everything in a file that silences findings, or means to."""
    found = list(_comments(manifest, known_rules)) if "kube-audit" in manifest.text.content else []
    for obj in manifest.objects:
        found.extend(_annotations(obj, known_rules, equivalents))
    return found


def apply(findings: Iterable[Finding], silencers: Iterable[Silencer]) -> list[Finding]:
    """Return the findings, those that are meant by a silencer marked as suppressed."""
    by_place: dict[tuple[str, int], list[Silencer]] = defaultdict(list)
    for silencer in silencers:
        if silencer.wrong is None:
            by_line = _stretches(silencer.first_line, silencer.last_line)
            for stretch in (_WHOLE_FILE,) if silencer.is_for_file else by_line:
                by_place[silencer.file, stretch].append(silencer)
    return [_silenced(finding, by_place) for finding in findings] if by_place else list(findings)


def _stretches(first: int, last: int) -> range:
    """Return the numbers of the stretches of lines that hold some lines: a finding is held against one's silencers."""
    return range(first // _STRETCH, last // _STRETCH + 1)


def _silenced(finding: Finding, by_place: Mapping[tuple[str, int], list[Silencer]]) -> Finding:
    meant = [
        silencer
        for stretch in (finding.span.line // _STRETCH, _WHOLE_FILE)
        for silencer in by_place.get((finding.file, stretch), ())
        if silencer.silences(finding)
    ]
    for silencer in meant:
        silencer.used.add(finding.rule)
    if not meant or finding.suppressed is not None:
        return finding
    nearest = min(meant, key=lambda silencer: silencer.last_line - silencer.first_line)
    return finding._replace(suppressed=Suppression(nearest.kind, nearest.reason))


def unused(silencers: Iterable[Silencer], active: frozenset[str], severity: Severity) -> Iterator[Finding]:
    """Yield a finding for everything that silences nothing, as far as the active rules can tell."""
    for silencer in silencers:
        message = silencer.wrong
        if message is None and not silencer.elsewhere:
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
                object=silencer.about,
            )


def _comments(manifest: Manifest, known_rules: frozenset[str]) -> Iterator[Silencer]:
    """Yield the silencers among a file's comments. What stands in a document that is not audited is passed over."""
    text = manifest.text
    audited = {id(obj.document) for obj in manifest.objects}
    audited |= {id(document) for document in manifest.documents if document.problems}
    starts = [document.offset + _start(document) for document in manifest.documents]
    for match in _COMMENT.finditer(text.content):
        number = max(bisect_right(starts, match.start()) - 1, 0)
        document = manifest.documents[number] if manifest.documents else None
        if document is not None and _in_scalar(document, match.start() - document.offset):
            continue
        span = text.span(match.start(), match.end())
        alone = text.content[match.start() - span.column + 1 : match.start()].strip() in ("", "---")
        below = _block_below(manifest, number, match.end()) if alone else None
        if below is not None:
            document = below[0]
        written = match.group().strip()
        said = _SAID.match(match["said"].strip()) if match["colon"] else None
        for_file = said is not None and said["what"] == "ignore-file"
        if not audited if for_file else id(document) not in audited:
            continue
        if said is None:
            wrong = f"`{written[:60]}` is not understood; write `# kube-audit: ignore[rule-id] reason`"
            about = _about(manifest, span.line)
            yield Silencer("comment", manifest.file, span, frozenset(), (0, 0), None, written, wrong, about=about)
            continue
        if for_file:
            lines = (1, _NO_LAST_LINE)
        elif alone:
            lines = below[1] if below is not None else (0, 0)
        else:
            lines = (span.line, span.line)
        rules = _names(said["rules"])
        reason = said["reason"].strip() or None
        mistake = _wrong_names(rules, known_rules)
        about = None if for_file else _about(manifest, lines[0] or span.line)
        unread = document is not None and not document.readable
        yield Silencer(
            "comment", manifest.file, span, rules, lines, reason, written, mistake, elsewhere=unread, about=about
        )


def _about(manifest: Manifest, line: int) -> ObjectRef | None:
    obj = manifest.object_at(line)
    return obj.ref if obj is not None else None


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _wrong_names(rules: frozenset[str], known_rules: frozenset[str]) -> str | None:
    unknown = min(rules - known_rules - {EVERY_RULE}, default=None)
    if not rules:
        return "no rule is named between the brackets; `*` stands for all"
    if unknown is None:
        return None
    near = closest(unknown, sorted(known_rules))
    return f"there is no rule `{unknown}`" + (f"; did you mean `{near}`?" if near else "")


def _start(document: Document) -> int:
    """Return where a document's content starts in the text of its nodes."""
    return document.nodes.start[document.root] if document.root < len(document.nodes.type) else 0


def _in_scalar(document: Document, offset: int) -> bool:
    """Whether an offset lies within a scalar, so that what looks like a comment is text."""
    nodes = document.nodes
    number = bisect_right(nodes.start, offset) - 1
    if number < 0 or nodes.type[number] != SCALAR or not nodes.start[number] <= offset < nodes.end[number]:
        return False
    return _BLOCK_HEADER.fullmatch(nodes.text, nodes.start[number], offset) is None


def _block_below(manifest: Manifest, number: int, offset: int) -> tuple[Document, tuple[int, int]] | None:
    """Return the first and last line of the key, list item or object that starts below a comment, and its document.

    `number` is that of the document around or before the comment.
    """
    for document in manifest.documents[number : number + 2]:
        nodes = document.nodes
        end_of = nodes.after[document.root] if document.root < len(nodes.type) else document.root
        node = bisect_left(nodes.start, offset - document.offset, document.root, end_of)
        while node < end_of and _is_block_list(nodes, node):
            node += 1
        if node < end_of:
            span = document.span(nodes.start[node], nodes.end[_last_of_block(document, node)])
            return document, (span.line, span.end_line)
    return None


def _last_of_block(document: Document, node: int) -> int:
    """Return the last node of what starts with a node: an object, an item of a list, or a key with its value."""
    nodes = document.nodes
    is_mapping = nodes.type[node] == MAPPING
    if is_mapping and (node == document.root or _is_item(nodes.text, nodes.start[node])):
        return nodes.last(node)
    key = node + 1 if is_mapping else node
    value = nodes.after[key]
    holds_value = value < len(nodes.type) and _COLON.match(nodes.text, nodes.end[key])
    return nodes.last(value) if holds_value else nodes.last(key)


def _is_block_list(nodes: Nodes, number: int) -> bool:
    """Whether a node is a list written with dashes: its first item starts at the same place, and is what is meant."""
    return nodes.type[number] == SEQUENCE and nodes.text[nodes.start[number]] == "-"


def _is_item(text: str, start: int) -> bool:
    """Whether what starts here is an item of a block list."""
    return text[max(start - _FARTHEST_DASH, 0) : start].rstrip(" ").endswith("-")


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
            written = f"{key}: {value}"[:80]
            yield Silencer(
                "annotation", obj.file, span, rules, lines, reason, written, wrong, elsewhere=foreign, about=obj.ref
            )


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
    if (match := _POLARIS.match(key)) and value.lower() == "true":
        if match["check"] is None:
            return _all_of("polaris", equivalents), key
        return equivalents.get(("polaris", match["check"].lower()), none), key
    return none, None


def _all_of(tool: str, equivalents: Equivalents) -> frozenset[str]:
    return frozenset().union(*(rules for (of_tool, _), rules in equivalents.items() if of_tool == tool))
