"""Labels and annotations that a configuration demands of objects and their pod templates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import Path
from kube_audit.manifests.objects import Object, mapping
from kube_audit.placeholders import is_placeholder

_NO_OBJECTS = "kustomize.config.k8s.io"


def missing_labels(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield each label of `required_labels` that is absent, or whose value does not match, on object and pod template.

    `found` has `key`, `absent`, `value`, `pattern` and `place` ("object" or "pod template").
    """
    yield from _missing("labels", params["required_labels"], element, params)


def missing_annotations(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield each annotation of `required_annotations` that is absent or does not match; `found` as for labels."""
    yield from _missing("annotations", params["required_annotations"], element, params)


def _missing(field: str, required: Mapping[str, str], element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    obj = element.obj
    if not required or obj.group == _NO_OBJECTS or (params["kinds"] and obj.kind not in params["kinds"]):
        return
    for place, path, metadata in _places(obj, element, params["include_pod_template"]):
        present = mapping(metadata.get(field))
        for key, pattern in required.items():
            value = present.get(key, "")
            absent = key not in present
            wrong = isinstance(value, str) and not is_placeholder(value) and not _matches(pattern, value)
            if absent or wrong:
                found = {"key": key, "absent": absent, "value": value, "pattern": pattern, "place": place}
                yield Hit((*path, field, key), found)


def _places(obj: Object, element: Element, with_template: bool) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    yield "object", ("metadata",), obj.metadata
    if with_template and element.pod is not None and len(element.pod.path) > 1:
        yield "pod template", (*element.pod.path[:-1], "metadata"), element.pod.metadata


def _matches(pattern: str, value: str) -> bool:
    return not pattern or _compiled(pattern).fullmatch(value) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return the expression; a text that is none is taken literally."""
    try:
        return re.compile(pattern)
    except re.error:
        return re.compile(re.escape(pattern))
