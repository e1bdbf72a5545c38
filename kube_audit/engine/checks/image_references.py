"""Images that no container runtime can pull, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.engine.images import ImageError, parse
from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder

_TO_BE_FILLED_IN = lazily(r"[A-Z][A-Z0-9_-]*(?::[A-Z][A-Z0-9_-]*)?")
_PULLED_BY_MISTAKE = frozenset({"http", "https", "docker", "docker-daemon", "oci", "containerd", "registry"})
"""Schemes that people write before a real reference; others (`ko`) belong to tools that replace the whole."""


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the image of a container if it is no reference; `found.reason` says why."""
    image = element.value.get("image")
    if not isinstance(image, str) or is_placeholder(image) or _TO_BE_FILLED_IN.fullmatch(image):
        return
    try:
        scheme = parse(image).scheme
    except ImageError as error:
        yield Hit(("image",), {"reason": str(error)})
        return
    if scheme is not None and scheme.lower() in _PULLED_BY_MISTAKE:
        yield Hit(("image",), {"reason": f'"{scheme}://" must not stand before it'})
