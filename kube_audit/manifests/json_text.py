"""JSON where it differs from YAML: signs that end a line in YAML 1.1 and are plain characters in a JSON string."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_BREAKS = "\x85\u2028\u2029"
_PRIVATE = range(0xE000, 0xF900)


def is_json(text: str) -> bool:
    """Whether a text that starts with a brace is JSON that YAML would read otherwise; kubectl takes it for JSON."""
    if not any(sign in text for sign in _BREAKS):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def json_events(text: str) -> Callable[[], Any]:
    """Return the events of libyaml's parser for such a text; characters that it does not use stand in meanwhile."""
    from kube_audit.manifests.libyaml import CParser

    unused = (sign for sign in map(chr, _PRIVATE) if sign not in text)
    stand_ins = "".join(unused)[: len(_BREAKS)]
    back = str.maketrans(stand_ins, _BREAKS)
    next_event = CParser(text.translate(str.maketrans(_BREAKS, stand_ins))).get_event

    def event() -> Any:
        found: Any = next_event()
        if isinstance(getattr(found, "value", None), str):
            found.value = found.value.translate(back)
        return found

    return event
