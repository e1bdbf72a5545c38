"""Which lines of which files have changed since a commit, as git tells it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from kube_audit.records import NamedTuple

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_DIFF = (
    *("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--text", "--find-renames", "--submodule=short"),
    # What a user's configuration could set otherwise:
    *("--unified=0", "--inter-hunk-context=0", "--src-prefix=a/", "--dst-prefix=b/", "--no-relative"),
)
_LONE_CR = re.compile(rb"\r(?!\n)")
_TIMEOUT = 60
"""Seconds that git may take."""


class ChangesError(Exception):
    """The changes cannot be told; the message says why."""


class Changes(NamedTuple):
    """Changed lines by absolute file name; None stands for the whole file."""

    lines: dict[str, list[tuple[int, int]] | None]

    def touch(self, file: str, first: int, last: int) -> bool:
        """Whether any line of a file from `first` to `last` has changed."""
        name = os.path.realpath(file)
        known = self.lines.get(name, [])
        if known and _has_lines_of_its_own(name):
            known = self.lines[name] = None
        return known is None or any(start <= last and end >= first for start, end in known)


def since(ref: str, folders: Iterable[Path]) -> Changes:
    """Return what differs between a commit and the working trees of some folders, new files included.

    Where the commit is on another branch, what counts is what has changed since this one left it. A file that was
    only renamed has not changed. Raises ChangesError.
    """
    lines: dict[str, list[tuple[int, int]] | None] = {}
    for top in _tops(folders):
        lines |= _changed_lines(_git(top, *_DIFF, _start(ref, top), "--"), top)
        for raw in _git(top, "ls-files", "--others", "--exclude-standard", "-z").split(b"\0"):
            if raw:
                lines[_absolute(top, raw)] = None
    return Changes(lines)


def staged(folders: Iterable[Path]) -> Changes | None:
    """Return what the next commit changes, None where nothing is staged. Raises ChangesError.

    Lines are counted as the files stand in the folder, which is what is audited.
    """
    lines: dict[str, list[tuple[int, int]] | None] = {}
    any_staged = False
    for top in _tops(folders):
        names = _git(top, *_DIFF, "--cached", "--name-only", "-z", "--").split(b"\0")
        files = {_absolute(top, name) for name in names if name}
        any_staged = any_staged or bool(files)
        try:
            changed = _changed_lines(_git(top, *_DIFF, "HEAD", "--"), top)
        except ChangesError:  # before the first commit there is no HEAD
            lines |= dict.fromkeys(files)
            continue
        lines |= {file: changed[file] for file in files if file in changed}
    return Changes(lines) if any_staged else None


def _tops(folders: Iterable[Path]) -> list[str]:
    """Return the roots of the working trees that folders are in. git is asked once for each."""
    near = set()
    for folder in folders:
        here = Path(os.path.realpath(folder))
        near.add(next((above for above in (here, *here.parents) if (above / ".git").exists()), folder))
    return sorted({_top(folder) for folder in near})


def _top(folder: Path) -> str:
    """Return the root of the working tree that a folder is in."""
    try:
        return os.fsdecode(_git(folder, "rev-parse", "--show-toplevel")).rstrip("\n")
    except ChangesError as error:
        if "not a git repository" in str(error):
            raise ChangesError(f"{folder} is in no git repository") from error
        raise


def _start(ref: str, top: str) -> str:
    """Return the commit from which on changes count: where the branch of HEAD left `ref`, else `ref` itself."""
    if ref.startswith("-"):
        raise ChangesError(f"`{ref}` is no commit")
    try:
        commit = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip().decode()
    except ChangesError as error:
        shallow = _git(top, "rev-parse", "--is-shallow-repository").strip() == b"true"
        fetch = " in this shallow clone; fetch it first (in a GitHub workflow, check out with `fetch-depth: 0`)"
        raise ChangesError(f"there is no such commit{fetch if shallow else ''}") from error
    try:
        return _git(top, "merge-base", commit, "HEAD").strip().decode()
    except ChangesError:
        return commit  # nothing in common, as far as this clone goes back


def _changed_lines(diff: bytes, top: str) -> dict[str, list[tuple[int, int]] | None]:
    lines: dict[str, list[tuple[int, int]] | None] = {}
    current: list[tuple[int, int]] = []
    content = 0
    for line in diff.split(b"\n"):
        if content > 0:  # lines of a file, which may look like anything
            content -= not line.startswith(b"\\")
        elif line.startswith(b"+++ "):
            name = _unquoted(line[4:].rstrip(b"\t\r"))
            current = []
            if name is not None:
                lines[_absolute(top, name)] = current
        elif match := _HUNK.match(line):
            start, count = int(match[2]), int(match[3] or 1)
            content = int(match[1] or 1) + count
            current.append((start, start + count - 1) if count else (start, start + 1))
    return lines


def _absolute(top: str, name: bytes) -> str:
    return os.path.realpath(os.path.join(top, os.fsdecode(name)))


def _unquoted(name: bytes) -> bytes | None:
    """Return the file of a `+++` line, None for a removed one. Names with odd bytes stand in quotes, as in C."""
    if name.startswith(b'"'):
        name = name[1:-1].decode("latin-1").encode("latin-1").decode("unicode_escape").encode("latin-1")
    return name[2:] if name.startswith(b"b/") else None


@lru_cache(maxsize=1000)
def _has_lines_of_its_own(file: str) -> bool:
    """Whether git counts a file's lines otherwise than YAML does: a lone CR ends none for git."""
    try:
        return _LONE_CR.search(Path(file).read_bytes()) is not None
    except OSError:
        return False


def _git(folder: Path | str, *arguments: str) -> bytes:
    """Run git, without anything that a repository's configuration could make it run."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *arguments]
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=_TIMEOUT)  # noqa: S603
    except FileNotFoundError as error:
        raise ChangesError("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ChangesError(f"git took longer than {_TIMEOUT} seconds") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[0].removeprefix("fatal: ") if said else "git failed without a word"
        raise ChangesError(reason)
    return done.stdout
