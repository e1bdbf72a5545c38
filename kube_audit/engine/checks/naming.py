"""What names, label keys and label values may look like, and what is wrong with those that may not.

Source: k8s.io/apimachinery/pkg/util/validation, and api/validation/path for names that are only part of a URL.
"""

from __future__ import annotations

import re
from functools import lru_cache

from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple

LABEL_LENGTH = 63
SUBDOMAIN_LENGTH = 253


class Syntax(NamedTuple):
    """One kind of name: what fits it, which characters it may hold, and how both are said."""

    pattern: re.Pattern[str]
    foreign: re.Pattern[str]
    allowed: str
    shape: str
    longest: int | None


_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_QUALIFIED = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"

DNS_LABEL = Syntax(
    lazily(_LABEL),
    lazily(r"[^-a-z0-9]"),
    "small letters, digits and `-`",
    "it must begin and end with a small letter or a digit",
    LABEL_LENGTH,
)
DNS_1035_LABEL = Syntax(
    lazily(r"[a-z](?:[-a-z0-9]*[a-z0-9])?"),
    lazily(r"[^-a-z0-9]"),
    "small letters, digits and `-`",
    "it must begin with a small letter and end with a small letter or a digit",
    LABEL_LENGTH,
)
DNS_SUBDOMAIN = Syntax(
    lazily(rf"{_LABEL}(?:\.{_LABEL})*"),
    lazily(r"[^-a-z0-9.]"),
    "small letters, digits, `-` and `.`",
    "each part between dots must begin and end with a small letter or a digit",
    SUBDOMAIN_LENGTH,
)
PATH_SEGMENT = Syntax(
    lazily(r"(?!\.{1,2}\Z)[^/%]+", re.DOTALL),
    lazily(r"[/%]"),
    "neither `/` nor `%`",
    "`.` and `..` mean something else in a URL",
    None,
)
LABEL_VALUE = Syntax(
    lazily(rf"(?:{_QUALIFIED})?"),
    lazily(r"[^-A-Za-z0-9_.]"),
    "letters, digits, `-`, `_` and `.`",
    "it must begin and end with a letter or a digit",
    LABEL_LENGTH,
)
_KEY_NAME = LABEL_VALUE._replace(pattern=re.compile(_QUALIFIED))


def problem(text: str, syntax: Syntax, *, prefix: bool = False) -> str:
    """Return what is wrong with the characters of a name, "" where nothing is; its length is `too_long`'s.

    With `prefix` the name goes on (generateName), and may end in hyphens.
    """
    whole = text.rstrip("-") + "x" if prefix and text.endswith("-") else text
    if syntax.pattern.fullmatch(whole):
        return ""
    if not text:
        return "is empty"
    foreign = syntax.foreign.search(text)
    if foreign is not None:
        sign = "a space" if foreign[0] == " " else f"`{foreign[0]}`" if foreign[0].isprintable() else "a control sign"
        return f"holds {sign}, and only {syntax.allowed} are allowed" if syntax.longest else f"holds {sign}"
    return f"is malformed: {syntax.shape}"


def too_long(text: str, syntax: Syntax) -> str:
    """Return how much too long a name is, "" where it is not."""
    if syntax.longest is None or len(text) <= syntax.longest:
        return ""
    return f"has {len(text)} characters, and at most {syntax.longest} are allowed"


@lru_cache
def label_value_problem(value: str) -> str:
    """Return why a label cannot have this value, "" where it can."""
    return problem(value, LABEL_VALUE) or too_long(value, LABEL_VALUE)


@lru_cache
def label_key_problem(key: str) -> str:
    """Return why a label cannot have this key, "" where it can: a name, with or without a domain before `/`."""
    parts = key.split("/")
    if len(parts) > 2:
        return "holds more than one `/`"
    name = parts[-1]
    wrong = problem(name, _KEY_NAME) or too_long(name, _KEY_NAME)
    if wrong:
        return f"is malformed: the part after `/` {wrong}" if len(parts) == 2 else wrong
    if len(parts) == 2:
        wrong = problem(parts[0], DNS_SUBDOMAIN) or too_long(parts[0], DNS_SUBDOMAIN)
        return f"is malformed: the part before `/` {wrong}" if wrong else ""
    return ""


def corrected(text: str, syntax: Syntax) -> str:
    """Return a name that is valid and close to this one, "" where none is near."""
    near = re.sub(r"[_\s./]+" if syntax is not DNS_SUBDOMAIN else r"[_\s/]+", "-", text.lower()).strip("-.")
    return near if near and near != text and syntax.pattern.fullmatch(near) and not too_long(near, syntax) else ""


def shortened(text: str, most: int = 60) -> str:
    """Return a text as a message can show it: one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
