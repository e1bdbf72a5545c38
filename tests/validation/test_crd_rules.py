"""CEL rules of definitions: which run, what they see, what is said; and that none of them is a false alarm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kube_audit.findings import Path, path_text
from kube_audit.validation.crd_rules import escaped
from kube_audit.validation.crds import CustomSchema, UnusableSchema, Version
from kube_audit.validation.definitions import newest_version
from tests.support import audit_text
from tests.validation.test_custom_resources import definition, shop

HEAD = {"apiVersion": "example.com/v1", "kind": "Shop", "metadata": {"name": "one", "namespace": "here"}}
TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
MAP = {"type": "object", "additionalProperties": WHOLE}
LIST_MAP = {
    "type": "array",
    "items": {"type": "object", "properties": {"name": TEXT}},
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}


def ruled(schema: dict[str, Any], *rules: str | dict[str, Any]) -> dict[str, Any]:
    entries = [{"rule": rule} if isinstance(rule, str) else rule for rule in rules]
    return {**schema, "x-kubernetes-validations": entries}


def fields(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def broken(schema: dict[str, Any], spec: Any, *, has_status: bool = False, **more: Any) -> list[tuple[str, str]]:
    """Return path and message of the rules that an object breaks, whose spec and all else have a schema."""
    whole = schema if "spec" in schema.get("properties", {}) else fields(spec=schema)
    made = CustomSchema(Version("v1", True, whole, has_status, closed=True), "example.com/v1", "Shop", newest_version())
    data = made.admitted({**HEAD, "spec": spec, **more})
    assert made.fits(data)
    return [(path_text(problem.path), problem.message) for problem in made.broken_rules(data)]


def holds(schema: dict[str, Any], spec: Any) -> bool:
    return not broken(schema, spec)


# What `self` is. Each verdict is that of k8s.io/apiextensions-apiserver v0.34.1.


@pytest.mark.parametrize(
    ("schema", "spec", "rule", "verdict"),
    [
        (WHOLE, 3, "self > 2", True),
        (WHOLE, 3, "self > 3", False),
        (NUMBER, 3, "self / 2.0 == 1.5", True),
        (NUMBER, 3, "type(self) == double", True),
        (TEXT, "abc", "self.size() == 3 && self.matches('^[[:alpha:]]+$')", True),
        (TEXT, "ab1", "self.matches('^[[:alpha:]]+$')", False),
        ({"type": "boolean"}, False, "self", False),
        ({"x-kubernetes-int-or-string": True}, "5%", "type(self) == int || self.endsWith('%')", True),
        ({"x-kubernetes-int-or-string": True}, 5, "type(self) == string", False),
        (fields(a=WHOLE), {}, "!has(self.a)", True),
        (fields(a={**WHOLE, "default": 1}), {}, "has(self.a) && self.a == 1", True),
        (fields(a={**WHOLE, "nullable": True}), {"a": None}, "!has(self.a)", True),
        (fields(a=WHOLE), {"a": None}, "!has(self.a)", True),
        (fields(a=WHOLE), {"a": 1}, "self.?a.orValue(0) == 1", True),
        (fields(namespace=TEXT), {"namespace": "x"}, "self.__namespace__ == 'x'", True),
        (fields(**{"x-y": TEXT}), {"x-y": "x"}, "self.x__dash__y == 'x'", True),
        (fields(**{"x.y/z": TEXT}), {"x.y/z": "x"}, "self.x__dot__y__slash__z == 'x'", True),
        (fields(a__b=TEXT), {"a__b": "x"}, "self.a__underscores__b == 'x'", True),
        ({"type": "object", "additionalProperties": WHOLE}, {"a-b": 1, "c": 2}, "self.all(k, self[k] < 2)", False),
        (
            {"type": "object", "additionalProperties": WHOLE},
            {"a-b": 1},
            "self['a-b'] == 1 && 'c' in self == false",
            True,
        ),
        ({"type": "array", "items": WHOLE}, [1, 2], "self.sum() == 3 && self.isSorted()", True),
        ({"type": "array", "items": TEXT}, ["a", "a"], "self.all(x, self.exists_one(y, x == y))", False),
        (fields(limit=TEXT), {"limit": "1Gi"}, "quantity(self.limit).isLessThan(quantity('512Mi'))", False),
        (fields(a=TEXT), {"a": "10.0.0.1"}, "isIP(self.a) && cidr('10.0.0.0/8').containsIP(self.a)", True),
        (fields(a=TEXT), {"a": "ftp://x"}, "url(self.a).getScheme() == 'https'", False),
        (fields(a=TEXT), {"a": "X y"}, "!format.dns1123Label().validate(self.a).hasValue()", False),
        (
            {**TEXT, "format": "date-time"},
            "2024-01-01T02:00:00+02:00",
            "self == timestamp('2024-01-01T00:00:00Z')",
            True,
        ),
        ({**TEXT, "format": "date"}, "2024-01-01", "self.getFullYear() == 2024", True),
        ({**TEXT, "format": "duration"}, "90s", "self == duration('1m30s')", True),
        ({**TEXT, "format": "byte"}, "YWJj", "self == b'abc'", True),
    ],
)
def test_a_rule_sees_what_it_sees_on_an_api_server(schema: dict[str, Any], spec: Any, rule: str, verdict: bool) -> None:
    assert holds(ruled(schema, rule), spec) is verdict


def test_a_whole_number_written_with_a_point_is_whole_as_kubectl_sends_it() -> None:
    assert holds(ruled(WHOLE, "type(self) == int"), 3.0)


def test_the_whole_object_has_type_name_and_what_the_definition_names_of_its_metadata() -> None:
    rule = "self.kind == 'Shop' && self.metadata.name == 'one' && self.spec == 1"
    assert broken(ruled(fields(spec=WHOLE), rule), 1) == []
    assert broken(ruled(fields(spec=WHOLE), rule), 2) == [
        ("", f"the object breaks a rule of its definition: `{rule}` must hold")
    ]
    embedded = ruled(
        {
            **fields(metadata=fields(labels={"type": "object", "additionalProperties": TEXT})),
            "x-kubernetes-embedded-resource": True,
        },
        "self.metadata.labels['a'] == 'b' && self.kind == 'Pod'",
    )
    spec: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": "b"}}}
    assert holds(embedded, spec)
    spec["metadata"]["labels"] = {"a": "c"}
    assert not holds(embedded, spec)


def test_rules_hold_at_every_level_and_for_every_item() -> None:
    item = ruled(fields(a=ruled(WHOLE, "self > 1")), "self.a < 9")
    schema = fields(
        list={"type": "array", "items": item},
        map={"type": "object", "additionalProperties": item},
        deep=fields(**{"x-y": item}),
    )
    spec = {"list": [{"a": 2}, {"a": 1}, {"a": 9}], "map": {"k": {"a": 1}}, "deep": {"x-y": {"a": 10}}}
    assert [path for path, _ in broken(schema, spec)] == [
        "spec.list[1].a",
        "spec.list[2]",
        "spec.map.k.a",
        "spec.deep.x-y",
    ]


def test_rules_in_an_allof_hold_for_the_place_around_it() -> None:
    schema = {**fields(a=WHOLE), "allOf": [ruled({"properties": {"a": ruled({}, "self < 5")}}, "self.a > 1")]}
    assert [path for path, _ in broken(schema, {"a": 1})] == ["spec"]
    assert [path for path, _ in broken(schema, {"a": 7})] == ["spec.a"]


def test_rules_of_a_status_that_is_a_resource_of_its_own_are_not_asked() -> None:
    schema = fields(spec=WHOLE, status=ruled(fields(a=WHOLE), "self.a > 1"))
    assert broken(schema, 1, status={"a": 1}, has_status=True) == []
    assert len(broken(schema, 1, status={"a": 1})) == 1


# What is said.


def test_the_message_is_the_definitions_own_else_the_rule() -> None:
    rules = (
        {"rule": "self.a > 1", "message": " a is\nmore "},
        {"rule": "self.a > 2", "messageExpression": "'a is ' + string(self.a)", "message": "unused"},
        {"rule": "self.a > 3", "messageExpression": "'a is ' + self.b", "message": "instead"},
        {"rule": "self.a > 4", "messageExpression": "this is no CEL"},
    )
    said = [message for _, message in broken(ruled(fields(a=WHOLE, b=WHOLE), *rules), {"a": 1})]
    start = "`spec` breaks a rule of its definition: "
    assert said == [f"{start}a is more", f"{start}a is 1", f"{start}instead", f"{start}`self.a > 4` must hold"]


@pytest.mark.parametrize(
    ("field", "path"),
    [
        (".a", "spec.a"),
        (".a.b", "spec.a.b"),
        ("['x-y']", "spec.x-y"),
        (".a['it\\'s']", 'spec.a["it\'s"]'),
        ("a", "spec"),
        (".a[0]", "spec"),
        (5, "spec"),
    ],
)
def test_a_rule_may_say_which_field_is_wrong(field: Any, path: str) -> None:
    rule = {"rule": "self.n > 1", "fieldPath": field}
    assert [where for where, _ in broken(ruled(fields(n=WHOLE), rule), {"n": 1})] == [path]


def test_a_finding_stands_at_its_field_with_the_definitions_words_and_the_rule() -> None:
    rule = {"rule": "self.low <= self.high", "message": "low exceeds high", "fieldPath": ".low"}
    made = definition(ruled(fields(low=WHOLE, high=WHOLE), rule))
    (finding,) = audit_text(f"{made}\n---\n{shop('{low: 2, high: 1}')}", select=["crd-cel-rule-violated"]).findings
    assert (finding.span.line, finding.span.column, finding.severity) == (6, 13, "error")
    assert finding.message == "`spec` breaks a rule of its definition: low exceeds high"
    assert finding.remediation == "Change it so that this holds: `self.low <= self.high`."


def test_rules_wait_until_the_object_fits_its_schema() -> None:
    made = definition(ruled(fields(a=WHOLE, b=TEXT), "self.a > 1"))
    rules = ["crd-cel-rule-violated", "schema-invalid"]
    found = audit_text(f"{made}\n---\n{shop('{a: 1, b: []}')}", select=rules).findings
    assert [finding.rule for finding in found] == ["schema-invalid"]


# What is left out.


@pytest.mark.parametrize(
    ("schema", "spec", "rule"),
    [
        (fields(a=WHOLE), {"a": 1}, "self.a > oldSelf.a"),
        (fields(a=WHOLE), {"a": 1}, "this is no CEL"),
        (fields(a=WHOLE), {"a": 1}, "self.a > 'x'"),
        (fields(a=WHOLE), {}, "self.a > 1"),
        (fields(a=WHOLE), {"a": 0}, "1 / self.a > 1"),
        (fields(a=WHOLE), {"a": 1}, "self.a"),
        (fields(a=WHOLE), {"a": 1}, "has(self.b)"),
        (fields(a=WHOLE), {"a": 1}, "self.unheardOf()"),
        (fields(a=TEXT), {"a": "${A}"}, "self.a == 'x'"),
        (fields(a={**TEXT, "format": "duration"}), {"a": "90s"}, "self.a == '90s'"),
        (fields(a={"type": "array", "items": {**TEXT, "format": "date"}}), {"a": []}, "self.a.size() > 0"),
        (
            fields(a={"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}),
            {"a": ["x", "z"]},
            "self.a == ['z', 'x']",
        ),
        (fields(a={"x-kubernetes-preserve-unknown-fields": True}), {"a": {"b": 1}}, "has(self.a.c)"),
    ],
)
def test_a_rule_that_cannot_be_judged_for_certain_says_nothing(schema: dict[str, Any], spec: Any, rule: str) -> None:
    assert holds(ruled(schema, rule), spec)


def test_a_rule_about_changes_is_asked_where_the_old_object_is_optional() -> None:
    rule = {"rule": "oldSelf.hasValue() || self.a > 1", "optionalOldSelf": True}
    assert not holds(ruled(fields(a=WHOLE), rule), {"a": 1})
    assert holds(ruled(fields(a=WHOLE), {**rule, "rule": "!oldSelf.hasValue()"}), {"a": 1})


def test_a_list_that_is_compared_by_a_field_of_its_items_is_asked() -> None:
    items = {
        "type": "array",
        "items": fields(name=TEXT),
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }
    assert not holds(
        ruled(fields(a=items), "self.a.all(x, x.name == 'b') && size(self.a) == 1"), {"a": [{"name": "c"}]}
    )


def test_an_object_that_is_too_long_for_rules_is_left_to_the_schema() -> None:
    items = ruled({"type": "array", "items": WHOLE}, "self.all(x, x > 0)")
    assert not holds(items, [0] * 2000)
    assert holds(items, [0] * 2001)


def test_thousands_of_rules_over_a_large_object_end_soon() -> None:
    schema: dict[str, Any] = ruled(fields(a={"type": "array", "items": WHOLE}), *["self.a.all(x, x > 0)"] * 50)
    for _ in range(20):
        schema = ruled(fields(b=schema), "has(self.b)")
    spec: dict[str, Any] = {"a": [1] * 1900}
    for _ in range(20):
        spec = {"b": spec}
    many = {"type": "array", "items": schema}
    assert broken(many, [spec] * 100) == []


@pytest.mark.parametrize(
    ("name", "in_cel"),
    [
        ("a", "a"),
        ("namespace", "__namespace__"),
        ("in", "__in__"),
        ("x-y", "x__dash__y"),
        ("a__b", "a__underscores__b"),
        ("9a", None),
        ("a b", None),
        ("", None),
        ("é", None),
    ],
)
def test_names_are_escaped_as_cel_has_them(name: str, in_cel: str | None) -> None:
    assert escaped(name) == in_cel


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "x-y", "in"]), inner, max_size=3)
    ),
    max_leaves=6,
)
expressions = st.sampled_from(
    [
        "self.a > 1",
        "self",
        "self.all(x, x)",
        "has(self.a.b)",
        "((",
        "'",
        "self.a + self.b",
        "oldSelf",
        "self['a']",
        "\ud800",
    ]
)
entries = st.lists(
    st.fixed_dictionaries(
        {"rule": expressions | junk},
        optional={
            "message": junk,
            "messageExpression": expressions,
            "fieldPath": junk,
            "optionalOldSelf": st.booleans(),
        },
    )
    | junk,
    max_size=3,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(entries, entries, junk)
def test_whatever_rules_and_data_are_nothing_fails(outer: list[Any], inner: list[Any], value: Any) -> None:
    keep = {"x-kubernetes-preserve-unknown-fields": True}
    part = {**keep, "x-kubernetes-validations": inner}
    spec = {"properties": {"a": part, "b": part}, "additionalProperties": part, "items": part, **keep}
    whole = fields(spec={**spec, "x-kubernetes-validations": outer})
    try:
        made = CustomSchema(Version("v1", True, whole, False, closed=True), "example.com/v1", "Shop", newest_version())
    except UnusableSchema:  # text that is no Unicode
        assume(False)
    data = made.admitted({**HEAD, "spec": value})
    found: list[Path] = [problem.path for problem in made.broken_rules(data)]
    assert all(path[0] == "spec" for path in found)
