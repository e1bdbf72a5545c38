"""`NamedTuple` as typing has it, made in a third of the time.

typing compiles the annotation of every field when a class is made. A short run makes some seventy such classes, which
took one of every fourteen instructions that it executes; nothing here reads the annotations at run time.
"""

from __future__ import annotations

import sys
from collections import namedtuple
from typing import TYPE_CHECKING, Any

__all__ = ["NamedTuple"]

if TYPE_CHECKING or sys.version_info >= (3, 14):  # which compiles them when somebody asks
    from typing import NamedTuple
else:
    _OF_THE_CLASS = frozenset({"__annotations__", "__module__", "__qualname__"})

    class _Maker(type):
        def __new__(cls, name: str, bases: tuple[type, ...], content: dict[str, Any]) -> type:
            fields = content.get("__annotations__", {})
            defaults = [content[field] for field in fields if field in content]
            made = namedtuple(name, fields, defaults=defaults, module=content["__module__"])
            made.__annotations__ = fields
            for key, value in content.items():
                if key not in fields and key not in _OF_THE_CLASS:
                    setattr(made, key, value)
            return made

    NamedTuple = type.__new__(_Maker, "NamedTuple", (), {})
