"""Kubernetes' CEL functions for IP addresses, CIDR ranges and URLs.

Addresses, ranges and URLs stay strings here, addresses and ranges in their canonical spelling, so that `==` and
`string()` do what they do on an API server. Parsing follows Go's `net/netip` and `net/url`, which Kubernetes uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from kube_audit.patterns import lazily

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

_PREFIX_LENGTH = lazily(r"0|[1-9][0-9]{0,2}")
_SCHEME = lazily(r"([A-Za-z][A-Za-z0-9+.-]*):")
_USER = lazily(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_PORT = lazily(r"(?::[0-9]*)?")
_BAD_ESCAPE = lazily(r"%(?![0-9A-Fa-f]{2})")
_HOST = lazily(r"(?:[^\x00-\x20#%/?@\\^`{|}\x7f]|%[89A-Fa-f][0-9A-Fa-f]|%25)*")
_PLAIN_PATH = lazily(rb"[A-Za-z0-9\-._~$&+,/:;=@]")
_PLAIN_RAW_PATH = lazily(r"[A-Za-z0-9\-._~$&+,/:;=@!'()*\[\]%]*")


@lru_cache(maxsize=512)
def _address(text: str) -> IPv4Address | IPv6Address:
    from ipaddress import ip_address

    if "%" in text:
        raise ValueError(f"{text!r} is no IP address: a zone is not allowed")
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address") from None
    if address.version == 6 and address.ipv4_mapped is not None:
        raise ValueError(f"{text!r} is an IPv4 address in IPv6 clothes, which is not allowed")
    return address


def ip(text: str) -> str:
    """Return an IP address in its canonical spelling. Raises ValueError; zones and IPv4-mapped ones are none."""
    return str(_address(text))


def is_ip(text: str) -> bool:
    """Whether `ip` would take it."""
    return _holds(_address, text)


def ip_is_canonical(text: str) -> bool:
    """Whether an address is spelled in the one canonical way. Raises ValueError for what is no address."""
    return str(_address(text)) == text


def family(address: str) -> int:
    """Return 4 or 6."""
    return _address(address).version


def is_unspecified(address: str) -> bool:
    """Whether it is 0.0.0.0 or ::."""
    return _address(address).is_unspecified


def is_loopback(address: str) -> bool:
    """Whether it is in 127.0.0.0/8 or ::1."""
    return _address(address).is_loopback


def is_link_local_multicast(address: str) -> bool:
    """Whether it is in 224.0.0.0/24, or an IPv6 multicast address of link-local scope."""
    first = _address(address).packed
    return first[:3] == b"\xe0\x00\x00" if len(first) == 4 else first[0] == 0xFF and first[1] & 0x0F == 2


def is_link_local_unicast(address: str) -> bool:
    """Whether it is in 169.254.0.0/16 or fe80::/10."""
    return _address(address).is_link_local


def is_global_unicast(address: str) -> bool:
    """Whether it is none of unspecified, broadcast, loopback, multicast and link-local; private ones are global."""
    found = _address(address)
    return not (
        found.is_unspecified
        or found.is_loopback
        or found.is_multicast
        or found.is_link_local
        or found.packed == b"\xff\xff\xff\xff"
    )


@lru_cache(maxsize=512)
def _range(text: str) -> tuple[IPv4Address | IPv6Address, int]:
    start, slash, length = text.rpartition("/")
    if not slash or not _PREFIX_LENGTH.fullmatch(length):
        raise ValueError(f"{text!r} is no CIDR range: write an address, a slash and a length, as in 10.0.0.0/8")
    address = _address(start)
    if int(length) > address.max_prefixlen:
        raise ValueError(f"{text!r} is no CIDR range: the length is at most {address.max_prefixlen}")
    return address, int(length)


def cidr(text: str) -> str:
    """Return a CIDR range in canonical spelling; bits after the prefix stay. Raises ValueError."""
    address, length = _range(text)
    return f"{address}/{length}"


def is_cidr(text: str) -> bool:
    """Whether `cidr` would take it."""
    return _holds(_range, text)


def contains_ip(range_: str, address: str) -> bool:
    """Whether an address lies in a range; never across IP families."""
    start, length = _range(range_)
    found = _address(address)
    return found.version == start.version and _network(start, length) == _network(found, length)


def contains_cidr(range_: str, other: str) -> bool:
    """Whether a whole range lies in another one."""
    return prefix_length(range_) <= prefix_length(other) and contains_ip(range_, cidr_ip(other))


def cidr_ip(range_: str) -> str:
    """Return the address of a range, bits after the prefix included."""
    return str(_range(range_)[0])


def masked(range_: str) -> str:
    """Return a range without the bits after its prefix."""
    start, length = _range(range_)
    return f"{type(start)(_network(start, length))}/{length}"


def _network(address: IPv4Address | IPv6Address, length: int) -> int:
    host_bits = address.max_prefixlen - length
    return int(address) >> host_bits << host_bits


def prefix_length(range_: str) -> int:
    """Return the number of bits of a range's prefix."""
    return _range(range_)[1]


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL that CEL functions ask for, "" for those that are absent."""

    scheme: str = ""
    host: str = ""
    path: str = ""
    query: str = ""


def url(text: str) -> str:
    """Return a URL as it is, if it is absolute or an absolute path. Raises ValueError."""
    _url(text)
    return text


def is_url(text: str) -> bool:
    """Whether a text is an absolute URL or an absolute path."""
    return _holds(_as_request, text)


def get_scheme(text: str) -> str:
    """Return the scheme in lower case."""
    return _url(text).scheme


def get_host(text: str) -> str:
    """Return host and port; IPv6 addresses stay in brackets."""
    return _url(text).host


def get_hostname(text: str) -> str:
    """Return the host without port and brackets."""
    host = _url(text).host
    if host.startswith("["):
        return host[1 : host.index("]")]
    return host.rpartition(":")[0] if ":" in host else host


def get_port(text: str) -> str:
    """Return the port as text."""
    _, colon, port = _url(text).host.rpartition("]")[2].rpartition(":")
    return port if colon else ""


def get_escaped_path(text: str) -> str:
    """Return the path with what needs it percent-encoded."""
    raw = _url(text).path
    if _PLAIN_RAW_PATH.fullmatch(raw):
        return raw
    return "".join(chr(byte) if _PLAIN_PATH.match(bytes([byte])) else f"%{byte:02X}" for byte in _unquoted(raw))


def get_query(text: str) -> dict[str, list[str]]:
    """Return the values of each query key, both decoded; pairs that cannot be decoded are left out."""
    found: dict[str, list[str]] = {}
    for pair in _url(text).query.split("&"):
        if pair and ";" not in pair and not _BAD_ESCAPE.search(pair):
            key, _, value = (_decoded(part) for part in pair.replace("+", " ").partition("="))
            found.setdefault(key, []).append(value)
    return found


def _as_request(text: str) -> Url:
    return _split(text, as_request=True)


@lru_cache(maxsize=256)
def _url(text: str) -> Url:
    # The strict reading knows no fragments; on an API server, too, it is but a check before the lenient one.
    _as_request(text)
    before, _, fragment = text.partition("#")
    if _BAD_ESCAPE.search(fragment):
        raise ValueError(f"{text!r} is no URL: a % in its fragment is followed by no two hexadecimal digits")
    return _split(before, as_request=False)


def _split(text: str, *, as_request: bool) -> Url:
    if any(c < " " or c == "\x7f" for c in text):
        raise ValueError(f"{text!r} is no URL: it holds a control character")
    if text == "*":
        return Url(path="*")
    if text.startswith(":"):
        raise ValueError(f"{text!r} is no URL: the scheme before the colon is missing")
    match = _SCHEME.match(text)
    scheme, rest = (match[1].lower(), text[match.end() :]) if match else ("", text)
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return Url(scheme=scheme, query=query)
        if as_request:
            raise ValueError(f"{text!r} is no URL: it is neither absolute nor an absolute path")
    host = ""
    if rest.startswith("//") and (scheme or (not as_request and not rest.startswith("///"))):
        authority, slash, path = rest[2:].partition("/")
        host, rest = _host(text, scheme, authority), slash + path
    if _BAD_ESCAPE.search(rest):
        raise ValueError(f"{text!r} is no URL: a % in its path is followed by no two hexadecimal digits")
    return Url(scheme, host, rest, query)


def _host(text: str, scheme: str, authority: str) -> str:
    user, _, host = authority.rpartition("@")
    if not _USER.fullmatch(user) or _BAD_ESCAPE.search(user):
        raise ValueError(f"{text!r} is no URL: its user part holds a character that is not allowed")
    if host.startswith("["):
        name, bracket, port = host.rpartition("]")
    else:
        # Go looks for a second colon only in what browsers open.
        colon = host.find(":") if scheme in ("http", "https") else host.rfind(":")
        name, bracket, port = (host[:colon], "", host[colon:]) if colon >= 0 else (host, "", "")
    if "[" in host and not (bracket and _is_literal(name[1:])):
        raise ValueError(f"{text!r} is no URL: what stands in brackets is no IPv6 address")
    if not _PORT.fullmatch(port):
        raise ValueError(f"{text!r} is no URL: the port is no number")
    if not _HOST.fullmatch(name):
        raise ValueError(f"{text!r} is no URL: its host holds a character that is not allowed")
    return _decoded(name) + bracket + port


def _is_literal(name: str) -> bool:
    from ipaddress import IPv6Address

    return _holds(IPv6Address, name.partition("%25")[0])


def _unquoted(text: str) -> bytes:
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(text.encode("utf-8", "surrogatepass"))


def _decoded(text: str) -> str:
    return _unquoted(text).decode("utf-8", "replace")


def _holds(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True
