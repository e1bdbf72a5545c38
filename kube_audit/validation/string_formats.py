"""The formats of texts that the API server checks in custom resources, as its library reads them.

Source: k8s.io/apiextensions-apiserver/pkg/apiserver/validation, which ignores all other formats, and kube-openapi's
strfmt. Not checked here: bsonobjectid, creditcard, isbn, isbn10, isbn13, password (any text is one), rgbcolor and ssn.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address

from kube_audit.engine.cel_formats import FORMATS as NAMED
from kube_audit.engine.cel_network import is_url
from kube_audit.records import NamedTuple


class Format(NamedTuple):
    """A format: whether a text is in it, what people call such a text, and one that is in it."""

    holds: Callable[[str], bool]
    noun: str
    example: str
    since: int = 0
    """The minor version of Kubernetes that is the first to check it."""


_SIGN = r"[a-zA-Z0-9$+<=>^`|~]"
_HOSTNAME = rf"{_SIGN}(?:-?{_SIGN}{{0,62}})?|(?:{_SIGN}(?:(?:{_SIGN}|-){{0,61}}{_SIGN})?\.)+[a-zA-Z]{{2,63}}"
_MAC = r"XX([:-])XX(?:\1XX){4}(?:(?:\1XX){2}|(?:\1XX){14})?|XXXX(?:\.XXXX){2}(?:\.XXXX|(?:\.XXXX){7})?"
_GO_DURATION = r"[+-]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)"
_NUMBER_AND_UNIT = r"[0-9]+\s*([A-Za-zµ]+)"
_UNITS = frozenset(("ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"))
_LONG_UNITS = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")
_NAME = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"


def _matching(pattern: str, *, ignore_case: bool = False) -> Callable[[str], bool]:
    """Return a function that compiles the pattern when it is first needed."""
    flags = re.ASCII | (re.IGNORECASE if ignore_case else 0)
    return lambda text: re.fullmatch(pattern, text, flags) is not None


def _uuid(third: str, fourth: str) -> Callable[[str], bool]:
    """Return a check of UUIDs whose third and fourth groups start like this."""
    pattern = rf"[0-9a-f]{{8}}-?[0-9a-f]{{4}}-?{third}[0-9a-f]{{3}}-?{fourth}[0-9a-f]{{3}}-?[0-9a-f]{{12}}"
    return _matching(pattern, ignore_case=True)


def _named(name: str) -> Callable[[str], bool]:
    return lambda text: not NAMED[name](text)


def _is_email(text: str) -> bool:
    """Whether it could be one: Go's parser takes more forms than can be told here, with names, comments, quotes."""
    local, _, domain = text.rpartition("@")
    return bool(local.strip() and domain.strip())


def _is_hostname(text: str) -> bool:
    if not text.isascii():
        return True  # letters of all scripts are allowed, and Python's patterns have no classes for symbols
    longest = max(map(len, text.split(".")))
    return longest <= 63 and len(text) <= 255 and re.fullmatch(_HOSTNAME, text) is not None


def _is_address(text: str) -> bool:
    """Whether it is an IP address; zeros in front of a number are overlooked, as Go did before 1.17."""
    try:
        address = ip_address(re.sub(r"(?<![0-9a-fA-F])0+(?=[0-9]+(?:\.|\Z))", "", text) if "." in text else text)
    except ValueError:
        return False
    return "%" not in text and bool(address)


def _is_range(text: str) -> bool:
    address, _, length = text.rpartition("/")
    most = 128 if ":" in address else 32
    return _is_address(address) and re.fullmatch("[0-9]{1,9}", length) is not None and int(length) <= most


def _is_duration(text: str) -> bool:
    """Whether it is a duration of Go, or holds a number with a unit as Scala writes them ("5 minutes")."""
    if re.fullmatch(_GO_DURATION, text):
        return True
    units = (match[1].lower() for match in re.finditer(_NUMBER_AND_UNIT, text))
    return any(unit in _UNITS or unit.startswith(_LONG_UNITS) for unit in units)


def _hex(pattern: str) -> str:
    return pattern.replace("XX", "[0-9a-fA-F]{2}")


FORMATS: dict[str, Format] = {
    "byte": Format(_named("byte"), "base64", "aGVsbG8="),
    "cidr": Format(_is_range, "range of addresses (CIDR)", "10.0.0.0/8"),
    "date": Format(_named("date"), "date", "2006-01-02"),
    "datetime": Format(_named("datetime"), "date with time", "2006-01-02T15:04:05Z"),
    "duration": Format(_is_duration, "duration", "1h30m"),
    "email": Format(_is_email, "email address", "team@example.com"),
    "hexcolor": Format(_matching("#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})"), "colour in hexadecimal", "#1e90ff"),
    "hostname": Format(_is_hostname, "host name", "www.example.com"),
    "ipv4": Format(lambda text: "." in text and _is_address(text), "IPv4 address", "10.0.0.1"),
    "ipv6": Format(lambda text: ":" in text and _is_address(text), "IPv6 address", "2001:db8::1"),
    "k8slongname": Format(
        lambda text: len(text) <= 253 and _matching(rf"{_NAME}(?:\.{_NAME})*")(text), "name", "web.example.com", 35
    ),
    "k8sshortname": Format(lambda text: len(text) <= 63 and _matching(_NAME)(text), "short name", "web-1", 35),
    "mac": Format(_matching(_hex(_MAC)), "MAC address", "00:00:5e:00:53:01"),
    "uri": Format(is_url, "absolute URI, or absolute path", "https://example.com/path"),
    "uuid": Format(_uuid("[0-9a-f]", "[0-9a-f]"), "UUID", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    "uuid3": Format(_uuid("3", "[0-9a-f]"), "UUID of version 3", "6ba7b810-9dad-31d1-80b4-00c04fd430c8"),
    "uuid4": Format(_uuid("4", "[89ab]"), "UUID of version 4", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
    "uuid5": Format(_uuid("5", "[89ab]"), "UUID of version 5", "6ba7b810-9dad-51d1-80b4-00c04fd430c8"),
}
"""Formats by name, without the dashes that a definition may write in it."""


def known(name: str, minor: int) -> str | None:
    """Return the key in FORMATS of a format that Kubernetes 1.`minor` checks, None for all others."""
    plain = name.replace("-", "")
    return plain if plain in FORMATS and FORMATS[plain].since <= minor else None
