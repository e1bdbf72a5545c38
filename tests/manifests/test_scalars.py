"""Plain scalars become what kubectl makes of them (the values were read off kubectl 1.32)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.manifests.scalars import key_text, plain, tagged


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Y", True),
        ("on", True),
        ("N", False),
        ("off", False),
        ("~", None),
        ("Null", None),
        ("", None),
        ("0o17", 15),
        ("0777", 511),
        ("08", 8),
        ("1_000", 1000),
        ("0b11", 3),
        ("-0b11", -3),
        ("0x1F", 31),
        ("+1", 1),
        ("12:30:45", "12:30:45"),
        ("2001-12-14", "2001-12-14"),
        ("=", "="),
        ("1e3", 1000),
        ("1.10", 1.1),
        (".5", 0.5),
        ("5.", 5),
        ("1.e+3", 1000),
        ("1e-7", 1e-7),
        ("1e", "1e"),
        ("0x", "0x"),
        ("-", "-"),
        (".e1", ".e1"),
        ("._1", "._1"),
        ("123456789012345678901234567890", 1.2345678901234568e29),
        ("18446744073709551615", 18446744073709551615),
        ("1__0", 10),
        ("yEs", "yEs"),
        ("nginx", "nginx"),
        ("1.2.3", "1.2.3"),
        ("1e999", "1e999"),
    ],
)
def test_plain_scalars(text: str, value: object) -> None:
    result = plain(text)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [("str", "12", "12"), ("int", "3", 3), ("float", "3", 3), ("binary", "aGVsbG8=", "hello"), ("timestamp", "x", "x")],
)
def test_tagged_scalars(tag: str, text: str, value: object) -> None:
    assert tagged(f"tag:yaml.org,2002:{tag}", text) == value


def test_a_tag_that_the_text_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a int"):
        tagged("tag:yaml.org,2002:int", "many")


def test_keys_become_strings() -> None:
    assert [key_text(value) for value in (True, 1, 1.5, "x")] == ["true", "1", "1.5", "x"]
    assert key_text(None) is None


@given(st.text(alphabet="0123456789abcdefxXoObBeE+-._:", max_size=30))
def test_any_number_like_text_is_read(text: str) -> None:
    assert isinstance(plain(text), str | int | float | bool | None)
