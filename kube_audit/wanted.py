"""What findings are wanted on: on everything that is read, or on what was asked for or has changed alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kube_audit.findings import Finding, ObjectRef

if TYPE_CHECKING:
    from kube_audit.changes import Changes
    from kube_audit.manifests.objects import Object
    from kube_audit.suppressions import Silencer


class Wanted:
    """Tells of objects, findings and silencers whether they are wanted."""

    def __init__(self, only: frozenset[str] | None, changes: Changes | None, objects: Iterable[Object]) -> None:
        """Take the names of the files asked for and the lines that have changed, None for all, and every object."""
        self._only, self._changes = only, changes
        self.everything = only is None and changes is None
        self._objects: set[tuple[str, ObjectRef]] = set()
        if not self.everything:
            self._objects = {(obj.file, obj.ref) for obj in objects if self._lines(obj.file, *obj.lines)}

    @property
    def files(self) -> frozenset[str] | None:
        """Names of the files with objects that findings are wanted on, None for all."""
        return None if self.everything else frozenset(file for file, _ in self._objects)

    def object(self, obj: Object) -> bool:
        """Whether findings on an object are wanted."""
        return self.everything or (obj.file, obj.ref) in self._objects

    def finding(self, finding: Finding) -> bool:
        """Whether a finding is wanted: for its object, or for its lines where it is on none."""
        if self.everything:
            return True
        if finding.object is not None:
            return (finding.file, finding.object) in self._objects
        return self._lines(finding.file, finding.span.line, finding.span.end_line)

    def silencer(self, silencer: Silencer, objects: list[Object]) -> bool:
        """Whether it can be told, and is wanted, that a silencer does nothing: all that it may be about is wanted.

        `objects` are those of its file.
        """
        if self.everything:
            return True
        if silencer.about is not None:
            return (silencer.file, silencer.about) in self._objects
        if silencer.is_for_file and objects:
            return all(self.object(obj) for obj in objects)
        return self._lines(silencer.file, silencer.span.line, silencer.span.line)

    def _lines(self, file: str, first: int, last: int) -> bool:
        if self._only is not None and file not in self._only:
            return False
        return self._changes is None or self._changes.touch(file, first, last)
