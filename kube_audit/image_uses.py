"""Which workloads run which version of an image, and which of its versions most of them run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

from kube_audit.engine.images import Image, ImageError, parse
from kube_audit.findings import Path
from kube_audit.manifests.kustomizations import Build
from kube_audit.manifests.objects import Object
from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder
from kube_audit.records import NamedTuple
from kube_audit.relations import Relations
from kube_audit.universe import NOBODY, Folder, Members

MOST = 1000
"""Workloads of an image that are counted."""
_COMMIT = lazily(r"[0-9a-f]{7,40}")
_VERSION = lazily(r"v?\d+(\.\d+)*")
_DIGITS = lazily(r"\d+")


class Use(NamedTuple):
    """One container's image, told apart by what may be compared: the same repository, in the same flavour."""

    path: Path
    container: str
    text: str
    repository: str
    flavour: str
    """What stands around the version in a tag: `-alpine#.#` of `1.25-alpine3.19`."""
    tag: str
    digest: str

    @property
    def line(self) -> tuple[str, str]:
        """What uses are compared within."""
        return self.repository, self.flavour

    def differs(self, other: Use) -> bool:
        """Whether two uses are of different versions, as far as tags and digests can tell."""
        if self.digest and other.digest:
            return self.digest != other.digest
        return bool(self.tag and other.tag) and self.tag != other.tag


class Share(NamedTuple):
    """A version, how many workloads run it, and the first of them."""

    use: Use
    users: int
    first: int


class ImageUses:
    """Answers which version of an image most workloads run, from an index that is made when it is first asked."""

    def __init__(self, relations: Relations) -> None:
        self._relations = relations
        self._members: dict[tuple[str, str], Members] | None = None
        self._uses: dict[int, list[Use]] = {}
        self._leaders: dict[tuple[Folder, frozenset[Build], tuple[str, str]], Share | None] = {}

    def drifted(self, obj: Object) -> Iterator[tuple[Use, Share]]:
        """Yield a workload's uses of images that more workloads run in another version, with that version.

        Of versions that equally many run, the highest leads.
        """
        members = self._index()
        universes = self._relations.universes
        for use in self._uses.get(self._relations.number(obj), ()):
            if len(members[use.line]) < 2:
                continue
            key = (universes.folder(obj.file), universes.roots(obj.file), use.line)
            if key not in self._leaders:
                self._leaders[key] = self._leader(obj, members[use.line], use.line)
            leader = self._leaders[key]
            if leader is not None and use.differs(leader.use):
                yield use, leader

    def _leader(self, obj: Object, members: Members, line: tuple[str, str]) -> Share | None:
        """Return the version of an image that leads among the workloads that the asking object sees."""
        by_tag: dict[str, dict[str, dict[int, Use]]] = defaultdict(lambda: defaultdict(dict))
        for number in islice(self._relations.universes.seen(obj.file, members), MOST):
            for use in self._uses[number]:
                if use.line == line:
                    by_tag[use.tag][use.digest][number] = use
        shares = []
        for digests in by_tag.values():
            everyone = {number for users in digests.values() for number in users}
            for digest, users in digests.items():
                first = min(users)
                count = len({*users, *digests.get("", ())} if digest else everyone)
                shares.append(Share(users[first], count, first))
        return max(shares, key=lambda share: (share.users, _order(share.use)), default=None)

    def _index(self) -> dict[tuple[str, str], Members]:
        if self._members is None:
            self._members = defaultdict(lambda: NOBODY)
            for number, pod in self._relations.pods.items():
                obj = self._relations.objects[number]
                uses = []
                for container in pod.containers():
                    use = _use(container.data.get("image"), (*container.path, "image"), container.name or "")
                    if use is not None:
                        uses.append(use)
                self._uses[number] = uses
                for line in {use.line for use in uses}:
                    if line not in self._members:
                        self._members[line] = Members()
                    self._members[line].add(number, obj.file)
        return self._members


def _use(text: object, path: Path, container: str) -> Use | None:
    """Return what is compared of an image; None for placeholders, and where no version is named or `latest`."""
    if not isinstance(text, str) or is_placeholder(text):
        return None
    try:
        image = parse(text)
    except ImageError:
        return None
    if image.scheme is not None or (image.digest is None and image.tag in (None, "latest")):
        return None
    return Use(path, container, text, image.canonical, _flavour(image), image.tag or "", image.digest or "")


def _flavour(image: Image) -> str:
    """Return a tag without its version: tags of the same flavour are releases of the same thing.

    A repository may hold several things, told apart by words in the tag: `api-1.2` and `worker-1.2`.
    """
    tag = image.tag
    if tag is None or tag == "latest" or _COMMIT.fullmatch(tag):
        return ""
    return _DIGITS.sub("#", _VERSION.sub("", tag, count=1) if _VERSION.match(tag) else tag)


def _order(use: Use) -> tuple[list[int], str]:
    """Return a key by which later versions come later."""
    return [int(digits[:18]) for digits in _DIGITS.findall(use.tag)], use.text
