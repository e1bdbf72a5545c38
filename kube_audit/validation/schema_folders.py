"""Folders with the schemas of custom resources: definitions, and JSON Schemas in files that are found by their name.

Nothing outside a folder is read, whatever a link or a manifest says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath

from kube_audit.findings import Path, Span
from kube_audit.manifests.document import Document
from kube_audit.manifests.objects import Object, objects
from kube_audit.manifests.text import decode
from kube_audit.manifests.yaml import documents
from kube_audit.records import NamedTuple
from kube_audit.sources.files import SUFFIXES, TOOL_FOLDERS, SourceFile, UnreadableFile, read
from kube_audit.validation.crds import KIND, CustomKind, Version, custom_kind

PLACEHOLDERS = ("group", "kind", "Kind", "version")
_LAYOUT = "{group}/{kind}_{version}.json"
"""Where a folder has its JSON Schemas if nothing else is said: the layout of the public collections of schemas."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_GROUP = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_WORD = re.compile(r"[A-Za-z0-9]{1,63}")
_GROUP_IN_TEXT = re.compile(rb"""\bgroup["']?[ \t]*:[ \t]*["']?([-a-z0-9.]+)""")
_NEEDED = "The custom resources that need it are not validated until then."


class FolderError(ValueError):
    """A schema folder, or location template, that cannot be used: `entry`, which the message names."""

    def __init__(self, entry: str, reason: str) -> None:
        """Take the reason, in a sentence."""
        super().__init__(f"{entry}: {reason}")
        self.entry = entry


class Broken(NamedTuple):
    """A file with a schema that cannot be used: which rule says so, where, why, and what to do."""

    rule: str
    file: str
    span: Span
    message: str
    remediation: str


class _Source(NamedTuple):
    """A folder and the template of the JSON Schemas below it. Definitions are looked for where that is the default."""

    folder: str
    template: str

    def holds(self, file: str) -> bool:
        """Whether a file lies in the folder really, after all links."""
        return os.path.realpath(file).startswith(os.path.join(os.path.realpath(self.folder), ""))


class SchemaFolders:
    """What a run can take schemas from. Files are looked for, and read, when a kind needs them."""

    def __init__(self, entries: Sequence[str]) -> None:
        """Take folders, and location templates such as `schemas/{group}/{kind}_{version}.json`. Raises FolderError."""
        self._sources = [_source(entry) for entry in entries]
        self._by_group: dict[str, list[str]] | None = None
        self._kinds: dict[tuple[str, str], list[CustomKind]] = {}
        self.broken: list[Broken] = []

    def definitions(self, group: str, kind: str) -> list[CustomKind]:
        """Return what the CustomResourceDefinitions in the folders say of a kind."""
        if self._by_group is None:
            self._by_group = self._groups()
        for file in self._by_group.pop(group, ()):
            for document in self._documents(file):
                for defined in self._defined(document, file):
                    self._kinds.setdefault((defined.group, defined.kind), []).append(defined)
        return self._kinds.get((group, kind), [])

    def schemas(self, group: str, version: str, kind: str) -> Iterator[CustomKind]:
        """Yield what the files say that the templates lead to. A plain JSON Schema stands for its one version."""
        if not (_GROUP.fullmatch(group) and ".." not in group and _WORD.fullmatch(version) and _WORD.fullmatch(kind)):
            return
        names = {"group": group, "kind": kind.lower(), "Kind": kind, "version": version}
        for source in self._sources:
            file = os.path.join(source.folder, _PLACEHOLDER.sub(lambda match: names[match[1]], source.template))
            if not os.path.isfile(file) or not source.holds(file):
                continue
            for document in self._documents(file):
                whole = Object(file, document, (), document.data, "", "")
                if not isinstance(document.data, dict):
                    self.refuse(whole, (), "it is no mapping")
                elif document.data.get("kind") == KIND:
                    yield from self._defined(document, file)
                else:
                    version_only = Version(version, True, document.data, has_status=False, closed=False, plain=True)
                    yield CustomKind(group, kind, None, {version: version_only}, whole)

    def refuse(self, source: Object, path: Path, reason: str) -> None:
        """Take note that what stands at a path of a file is no schema."""
        message = f"this is no schema that custom resources can be held against: {reason}"
        self._note(Broken("crd-definition-invalid", source.file, source.place(path), message, f"Correct it. {_NEEDED}"))

    def _files(self) -> Iterator[str]:
        """Yield the files that may hold definitions, in a fixed order."""
        for source in self._sources:
            if source.template != _LAYOUT:
                continue
            for folder, folders, names in os.walk(source.folder):
                folders[:] = sorted(set(folders) - TOOL_FOLDERS)
                for name in sorted(names):
                    file = os.path.join(folder, name)
                    if name.lower().endswith(SUFFIXES) and os.path.isfile(file) and source.holds(file):
                        yield file

    def _groups(self) -> dict[str, list[str]]:
        """Return the files by the groups that they may define, told from their text without reading it as YAML."""
        found: dict[str, list[str]] = {}
        for file in self._files():
            raw = self._bytes(file)
            if KIND.encode() in raw:
                for group in dict.fromkeys(_GROUP_IN_TEXT.findall(raw)):
                    found.setdefault(group.decode(), []).append(file)
        return found

    def _defined(self, document: Document, file: str) -> Iterator[CustomKind]:
        for obj in objects(file, document):
            defined = custom_kind(obj)
            if defined is not None:
                yield defined

    def _documents(self, file: str) -> Iterator[Document]:
        """Yield a file's documents; what cannot be read is noted."""
        text, _ = decode(self._bytes(file))
        for document in documents(text):
            if document.readable:
                yield document
                continue
            problem = document.problems[0]
            span = text.span(problem.start, problem.end)
            self._note(Broken(problem.rule, file, span, problem.message, f"{problem.remediation} {_NEEDED}"))

    def _bytes(self, file: str) -> bytes:
        try:
            return read(SourceFile(file, FilePath(file)), None)
        except UnreadableFile as error:
            start = Span(1, 1, 1, 1)
            self._note(Broken("yaml-syntax", file, start, f"the file cannot be read: {error}", _NEEDED))
            return b""

    def _note(self, broken: Broken) -> None:
        if broken not in self.broken:
            self.broken.append(broken)


def _source(entry: str) -> _Source:
    """Take an entry apart: the folder before the first placeholder, and what stands below it."""
    start = entry.find("{")
    folder, template = (entry, _LAYOUT) if start < 0 else os.path.split(entry[:start])
    if start >= 0:
        folder, template = folder or ".", template + entry[start:]
        for name in _PLACEHOLDER.findall(template):
            if name not in PLACEHOLDERS:
                known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
                raise FolderError(entry, f"there is no placeholder {{{name}}}; there are {known}")
    if not os.path.isdir(folder):
        raise FolderError(entry, f"there is no folder {folder}" if start >= 0 else "there is no such folder")
    return _Source(os.path.normpath(folder), template)
