"""The files that a command line means: named ones, those found in folders, and standard input.

Nothing is left out silently: what looks like a manifest, or may hold some, and is not read is told with its
reason, a folder once. In a folder, `*.yaml`, `*.yml` and `*.json` count, in any case. Hidden folders are
read as all others; only those that tools fill for themselves are passed by (`TOOL_FOLDERS`).
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Generator, Iterator, Sequence
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO

from kube_audit.findings import Skipped
from kube_audit.records import NamedTuple
from kube_audit.sources import ignores
from kube_audit.sources.ignores import IgnoreFile, Ignores
from kube_audit.sources.wording import printable, reason, special

STDIN = "<stdin>"
SUFFIXES = (".yaml", ".yml", ".json")
TOOL_FOLDERS = frozenset(
    {".git", ".hg", ".jj", ".svn", ".nox", ".terraform", ".terragrunt-cache", ".tox", ".venv", "__pycache__"}
    | {"node_modules"}
)
MAX_DEPTH = 100
"""How many folders deep a path may lie. Matching ignore files takes long where it is endless."""
_PIECE = 1024 * 1024
MAX_BYTES = 64 * 1024 * 1024
"""The largest file that is read. The API server takes objects of about 1.5 MiB."""


class SourceFile(NamedTuple):
    """A file to audit. `path` is None for standard input.

    `name` is for people: relative to the working directory where it lies below it, else absolute, with
    forward slashes; bytes that are no text and control characters are written as escapes (`\\xff`).
    """

    name: str
    path: Path | None


class PathError(Exception):
    """Paths on the command line that cannot be audited; the message names all of them, one a line."""


class UnreadableFile(Exception):
    """A file that could not be read; the message says why, without the file's name."""


class _Named(NamedTuple):
    """What one argument stands for: a file or a folder, or standard input (then the paths are empty)."""

    path: str
    real: str
    folder: bool = False


class _Folder(NamedTuple):
    """A folder to walk: the path that is shown, the real one, and the ignore files that hold above it."""

    path: str
    real: str
    ignores: Ignores


def find(paths: Sequence[str], cwd: Path) -> Iterator[SourceFile | Skipped]:
    """Find the files that the arguments mean, each file once, in a fixed order.

    Arguments are taken in their order, relative to `cwd`: `-` is standard input, a file is taken whatever
    its name is and whatever an ignore file says, a folder is walked in the order of its paths' bytes.
    Links are followed only to what lies in one of the named folders, and such a file keeps its own name.
    Raises PathError, before anything is read, where an argument does not exist or cannot be read.
    """
    base = os.path.realpath(cwd)
    named: list[_Named] = []
    wrong: list[str] = []
    for path in paths:
        try:
            named.append(_named(path, base))
        except PathError as error:
            wrong.append(str(error))
    if wrong:
        raise PathError("\n".join(wrong))
    return _Walk(named, base).run()


def read(source: SourceFile, stdin: BinaryIO | None) -> bytes:
    """Read a file whole, or standard input (from `stdin`, by default the process's own).

    Raises UnreadableFile where that fails, where it is no plain file, or larger than MAX_BYTES.
    """
    try:
        if source.path is None:
            content = _standard_input(stdin).read(MAX_BYTES + 1)
        else:
            # Without O_NONBLOCK, a pipe that took the file's place since it was found would wait forever.
            flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            with open(os.open(source.path, flags), "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise UnreadableFile(f"{special(status.st_mode)}, not a file")
                content = _whole(file, status.st_size)
    except OSError as error:
        raise UnreadableFile(reason(error)) from None
    if len(content) > MAX_BYTES:
        raise UnreadableFile(
            f"larger than {MAX_BYTES // 1024 // 1024} MiB; split it, or leave it out with {ignores.OWN}"
        )
    return content


def _whole(file: RawIOBase, size: int) -> bytes:
    """Read a file that should have that many bytes, to its end or to one byte more than MAX_BYTES.

    Room for the largest file would take longer to make than most files take to read.
    """
    parts = [file.read(min(size, MAX_BYTES) + 1) or b""]
    length = len(parts[0])
    while parts[-1] and length <= MAX_BYTES:  # files may grow, and those of /proc say that they are empty
        parts.append(file.read(min(_PIECE, MAX_BYTES + 1 - length)) or b"")
        length += len(parts[-1])
    return b"".join(parts)


def _standard_input(stdin: BinaryIO | None) -> BinaryIO:
    if stdin is not None:
        return stdin
    # Python has none where the shell closed it (`<&-`).
    if sys.stdin is None:
        raise UnreadableFile("closed; send the manifest through a pipe, or name its file")
    return sys.stdin.buffer


def _named(given: str, base: str) -> _Named:
    if given == "-":
        return _Named("", "")
    if not given:
        raise PathError("an empty path was given; name a file or folder, or . for this folder")
    path = os.path.join(base, given)
    try:
        mode = os.stat(path).st_mode
    except ValueError:
        raise PathError(f"{printable(given)}: no path can be written like this") from None
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            what = "a broken link" if os.path.islink(path) else "no such file or folder"
        else:
            what = reason(error)
        raise PathError(f"{printable(given)}: {what}") from None
    folder = stat.S_ISDIR(mode)
    if not folder and not stat.S_ISREG(mode):
        raise PathError(
            f"{printable(given)}: is {special(mode)}, not a file; "
            "to audit what a command prints, send it to kube-audit check - through a pipe"
        )
    if not os.access(path, os.R_OK | os.X_OK if folder else os.R_OK):
        raise PathError(f"{printable(given)}: no permission to read it")
    real = os.path.realpath(path)
    path = real if ".." in Path(given).parts else os.path.normpath(path)
    return _Named(real if not _below(path, base) and _below(real, base) else path, real, folder)


class _Walk:
    """One walk over all arguments; it remembers what was met, so that nothing is met twice."""

    def __init__(self, named: list[_Named], base: str) -> None:
        self.base = base
        self.below_base = os.path.join(base, "")
        self.named = named
        self.named_paths = {n.real for n in named}
        self.roots = [os.path.join(n.real, "") for n in named if n.folder]
        self.files: set[str] = set()
        self.folders: set[str] = set()
        self.links: list[str] = []
        self.ignore_files: dict[str, IgnoreFile | None] = {}

    def run(self) -> Iterator[SourceFile | Skipped]:
        for argument in self.named:
            if argument.folder:
                yield from self.walk(argument.path, argument.real)
            elif argument.real not in self.files:
                self.files.add(argument.real)
                yield self.source(argument.path) if argument.real else SourceFile(STDIN, None)
        # Links come last, so that a file met under its own name is shown by it. The list grows meanwhile.
        for link in self.links:
            yield from self.follow(link)

    def walk(self, path: str, real: str) -> Iterator[SourceFile | Skipped]:
        """Walk a folder in depth, with a stack: trees can be deeper than Python's calls."""
        above = yield from self.ignores_above(real)
        stack: list[_Folder | str] = [_Folder(path, real, above)]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                yield self.source(item)
            elif item.real not in self.folders:
                self.folders.add(item.real)
                stack.extend(reversed((yield from self.entries(item))))

    def entries(self, folder: _Folder) -> Generator[SourceFile | Skipped, None, list[_Folder | str]]:
        """List a folder: what to read and to walk, in order; yields what is left out."""
        if folder.real.count(os.sep) > MAX_DEPTH:
            yield self.skipped(folder.path, f"lies more than {MAX_DEPTH} folders deep")
            return []
        try:
            with os.scandir(folder.path) as scan:
                found = sorted(scan, key=_order)
        except OSError as error:
            yield self.skipped(folder.path, reason(error))
            return []
        names = {entry.name for entry in found} & {".git", *ignores.NAMES}
        held = folder.ignores.in_other_repository() if ".git" in names else folder.ignores
        held = yield from self.ignores_of(folder.real, sorted(names & ignores.NAMES), held)
        wanted: list[_Folder | str] = []
        for entry in found:
            is_link = entry.is_symlink()
            is_folder = not is_link and entry.is_dir(follow_symlinks=False)
            looks_right = entry.name.lower().endswith(SUFFIXES)
            if not (looks_right or is_folder or is_link):
                continue
            real = os.path.join(folder.real, entry.name)
            if real in self.named_paths:
                continue
            if is_folder and entry.name in TOOL_FOLDERS:
                yield self.skipped(entry.path, "holds what a tool keeps for itself; name it to have it audited")
            elif ignored := held.ignoring(real, is_folder):
                yield self.skipped(entry.path, f"ignored by {self.shown(ignored.path)}")
            elif is_folder:
                wanted.append(_Folder(entry.path, real, held))
            elif is_link:
                self.links.append(entry.path)
            elif not entry.is_file(follow_symlinks=False):
                yield self.skipped(entry.path, f"is {special(_mode(entry.path))}, not a file")
            elif real not in self.files:
                self.files.add(real)
                wanted.append(entry.path)
        return wanted

    def follow(self, link: str) -> Iterator[SourceFile | Skipped]:
        """Read what a link leads to, where that lies in a named folder and was not met under its own name."""
        try:
            real = os.path.realpath(link, strict=True)
            mode = os.stat(real).st_mode
        except OSError as error:
            broken = isinstance(error, FileNotFoundError)
            yield self.skipped(link, "broken link" if broken else f"link: {reason(error)}")
            return
        folder = stat.S_ISDIR(mode)
        if real in self.files or real in self.folders or not (folder or link.lower().endswith(SUFFIXES)):
            return
        if not os.path.join(real, "").startswith(tuple(self.roots)):
            yield self.skipped(link, "link that leads out of the folders to audit")
        elif folder:
            yield from self.walk(link, real)
        elif stat.S_ISREG(mode):
            self.files.add(real)
            yield self.source(link)
        else:
            yield self.skipped(link, f"link to {special(mode)}, not to a file")

    def ignores_above(self, real: str) -> Generator[Skipped, None, Ignores]:
        """Read the ignore files from the repository's root (or the working directory) down to a folder.

        Where these leave out the folder itself, they do not hold: it was named to be read.
        """
        held = ignores.NONE
        for folder in _folders_above(real, self.base):
            if held.ignoring(folder, folder=True):
                held = ignores.NONE
            names = [n for n in sorted(ignores.NAMES) if os.path.lexists(os.path.join(folder, n))]
            held = yield from self.ignores_of(folder, names, held)
        return ignores.NONE if held.ignoring(real, folder=True) else held

    def ignores_of(self, real: str, names: list[str], held: Ignores) -> Generator[Skipped, None, Ignores]:
        """Add a folder's own ignore files, `names`, to those that hold above it."""
        for name in names:
            path = os.path.join(real, name)
            if path not in self.ignore_files:
                self.ignore_files[path], refused = ignores.read(real, name)
                for line in refused:
                    yield Skipped(self.shown(line.path), line.reason, line.line)
            if file := self.ignore_files[path]:
                held = held.within(file)
        return held

    def source(self, path: str) -> SourceFile:
        return SourceFile(self.shown(path), Path(path))

    def skipped(self, path: str, why: str) -> Skipped:
        return Skipped(self.shown(path), why)

    def shown(self, path: str) -> str:
        if path == self.base:
            return "."
        return printable(path.removeprefix(self.below_base)).replace(os.sep, "/")


def _folders_above(real: str, base: str) -> list[str]:
    """Return the folders whose ignore files hold in a folder, from the outermost to its parent."""
    above: list[str] = []
    folder = real
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return [f for f in reversed(above) if _below(f, base)]
        above.append(parent)
        folder = parent
    return above[::-1]


def _order(entry: os.DirEntry[str]) -> bytes:
    name = os.fsencode(entry.name)
    return name + b"/" if entry.is_dir(follow_symlinks=False) else name


def _below(path: str, base: str) -> bool:
    return path == base or path.startswith(os.path.join(base, ""))


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0
