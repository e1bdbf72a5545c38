"""ConfigMaps and Secrets that the API server refuses.

Source: ValidateConfigMap and ValidateSecret of k8s.io/kubernetes/pkg/apis/core/validation, and IsConfigMapKey.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.checks.naming import SUBDOMAIN_LENGTH, shortened
from kube_audit.engine.elements import Element, Hit
from kube_audit.manifests.objects import mapping
from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder

_FIELDS = ("data", "binaryData", "stringData")
_FOREIGN = lazily(r"[^-._a-zA-Z0-9]")
_LARGEST = 1024 * 1024


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield keys that are refused, keys that stand in two places, and contents above 1 MiB; `found` has `problem`."""
    data = element.value
    for field in _FIELDS:
        for key in mapping(data.get(field)):
            wrong = "" if is_placeholder(key) else _key_problem(key)
            if wrong:
                yield Hit((field, key), {"problem": f"the key `{shortened(key)}` {wrong}"})
    for key in mapping(data.get("binaryData")):
        if key in mapping(data.get("data")):
            yield Hit(("binaryData", key), {"problem": f"the key `{key}` stands in both `data` and `binaryData`"})
    size = _size(element.obj.kind, data)
    if size > _LARGEST:
        field = next(field for field in _FIELDS if data.get(field))
        problem = f"the contents have {size} bytes, and at most {_LARGEST} (1 MiB) are allowed"
        yield Hit((field,), {"problem": problem})


def _key_problem(key: str) -> str:
    if not key:
        return "is empty"
    if len(key) > SUBDOMAIN_LENGTH:
        return f"has {len(key)} characters, and at most {SUBDOMAIN_LENGTH} are allowed"
    foreign = _FOREIGN.search(key)
    if foreign is not None:
        sign = f"`{foreign[0]}`" if foreign[0].isprintable() and foreign[0] != " " else "a space or control sign"
        return f"holds {sign}, and only letters, digits, `-`, `_` and `.` are allowed"
    if key == "." or key.startswith(".."):
        return "is a path to another folder: it cannot be `.`, nor begin with `..`"
    return ""


def _size(kind: str, data: dict[str, Any]) -> int:
    """Return the bytes that count: texts as UTF-8, base64 by what it holds."""
    secret = kind == "Secret"
    texts = mapping(data.get("stringData")) if secret else mapping(data.get("data"))
    encoded = mapping(data.get("data")) if secret else mapping(data.get("binaryData"))
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts.values() if isinstance(text, str))
    for key, text in encoded.items():
        if isinstance(text, str) and not (secret and key in texts):
            letters = len(text) - text.count("\n") - text.count("\r") - text.count("=")
            size += letters * 3 // 4
    return size
