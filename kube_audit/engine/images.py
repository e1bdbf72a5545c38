"""Container image references, by the grammar of github.com/distribution/reference that container runtimes use."""

from __future__ import annotations

import re
from functools import lru_cache

from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple

DEFAULT_REGISTRY = "docker.io"
_SCHEME = lazily(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_REGISTRY = lazily(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_COMPONENT = lazily(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = lazily(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_HEX = lazily(r"[a-f0-9]+")
_IMAGE_ID = lazily(r"[a-f0-9]{64}")
_LONGEST_REPOSITORY = 255
_LONGEST = 4096


class ImageError(ValueError):
    """The text is no image reference; the message says why."""


class Image(NamedTuple):
    """The parts of an image reference as it is written, None for what is absent.

    `nginx:1.27` has the repository `nginx` and no registry; `canonical` is what a runtime makes of that.
    """

    registry: str | None
    """Host, with its port: `quay.io`, `localhost:5000`."""
    repository: str
    """Path below the registry: `team/app`."""
    tag: str | None = None
    digest: str | None = None
    """Algorithm and hexadecimal digits: `sha256:…`."""
    scheme: str | None = None
    """What stands before `://`, as in `ko://…`: then the rest is the repository, unparsed, and no runtime pulls it."""

    @property
    def name(self) -> str:
        """Last part of the repository."""
        return self.repository.rpartition("/")[2]

    @property
    def canonical(self) -> str:
        """Registry and repository in full: `nginx` is `docker.io/library/nginx`."""
        registry, repository = self.registry or DEFAULT_REGISTRY, self.repository
        if registry == "index.docker.io":
            registry = DEFAULT_REGISTRY
        if registry == DEFAULT_REGISTRY and "/" not in repository:
            repository = f"library/{repository}"
        return f"{registry}/{repository}"


@lru_cache(maxsize=1024)
def parse(reference: str) -> Image:
    """Return the parts of an image reference. Raises ImageError.

    Follows `ParseNormalizedNamed` and the digests of opencontainers/go-digest. A text with a scheme is no
    reference that a runtime can pull, but tools replace it before (`ko://`): it is returned with `scheme` set.
    """
    if len(reference) > _LONGEST:
        raise ImageError(f"it is {len(reference)} characters long")
    if with_scheme := _SCHEME.fullmatch(reference):
        return Image(None, with_scheme[2], scheme=with_scheme[1])
    _reject_obvious(reference)
    rest, at, digest = reference.partition("@")
    if at:
        _check_digest(digest)
    head, slash, tail = rest.partition("/")
    if slash and (any(c in head for c in ".:") or head == "localhost" or head != head.lower()):
        registry, path = head, tail
        if not _REGISTRY.fullmatch(registry):
            raise ImageError(f'"{registry}" is no registry: it must be a host name, with :PORT at most')
    else:
        registry, path = None, rest
    repository, colon, tag = path.partition(":")
    _check_repository(repository, registry)
    if colon and not _TAG.fullmatch(tag):
        raise ImageError(_wrong_tag(tag))
    return Image(registry, repository, tag if colon else None, digest if at else None)


def is_image(reference: str) -> bool:
    """Whether a container runtime could pull it: `parse` takes it, and it has no scheme."""
    try:
        return parse(reference).scheme is None
    except ImageError:
        return False


def _reject_obvious(reference: str) -> None:
    if not reference:
        raise ImageError("it is empty")
    if reference != reference.strip():
        raise ImageError("it has white space around it")
    if any(c.isspace() for c in reference):
        raise ImageError("it has white space inside it")
    if _IMAGE_ID.fullmatch(reference):
        raise ImageError("it is an image ID; name a repository, or write repository@sha256:ID")


def _check_repository(repository: str, registry: str | None) -> None:
    if not repository:
        raise ImageError("the repository is missing")
    for component in repository.split("/"):
        if not component:
            raise ImageError(f'the repository "{repository}" has an empty part: a "/" too much')
        if _COMPONENT.fullmatch(component):
            continue
        if _COMPONENT.fullmatch(component.lower()):
            raise ImageError(f'the repository "{repository}" must be in lower case')
        raise ImageError(
            f'"{component}" in the repository is not allowed: lower case letters and digits, '
            'with ".", "_", "__" or "-" between them'
        )
    full = Image(registry, repository).canonical.partition("/")[2]
    if len(full) > _LONGEST_REPOSITORY:
        raise ImageError(f"the repository is {len(full)} characters long, {_LONGEST_REPOSITORY} are allowed")


def _wrong_tag(tag: str) -> str:
    if not tag:
        return 'the tag after ":" is missing'
    if len(tag) > 128:
        return f"the tag is {len(tag)} characters long, 128 are allowed"
    if ":" in tag or "/" in tag:
        return f'"{tag}" is no tag: only one ":" may stand after the last "/"'
    return f'"{tag}" is no tag: letters, digits, "_", "." and "-" are allowed, and neither "." nor "-" first'


def _check_digest(digest: str) -> None:
    algorithm, colon, digits = digest.partition(":")
    if not colon:
        raise ImageError(f'"{digest}" is no digest: write sha256: and 64 hexadecimal digits')
    if algorithm not in _HEX_DIGITS:
        raise ImageError(f'"{algorithm}" is no algorithm for digests: sha256, sha384 and sha512 are known')
    if len(digits) != _HEX_DIGITS[algorithm] or not _HEX.fullmatch(digits):
        raise ImageError(
            f"the digest after {algorithm}: must be {_HEX_DIGITS[algorithm]} lower case hexadecimal digits, "
            f"these are {len(digits)} characters"
        )
