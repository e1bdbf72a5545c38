"""Modes of files in volumes that are written as if YAML read them as octal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import path_text
from kube_audit.paths import expand

_PARTS = ("configMap", "secret", "downwardAPI")
_MODES = (
    *(f"volumes[].{part}.defaultMode" for part in (*_PARTS, "projected")),
    *(f"volumes[].{part}.items[].mode" for part in _PARTS),
    *(f"volumes[].projected.sources[].{part}.items[].mode" for part in _PARTS),
)
_SENSIBLE = frozenset(
    int(mode, 8)
    for mode in (
        *("400", "440", "444", "500", "550", "555", "600", "640", "644", "660", "664", "666"),
        *("700", "710", "711", "740", "744", "750", "755", "770", "775", "777"),
    )
)
_LARGEST = 0o777


def decimal(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield modes such as 644 that are decimal numbers, but meant as octal ones.

    A number is left alone if it is a sensible mode as it stands (420 is 0644). `found` holds `written`, `meant` (the
    number that 0644 is), `octal` (what 644 really is, as "01204"), `accepted` and `at` (path below the pod).
    """
    for pattern in _MODES:
        for path, value in expand(element.value, pattern):
            if not isinstance(value, int) or isinstance(value, bool) or value in _SENSIBLE:
                continue
            spelt = element.obj.written((*element.path, *path))
            if spelt is None or not spelt[1] or not re.fullmatch(r"[0-7]{3}", spelt[0]):
                continue
            meant = int(spelt[0], 8)
            if meant not in _SENSIBLE or value != int(spelt[0]):
                continue
            found = {
                "written": spelt[0],
                "meant": meant,
                "octal": f"0{value:o}",
                "accepted": value <= _LARGEST,
                "at": path_text(path),
                "field": str(path[-1]),
            }
            yield Hit(path, found)
