"""The quicker NamedTuple makes the classes that typing's makes."""

from __future__ import annotations

import pickle
import typing

import pytest

from kube_audit.records import NamedTuple


class Quick(NamedTuple):
    """A point."""

    x: int
    y: list[int] | None = None
    """How high."""

    @property
    def double(self) -> int:
        return self.x * 2

    @classmethod
    def zero(cls) -> Quick:
        return cls(0)


class Plain(typing.NamedTuple):
    """A point."""

    x: int
    y: list[int] | None = None
    """How high."""

    @property
    def double(self) -> int:
        return self.x * 2

    @classmethod
    def zero(cls) -> Plain:
        return cls(0)


def test_classes_are_those_of_typing() -> None:
    for name in ("__doc__", "_fields", "_field_defaults", "__match_args__", "__slots__", "__mro__"):
        quick, plain = getattr(Quick, name), getattr(Plain, name)
        assert quick[1:] == plain[1:] if name == "__mro__" else quick == plain
    assert typing.get_type_hints(Quick) == typing.get_type_hints(Plain)
    assert (tuple(Quick(1)), Quick(3).double, Quick.zero()) == (tuple(Plain(1)), 6, Quick(0))
    assert repr(Quick(1, [2])) == "Quick(x=1, y=[2])"
    assert Quick(1)._replace(y=[2]) == Quick(1, [2])
    assert pickle.loads(pickle.dumps(Quick(1))) == Quick(1)
    with pytest.raises(TypeError):
        Quick()  # type: ignore[call-arg]
