"""Ignore files: what `.gitignore` and `.kube-auditignore` leave out of a walk, by git's own rules.

Source of the rules: https://git-scm.com/docs/gitignore. pathspec turns a line into a regular expression;
which line decides is found here, because git judges each folder before what lies in it, and the last line
that names a thing wins, be it a folder or a file.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from itertools import chain

from kube_audit.patterns import lazily
from kube_audit.records import NamedTuple

GIT = ".gitignore"
OWN = ".kube-auditignore"
NAMES = frozenset({GIT, OWN})

_MAX_WILDCARDS = 3
"""In one line. The time that one more takes grows with the length of a file's name, to seconds at four."""
_MAX_BYTES = 1024 * 1024
_EVERYTHING = lazily(r"/?\*\*(?:/\*\*)*(?:/\*)?|\*")
_WILDCARD_RUN = lazily(r"\*+")


class IgnoreFile(NamedTuple):
    """One ignore file, read. `base` is the real path of its folder, with a final separator."""

    path: str
    base: str
    lines: tuple[tuple[re.Pattern[str], bool], ...]
    """From the last to the first: what the line names, and whether it ignores (False: takes back)."""

    def judge(self, relative: str) -> bool | None:
        """Tell whether this file ignores a path (True), takes it back (False) or does not name it (None).

        `relative` is relative to `base`, with forward slashes, a folder with a final slash.
        """
        for named, ignores in self.lines:
            if named.fullmatch(relative):
                return ignores
        return None


class Ignores(NamedTuple):
    """The ignore files that hold in one folder, the nearest first."""

    own: tuple[IgnoreFile, ...] = ()
    git: tuple[IgnoreFile, ...] = ()

    def ignoring(self, path: str, folder: bool) -> IgnoreFile | None:
        """Return the ignore file that leaves this thing out, or None where it is to be read.

        A `.kube-auditignore` has the last word: it may take back what a `.gitignore` ignores.
        """
        for file in chain(self.own, self.git):
            relative = path[len(file.base) :]
            if os.sep != "/":
                relative = relative.replace(os.sep, "/")
            verdict = file.judge(relative + "/" if folder else relative)
            if verdict is not None:
                return file if verdict else None
        return None

    def within(self, *files: IgnoreFile) -> Ignores:
        """Add the ignore files of a folder below."""
        own = tuple(f for f in files if os.path.basename(f.path) == OWN)
        git = tuple(f for f in files if os.path.basename(f.path) == GIT)
        return Ignores(own + self.own, git + self.git)

    def in_other_repository(self) -> Ignores:
        """Return what still holds in a repository inside the repository: git's files end at its border."""
        return Ignores(self.own)


NONE = Ignores()


class NotHonoured(NamedTuple):
    """A line of an ignore file (all of it, where `line` is None) that could not be taken into account."""

    path: str
    line: int | None
    reason: str


def read(folder: str, name: str) -> tuple[IgnoreFile | None, list[NotHonoured]]:
    """Read the ignore file `name` of a folder, given by its real path; never raises.

    Links are not followed, as git does not, and pipes are not opened.
    """
    path = os.path.join(folder, name)
    try:
        if os.path.islink(path) or not os.path.isfile(path):
            return None, [NotHonoured(path, None, "not honoured: not a plain file")]
        with open(path, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        return None, [NotHonoured(path, None, f"not honoured: {error.strerror}")]
    if len(content) > _MAX_BYTES:
        return None, [NotHonoured(path, None, "not honoured: larger than 1 MiB")]
    refused: list[NotHonoured] = []
    lines: list[tuple[re.Pattern[str], bool]] = []
    text = os.fsdecode(content.removeprefix(b"\xef\xbb\xbf"))
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            lines.extend(_patterns(line.removesuffix("\r")))
        except ValueError as error:
            refused.append(NotHonoured(path, number, f"line {number} is not honoured: {error}"))
    lines.reverse()
    return IgnoreFile(path, os.path.join(folder, ""), tuple(lines)), refused


def _patterns(line: str) -> Iterator[tuple[re.Pattern[str], bool]]:
    if line.startswith("#"):
        return
    if _costly_wildcards(line) > _MAX_WILDCARDS:
        raise ValueError(f"more than {_MAX_WILDCARDS} wildcards; write it with fewer")
    import pathspec

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            patterns = list(pathspec.GitIgnoreSpec.from_lines([_plain(line)]).patterns)
    except (ValueError, re.error):
        raise ValueError("not a pattern that git knows") from None
    for pattern in patterns:
        if pattern.regex is not None and pattern.include is not None:
            yield pattern.regex, pattern.include


def _costly_wildcards(line: str) -> int:
    """Count those that can stand for many lengths: not a `*` between slashes, nor `**` at either end."""
    segments = [s for s in line.removeprefix("!").split("/") if s and s != "*"]
    inner = [s for i, s in enumerate(segments) if s != "**" or 0 < i < len(segments) - 1]
    return sum(len(_WILDCARD_RUN.findall(s)) for s in inner)


def _plain(line: str) -> str:
    """Write a line so that its expression fits the very things it names, not also what lies in them.

    `a/**` names everything in `a` but not `a`, which pathspec gives up for speed, as it does for `*`.
    """
    if not line.endswith("\\ "):
        line = line.rstrip()
    sign = "!" if line.startswith("!") else ""
    body = line.removeprefix("!")
    slash = "/" if body.endswith("/") else ""
    body = body.removesuffix("/")
    if _EVERYTHING.fullmatch(body):
        return f"{sign}?*{slash}"
    return f"{sign}{body}/*{slash}" if body.endswith("/**") else line
