"""Kubernetes' CEL functions for semantic versions (semver.org 2.0.0, as github.com/blang/semver/v4 reads them).

A version stays a string here, without build metadata, which takes no part in comparisons.
"""

from __future__ import annotations

import re
from functools import lru_cache

from kube_audit.patterns import lazily

_NUMBER = r"(0|[1-9][0-9]*)"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = lazily(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_LONGEST = 256

_Parts = tuple[int, int, int, tuple[tuple[int, int, str], ...]]


@lru_cache(maxsize=256)
def _parse(text: str) -> _Parts:
    match = _SEMVER.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError(f"{text[:60]!r} is no semantic version: write MAJOR.MINOR.PATCH, as in 1.30.0")
    major, minor, patch = (int(part) for part in match.group(1, 2, 3))
    identifiers = match[4].split(".") if match[4] else []
    keys = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in identifiers)
    if max(major, minor, patch, *(number for _, number, _ in keys)) >= 2**64:
        raise ValueError(f"{text[:60]!r} is no semantic version: its numbers are larger than 64 bits")
    return major, minor, patch, keys


def semver(text: str) -> str:
    """Return a version without its build metadata. Raises ValueError."""
    _parse(text)
    return text.partition("+")[0]


def semver_normalized(text: str, normalize: bool) -> str:
    """Return a version; normalizing drops a leading `v` and leading zeros, and adds missing numbers."""
    return semver(_normalized(text) if normalize else text)


def is_semver(text: str) -> bool:
    """Whether `semver` would take it."""
    return is_semver_normalized(text, False)


def is_semver_normalized(text: str, normalize: bool) -> bool:
    """Whether `semver_normalized` would take it."""
    try:
        semver_normalized(text, normalize)
    except ValueError:
        return False
    return True


def _normalized(text: str) -> str:
    parts = text.removeprefix("v").split(".", 2)
    if len(parts) < 3 and ("+" in parts[-1] or "-" in parts[-1]):
        raise ValueError(f"{text[:60]!r} is no semantic version: a short one has no pre-release and no build")
    stripped = [re.sub(r"^0+(?=[0-9])", "", part) for part in parts]
    return ".".join([*stripped, "0", "0"][: max(3, len(parts))])


def major(version: str) -> int:
    """Return the first number."""
    return _parse(version)[0]


def minor(version: str) -> int:
    """Return the second number."""
    return _parse(version)[1]


def patch(version: str) -> int:
    """Return the third number."""
    return _parse(version)[2]


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1: which version comes first. Raises ValueError for what is no version."""
    first, second = (((*p[:3], not p[3]), p[3]) for p in (_parse(one), _parse(other)))
    return (first > second) - (first < second)


def is_less(one: str, other: str) -> bool:
    """Whether the first version comes before the second."""
    return compare(one, other) < 0


def is_greater(one: str, other: str) -> bool:
    """Whether the first version comes after the second."""
    return compare(one, other) > 0
