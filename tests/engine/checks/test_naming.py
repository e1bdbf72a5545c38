"""Names, label keys and label values, held against the rules of Kubernetes' own validation."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.engine.checks.naming import (
    DNS_1035_LABEL,
    DNS_LABEL,
    DNS_SUBDOMAIN,
    LABEL_VALUE,
    PATH_SEGMENT,
    Syntax,
    corrected,
    label_key_problem,
    label_value_problem,
    problem,
    shortened,
    too_long,
)

_TEXTS = st.text(alphabet="aZ0-_./% \n\u00e9", max_size=8)


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        (DNS_LABEL, "3scale"),
        (DNS_1035_LABEL, "web-1"),
        (DNS_SUBDOMAIN, "a.b-c.1"),
        (PATH_SEGMENT, "system:controller:My Role"),
        (LABEL_VALUE, ""),
        (LABEL_VALUE, "A_b.c-1"),
    ],
)
def test_good_names(syntax: Syntax, name: str) -> None:
    assert problem(name, syntax) == ""
    assert too_long(name, syntax) == ""


@pytest.mark.parametrize(
    ("syntax", "name", "said"),
    [
        (DNS_LABEL, "my_app", "holds `_`"),
        (DNS_LABEL, "a.b", "holds `.`"),
        (DNS_LABEL, "web-", "must begin and end"),
        (DNS_LABEL, "", "is empty"),
        (DNS_LABEL, "a b", "holds a space"),
        (DNS_LABEL, "a\n", "holds a control sign"),
        (DNS_1035_LABEL, "3scale", "must begin with a small letter"),
        (DNS_SUBDOMAIN, "a..b", "each part between dots"),
        (DNS_SUBDOMAIN, "A.b", "holds `A`"),
        (PATH_SEGMENT, "..", "something else in a URL"),
        (PATH_SEGMENT, "a/b", "holds `/`"),
        (LABEL_VALUE, "a@b", "holds `@`"),
    ],
)
def test_a_bad_name_is_explained(syntax: Syntax, name: str, said: str) -> None:
    assert said in problem(name, syntax)


def test_the_start_of_a_name_may_end_in_hyphens() -> None:
    assert problem("web--", DNS_LABEL, prefix=True) == ""
    assert problem("Web-", DNS_LABEL, prefix=True) != ""


@pytest.mark.parametrize(("syntax", "most"), [(DNS_LABEL, 63), (DNS_SUBDOMAIN, 253), (LABEL_VALUE, 63)])
def test_lengths(syntax: Syntax, most: int) -> None:
    assert too_long("a" * most, syntax) == ""
    assert str(most + 1) in too_long("a" * (most + 1), syntax)


@pytest.mark.parametrize("key", ["app", "App_1.x", "example.com/name", "a" * 63, f"example.com/{'a' * 63}"])
def test_good_label_keys(key: str) -> None:
    assert label_key_problem(key) == ""


@pytest.mark.parametrize("key", ["", "/a", "a/", "a/b/c", "-a", "a b", "Example.com/a", "ex_ample/a", "a" * 64])
def test_bad_label_keys(key: str) -> None:
    assert label_key_problem(key) != ""


@given(_TEXTS)
def test_label_values_follow_the_pattern_of_the_api_reference(text: str) -> None:
    fits = re.fullmatch(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", text) is not None
    assert (label_value_problem(text) == "") == fits


@given(_TEXTS, st.sampled_from([DNS_LABEL, DNS_1035_LABEL, DNS_SUBDOMAIN]))
def test_a_corrected_name_is_a_good_one(text: str, syntax: Syntax) -> None:
    better = corrected(text, syntax)
    assert better == "" or problem(better, syntax) == ""


def test_a_name_is_corrected_as_people_would() -> None:
    assert corrected("My_App", DNS_LABEL) == "my-app"
    assert corrected("my.app", DNS_LABEL) == "my-app"
    assert corrected("web", DNS_LABEL) == ""


@given(st.text())
def test_texts_are_shown_in_one_short_line(text: str) -> None:
    assert len(shortened(text)) <= 60
    assert "\n" not in json.loads(json.dumps(shortened(text)))
