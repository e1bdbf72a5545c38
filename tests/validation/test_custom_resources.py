"""Custom resources against their definitions: which definition holds, and what is said where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kube_audit.findings import AuditResult
from tests.support import audit_text, audit_texts

RULES = (
    "schema-invalid",
    "yaml-type-trap",
    "resource-quantity-invalid",
    "list-map-key-duplicate",
    "metadata-scope-mismatch",
    "api-version-deprecated",
)
SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "mode": {"type": "string", "enum": ["fast", "slow"]},
        "note": {"type": "string", "maxLength": 10},
    },
}


def definition(
    spec: dict[str, Any] = SPEC, versions: tuple[str, ...] = ("v1",), scope: str = "Namespaced", **of_last: Any
) -> str:
    """Return a definition of the kind Shop in example.com, all of whose versions have the same spec."""
    schema = {"type": "object", "required": ["spec"], "properties": {"spec": spec}}
    entries = [
        {"name": name, "served": True, "storage": name == versions[0], "schema": {"openAPIV3Schema": schema}}
        for name in versions
    ]
    entries[-1] |= of_last
    names = {"plural": "shops", "kind": "Shop"}
    return json.dumps(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "shops.example.com"},
            "spec": {"group": "example.com", "scope": scope, "names": names, "versions": entries},
        }
    )


def shop(spec: str = "{size: 3}", version: str = "v1", metadata: str = "name: one") -> str:
    return f"apiVersion: example.com/{version}\nkind: Shop\nmetadata: {{{metadata}}}\nspec: {spec}\n"


def audited(*documents: str) -> AuditResult:
    return audit_text("\n---\n".join(documents), select=RULES)


def said(*documents: str) -> list[str]:
    """Return what is said of several documents of one file."""
    return [finding.message for finding in audited(*documents).findings]


def said_of(spec: dict[str, Any], written: str) -> list[str]:
    """Return what is said of a Shop with a spec as it is written, by a definition of its fields."""
    return said(definition({"type": "object", "properties": spec}), shop(written))


# What is said, and where.


def test_each_mistake_is_told_at_its_own_line_and_column() -> None:
    manifest = "apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: one}\nspec:\n  sise: 3\n  mode: Fast\n"
    found = audit_texts({"crd.yaml": definition(), "shop.yaml": manifest}, select=RULES).findings
    assert [(f.file, f.span.line, f.span.column, f.message) for f in found] == [
        ("shop.yaml", 5, 3, "unknown field `sise` in `spec`; did you mean `size`?"),
        (
            "shop.yaml",
            6,
            9,
            "`mode` is `Fast`; allowed are fast and slow; did you mean fast (capital letters matter)?",
        ),
    ]


@pytest.mark.parametrize(
    ("schema", "written", "message"),
    [
        ({"type": "integer"}, '"3"', '`a` is the text "3", a whole number is wanted'),
        ({"type": "string"}, "3", "`a` must be text, but YAML reads 3 as a number"),
        ({"type": "string"}, "yes", "`a` must be text, but YAML reads yes as true"),
        ({"type": "array", "items": {"type": "string"}}, "x", '`a` is the text "x", a list is wanted'),
        ({"type": "object"}, "[x]", "`a` is a list, a mapping is wanted"),
        ({"x-kubernetes-int-or-string": True}, "1.5", "`a` must be text, but YAML reads 1.5 as a number"),
        ({"type": "integer", "minimum": 5}, "3", "`a` is the number 3; the smallest that is allowed is 5"),
        ({"type": "number", "maximum": 1.5}, "3", "`a` is the number 3; the largest that is allowed is 1.5"),
        (
            {"type": "integer", "minimum": 3, "exclusiveMinimum": True},
            "3",
            "`a` is the number 3; it must be larger than 3",
        ),
        ({"type": "integer", "multipleOf": 2}, "3", "`a` is the number 3, and must be a multiple of 2"),
        ({"type": "string", "minLength": 2}, "x", "`a` has 1 character, and must have at least 2 characters"),
        ({"type": "string", "minLength": 1}, '""', "`a` is empty, and must have at least 1 character"),
        ({"type": "string", "maxLength": 2}, "xyz", "`a` has 3 characters, and must have at most 2 characters"),
        ({"type": "string", "pattern": "^a"}, "xyz", '`a` is the text "xyz", which does not match the pattern ^a'),
        ({"type": "string", "format": "date-time"}, "x", '`a` is the text "x", which is no date with time'),
        ({"type": "integer", "enum": [1, 2]}, "3", "`a` is the number 3; allowed are 1 and 2"),
        (
            {"type": "array", "minItems": 1, "items": {"type": "string"}},
            "[]",
            "`a` is empty, and must have at least 1 entry",
        ),
        (
            {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "[x, z, x]",
            "`x` stands twice in `a`, first in entry 1: the API server refuses it",
        ),
        (
            {"type": "object", "minProperties": 2, "additionalProperties": {"type": "string"}},
            "{x: z}",
            "`a` has 1 field, and must have at least 2 fields",
        ),
        ({"type": "object", "not": {"required": ["x"]}, "properties": {"x": {}}}, "{x: 1}", "`a` cannot have `x`"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_wanted(schema: dict[str, Any], written: str, message: str) -> None:
    assert said_of({"a": schema}, f"{{a: {written}}}") == [message]


QUANTITY = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
    "pattern": (
        r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
        r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
    ),
}


def test_a_quantity_is_told_as_one_of_kubernetes_own() -> None:
    (finding,) = audited(
        definition({"type": "object", "properties": {"memory": QUANTITY}}), shop("{memory: 512MB}")
    ).findings
    assert finding.rule == "resource-quantity-invalid"
    assert finding.message == '`memory` is the text "512MB", which is no quantity; did you mean 512Mi or 512M?'
    assert said_of({"memory": QUANTITY}, "{memory: 1}") == []


def test_text_that_yaml_reads_as_something_else_is_mended_by_quotes() -> None:
    (finding,) = audited(definition(), shop("{size: 1, note: 12}")).findings
    assert (finding.rule, finding.fix) == ("yaml-type-trap", "safe")
    assert finding.patches[0].value == "12"


FORMS = {"a": {"type": "string"}, "b": {"type": "string"}, "c": {"type": "string"}}


@pytest.mark.parametrize(
    ("rule", "written", "message"),
    [
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, "{c: x}", "`spec` needs `a` or `b`"),
        ({"anyOf": [{"required": ["a", "b"]}, {"required": ["c"]}]}, "{}", "`spec` needs `a` and `b` or `c`"),
        (
            {"oneOf": [{"required": ["a"]}, {"required": ["b"]}, {"required": ["c"]}]},
            "{a: x, c: x}",
            "`spec` has `a` and `c`, and may have only one of them",
        ),
        (
            {"anyOf": [{"required": ["a"]}, {"properties": {"b": {"enum": ["y"]}}, "required": ["b"]}]},
            "{b: x}",
            "`spec` fits none of the 2 forms in its definition; the nearest lacks `a`",
        ),
        ({"not": {"required": ["a", "b"]}}, "{a: x, b: x}", "`spec` cannot have `a` and `b` together"),
        ({"not": {"properties": {"a": {"enum": ["x"]}}}}, "{a: x}", "`spec` has a form that its definition rules out"),
    ],
)
def test_a_choice_of_fields_is_said_in_their_names(rule: dict[str, Any], written: str, message: str) -> None:
    spec = {"type": "object", "properties": FORMS, **rule}
    assert said(definition(spec), shop(written)) == [message]


def test_a_form_is_judged_only_once_what_stands_in_it_is_right() -> None:
    spec = {"type": "object", "properties": FORMS, "oneOf": [{"required": ["b"]}, {"required": ["c"]}]}
    assert said(definition(spec), shop("{a: [x]}")) == ["`a` is a list, text is wanted"]


@pytest.mark.parametrize("value", ["${SIZE}", "{{ .Values.size }}", "$(SIZE)", "@SIZE@"])
def test_what_a_template_fills_in_is_no_problem(value: str) -> None:
    assert said(definition(), shop(f"{{size: '{value}', mode: '{value}', note: '{value} and more'}}")) == []


def test_a_form_and_a_list_with_templates_are_not_judged() -> None:
    spec = {
        "type": "object",
        "properties": {**FORMS, "l": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}},
        "oneOf": [{"required": ["b"], "properties": {"b": {"enum": ["x"]}}}],
    }
    assert said(definition(spec), shop("{b: '${B}', l: ['${L}', '${L}']}")) == []


def test_no_message_shows_what_may_be_a_secret() -> None:
    fields = {"adminPassword": {"type": "string"}, "apiToken": {"type": "string", "maxLength": 3}}
    found = said_of(fields, "{adminPassword: 31337, apiToken: hunter2}")
    assert len(found) == 2
    assert "31337" not in " ".join(found)
    assert "hunter2" not in " ".join(found)


def test_an_item_of_a_typed_list_is_judged_like_any_other_object() -> None:
    manifest = "apiVersion: example.com/v1\nkind: ShopList\nitems:\n- metadata: {name: a}\n  spec: {size: x}\n"
    assert said(definition(), manifest) == ['`size` is the text "x", a whole number is wanted']


def test_null_is_seen_where_a_definition_allows_it() -> None:
    nullable = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "nullable": True}}}
    assert said(definition(nullable), shop("{a: null}")) == []
    assert said(definition(nullable), shop("{}")) == ["`spec` has no `a`, which its definition requires"]


# Versions and scope.


def test_a_version_that_the_definition_does_not_have_is_told_with_those_it_serves() -> None:
    (finding,) = audited(definition(), shop(version="v2")).findings
    assert finding.rule == "schema-invalid"
    assert finding.message == "example.com/v2 Shop: its definition (manifest.yaml) has no version v2; it serves v1"
    assert (finding.path, finding.patches[0].value, finding.fix) == (("apiVersion",), "example.com/v1", "unsafe")
    (message,) = said(definition(versions=("v1", "v2")), shop(version="v3"))
    assert message.endswith("has no version v3; it serves v1 and v2")


def test_a_version_that_is_not_served_is_told() -> None:
    (message,) = said(definition(versions=("v1", "v1beta1"), served=False), shop(version="v1beta1"))
    assert message.endswith("has this version, and does not serve it; it serves v1")


def test_a_deprecated_version_is_told_in_the_definitions_words() -> None:
    made = definition(versions=("v1", "v1beta1"), deprecated=True, deprecationWarning="gone\nsoon")
    (finding,) = audited(made, shop(version="v1beta1")).findings
    assert (finding.rule, finding.severity) == ("api-version-deprecated", "warning")
    assert finding.message == "example.com/v1beta1 Shop: deprecated by its definition, which says: gone soon"
    assert finding.remediation == "Write `apiVersion: example.com/v1` and check the fields against it."


def test_an_object_of_the_whole_cluster_names_no_namespace() -> None:
    (finding,) = audited(definition(scope="Cluster"), shop(metadata="name: one, namespace: here")).findings
    assert (finding.rule, finding.severity, finding.fix) == ("metadata-scope-mismatch", "warning", "safe")
    assert said(definition(), shop(metadata="name: one, namespace: here")) == []


# Which definition holds.

WRONG = "{size: x}"
OTHER = {"type": "object", "properties": {"size": {"type": "string"}}}


def test_without_a_definition_an_object_is_counted_as_not_validated() -> None:
    result = audited(shop(WRONG))
    assert (result.findings, result.summary.not_validated) == ([], 1)
    assert audited(definition(), shop()).summary.not_validated == 0
    other_group = definition().replace("example.com", "example.org")
    assert audited(other_group, shop(WRONG)).summary.not_validated == 1


def test_the_order_of_files_does_not_matter() -> None:
    for names in (("a.yaml", "b.yaml"), ("b.yaml", "a.yaml")):
        files: dict[str, str | bytes] = {names[0]: definition(), names[1]: shop(WRONG)}
        assert len(audit_texts(files, select=RULES).findings) == 1


def test_variants_of_a_folder_have_their_own_definitions() -> None:
    files: dict[str, str | bytes] = {
        "dev/crd.yaml": definition(),
        "dev/shop.yaml": shop("{size: x}"),
        "prod/crd.yaml": definition(OTHER),
        "prod/shop.yaml": shop("{size: 3}"),
    }
    found = audit_texts(files, select=RULES).findings
    assert [(f.file, f.rule) for f in found] == [
        ("dev/shop.yaml", "schema-invalid"),
        ("prod/shop.yaml", "yaml-type-trap"),
    ]


def test_of_several_definitions_only_what_all_refuse_is_wrong() -> None:
    files: dict[str, str | bytes] = {
        "a/crd.yaml": definition(),
        "b/crd.yaml": definition(OTHER),
        "c/shop.yaml": shop("{size: x}"),
        "d/shop.yaml": shop("{size: [x]}", metadata="name: two"),
        "e/shop.yaml": shop("{size: [x]}", version="v2", metadata="name: three"),
    }
    result = audit_texts(files, select=RULES)
    assert [f.file for f in result.findings] == ["d/shop.yaml", "e/shop.yaml"]
    assert result.summary.not_validated == 0


def test_that_a_version_is_missing_is_not_said_where_another_definition_has_others() -> None:
    other = definition(versions=("v1", "v1alpha1"))
    result = audit_texts({"a.yaml": definition(), "b.yaml": other, "c.yaml": shop(version="v2")}, select=RULES)
    assert (result.findings, result.summary.not_validated) == ([], 1)


def test_a_definition_that_is_broken_costs_nothing_but_itself() -> None:
    broken = definition({"type": "object", "required": "size"})
    result = audited(broken, shop(WRONG), "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {contaners: []}\n")
    assert result.summary.not_validated == 1
    assert any("contaners" in finding.message for finding in result.findings)


def test_a_definition_of_v1beta1_lets_unknown_fields_through_unless_it_says_otherwise() -> None:
    content = json.loads(definition(SPEC))
    content["apiVersion"] = "apiextensions.k8s.io/v1beta1"
    spec = content["spec"]
    spec["validation"] = spec["versions"][0]["schema"]
    spec["version"] = spec.pop("versions")[0]["name"]
    written = shop("{size: 3, zzz: 1}")
    assert not [m for m in said(json.dumps(content), written) if "zzz" in m]
    spec["preserveUnknownFields"] = False
    assert [m for m in said(json.dumps(content), written) if "zzz" in m] == ["unknown field `zzz` in `spec`"]


def test_kubernetes_own_kinds_are_judged_by_kubernetes_own_schema() -> None:
    content = json.loads(definition())
    content["spec"] |= {"group": "apps", "names": {"plural": "deployments", "kind": "Deployment"}}
    manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {selector: {}, sise: 1}\n"
    messages = said(json.dumps(content), manifest)
    assert any("`sise`" in message for message in messages)
    assert not any("definition" in message for message in messages)


def test_a_file_that_is_a_patch_by_its_name_is_no_incomplete_object() -> None:
    result = audit_texts({"crd.yaml": definition(), "patch.yaml": shop("{mode: fast}")}, select=RULES)
    assert result.findings == []
    assert [skipped.file for skipped in result.summary.skipped] == ["patch.yaml"]


def test_rules_are_silent_about_what_the_definition_has_refused() -> None:
    made = audit_texts({"crd.yaml": definition(), "shop.yaml": shop("[]")}, profile="all")
    assert "rule-error" not in {finding.rule for finding in made.findings}


def nested(levels: int, value: object) -> object:
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [100, 240, 390])
def test_deep_nesting_is_met_and_not_called_something_else(levels: int) -> None:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert said(definition(free), shop(json.dumps({"a": nested(levels, 1)}))) == []
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        deep = {"type": "array", "items": deep}
    made = definition({"type": "object", "properties": {"a": deep}})
    result = audited(made, shop(json.dumps({"a": nested(levels, 1)})))
    assert result.summary.not_validated or [finding.rule for finding in result.findings] == ["yaml-type-trap"]


def test_a_default_as_deep_as_the_reader_goes_is_met() -> None:
    fields = {"a": {"x-kubernetes-preserve-unknown-fields": True, "default": nested(200, 1)}, "b": {"type": "string"}}
    spec = {"type": "object", "properties": fields}
    assert said(definition(spec), shop("{b: []}")) == ["`b` is a list, text is wanted"]
