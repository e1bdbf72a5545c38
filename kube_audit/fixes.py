"""Fixes of findings made in a file's text: put together, read again, shown as a diff, written."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kube_audit.editable import why_not_edited
from kube_audit.edits import Edit, Refused, apply, edits, layout_of, patched
from kube_audit.edits.diff import unified
from kube_audit.edits.layout import Layout
from kube_audit.edits.plan import same
from kube_audit.files import write_atomically
from kube_audit.findings import Finding, Patch
from kube_audit.manifests.document import Document
from kube_audit.manifests.manifest import Manifest
from kube_audit.manifests.objects import Object
from kube_audit.manifests.text import Text, decode, encoding_of
from kube_audit.manifests.yaml import documents
from kube_audit.sources.wording import reason

__all__ = ["Edit", "FileFix", "Refused", "apply", "edits", "fix_file", "unified_diff", "write"]

_READ_AGAIN = 20_000_000
"""Characters that are read again, in all, to find out which of a file's fixes spoil it; then the rest are refused."""
_MOST_ATTEMPTS = 100


@dataclass(slots=True)
class FileFix:
    """What fixing a file comes to: its text before and after, the findings mended, and the others with the reason."""

    file: str
    before: str
    after: str
    made: list[Finding] = field(default_factory=list)
    refused: list[tuple[Finding, str]] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    """What makes `after` of `before`, in the order of the text."""

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after


def fix_file(manifest: Manifest, findings: Sequence[Finding]) -> FileFix:
    """Make the fixes of one file's findings, all in one pass. Nothing is written.

    `manifest` is the file as it was read and sorted out for the audit; findings without patches and suppressed
    ones are passed over. A fix is made only where the text, read again, holds the old data plus exactly the
    patches; where several fixes exclude each other, the first one is made.
    """
    content = manifest.text.content
    fix = FileFix(manifest.file, content, content)
    alone: dict[object, Object | None] = {}
    """Each name that one object has, with it; None where several have it."""
    for obj in manifest.objects:
        alone[obj.ref] = None if obj.ref in alone else obj
    attempts = _Attempts(manifest, fix)
    wanted: list[tuple[Finding, Object]] = []
    unfit: dict[int, str | None] = {}
    for finding in findings:
        if not finding.patches or finding.suppressed is not None:
            continue
        try:
            obj = _object(manifest, finding, alone)
            if id(obj) not in unfit:
                unfit[id(obj)] = why_not_edited(obj)
            if why := unfit[id(obj)]:
                raise Refused(why)
            attempts.edits(obj, finding.patches)
            wanted.append((finding, obj))
        except Refused as refusal:
            fix.refused.append((finding, str(refusal)))
    attempts.settle([], wanted)
    return fix


def _object(manifest: Manifest, finding: Finding, alone: Mapping[object, Object | None]) -> Object:
    """Return the object that a finding is about; of several with one name, the one at its place."""
    obj = alone.get(finding.object)
    if obj is None:
        obj = manifest.object_at(finding.span.line)
        if obj is None or obj.ref != finding.object or finding.span not in (obj.place(finding.path), obj.place(())):
            raise Refused(f"it is not clear which object of the file `{finding.object}` is")
    return obj


class _Attempts:
    """Finds the largest part of a file's fixes that can be made together."""

    def __init__(self, manifest: Manifest, fix: FileFix) -> None:
        self.manifest = manifest
        self.fix = fix
        self.left = max(10, min(_MOST_ATTEMPTS, _READ_AGAIN // (len(fix.before) + 1)))
        self.layouts: dict[int, Layout] = {}

    def settle(
        self, made: list[tuple[Finding, Object]], more: list[tuple[Finding, Object]]
    ) -> list[tuple[Finding, Object]]:
        """Make fixes on top of those made; where that fails, try them in halves, and refuse what fails alone."""
        if not more:
            return made
        together = made + more
        try:
            if self.left <= 0:
                raise Refused("too many fixes of this file could not be made; run again once the others are made")
            found, after = self.attempt(together)
        except Refused as refusal:
            if len(more) == 1 or self.left <= 0:
                self.fix.refused.extend((finding, str(refusal)) for finding, _ in more)
                return made
            middle = len(more) // 2
            return self.settle(self.settle(made, more[:middle]), more[middle:])
        self.fix.edits, self.fix.after = found, after
        self.fix.made = [finding for finding, _ in together]
        return together

    def edits(self, obj: Object, patches: Sequence[Patch]) -> list[Edit]:
        """Return the edits of one object, whose layout is looked at once."""
        layout = self.layouts.get(id(obj))
        if layout is None:
            layout = self.layouts[id(obj)] = layout_of(obj)
        return edits(obj, patches, layout)

    def attempt(self, wanted: list[tuple[Finding, Object]]) -> tuple[list[Edit], str]:
        """Return the edits of fixes and the text after them. Raises Refused where it does not hold what it should."""
        by_object: dict[int, tuple[Object, list[Patch]]] = {}
        for finding, obj in wanted:
            by_object.setdefault(id(obj), (obj, []))[1].extend(finding.patches)
        found = [edit for obj, patches in by_object.values() for edit in self.edits(obj, patches)]
        found.sort(key=lambda edit: (edit.start, edit.end))
        before = self.manifest.text.content
        after = apply(before, found)
        if after != before:
            self.left -= 1
            expected = {id(document): document.data for document in self.manifest.documents}
            for obj, patches in by_object.values():
                key = id(obj.document)
                expected[key] = patched(obj, patches, expected[key])
            _check(self.manifest.documents, [expected[id(d)] for d in self.manifest.documents], Text(after))
            _check_json(before, after)
        return found, after


def _check(before: list[Document], expected: list[object], after: Text) -> None:
    """Read a text again. Raises Refused where its documents are not as expected, or worse as YAML."""
    read = list(documents(after))
    good = len(read) == len(before) and all(
        new.readable == old.readable and len(new.problems) <= len(old.problems) and same(new.data, data)
        for old, new, data in zip(before, read, expected, strict=True)
    )
    if not good:
        raise Refused("the change could not be written into this text without touching something else; make it by hand")


def _check_json(before: str, after: str) -> None:
    """Raise Refused where a text that was JSON no longer is."""
    import json

    if before.lstrip()[:1] not in ("{", "["):
        return
    try:
        json.loads(before)
    except (ValueError, RecursionError):
        return
    try:
        json.loads(after)
    except (ValueError, RecursionError):
        raise Refused("the file would no longer be JSON; make the change by hand") from None


def unified_diff(fix: FileFix, color: bool) -> str:
    """Show a file's fixes as a unified diff, "" where there are none; `color` adds the terminal's colours."""
    return unified(fix.file, fix.before, fix.after, fix.edits, color=color)


def write(path: Path, before_raw: bytes, after_text: str) -> None:
    """Put a new text in a file's place at once, in the encoding and with the byte order mark that it had.

    Mode, and owner where the system allows it, stay. Raises Refused where the file is a link or has several names,
    is write-protected, is no longer what was read (`before_raw`), or cannot be written.
    """
    bom, encoding = encoding_of(before_raw)
    _, bad_bytes = decode(before_raw)
    if bad_bytes is not None:
        raise Refused(f"its {bad_bytes.message}")
    raw = bom + after_text.encode(encoding)
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            raise Refused(f"it is a link to {os.readlink(path)}; fix that file under its own name")
        if not stat.S_ISREG(status.st_mode):
            raise Refused("it is not a file")
        if status.st_nlink > 1:
            raise Refused("the file has several names (hard links), which would no longer be one file")
        if not os.access(path, os.W_OK):
            raise Refused("no permission to write it")
        if path.read_bytes() != before_raw:
            raise Refused("the file has changed since it was read; run again")
        write_atomically(path, raw)
    except OSError as error:
        why = "no permission to write in its folder" if isinstance(error, PermissionError) else reason(error)
        raise Refused(f"cannot be written: {why}") from error
