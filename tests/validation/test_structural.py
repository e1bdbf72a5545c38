"""Schemas of custom resources: the verdicts of an API server, those of another validator, and hostile definitions."""

from __future__ import annotations

import copy
import functools
import json
import re
from pathlib import Path as FilePath
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kube_audit.manifests.objects import Object, objects
from kube_audit.manifests.text import decode
from kube_audit.manifests.yaml import documents
from kube_audit.validation import structural
from kube_audit.validation.crds import CustomSchema, UnusableSchema, Version, custom_kind
from kube_audit.validation.definitions import newest_version
from kube_audit.validation.kubernetes import REPEATED
from kube_audit.validation.string_formats import FORMATS
from tests.corpus import CORPUS, corpus_files, needs_corpus

RECORDED = json.loads((FilePath(__file__).parent / "api_server_verdicts.json").read_text("utf-8"))["cases"]
HEAD = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "one"}}


def compiled(schema: dict[str, Any], *, plain: bool = False, has_status: bool = False) -> CustomSchema:
    version = Version("v1", True, schema, has_status, closed=not plain, plain=plain)
    return CustomSchema(version, "example.com/v1", "Thing", newest_version())


def of_spec(spec: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": spec}}


def refused(schema: dict[str, Any], **fields: Any) -> list[str]:
    """Return what is said of an object with these fields beside its metadata."""
    made = compiled(schema)
    data = made.admitted({**HEAD, **fields})
    found = [problem.message for problem in made.problems(data, lambda path: None)]
    assert made.fits(data) is (not found)
    return found


# An API server's verdicts.


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"schema-{RECORDED.index(case)}")
def test_objects_are_refused_just_where_an_api_server_refuses_them(case: dict[str, Any]) -> None:
    schema = compiled(case["schema"], has_status=case["status"])
    for one in case["objects"]:
        data = schema.admitted({**HEAD, **one["object"]})
        found = schema.problems(data, lambda path: None)
        assert bool(found) is bool(one["errors"]), (one, found)
        assert schema.fits(data) is not bool(one["errors"])


def test_the_recorded_verdicts_hold_every_kind_of_refusal() -> None:
    told = "\n".join(error for case in RECORDED for one in case["objects"] for error in one["errors"])
    kinds = (
        "unknown: ",
        "coerce: ",
        "embedded: ",
        "Duplicate value",
        "Required value",
        "Unsupported value",
        "must be of type",
        "Too long",
        "Too many",
        "should match",
        "should be greater than",
        "should be less than",
        "should be a multiple of",
        "must validate one and only one schema (oneOf)",
        "must validate at least one schema (anyOf)",
        "must validate all the schemas (allOf)",
        "must not validate the schema (not)",
    )
    assert [kind for kind in kinds if kind not in told] == []


def test_a_field_without_a_place_in_the_schema_is_unknown_even_where_anything_seems_allowed() -> None:
    nested = of_spec({"type": "object", "properties": {"metadata": {"type": "object"}}})
    assert refused(nested, spec={"metadata": {"labels": {"a": "b"}}}) == [
        "unknown field `labels` in `metadata`; its definition names no fields here"
    ]
    free = of_spec({"type": "object", "additionalProperties": True})
    assert refused(free, spec={"a": {"b": 1}}) == ["unknown field `b` in `a`; its definition names no fields here"]
    assert refused(free, spec={"a": 1}) == []


def test_status_is_dropped_before_it_is_judged_where_it_is_a_resource_of_its_own() -> None:
    schema = {
        "type": "object",
        "properties": {
            "status": {"type": "object", "required": ["phase"], "properties": {"phase": {"type": "string"}}}
        },
    }
    data = {**HEAD, "status": {"phase": 1}}
    assert compiled(schema, has_status=True).fits(data)
    assert not compiled(schema).fits(data)
    assert not compiled(schema, has_status=True).fits({**HEAD, "status": {"pase": "x"}})


def test_metadata_is_that_of_every_object_with_what_the_definition_demands_of_the_name() -> None:
    schema = {
        "type": "object",
        "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}}}},
    }
    assert refused(schema, metadata={"name": "much-too-long"}) == [
        "`name` has 13 characters, and must have at most 5 characters"
    ]
    assert refused(schema, metadata={"name": "a", "labels": {"a": 1}, "annotation": {}}) == [
        "unknown field `annotation` in `metadata`; did you mean `annotations`?",
        "`labels.a` is the number 1, text is wanted",
    ]
    assert refused(schema, metadata={"name": "a", "creationTimestamp": None, "finalizers": None}) == []


def test_a_default_is_there_before_the_object_is_judged() -> None:
    spec = {
        "type": "object",
        "required": ["mode"],
        "properties": {"mode": {"type": "string", "default": "fast"}, "size": {"type": "integer"}},
        "oneOf": [{"required": ["mode"]}, {"required": ["size"]}],
    }
    assert refused(of_spec(spec), spec={}) == []
    assert refused(of_spec(spec), spec={"size": 1}) == ["`spec` has `mode` and `size`, and may have only one of them"]
    data = {**HEAD, "spec": {"mode": None}}
    assert compiled(of_spec(spec)).admitted(data)["spec"] == {"mode": "fast"}
    assert data["spec"] == {"mode": None}


def test_null_counts_as_a_value_only_where_the_definition_says_so() -> None:
    spec = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "nullable": True}}}
    assert refused(of_spec(spec), spec={"a": None}) == []
    spec["properties"] = {"a": {"type": "string"}}
    assert refused(of_spec(spec), spec={"a": None}) == ["`spec` has no `a`, which its definition requires"]


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("^[[:alpha:]]+$", "abc", "a1"),
        (r"^[\w-.]+$", "a-.b", "a b"),
        ("^a{,2}$", "a{,2}", "aa"),
        (r"^\d+$", "12", "٣"),
        ("^a$", "a", "a\n"),
    ],
)
def test_patterns_are_read_as_go_reads_them(pattern: str, fits: str, fits_not: str) -> None:
    schema = of_spec({"type": "string", "pattern": pattern})
    assert refused(schema, spec=fits) == []
    (message,) = refused(schema, spec=fits_not)
    assert message.endswith(f"which does not match the pattern {pattern}")


def test_a_pattern_that_backtracks_elsewhere_costs_no_time() -> None:
    for pattern in ("^(a+)+$", "^(a|a)*[[:digit:]]$"):
        assert len(refused(of_spec({"type": "string", "pattern": pattern}), spec="a" * 50_000 + "!")) == 1


# A plain JSON Schema, as collections of schemas have them.


def test_a_plain_json_schema_says_itself_which_fields_are_unknown() -> None:
    part = {"type": "object", "properties": {"a": {"type": "string"}}}
    schema = of_spec({**part, "additionalProperties": False})
    assert not compiled(schema, plain=True).fits({**HEAD, "spec": {"b": 1}})
    assert compiled(of_spec(part), plain=True).fits({**HEAD, "spec": {"b": 1}})
    kept = of_spec({**part, "additionalProperties": False, "x-kubernetes-preserve-unknown-fields": True})
    assert compiled(kept, plain=True).fits({**HEAD, "spec": {"b": 1}})


def test_a_plain_json_schema_may_refer_within_itself_and_not_beyond() -> None:
    schema = of_spec({"$ref": "#/definitions/Spec"})
    schema["definitions"] = {
        "Spec": {"type": "object", "required": ["a"], "properties": {"next": {"$ref": "#/definitions/Spec"}}}
    }
    made = compiled(schema, plain=True)
    (problem,) = made.problems({**HEAD, "spec": {"a": 1, "next": {}}}, lambda path: None)
    assert problem.message == "`next` has no `a`, which its definition requires"
    for elsewhere in ("https://example.com/schema.json", "file:///etc/passwd", "other.json#/definitions/A"):
        with pytest.raises(UnusableSchema):
            compiled(of_spec({"$ref": elsewhere}), plain=True)


def test_a_plain_json_schema_may_say_true_or_false_for_a_schema() -> None:
    part = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"a": True, "b": False, "c": {"items": True}},
    }
    made = compiled(of_spec(part), plain=True)
    assert made.fits({**HEAD, "spec": {"a": [1], "c": [1]}})
    found = made.problems({**HEAD, "spec": {"b": 1, "d": 1}}, lambda path: None)
    assert [problem.path for problem in found] == [("spec", "b"), ("spec", "d")]


def test_a_definition_cannot_refer_to_anything() -> None:
    schema = of_spec(
        {"$ref": "#", "type": "object", "if": {"$ref": "https://example.com"}, "properties": {"a": {"$ref": "x"}}}
    )
    assert refused(schema, spec={"a": 1}) == []


# Another validator on the same JSON Schema.


def _referee(schema: CustomSchema) -> Any:
    def repeated(validator: Any, value: Any, instance: Any, parent: Any) -> Any:
        for error in structural.WithoutRepetition(parent, value, []).iter_errors(instance):
            yield jsonschema.ValidationError(str(error))

    checker = jsonschema.FormatChecker(formats=())
    for name, one in FORMATS.items():
        checker.checks(structural.FORMAT + name)(lambda text, holds=one.holds: not isinstance(text, str) or holds(text))
    extend: Any = jsonschema.validators.extend
    kind = extend(jsonschema.Draft202012Validator, {REPEATED: repeated})
    return kind(schema.document, format_checker=checker)


@functools.cache
def _in_corpus() -> tuple[dict[tuple[str, str], CustomSchema], list[Object]]:
    found: list[Object] = []
    for file in corpus_files():
        text, _ = decode(file.read_bytes())
        for document in documents(text):
            found.extend(objects(str(file.relative_to(CORPUS)), document))
    schemas = {}
    for obj in found:
        defined = custom_kind(obj)
        if defined is None:
            continue
        for version in defined.versions.values():
            api_version = f"{defined.group}/{version.name}"
            schemas[api_version, defined.kind] = CustomSchema(version, api_version, defined.kind, newest_version())
    return schemas, [obj for obj in found if (obj.api_version, obj.kind) in schemas]


@needs_corpus
def test_every_definition_of_the_corpus_compiles_and_most_real_objects_fit() -> None:
    schemas, found = _in_corpus()
    assert len(schemas) > 40
    fitting = [obj for obj in found if (s := schemas[obj.api_version, obj.kind]).fits(s.admitted(obj.data_with_nulls))]
    assert len(fitting) > len(found) / 4 > 2


@needs_corpus
def test_another_validator_agrees_on_real_objects_and_on_damaged_ones() -> None:
    schemas, found = _in_corpus()
    referees = {key: _referee(schema) for key, schema in schemas.items()}
    verdicts = set()
    for obj in found:
        schema, referee = schemas[obj.api_version, obj.kind], referees[obj.api_version, obj.kind]
        for data in (obj.data_with_nulls, *_damaged(obj.data_with_nulls)):
            admitted = schema.admitted(data)
            fits = schema.fits(admitted)
            assert fits is referee.is_valid(admitted), (obj.file, obj.ref, data)
            verdicts.add(fits)
    assert verdicts == {True, False}


def _damaged(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return copies of an object with one value, each from the top, replaced by one of another type."""
    found = []
    others: list[Any] = ["x", 7, True, [], {}, {"a": None}, None]
    for field in [*data.get("spec", ())][:20]:
        for other in others:
            made = copy.deepcopy(data)
            made["spec"][field] = other
            found.append(made)
    return found


# Hostile definitions.

junk: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats()
    | st.sampled_from(["", "object", "string", "(", "a", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "type", "properties"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYWORDS = """
$ref $defs additionalProperties allOf anyOf default definitions enum exclusiveMinimum format items maxLength metadata
minimum multipleOf not nullable oneOf pattern patternProperties properties required type x-re2
x-kubernetes-embedded-resource x-kubernetes-int-or-string x-kubernetes-list-map-keys x-kubernetes-list-type
x-kubernetes-preserve-unknown-fields x-kubernetes-validations
"""
keywords = st.sampled_from(KEYWORDS.split())
parts = st.dictionaries(keywords, junk, max_size=6)
schemas = st.recursive(
    parts,
    lambda inner: st.builds(
        lambda part, fields, word: {**part, word: fields, "properties": {"a": fields, "spec": fields}},
        parts,
        inner,
        st.sampled_from(["items", "not", "additionalProperties"]),
    ),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(schemas, st.booleans(), junk)
def test_whatever_a_definition_holds_it_is_used_or_refused(schema: dict[str, Any], plain: bool, value: Any) -> None:
    before = copy.deepcopy(schema)
    try:
        made = compiled(schema, plain=plain)
    except UnusableSchema:
        made = None
    if made is not None:
        for spec in (value, {"a": value}, [value]):
            data = made.admitted({**HEAD, "spec": spec})
            made.fits(data)
            assert all(problem.message for problem in made.problems(data, lambda path: None))
    assert repr(schema) == repr(before)


@pytest.mark.parametrize("pattern", ["(a{1000}){1000}", "(" * 5000, "a" * 100_000, "(?<=a)b", "\\"])
def test_a_pattern_that_is_none_is_no_fault_of_the_object(pattern: str) -> None:
    refused(of_spec({"type": "string", "pattern": pattern}), spec="a")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "enum": "x" * 10**6},
        {"properties": {"a": 5}},
        {"required": "a"},
        {"minLength": -1},
    ],
)
def test_a_schema_that_is_none_is_refused_with_a_short_reason(schema: dict[str, Any]) -> None:
    with pytest.raises(UnusableSchema) as caught:
        compiled(of_spec(schema))
    assert 0 < len(str(caught.value)) < 400


def test_a_schema_nested_to_the_readers_limit_is_met() -> None:
    deep: dict[str, Any] = {"type": "object"}
    for _ in range(190):
        deep = {"type": "object", "properties": {"a": deep}}
    with pytest.raises(UnusableSchema, match="Recursion limit"):
        compiled(deep)


def test_the_words_for_a_value_are_never_longer_than_a_few_lines() -> None:
    long = "x" * 5000
    schema = of_spec(
        {"type": "object", "properties": {"a": {"type": "string", "pattern": f"^{long}$"}, "b": {"enum": [long] * 50}}}
    )
    messages = refused(schema, spec={"a": "y" * 5000, "b": "z" * 5000, long: 1})
    assert len(messages) == 3
    assert all(len(re.sub(r"\s+", " ", message)) < 2000 for message in messages)
