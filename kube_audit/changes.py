"""Which lines of which files have changed since a commit, as git tells it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

_HUNK = re.compile(rb"^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_DIFF = (
    *("diff", "--text", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--no-relative"),
    *("--unified=0", "--inter-hunk-context=0", "--src-prefix=a/", "--dst-prefix=b/"),
)
"""Whatever the user's configuration, or the repository's attributes, say about diffs."""
_TIMEOUT = 60
"""Seconds that git may take."""


class ChangesError(Exception):
    """The changes cannot be told; the message says why."""


class Changes(NamedTuple):
    """Changed lines by absolute file name; None stands for the whole file."""

    lines: dict[str, list[tuple[int, int]] | None]

    def touch(self, file: str, first: int, last: int) -> bool:
        """Whether any line of a file from `first` to `last` has changed."""
        known = self.lines.get(os.path.realpath(file), [])
        return known is None or any(start <= last and end >= first for start, end in known)


def since(ref: str, folder: Path) -> Changes:
    """Return what differs between a commit and the working tree, new files included. Raises ChangesError."""
    if ref.startswith("-"):
        raise ChangesError(f"`{ref}` is no commit")
    top = _top(folder)
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip().decode()
    lines = _changed_lines(_git(folder, *_DIFF, commit, "--"), top)
    for raw in _git(folder, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/").split(b"\0"):
        if raw:
            lines[_absolute(top, raw)] = None
    return Changes(lines)


def staged(folder: Path) -> Changes | None:
    """Return what the next commit changes, None where nothing is staged. Raises ChangesError.

    Lines are counted as the files stand in the folder, which is what is audited.
    """
    top = _top(folder)
    names = _git(folder, "diff", "--cached", "--no-renames", "--no-relative", "--name-only", "-z", "--").split(b"\0")
    files = {_absolute(top, name) for name in names if name}
    if not files:
        return None
    try:
        lines = _changed_lines(_git(folder, *_DIFF, "HEAD", "--"), top)
    except ChangesError:  # before the first commit there is no HEAD
        return Changes(dict.fromkeys(files))
    return Changes({file: changed for file, changed in lines.items() if file in files})


def _top(folder: Path) -> str:
    return _git(folder, "rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape").rstrip("\n")


def _absolute(top: str, name: bytes) -> str:
    return os.path.realpath(os.path.join(top, name.decode("utf-8", "surrogateescape")))


def _changed_lines(diff: bytes, top: str) -> dict[str, list[tuple[int, int]] | None]:
    lines: dict[str, list[tuple[int, int]] | None] = {}
    current: list[tuple[int, int]] | None = None
    rows = iter(diff.split(b"\n"))
    for row in rows:
        if row.startswith(b"+++ "):
            name = _unquoted(row[4:].rstrip(b"\t\r"))
            current = []
            if name is not None:
                lines[_absolute(top, name)] = current
        elif current is not None and (match := _HUNK.match(row)):
            removed, start, count = int(match[1] or 1), int(match[2]), int(match[3] or 1)
            current.append((start, start + count - 1) if count else (start, start + 1))
            left = removed + count
            while left:  # what the lines hold could look like the head of another file
                left -= not next(rows, b"").startswith(b"\\")
    return lines


def _unquoted(name: bytes) -> bytes | None:
    """Return the file of a `+++` line, None for a removed one. Names with odd bytes stand in quotes, as in C."""
    if name.startswith(b'"'):
        name = name[1:-1].decode("latin-1").encode("latin-1").decode("unicode_escape").encode("latin-1")
    return name[2:] if name.startswith(b"b/") else None


def _git(folder: Path, *arguments: str) -> bytes:
    """Run git, without anything that a repository's configuration could make it run."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=_TIMEOUT)  # noqa: S603
    except FileNotFoundError as error:
        raise ChangesError("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ChangesError(f"git took longer than {_TIMEOUT} seconds") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[0].removeprefix("fatal: ") if said else "there is no such commit"
        raise ChangesError(reason)
    return done.stdout
