"""Rules tested by their own examples: the lines found, the fix, and whether the examples would notice a change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kube_audit import audit, patches
from kube_audit.engine.catalogue import Catalogue
from kube_audit.engine.model import Rule
from kube_audit.engine.sweep import derived
from kube_audit.findings import AuditResult, Finding
from kube_audit.manifests.objects import Object, objects, without_nulls
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents
from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple
from kube_audit.validation.definitions import newest_version
from kube_audit.validation.kubernetes import Schemas

_MARK = lazily(r"#\s*finding\b")
_FILE = "example.yaml"


class Failure(NamedTuple):
    """An example that does not hold: which one (from 1), and why."""

    example: int
    reason: str


def failures(rule: Rule, content: dict[str, Any], catalogue: Catalogue) -> Iterator[Failure]:
    """Yield what is wrong with a rule's examples. `content` is its file's content."""
    for number, example in enumerate(content["examples"], 1):
        text = example.get("passes") or example.get("fails") or ""
        result = _audit(rule, example, text, catalogue)
        errors = [f for f in result.findings if f.rule == "rule-error" or (f.rule == "yaml-syntax" != rule.id)]
        if errors:
            yield Failure(number, f"line {errors[0].span.line}: {errors[0].message}")
            continue
        found = sorted({finding.span.line for finding in result.findings})
        marked = [line for line, content in enumerate(text.splitlines(), 1) if _MARK.search(content)]
        if "fails" in example and not marked:
            yield Failure(number, "no line is marked with `# finding`")
        elif found != marked:
            messages = "; ".join(f"line {f.span.line}: {f.message}" for f in result.findings) or "none"
            yield Failure(number, f"findings on lines {found}, marked are {marked} ({messages})")
        elif "fixed" in example:
            yield from _fix_failures(number, text, example["fixed"], result.findings)
        if rule.stage is None and not example.get("invalid"):
            yield from _schema_failures(number, text, example)


def survives_negation(rule: Rule, content: dict[str, Any], catalogue: Catalogue) -> bool:
    """Whether a rule's examples still hold when its expression is negated: then they test nothing."""
    if rule.expression is None:
        return False
    negated = derived(rule._replace(expression=f"!({rule.expression})"))
    return not any(True for _ in failures(negated, content, catalogue))


def _audit(rule: Rule, example: dict[str, Any], text: str, catalogue: Catalogue) -> AuditResult:
    request = audit.Request(
        sources=[(_FILE, text.encode())],
        rules=[rule],
        kubernetes_version=example.get("kubernetes_version", newest_version()),
        params={rule.id: example.get("params", {})},
    )
    return audit.run(request, catalogue)


def _objects(text: str) -> list[Object]:
    return [obj for document in documents(Text(text)) for obj in objects(_FILE, document)]


def _fix_failures(number: int, text: str, fixed: str, findings: list[Finding]) -> Iterator[Failure]:
    wanted = [without_nulls(document.data) for document in documents(Text(fixed))]
    got = []
    for obj in _objects(text):
        own = [finding for finding in findings if finding.object == obj.ref]
        try:
            got.append(patches.apply(obj.data, [patch for finding in own for patch in finding.patches]))
        except ValueError as error:
            yield Failure(number, f"the fix cannot be made: {error}")
            return
    if not any(finding.patches for finding in findings):
        yield Failure(number, "there is a text after the fix, but no finding has a fix")
    elif got != wanted:
        yield Failure(number, f"after the fix the data is {got}, and `fixed` says {wanted}")


def _schema_failures(number: int, text: str, example: dict[str, Any]) -> Iterator[Failure]:
    schemas = Schemas(example.get("kubernetes_version", newest_version()))
    for obj in _objects(text):
        if schemas.knows(obj.api_version, obj.kind):
            for problem in schemas.problems(obj.data, lambda path: None):
                yield Failure(number, f"{obj.ref} breaks the API schema: {problem.message}")
