"""What is wrong with a single value, in plain words, and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from kube_audit.findings import Patch
from kube_audit.patterns import lazily
from kube_audit.validation.field_values import BASE64, likely_quantities
from kube_audit.validation.kubernetes import Failures, ProblemKind, SchemaProblem, Written
from kube_audit.validation.schema_wording import LONGEST_VALUE, Spot, cut, kind_of, literal, plain
from kube_audit.validation.unknown_fields import closest, same_letters, shown

_MOST_CHOICES = 20
_UNFINISHED = lazily(
    r"<[^<>]+>|\[[^\[\]]+\]|__\w+__|[A-Z][A-Z0-9]+(?:[ _-][A-Z0-9]+)*"
    r"|(?i:.*(?:your|replace|change)[ _-].*|(?:change|replace)me|todo|tbd|x{3,}|\.\.\.)"
)
_INTEGER = lazily(r"[+-]?[0-9]{1,19}\Z")
_NUMBER = lazily(r"[+-]?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,18})?\Z")
_TRUTHS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
_QUANTITY_ADVICE = 'Write a number with a unit and no blank, such as "500m", "2", "128Mi" or "1Gi".'


def value_problem(spot: Spot, failures: Failures) -> SchemaProblem:
    """Return the plainest of what a validator has against a value."""
    values = spot.node.schema.get("enum") or [c for kind in failures.get("enum", ()) for c in kind.options]
    allowed = _choices(values)
    became_other = isinstance(spot.value, (bool, int, float))
    trapped = spot.written if became_other and spot.written is not None and spot.written.plain else None
    kind: ProblemKind
    encoded = spot.node.types == ("string",) and spot.node.schema.get("pattern") == BASE64
    if "type" in failures and not (allowed and trapped) and not (encoded and became_other):
        wants_text = spot.node.types == ("string",) or (spot.custom and "string" in spot.node.types)
        if wants_text and trapped:
            return _trap(spot, trapped)
        kind, texts = "wrong-type", _wrong_type(spot)
    elif allowed and not failures.keys().isdisjoint(("enum", "type")):
        kind, texts = "bad-enum", _not_allowed(spot, allowed)
    elif spot.custom and not (spot.node.short == "Quantity" and "pattern" in failures):
        from kube_audit.validation.constraint_messages import describe

        described = describe(spot.label, spot.value, spot.found, spot.node.schema, failures)
        kind, texts = described.kind, described[1:]
    elif failures.keys() & {"minimum", "maximum"}:
        kind, texts = "other", _out_of_range(spot)
    else:
        kind, texts = "bad-format", _malformed(spot)
    placeholder = _placeholder(spot, allowed) if "type" in failures or not spot.custom else None
    if placeholder is not None:
        wanted = "one of the allowed values" if allowed else spot.wanted
        texts = (
            f"{spot.label} is {placeholder}, which reads like a placeholder; {wanted} is wanted",
            "Put the real value in its place before the object is applied.",
        )
    rule: Literal["schema-invalid", "resource-quantity-invalid"]
    rule = "resource-quantity-invalid" if kind == "bad-format" and spot.node.short == "Quantity" else "schema-invalid"
    patches: tuple[Patch, ...] = ()
    if placeholder is None and kind in ("bad-enum", "wrong-type"):
        patches = _respelt(spot, values) if kind == "bad-enum" else _unquoted(spot)
    return SchemaProblem(rule, kind, spot.path, "value", *texts, patches, "safe" if patches else None)


def _respelt(spot: Spot, allowed: Iterable[Any]) -> tuple[Patch, ...]:
    """Return what makes the one allowed value of a text that has its letters: `Exact` of `exact`."""
    texts = [value for value in allowed if isinstance(value, str)]
    alike = same_letters(spot.value, texts) if isinstance(spot.value, str) else []
    return (Patch("set", spot.path, alike[0]),) if len(alike) == 1 else ()


def _unquoted(spot: Spot) -> tuple[Patch, ...]:
    """Return what makes the number or boolean of a text that is one in quotes."""
    if (meant := _literally(spot)) is None:
        return ()
    value, schema = json.loads(meant), spot.node.schema
    fits = schema.get("minimum", value) <= value <= schema.get("maximum", value)
    return (Patch("set", spot.path, value),) if fits else ()


def _choices(values: Iterable[Any]) -> list[str]:
    """Return the values of a fixed set as they are written, without the empty text and null."""
    return [literal(value) for value in values if value is not None and value != ""]


def _trap(spot: Spot, written: Written) -> SchemaProblem:
    text = shown(written.text)
    if spot.secret:
        message = f"{spot.label} must be text, but without quotes YAML reads it as {kind_of(spot.value)}"
        remediation = "Put quotes around the value."
    else:
        became = kind_of(spot.value) if text == literal(spot.value) else plain(spot.value)
        message = f"{spot.label} must be text, but YAML reads {text} as {became}"
        remediation = f'Put quotes around it: "{text}".'
    patch = Patch("set", spot.path, written.text)
    return SchemaProblem("yaml-type-trap", "wrong-type", spot.path, "value", message, remediation, (patch,), "safe")


def _wrong_type(spot: Spot) -> tuple[str, str]:
    wanted = spot.wanted
    if spot.value is None:
        item = spot.path and isinstance(spot.path[-1], int)
        return (
            f"{spot.label} is empty, {wanted} is wanted",
            "Fill the item in or remove its `-`." if item else "Fill it in or remove it.",
        )
    return f"{spot.label} is {spot.found}, {wanted} is wanted", _advice(spot)


def _placeholder(spot: Spot, allowed: list[str]) -> str | None:
    """Describe a value that somebody has yet to fill in: PORT, <port>, [YOUR IMAGE]; None for any other."""
    value = spot.value
    if spot.secret or (allowed and isinstance(value, str) and value.isalnum()):
        # ALWAYS or RWO where a few words are allowed is a wrong word.
        return None
    collection = {"array", "object"}.intersection(spot.node.types)
    if isinstance(value, str) and not collection and _reads_unfinished(value) and value.lower() not in _TRUTHS:
        return f'the text "{value}"'
    if isinstance(value, list) and len(value) == 1 and "string" in spot.node.types:
        # [YOUR IMAGE] is a list to YAML.
        inner = value[0]
        return f"the list [{inner}]" if isinstance(inner, str) and _reads_unfinished(inner) else None
    return None


def _reads_unfinished(text: str) -> bool:
    return len(text) <= LONGEST_VALUE and _UNFINISHED.fullmatch(text) is not None


def _literally(spot: Spot) -> str | None:
    """Return the number or boolean that a text stands for where one is wanted, None where it is no such text."""
    types = spot.node.types
    if not isinstance(spot.value, str) or spot.secret:
        return None
    text = spot.value.strip()
    if "integer" in types and _INTEGER.match(text):
        return str(int(text))
    if "number" in types and _NUMBER.match(text):
        return text.removeprefix("+")
    return _TRUTHS.get(text.lower()) if "boolean" in types else None


def _advice(spot: Spot) -> str:
    value, types = spot.value, spot.node.types
    if (meant := _literally(spot)) is not None:
        return f"Write {meant} without quotes."
    if types == ("array",):
        if isinstance(value, dict):
            return "Start each item with `- `."
        if isinstance(value, str) and value.strip() and not spot.secret:
            if spot.path[-1] in ("command", "args") and " " in value.strip():
                return 'Make it a list with one item for each word: `["…", "…"]`.'
            return f"Make it a list: `[{cut(value)}]`."
        return "Write a list, each item on a line of its own that starts with `- `."
    if types == ("object",):
        if isinstance(value, list):
            if value and all(isinstance(item, dict) and item.keys() == {"name", "value"} for item in value):
                return "Write one `name: value` line for each, without `- `."
            return "Remove the `- ` in front, so that the fields stand directly below."
        return "Write its fields as `key: value` lines below it, or remove it."
    if types == ("boolean",):
        return "Write true or false, without quotes."
    if types in {("integer",), ("number",)}:
        return "Write a number, without quotes and without a unit."
    if isinstance(value, list):
        return "Write a single value, without `- ` or square brackets; quote it if it starts with `[`."
    if isinstance(value, dict):
        return "Write a single value; quote it if it holds `: ` or starts with `{`."
    if spot.node.short == "Quantity":
        return _QUANTITY_ADVICE
    if "integer" in types:
        return "Write a number, or a name in quotes."
    return "Put quotes around the value."


def _not_allowed(spot: Spot, allowed: list[str]) -> tuple[str, str]:
    if isinstance(spot.value, str):
        text, is_what = spot.value, f"`{cut(spot.value)}`"
    elif spot.written is not None and spot.written.text != literal(spot.value):
        text = spot.written.text
        is_what = f"`{shown(text)}`, which YAML reads as {plain(spot.value)}"
    else:
        text, is_what = "", spot.found
    named = [*map(cut, allowed[:_MOST_CHOICES]), f"{len(allowed) - _MOST_CHOICES} others"][: len(allowed)]
    listed = f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else named[0]
    are = "allowed are" if len(allowed) > 1 else "allowed is"
    likely = closest(text, allowed)
    if likely is None:
        return f"{spot.label} is {is_what}; {are} {listed}", f"Write one of {listed}."
    capitals = " (capital letters matter)" if likely.lower() == text.lower() else ""
    return (
        f"{spot.label} is {is_what}; {are} {listed}; did you mean {likely}{capitals}?",
        f"Write {likely}.",
    )


def _out_of_range(spot: Spot) -> tuple[str, str]:
    low, high = spot.node.schema["minimum"], spot.node.schema["maximum"]
    return (
        f"{spot.label} is {spot.found}, which does not fit this field",
        f"Write a whole number from {low} to {high}.",
    )


def _malformed(spot: Spot) -> tuple[str, str]:
    if spot.node.short == "Quantity":
        message = f"{spot.label} is {spot.found}, which is no quantity"
        likely = likely_quantities(spot.value)
        if likely:
            return f"{message}; did you mean {' or '.join(likely)}?", f"Write {likely[0]}."
        return message, _QUANTITY_ADVICE
    if spot.node.short == "Time":
        return (
            f"{spot.label} is {spot.found}, which is no time as Kubernetes writes it",
            "Write it like 2024-12-31T23:59:59Z, or remove it.",
        )
    message = f"{spot.label} is not valid base64"
    if spot.path[:1] == ("data",):
        return message, "Put the plain text under `stringData` instead, or encode it: `printf %s VALUE | base64`."
    return message, "Encode it with `base64`, without blanks."
