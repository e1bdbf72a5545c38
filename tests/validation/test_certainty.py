"""What is certain to fit a schema: only ever what the validator finds to fit as well."""

from __future__ import annotations

import copy
import random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.engine import catalogue
from kube_audit.manifests.objects import objects, without_nulls
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents
from kube_audit.validation.certainty import surely_fits
from kube_audit.validation.definitions import definitions, newest_version

DEFINITIONS = definitions(newest_version())
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.0,
    1.5,
    2**31,
    2**63,
    2**70,
    "",
    "x",
    "1",
    "100m",
    "1Gi\n",
    "é",
    "\ud800",
    [],
    {},
]
ODD += [
    [None],
    [{}],
    {"x": 1},
    {"\ud800": 1},
    {"": None},
    "2024-01-01T00:00:00Z",
    "2024-01-01T00:00:00Z\n",
    "QQ==",
    "Q",
]


def validator(api_version: str, kind: str) -> Any:
    schema = {"$ref": f"#/$defs/{DEFINITIONS.kinds[api_version][kind]}", "$defs": dict(DEFINITIONS.defs)}
    return jsonschema_rs.validator_for(schema, validate_formats=False)


def is_valid(data: Any, checked: Any) -> bool:
    try:
        return bool(checked.is_valid(data))
    except (ValueError, OverflowError, TypeError):
        return False


def examples() -> list[dict[str, Any]]:
    rules = catalogue.load()
    texts = {
        str(example.get("passes") or example.get("fails"))
        for rule_id in rules.rules
        for example in rules.content(rule_id)["examples"]
    }
    found = [obj for text in sorted(texts) for document in documents(Text(text)) for obj in objects("x.yaml", document)]
    return [obj.data for obj in found if obj.kind in DEFINITIONS.kinds.get(obj.api_version, ())]


def changed(data: Any, chance: random.Random) -> Any:
    """Return data with one value, somewhere in it, that stands there by chance."""
    data = copy.deepcopy(data)
    places = [(data, key) for key in data]
    for container, key in places:
        inner = container[key]
        if isinstance(inner, dict | list):
            places += [(inner, step) for step in (inner if isinstance(inner, dict) else range(len(inner)))]
    container, key = chance.choice(places)
    if isinstance(container, dict) and chance.random() < 0.2:
        container[chance.choice(["x", "\ud800", "name", "é"])] = chance.choice(ODD)
    else:
        container[key] = chance.choice(ODD)
    return data


def test_what_is_certain_fits_and_most_of_what_fits_is_certain() -> None:
    chance = random.Random(1)
    fitting = certain = refused = 0
    validators: dict[tuple[str, str], Any] = {}
    for sound in examples():
        api_version, kind = sound["apiVersion"], sound["kind"]
        if (api_version, kind) not in validators:
            validators[api_version, kind] = validator(api_version, kind)
        schema = {"$ref": f"#/$defs/{DEFINITIONS.kinds[api_version][kind]}"}
        for data in (sound, *(without_nulls(changed(sound, chance)) for _ in range(20))):
            fits = is_valid(data, validators[api_version, kind])
            sure = surely_fits(data, schema, DEFINITIONS.defs)
            assert fits or not sure, data
            fitting += fits
            certain += sure
            refused += not fits
    assert refused > 1000
    assert certain > 0.9 * fitting


SCALARS = st.sampled_from([odd for odd in ODD if not isinstance(odd, dict | list)])
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
TYPES = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])
SCHEMAS: Any = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
            "minimum": st.integers(-2, 2),
            "maximum": st.integers(-2, 2),
            "minLength": st.integers(0, 2),
            "enum": st.lists(st.sampled_from(["", "x", "1", None]), min_size=1),
            "pattern": st.sampled_from(["^[0-9]+$", "^\\s*[a-z]*\\s*$"]),
            "required": st.lists(st.sampled_from("abc"), unique=True),
            "not": st.just({}),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "$ref": st.just("#/$defs/it"),
        },
    ),
    max_leaves=6,
)


@given(SCHEMAS, SCHEMAS, DATA)
def test_certainty_holds_for_any_schema(schema: dict[str, Any], it: dict[str, Any], data: Any) -> None:
    if surely_fits(data, schema, {"it": it}):
        checked = jsonschema_rs.validator_for({**schema, "$defs": {"it": it}}, validate_formats=False)
        assert is_valid(data, checked)


def test_large_data_is_left_to_the_validator() -> None:
    assert surely_fits([""] * 500, {}, {})
    assert not surely_fits([""] * 10_000, {}, {})


@pytest.mark.parametrize("keyword", ["oneOf", "const", "maxItems", "format"])
def test_nothing_is_certain_where_a_keyword_is_not_known(keyword: str) -> None:
    assert not surely_fits({}, {keyword: []}, {})
