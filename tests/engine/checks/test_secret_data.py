"""Base64 as the API server takes it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.engine.checks.secret_data import decoded


@given(st.binary(max_size=200))
def test_what_was_encoded_is_decoded(content: bytes) -> None:
    assert decoded(base64.b64encode(content).decode()) == content


@pytest.mark.parametrize("value", ["aHVudGVy\nMg==\n", "aHVudGVy\r\nMg=="])
def test_line_breaks_are_skipped(value: str) -> None:
    assert decoded(value) == b"hunter2"


@pytest.mark.parametrize("value", ["hunter2", "aHVudGVyMg", "aHVud GVyMg==", "aHVudGVy_-==", "ä", "a=b="])
def test_what_is_refused(value: str) -> None:
    assert decoded(value) is None
