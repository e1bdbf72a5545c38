"""libyaml's parser, its events and its errors, loaded without the rest of ruamel.yaml.

The package's own code imports its round-trip loader and all that belongs to it, which takes half as long again as
what the parser needs: some of the modules beside it.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_PARENT, _NAME = "ruamel", "yaml"
_PACKAGE = f"{_PARENT}.{_NAME}"


class _Package(ModuleType):
    """A package whose modules can be imported; its own code runs when somebody asks for what that defines."""

    def __getattr__(self, name: str) -> Any:
        self.__class__ = ModuleType  # type: ignore[assignment]
        if self.__spec__ is not None and self.__spec__.loader is not None:
            self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def _prepare() -> None:
    if _PACKAGE in sys.modules or (spec := find_spec(_PACKAGE)) is None:
        return
    package = module_from_spec(spec)
    package.__class__ = _Package
    sys.modules[_PACKAGE] = package
    setattr(sys.modules[_PARENT], _NAME, package)


_prepare()

from _ruamel_yaml import CParser  # noqa: E402
from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: E402
from ruamel.yaml.events import (  # noqa: E402
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

__all__ = [
    "AliasEvent",
    "CParser",
    "DocumentStartEvent",
    "MappingEndEvent",
    "MappingStartEvent",
    "MarkedYAMLError",
    "ScalarEvent",
    "SequenceEndEvent",
    "SequenceStartEvent",
    "StreamEndEvent",
    "YAMLError",
]
