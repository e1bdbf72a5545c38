"""Patterns that are compiled late: every one of the package can be compiled, and works as a compiled one."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import kube_audit
from kube_audit.patterns import lazily

MODULES = [
    module.name for module in pkgutil.walk_packages(kube_audit.__path__, "kube_audit.") if "__main__" not in module.name
]


@pytest.mark.parametrize("name", MODULES)
def test_every_pattern_of_the_package_can_be_compiled(name: str) -> None:
    module = importlib.import_module(name)
    for value in vars(module).values():
        if type(value) is type(lazily("")):
            assert value.pattern is not None


def test_a_late_pattern_is_used_as_a_compiled_one() -> None:
    late, now = lazily(r"(a+)b", re.IGNORECASE), re.compile(r"(a+)b", re.IGNORECASE)
    for text in ("xAAb ab", "", "b"):
        assert late.sub("-", text) == now.sub("-", text)
        assert late.findall(text) == now.findall(text)
        assert bool(late.search(text, 1)) == bool(now.search(text, 1))
    assert late.flags == now.flags


def test_a_text_that_is_no_pattern_is_told_when_it_is_used() -> None:
    broken = lazily("(")
    with pytest.raises(re.error):
        broken.match("a")
