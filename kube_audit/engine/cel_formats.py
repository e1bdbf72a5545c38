"""Kubernetes' named string formats, which CEL checks with `format.NAME().validate(text)`.

The rules are those of k8s.io/apimachinery (names and labels) and kube-openapi's strfmt (uuid, byte, dates).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from kube_audit.engine.cel_network import is_url
from kube_audit.patterns import lazily

_LABEL = lazily(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = lazily(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = lazily(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME = lazily(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_UUID = lazily(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_BASE64 = lazily(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})")
_DATE = lazily(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = lazily(r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})")


def label_problems(text: str) -> list[str]:
    """Say what keeps a text from being a DNS label (RFC 1123), as names of Services' ports and namespaces are."""
    return _problems(text, _LABEL, 63, "lower case letters, digits and '-', with a letter or digit at both ends")


def label_1035_problems(text: str) -> list[str]:
    """Say what keeps a text from being a DNS label that starts with a letter (RFC 1035), as Services' names do."""
    return _problems(
        text, _LABEL_1035, 63, "lower case letters, digits and '-', a letter first, a letter or digit last"
    )


def subdomain_problems(text: str) -> list[str]:
    """Say what keeps a text from being a DNS subdomain (RFC 1123), as most objects' names are."""
    return _problems(
        text, _SUBDOMAIN, 253, "lower case letters, digits, '-' and '.', each part with a letter or digit at both ends"
    )


def label_value_problems(text: str) -> list[str]:
    """Say what keeps a text from being a label's value; an empty one is fine."""
    return _problems(text, _NAME, 63, _NAME_RULE) if text else []


def qualified_name_problems(text: str) -> list[str]:
    """Say what keeps a text from being a key of labels and annotations: `name` or `dns.prefix/name`."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        return ["a key holds at most one '/', between a DNS prefix and a name"]
    problems = [f"the prefix before '/': {problem}" for problem in subdomain_problems(prefix)] if slash else []
    return problems + _problems(name, _NAME, 63, _NAME_RULE)


_NAME_RULE = "letters, digits, '-', '_' and '.', with a letter or digit at both ends"


def _problems(text: str, pattern: re.Pattern[str], longest: int, rule: str) -> list[str]:
    problems = []
    if not text:
        return ["it must not be empty"]
    if len(text) > longest:
        problems.append(f"it is {len(text)} characters long, {longest} are allowed")
    if not pattern.fullmatch(text):
        problems.append(f"it must hold only {rule}")
    return problems


def _as_prefix(check: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Make a check of what generated names start with; it may end in '-'."""

    def checked(text: str) -> list[str]:
        # As apimachinery does it: the dash and the character before it make room for a letter.
        return check(text[:-2] + "a" if len(text) > 1 and text.endswith("-") else text)

    return checked


def _simple(holds: Callable[[str], object], problem: str) -> Callable[[str], list[str]]:
    return lambda text: [] if holds(text) else [problem]


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return text.startswith("0000-") and _is_date(f"2000{text[4:]}")  # Go's calendar has a (leap) year 0


def _is_datetime(text: str) -> bool:
    day, _, time = text.lower().partition("t")
    return _is_date(day) and bool(_TIME.fullmatch(time))


FORMATS: dict[str, Callable[[str], list[str]]] = {
    "dns1123Label": label_problems,
    "dns1123Subdomain": subdomain_problems,
    "dns1035Label": label_1035_problems,
    "qualifiedName": qualified_name_problems,
    "dns1123LabelPrefix": _as_prefix(label_problems),
    "dns1123SubdomainPrefix": _as_prefix(subdomain_problems),
    "dns1035LabelPrefix": _as_prefix(label_1035_problems),
    "labelValue": label_value_problems,
    "uri": _simple(is_url, "it is no URI: write an absolute one, or an absolute path"),
    "uuid": _simple(_UUID.fullmatch, "it is no UUID"),
    "byte": _simple(_BASE64.fullmatch, "it is no base64"),
    "date": _simple(_is_date, "it is no date: write 2006-01-02"),
    "datetime": _simple(_is_datetime, "it is no date with time: write 2006-01-02T15:04:05Z"),
}
"""Name to what is wrong with a text in that format, [] where nothing is."""
