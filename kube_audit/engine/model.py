"""A rule as data: what a rule file says, checked against its schema and ready for the engine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from kube_audit.bundled import schemas_dir
from kube_audit.findings import RuleDoc, Severity
from kube_audit.manifests.document import Document
from kube_audit.manifests.objects import without_nulls
from kube_audit.manifests.text import decode
from kube_audit.manifests.yaml import documents
from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple

ALL_KINDS = "*"
CONTAINER_TYPES = frozenset({"app", "sidecar", "init", "ephemeral"})
_WITH_CEL = ("when", "expression", "undecided", "undecided_message", "location", "points_to", "message", "suggestion")
_PARAMETER = lazily(r"(?<![\w.])params\.([A-Za-z_]\w*)")


class RuleError(Exception):
    """A rule file is broken; the message names file, line and reason."""


class Fix(NamedTuple):
    """What would mend a finding: new values and removed fields by path below self. Texts may hold {CEL}."""

    safe: bool
    set: dict[str, Any]
    remove: tuple[str, ...]
    when: str | None


class Reads(NamedTuple):
    """How much of its surroundings a rule reads: rules that read the same share their variables."""

    whole_object: bool
    """More of `object` than its kind, version and metadata."""
    whole_pod: bool
    """The pod's containers, or the pod as a whole."""
    related: frozenset[str]
    """Names after `related.`."""


class Rule(NamedTuple):
    """One rule, as its file says it. The fields are those of schemas/rule.schema.json."""

    id: str
    title: str
    category: str
    severity: Severity
    severity_when: tuple[tuple[str, Severity], ...]
    profiles: frozenset[str]
    scope: str
    kinds: frozenset[str]
    """Empty where every workload is meant (scopes pod and container)."""
    containers: frozenset[str]
    each: tuple[str, ...]
    when: str | None
    expression: str | None
    check: str | None
    stage: str | None
    """Set where a stage before the rules makes the findings."""
    undecided: str | None
    undecided_message: str | None
    location: str
    at: str
    points_to: str | None
    message: str
    remediation: str
    suggestion: str | None
    fix: Fix | None
    params: dict[str, Any]
    """Parameter name to its default."""
    supersedes: frozenset[str]
    reads: Reads
    sweep: str | None
    """CEL that is true where the rule finds nothing, with the defaults of its parameters; see `engine.sweep`."""
    equivalents: dict[str, list[str]]
    """Tool name to the ids it has for the same check."""
    file: str

    @property
    def expressions(self) -> tuple[str, ...]:
        """Every CEL expression of the rule's logic, without those inside texts."""
        parts = (self.when, self.expression, self.undecided, self.points_to, self.fix and self.fix.when)
        return tuple(part for part in (*parts, *(condition for condition, _ in self.severity_when)) if part)

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text of the rule that may hold CEL in braces."""
        values = list(self.fix.set.values()) + list(self.fix.set) + list(self.fix.remove) if self.fix else []
        parts = (self.message, self.undecided_message, self.location, self.suggestion, *values)
        return tuple(part for part in parts if isinstance(part, str))


_FIX, _READS = Rule._fields.index("fix"), Rule._fields.index("reads")


def with_params(rule: Rule, params: Mapping[str, Any]) -> Rule:
    """Return a rule with the values of its parameters written into its CEL, so that rules can share variables."""

    def literal(match: re.Match[str]) -> str:
        name = match[1]
        if name not in params:
            return match[0]
        text = json.dumps(params[name])
        return f"({text})" if text[0] in "-{" else text

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return _PARAMETER.sub(literal, value)
        if isinstance(value, dict):
            return {filled(key): filled(item) for key, item in value.items()}
        return [filled(item) for item in value] if isinstance(value, list) else value

    fix = rule.fix and Fix(
        rule.fix.safe, filled(rule.fix.set), tuple(filled(list(rule.fix.remove))), filled(rule.fix.when)
    )
    return rule._replace(
        severity_when=tuple((filled(condition), severity) for condition, severity in rule.severity_when),
        fix=fix,
        **{name: filled(getattr(rule, name)) for name in _WITH_CEL},
    )


def first_paragraph(markdown: str) -> str:
    """Return the first paragraph of a text on one line."""
    return " ".join(markdown.strip().split("\n\n")[0].split())


def from_data(data: dict[str, Any], file: str) -> Rule:
    """Make a rule from the content of its file, which fits the schema; `sweep.derived` completes it."""
    each = data.get("each") or ()
    fix = data.get("fix")
    return Rule(
        id=data["id"],
        title=data["title"],
        category=data["category"],
        severity=data["severity"],
        severity_when=tuple((case["if"], case["severity"]) for case in data.get("severity_when", ())),
        profiles=frozenset(data["profiles"]),
        scope=data.get("scope", "object"),
        kinds=frozenset(data.get("kinds", ())),
        containers=frozenset(data.get("containers", CONTAINER_TYPES)),
        each=(each,) if isinstance(each, str) else tuple(each),
        when=data.get("when"),
        expression=data.get("expression"),
        check=data.get("check"),
        stage=data.get("stage"),
        undecided=data.get("undecided"),
        undecided_message=data.get("undecided_message"),
        location=data.get("location", ""),
        at=data.get("at", "value"),
        points_to=data.get("points_to"),
        message=" ".join(data["message"].split()),
        remediation=first_paragraph(data["remediation"]),
        suggestion=data.get("suggestion"),
        fix=fix and Fix(fix["safe"], fix.get("set", {}), tuple(fix.get("remove", ())), fix.get("when")),
        params={name: param["default"] for name, param in data.get("params", {}).items()},
        supersedes=frozenset(data.get("supersedes", ())),
        reads=Reads(whole_object=True, whole_pod=True, related=frozenset()),
        sweep=None,
        equivalents=data.get("equivalents", {}),
        file=file,
    )


def as_plain(rule: Rule) -> tuple[Any, ...]:
    """Return a rule as `marshal` takes it, for `from_plain`."""
    return tuple(tuple(value) if isinstance(value, Fix | Reads) else value for value in rule)


def from_plain(values: tuple[Any, ...]) -> Rule:
    """Make a rule from what `as_plain` made of it."""
    parts = list(values)
    parts[_READS] = Reads(*parts[_READS])
    if parts[_FIX] is not None:
        parts[_FIX] = Fix(*parts[_FIX])
    return Rule._make(parts)


def doc_from_data(data: dict[str, Any]) -> RuleDoc:
    """Make a rule's documentation from the content of its file."""
    return RuleDoc(
        id=data["id"],
        title=data["title"],
        category=data["category"],
        severity=data["severity"],
        rationale=data["rationale"].strip(),
        remediation=data["remediation"].strip(),
        references=tuple(data["references"]),
        equivalents={tool: tuple(ids) for tool, ids in data.get("equivalents", {}).items()},
        security_severity=data.get("security_severity"),
    )


def read_file(file: FilePath) -> dict[str, Any]:
    """Read one rule file and hold it against the schema. Raises RuleError with file, line and reason."""
    try:
        text, bad_bytes = decode(file.read_bytes())
    except OSError as error:
        raise RuleError(f"{file}: cannot be read: {error.strerror}") from error
    if bad_bytes is not None:
        raise RuleError(f"{file}:{text.position(bad_bytes.offset)[0]}: {bad_bytes.message}")
    found = list(documents(text))
    if len(found) != 1:
        raise RuleError(f"{file}:1: a rule file holds one YAML document, this one {len(found)}")
    document = found[0]
    for problem in document.problems:
        raise RuleError(f"{file}:{text.position(problem.start)[0]}: {problem.message}")
    data = without_nulls(document.data)
    _hold_against_schema(file, document, data)
    if data["id"] != file.stem:
        raise RuleError(f"{file}:{_line(document, ('id',))}: id `{data['id']}` differs from the file's name")
    return dict(data)


@cache
def _validator() -> Any:
    import jsonschema_rs

    schema = json.loads((schemas_dir() / "rule.schema.json").read_bytes())
    return jsonschema_rs.validator_for(schema, validate_formats=False)


def _hold_against_schema(file: FilePath, document: Document, data: Any) -> None:
    found = _validator().iter_errors(data)
    for error in sorted(found, key=lambda error: (-len(error.instance_path), str(error.instance_path))):
        line = _line(document, tuple(error.instance_path))
        raise RuleError(f"{file}:{line}: {error.message[:300]}")


def _line(document: Document, path: tuple[str | int, ...]) -> int:
    trail = document.nodes.walk(document.root, path)
    if not trail:
        return document.line
    key, value = trail[-1]
    return document.text.position(document.nodes.start[value if key is None else key])[0]
