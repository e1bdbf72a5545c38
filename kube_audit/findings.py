"""The small data types that every stage shares: severities, places in a text, findings, the audit's result."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""From the worst to the mildest."""

if TYPE_CHECKING:
    from kube_audit.manifests.manifest import Manifest

FixSafety = Literal["safe", "unsafe"]
Path = tuple[str | int, ...]
"""A route into a document's data: ("spec", "containers", 0, "image")."""


def at_least(severity: Severity, level: Severity) -> bool:
    """Whether a severity is as bad as `level` or worse."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(level)


def path_text(path: Path) -> str:
    """Write a path as people do: `spec.containers[0].image`; keys that hold other signs are quoted.

    >>> path_text(("metadata", "annotations", "example.com/x", 2))
    'metadata.annotations["example.com/x"][2]'
    """
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif step and all(c.isalnum() or c in "_-$" for c in step):
            parts.append(f".{step}" if parts else step)
        else:
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'["{escaped}"]')
    return "".join(parts)


_STEP = lazily(r'\.?([A-Za-z0-9_$-]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]')


def parse_path(text: str) -> Path:
    """Read a path as `path_text` writes it. Raises ValueError where the text is none.

    >>> parse_path('metadata.annotations["example.com/x"][2]')
    ('metadata', 'annotations', 'example.com/x', 2)
    """
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"`{text}` is no path: unexpected `{text[at]}` at character {at + 1}")
        name, index, quoted = match.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(name if name is not None else re.sub(r"\\(.)", r"\1", quoted))
        at = match.end()
    return tuple(steps)


class Span(NamedTuple):
    """A stretch of a file. Lines and columns count from 1, columns in characters; the end is just after."""

    line: int
    column: int
    end_line: int
    end_column: int


class ObjectRef(NamedTuple):
    """Which object a finding is about. `namespace` is None where the manifest names none."""

    api_version: str
    kind: str
    namespace: str | None
    name: str | None

    def __str__(self) -> str:
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {name}" if name else self.kind


class RelatedPlace(NamedTuple):
    """A second place that explains a finding: the first of two duplicates, the closest workload."""

    file: str
    span: Span
    message: str


class Patch(NamedTuple):
    """What a fix does to the data, nothing about text.

    `set` puts a value at a path, `remove` takes away what stands there, `rename` gives its key the name in `value`.
    """

    action: Literal["set", "remove", "rename"]
    path: Path
    value: Any = None


class TextEdit(NamedTuple):
    """A stretch of a file to be replaced: `start` and `end` count characters from 0, `span` says the same in lines."""

    start: int
    end: int
    span: Span
    text: str


class Suppression(NamedTuple):
    """Why a finding is silenced: `kind` is where that was said, `reason` what was given there."""

    kind: Literal["comment", "annotation", "config", "baseline"]
    reason: str | None = None


class Finding(NamedTuple):
    """One thing that is wrong, where it stands, and what to do."""

    rule: str
    severity: Severity
    message: str
    remediation: str
    """What to do, in a sentence or two."""
    file: str
    """As it is shown: relative to the working directory where it lies below it; `<stdin>` for standard input."""
    span: Span
    path: Path = ()
    """Route to the thing inside its document, from the object's own root."""
    stable_path: str = ""
    """The same with list items by name where they have one, so that it survives items put before them."""
    object: ObjectRef | None = None
    container: str | None = None
    suggestion: str | None = None
    """YAML that would mend it, ready to be copied; None where none can be given."""
    fix: FixSafety | None = None
    patches: tuple[Patch, ...] = ()
    related: tuple[RelatedPlace, ...] = ()
    suppressed: Suppression | None = None

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Order in every report: file, line, column, rule, message."""
        return (self.file, self.span.line, self.span.column, self.rule, self.message)

    @property
    def fingerprint(self) -> str:
        """A name for this finding that survives moved lines, reformatting and renamed files.

        Made of rule, object identity and stable path; of rule and message where there is no object.
        """
        import hashlib

        if self.object is not None:
            group = self.object.api_version.rpartition("/")[0]
            identity = [group, self.object.kind, self.object.namespace or "", self.object.name or ""]
        else:
            identity = [self.message]
        text = "\x1f".join([self.rule, *identity, self.container or "", self.stable_path])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class RuleDoc(NamedTuple):
    """What reports say about a rule. Long texts are Markdown."""

    id: str
    title: str
    category: str
    severity: Severity
    rationale: str
    remediation: str
    references: tuple[str, ...] = ()
    equivalents: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    security_severity: float | None = None
    """CVSS-like score from 0.0 to 10.0 for rules about security, None for others."""


class Skipped(NamedTuple):
    """Something that was seen and not audited: a file, or one document of it (then `line` is its first line)."""

    file: str
    reason: str
    line: int | None = None


class Summary:
    """Counts of a run. `files` is every file seen; those not `audited` are in `skipped` with their reason.

    `audited` are files that hold an object, or that should have been readable and are not; `not_validated` counts
    custom resources that no schema is known for.
    """

    __slots__ = ("audited", "files", "not_validated", "objects", "seconds", "skipped")

    def __init__(self) -> None:
        self.files = 0
        self.audited = 0
        self.objects = 0
        self.not_validated = 0
        self.skipped: list[Skipped] = []
        self.seconds = 0.0


class AuditResult(NamedTuple):
    """What an audit hands to the reports.

    `findings` are sorted, suppressed ones included. `source` gives a file's text by the name that findings
    use for it, or None where it can no longer be had. `rule_docs` gives a rule's documentation by id.
    """

    findings: list[Finding]
    summary: Summary
    kubernetes_version: str
    profile: str
    rules: tuple[str, ...]
    """Ids of every rule that was active, sorted."""
    source: Callable[[str], str | None]
    rule_docs: Callable[[str], RuleDoc]
    edits: Callable[[Finding], tuple[TextEdit, ...]] = lambda finding: ()
    """A finding's fix as edits of its file's text; () where it has none, or none that can be made as edits."""
    refusal: Callable[[Finding], str | None] = lambda finding: None
    """Why a finding's fix cannot be made in its file's text; None where it can, or where there is none."""
    manifests: tuple[Manifest, ...] = ()
    """The files as they were read, for what edits them."""
    judged: frozenset[str] | None = None
    """Names of the files with objects that were judged and not only read, None for all."""

    def count(self, severity: Severity) -> int:
        """Number of findings of a severity that are not suppressed."""
        return sum(1 for f in self.findings if f.severity == severity and f.suppressed is None)

    def fixable(self, finding: Finding) -> FixSafety | None:
        """How safe a finding's fix is, None where it has none or the file's text does not allow for it."""
        return finding.fix if finding.fix is not None and self.refusal(finding) is None else None
