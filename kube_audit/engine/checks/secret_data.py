"""The values of Secrets: not encoded, encoded twice, or real ones that stand in plain sight. Never tells a value."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.checks.credentials import is_fill_in
from kube_audit.engine.elements import Element, Hit
from kube_audit.manifests.objects import mapping
from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder

_BASE64 = lazily(r"[A-Za-z0-9+/]+={0,2}")
_SHORTEST_TEXT = 8
_REQUIRED = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
_JSON_KEYS = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}
_WITHOUT_DATA = ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1")


def decoded(value: str) -> bytes | None:
    """Return what the API server makes of a value under `data`, None where it refuses it.

    encoding/base64's StdEncoding: padding is wanted, line breaks are skipped.
    """
    try:
        return base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


def refused(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield values that are no base64, and what a Secret's type asks for and does not get; `found.text` says it."""
    secret = element.value
    data, plain = mapping(secret.get("data")), mapping(secret.get("stringData"))
    for key, value in data.items():
        if isinstance(value, str) and not is_placeholder(value) and decoded(value) is None:
            yield Hit(("data", key), {"text": f"value of `{key}` is not base64"})
    if is_encrypted(secret):
        return
    kind = secret.get("type")
    keys = {*data, *plain}
    missing = [key for key in _REQUIRED.get(str(kind), ()) if key not in keys]
    if missing:
        wanted = " and ".join(f"`{key}`" for key in missing)
        yield Hit(("type",), {"text": f"type `{kind}` needs the key {wanted}"})
    if kind == "kubernetes.io/basic-auth" and not keys & {"username", "password"}:
        yield Hit(("type",), {"text": f"type `{kind}` needs the key `username` or `password`"})
    key = _JSON_KEYS.get(str(kind), "")
    field = "stringData" if key in plain else "data"
    value = plain.get(key, data.get(key))
    content = value.encode() if isinstance(value, str) and field == "stringData" else None
    if isinstance(value, str) and field == "data":
        content = decoded(value)
    if isinstance(value, str) and content is not None and not is_placeholder(value) and not _is_json(content):
        yield Hit((field, key), {"text": f"value of `{key}` is no JSON, which type `{kind}` asks for"})


def _is_json(content: bytes) -> bool:
    try:
        return is_placeholder(content.decode()) or isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False


def encoded_twice(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield values that are base64 of base64 of a text; `found` has `key` and `plain` (whether in stringData)."""
    for key, value in mapping(element.value.get("data")).items():
        inner = decoded(value) if isinstance(value, str) else None
        if inner is not None and _is_encoded_text(inner.decode("ascii", "replace").strip()):
            yield Hit(("data", key), {"key": key, "plain": False})
    for key, value in mapping(element.value.get("stringData")).items():
        if isinstance(value, str) and _is_encoded_text(value.strip()):
            yield Hit(("stringData", key), {"key": key, "plain": True})


def _is_encoded_text(text: str) -> bool:
    """Whether a text is base64 of at least 8 printable characters; of random bytes nearly none are printable."""
    if len(text) % 4 or len(text) > 100_000 or not _BASE64.fullmatch(text):
        return False
    try:
        inner = base64.b64decode(text, validate=True).decode().strip()
    except (binascii.Error, ValueError):
        return False
    return (
        len(inner) >= _SHORTEST_TEXT and inner.replace("\n", " ").replace("\t", " ").isprintable() and inner.isascii()
    )


def committed(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield the first real value of a Secret; `found` has its `key` and how many `more` there are."""
    secret = element.value
    if secret.get("type") in _WITHOUT_DATA or is_encrypted(secret):
        return
    real = []
    for field in ("data", "stringData"):
        for key, value in mapping(secret.get(field)).items():
            if isinstance(value, str) and _is_real(value, encoded=field == "data"):
                real.append((field, key))
    if real:
        yield Hit(real[0], {"key": real[0][1], "more": len(real) - 1})


def _is_real(value: str, *, encoded: bool) -> bool:
    content = decoded(value) if encoded else value.encode()
    if is_placeholder(value):
        return False
    text = value if content is None else content.decode("utf-8", "replace")
    return bool(text.strip()) and not is_placeholder(text) and not is_fill_in(text.strip())


def is_encrypted(secret: Mapping[str, Any]) -> bool:
    """Whether SOPS has encrypted a Secret."""
    return isinstance(secret.get("sops"), dict)
