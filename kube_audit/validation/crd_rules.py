"""The CEL rules of definitions (`x-kubernetes-validations`), evaluated over custom resources.

Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel and k8s.io/apiserver/pkg/cel/common: which rules run
when an object is created, and what `self` is. A rule that cannot be evaluated here says nothing, since the fault may be
the definition's or this runtime's. What differs from an API server:

- Fields with the format date, date-time, duration or byte have types of their own there. Here a rule on such a field
  itself gets the type; a rule that reads one further up is left out, and so is one that compares lists whose order
  does not count.
- A rule that a real API server would not compile, since its types do not fit, may be evaluated here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kube_audit.engine import cel
from kube_audit.findings import Path, path_text
from kube_audit.manifests.objects import mapping
from kube_audit.records import NamedTuple
from kube_audit.validation.kubernetes import REPEATED, SchemaProblem
from kube_audit.validation.schema_messages import holds_template
from kube_audit.validation.structural import FIELDS, FORMAT

_MOST_VALUES = 500_000
"""Values of one object that rules are shown, each as often as a rule sees it; the API server has a budget, too."""
_VALUES_FOR_A_RULE = 20
"""How many values an evaluation counts as."""
_LONGEST_TEXT = 300
_RESERVED_WORDS = """
true false null in as break const continue else for function if import let loop package namespace return var void while
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_NAME = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
_ESCAPED = re.compile(r"__|[./-]")
_STEP = re.compile(r"\.([^.\[\]]+)|\['((?:[^'\\]|\\.)*)'\]")
_STRING = re.compile(r"""[rR]?'(?:\\.|[^'\\\n])*'|[rR]?"(?:\\.|[^"\\\n])*\"""")
_SELECTED = re.compile(r"\.\s*\??\s*([A-Za-z_]\w*)\b(?!\s*\()")
_TYPED = {
    f"{FORMAT}byte": "base64.decode(self)",
    f"{FORMAT}date": "timestamp(self + 'T00:00:00Z')",
    f"{FORMAT}datetime": "timestamp(self)",
    f"{FORMAT}duration": "duration(self)",
}
"""Formats that have a type of their own in CEL, and how that is made of their text."""


class Rule(NamedTuple):
    """A rule of a definition. `expression` is what is evaluated, `text` what is written."""

    expression: str
    text: str
    message: str | None
    message_expression: str | None
    field: Path


class Node(NamedTuple):
    """A place in a schema: its own rules, and the places below it that have some."""

    schema: dict[str, Any]
    rules: tuple[Rule, ...]
    fields: dict[str, Node]
    items: Node | None
    values: Node | None
    """That of a mapping's values."""
    also: tuple[Node, ...]
    """The same place in the parts of an allOf."""


def rules_of(schema: Any, spine: Any = None) -> Node | None:
    """Return the rules in a converted schema, None where there are none.

    `spine` is the schema that says which fields there are, where the rules stand in an allOf of it.
    """
    spine = schema if spine is None else spine
    if not isinstance(schema, dict) or not isinstance(spine, dict):
        return None
    spines = mapping(spine.get("properties"))
    fields = {}
    for name, part in mapping(schema.get("properties")).items():
        below = rules_of(part, spines.get(name, False))
        if below is not None:
            fields[name] = below
    items, values = (rules_of(schema.get(w), spine.get(w, False)) for w in ("items", "additionalProperties"))
    parts = schema.get("allOf")
    also = [rules_of(part, spine) for part in parts] if isinstance(parts, list) else []
    own = schema.get("x-kubernetes-validations")
    rules = tuple(_rules(own, spine)) if isinstance(own, list) else ()
    if not (rules or fields or items or values or any(also)):
        return None
    return Node(spine, rules, fields, items, values, tuple(node for node in also if node is not None))


def _rules(entries: list[Any], schema: dict[str, Any]) -> Iterator[Rule]:
    around = _surroundings(schema)
    for entry in entries:
        text = mapping(entry).get("rule")
        if not isinstance(text, str) or not text.strip() or around.leaves_out(text):
            continue
        expression = text
        if re.search(r"\boldSelf\b", text):
            if entry.get("optionalOldSelf") is not True:
                continue  # a rule about changes: an object that is created has none
            expression = f"cel.bind(oldSelf, optional.none(), {text})"
        if schema.get("format") in _TYPED:
            expression = f"cel.bind(self, {_TYPED[schema['format']]}, {expression})"
        message, made = entry.get("message"), entry.get("messageExpression")
        yield Rule(
            expression,
            text.strip(),
            message.strip() if isinstance(message, str) and message.strip() else None,
            made if isinstance(made, str) and made.strip() else None,
            _field(entry.get("fieldPath")),
        )


class _Surroundings(NamedTuple):
    """What a rule can read, by name; "self" stands for the place itself."""

    names: set[str]
    typed: set[str]
    """What has a type of its own in CEL."""
    unordered: set[str]
    """Lists whose order does not count."""
    open: bool
    """Whether there are mappings with any keys."""

    def leaves_out(self, text: str) -> bool:
        """Whether a rule cannot be evaluated rightly here, or cannot be right: it reads a field that there is not."""
        bare = _STRING.sub("''", text)
        read = set(_SELECTED.findall(bare))
        if not self.open and not read <= self.names:
            return True
        if any(re.search(rf"\b{re.escape(name)}\b", bare) for name in self.typed):
            return True
        return any(_compares(bare, name) for name in self.unordered)


def _surroundings(schema: dict[str, Any]) -> _Surroundings:
    names, typed, unordered = {"apiVersion", "kind", "metadata", "name", "generateName"}, set(), set()
    is_open = False
    waiting: list[tuple[str, Any]] = [("self", schema)]
    while waiting:
        name, part = waiting.pop()
        if not isinstance(part, dict):
            continue
        if part.get("format") in _TYPED and part is not schema:
            typed.add(name)
        if REPEATED in part:
            unordered.add(name)
        is_open = is_open or isinstance(part.get("additionalProperties"), dict)
        names.update(part.get(FIELDS, ()))
        for field, inner in mapping(part.get("properties")).items():
            called = escaped(field)
            if called is not None:
                names.add(called)
                waiting.append((called, inner))
        waiting += [(name, part.get(word)) for word in ("items", "additionalProperties")]
    return _Surroundings(names, typed, unordered, is_open)


def _compares(text: str, name: str) -> bool:
    """Whether an expression compares what has a name, or a part of it, as a whole with something, or adds to it."""
    word = rf"\b{re.escape(name)}\b(?:\[[^\]]*\])*"
    return re.search(rf"{word}\s*(?:[=!]=|\+)|(?:[=!]=|\+)\s*(?:\w+\.)*{word}(?!\s*[.\[(])", text) is not None


def _field(text: Any) -> Path:
    """Read a rule's `fieldPath`, such as `.spec.foo['bar-baz']`; () for what is none."""
    if not isinstance(text, str):
        return ()
    steps = [match[1] or re.sub(r"\\(.)", r"\1", match[2]) for match in _STEP.finditer(text)]
    return tuple(steps) if "".join(match[0] for match in _STEP.finditer(text)) == text else ()


def escaped(name: str) -> str | None:
    """Return how a field is called in CEL, None for one that cannot be.

    >>> escaped("namespace"), escaped("x-y")
    ('__namespace__', 'x__dash__y')
    """
    if name in _RESERVED:
        return f"__{name}__"
    return _ESCAPED.sub(lambda match: _ESCAPES[match[0]], name) if _NAME.fullmatch(name) else None


def violations(data: dict[str, Any], rules: Node) -> list[SchemaProblem]:
    """Return the rules that an object breaks which fits its schema in every point, in order of path.

    `data` is what `structural.admitted` has made, without a status that is a resource of its own.
    """
    return [] if cel.longest(data) > cel.LONGEST else list(_Evaluation().violations((), data, rules))


class _Evaluation:
    """The evaluation of all rules over one object."""

    def __init__(self) -> None:
        self._left = _MOST_VALUES

    def violations(self, path: Path, data: Any, node: Node) -> Iterator[SchemaProblem]:
        """Yield what is wrong with a place and below it."""
        if node.rules and data is not None and not holds_template(data):
            values = cel.activation({"self": self._view(data, node.schema)})
            self._left -= _VALUES_FOR_A_RULE * len(node.rules)
            if self._left < 0:
                return
            for rule in node.rules:
                if _is_broken(rule, values):
                    yield _problem(rule, path, values)
        for part in node.also:
            yield from self.violations(path, data, part)
        if isinstance(data, dict):
            for name, item in data.items():
                below = node.fields.get(name, node.values)
                if below is not None:
                    yield from self.violations((*path, name), item, below)
        elif isinstance(data, list) and node.items is not None:
            for index, item in enumerate(data):
                yield from self.violations((*path, index), item, node.items)

    def _view(self, data: Any, schema: Any) -> Any:
        """Return data as rules see it: the fields that the schema has under their names in CEL, numbers by type."""
        self._left -= 1
        if self._left < 0 or not isinstance(schema, dict):
            return data
        if isinstance(data, list):
            return [self._view(item, schema.get("items")) for item in data]
        if not isinstance(data, dict):
            return _number(data, schema)
        if "$ref" in schema:
            return {name: data[name] for name in schema.get(FIELDS, ()) if data.get(name) is not None}
        fields, more = schema.get("properties"), schema.get("additionalProperties")
        if not isinstance(fields, dict):
            return {name: self._view(item, more) for name, item in data.items()} if isinstance(more, dict) else data
        seen = {}
        for name, item in data.items():
            called = escaped(name)
            if name in fields and item is not None and called is not None:
                seen[called] = self._view(item, fields[name])
        return seen


def _number(data: Any, schema: dict[str, Any]) -> Any:
    """Return a number as the type that it has in CEL: `1` is a double where the schema says number."""
    types = schema.get("type", ())
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        return data
    if "number" in types:
        return float(data)
    return int(data) if "integer" in types and isinstance(data, float) and data.is_integer() else data


def _is_broken(rule: Rule, values: Any) -> bool:
    try:
        return cel.program(rule.expression).evaluate(values) is False
    except (cel.EvaluationError, cel.ExpressionError, OverflowError, RecursionError):
        return False


def _problem(rule: Rule, path: Path, values: Any) -> SchemaProblem:
    place = path_text(path)
    where = f"`{_cut(place)}`" if place else "the object"
    text = _message(rule, values) or f"`{_cut(rule.text)}` must hold"
    return SchemaProblem(
        "crd-cel-rule-violated",
        "other",
        (*path, *rule.field),
        "value",
        f"{where} breaks a rule of its definition: {_cut(text)}",
        f"Change it so that this holds: `{_cut(rule.text)}`.",
    )


def _message(rule: Rule, values: Any) -> str | None:
    """Return what the definition says of a rule that is broken."""
    if rule.message_expression is not None:
        try:
            made = cel.program(rule.message_expression).evaluate(values)
        except (cel.EvaluationError, cel.ExpressionError, OverflowError, RecursionError):
            made = None
        if isinstance(made, str) and made.strip():
            return made
    return rule.message


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 1]}…"
