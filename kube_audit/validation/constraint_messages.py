"""What a definition demands beyond types, in plain words: bounds, lengths, patterns, formats, and shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from kube_audit.manifests.objects import mapping
from kube_audit.records import NamedTuple
from kube_audit.validation.kubernetes import Failures
from kube_audit.validation.string_formats import FORMATS
from kube_audit.validation.structural import FORMAT, RE2

_LONGEST_PATTERN = 120
_MOST_NAMES = 8
_COUNTED = {
    "minLength": ("at least", "character"),
    "maxLength": ("at most", "character"),
    "minItems": ("at least", "entry"),
    "maxItems": ("at most", "entry"),
    "minProperties": ("at least", "field"),
    "maxProperties": ("at most", "field"),
}
_BOUNDS = {
    "minimum": ("the smallest that is allowed is {}", "Write {} or more."),
    "maximum": ("the largest that is allowed is {}", "Write {} or less."),
    "exclusiveMinimum": ("it must be larger than {}", "Write more than {}."),
    "exclusiveMaximum": ("it must be smaller than {}", "Write less than {}."),
}
_LOOK_UP = "Look up which forms its definition allows, for instance with `kubectl explain`."


class Described(NamedTuple):
    """What to say of a value that is of the right type and refused all the same."""

    kind: Literal["bad-format", "other"]
    message: str
    remediation: str


def describe(label: str, value: Any, found: str, schema: dict[str, Any], failures: Failures) -> Described:
    """Say what is wrong with a value: the plainest of its failures, bounds before patterns, shapes last.

    `label` is the field as people speak of it, `found` says what stands there: 'the text "x"'.
    """
    for word, (which, noun) in _COUNTED.items():
        if word in failures:
            return _wrong_count(label, value, f"{which} {counted(failures[word][0].limit, noun)}", noun)
    for word, (bound, advice) in _BOUNDS.items():
        if word in failures:
            limit = failures[word][0].limit
            return Described("other", f"{label} is {found}; {bound.format(limit)}", advice.format(limit))
    if "multipleOf" in failures:
        step = failures["multipleOf"][0].multiple_of
        return Described(
            "other", f"{label} is {found}, and must be a multiple of {step}", f"Write a multiple of {step}."
        )
    for word in ("pattern", RE2):
        if word in failures:
            kind = failures[word][0]
            pattern = _cut(kind.pattern if word == "pattern" else kind.message, _LONGEST_PATTERN)
            message = f"{label} is {found}, which does not match the pattern {pattern}"
            return Described("bad-format", message, "Write a text that fits the pattern.")
    if "format" in failures:
        known = FORMATS[failures["format"][0].format.removeprefix(FORMAT)]
        message = f"{label} is {found}, which is no {known.noun}"
        return Described("bad-format", message, f"Write it like {known.example}.")
    if "uniqueItems" in failures:
        return Described("other", f"{label} has two entries that are the same", "Remove one of them.")
    for word in ("not", "oneOf", "anyOf"):
        if word in failures:
            shape = schema.get(word) or mapping(schema.get("then")).get(word)  # a nullable value has its shapes there
            return _shape(label, value, word, failures[word][0], shape)
    return Described("other", f"{label} is {found}, which its definition refuses", _LOOK_UP)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 entry", "2 entries"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def listed(names: Sequence[str], word: str) -> str:
    """Return names as people list them: "`a`, `b` and `c`", the end cut off where they are many."""
    quoted = [f"`{_cut(name, 40)}`" for name in names[:_MOST_NAMES]]
    if len(names) > _MOST_NAMES:
        quoted.append("others")
    return f"{', '.join(quoted[:-1])} {word} {quoted[-1]}" if len(quoted) > 1 else quoted[0]


def _wrong_count(label: str, value: Any, wanted: str, noun: str) -> Described:
    has = f"has {counted(len(value), noun)}" if value else "is empty"
    return Described("other", f"{label} {has}, and must have {wanted}", f"Give it {wanted}.")


def _shape(label: str, value: Any, word: str, kind: Any, schema: Any) -> Described:
    """Say which of several shapes a value has to have, as far as they differ in the fields that must be there."""
    if word == "not":
        names = _demanded(schema)
        if names:
            together, which = (" together", "one of them") if len(names) > 1 else ("", listed(names, "and"))
            return Described("other", f"{label} cannot have {listed(names, 'and')}{together}", f"Remove {which}.")
        return Described("other", f"{label} has a form that its definition rules out", _LOOK_UP)
    branches = [_demanded(branch) for branch in schema] if isinstance(schema, list) else []
    context: list[list[Any]] = kind.context
    if len(branches) != len(context) or not all(branches):
        branches = []
    if any(not errors for errors in context):
        fitting = [names for names, errors in zip(branches, context, strict=False) if not errors]
        if fitting:
            both = listed([names[0] for names in fitting], "and")
            return Described("other", f"{label} has {both}, and may have only one of them", "Keep one of them.")
        return Described(
            "other", f"{label} fits several of the forms in its definition, and may fit only one", _LOOK_UP
        )
    if branches and not any(name in value for names in branches for name in names if isinstance(value, dict)):
        either = " or ".join(dict.fromkeys(listed(names, "and") for names in branches))
        return Described("other", f"{label} needs {either}", f"Add {either}.")
    nearest = min(context, key=len, default=[])
    missing = [error.kind.property for error in nearest if error.kind.name == "required"]
    hint = f"; the nearest lacks {listed(missing, 'and')}" if missing and len(missing) == len(nearest) else ""
    return Described("other", f"{label} fits none of the {len(context)} forms in its definition{hint}", _LOOK_UP)


def _demanded(schema: Any) -> list[str]:
    """Return the fields that a schema demands where that is all it says, else []."""
    if not isinstance(schema, dict) or not schema.keys() <= {"required", "properties"}:
        return []
    names = schema.get("required")
    empty = all(part == {} for part in schema.get("properties", {}).values())
    return names if isinstance(names, list) and empty else []


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
