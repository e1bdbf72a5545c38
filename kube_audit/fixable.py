"""Findings' fixes as edits of their files' texts, for reports that offer them; or why one cannot be made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kube_audit.editable import why_not_edited
from kube_audit.findings import Finding, TextEdit
from kube_audit.manifests.manifest import Manifest
from kube_audit.manifests.objects import Object

if TYPE_CHECKING:
    from kube_audit.edits.layout import Layout


class Fixable:
    """Knows the files of a run, and looks at the layout of each object once."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self._manifests = manifests
        self._by_file: dict[str, Manifest] | None = None
        self._refused: dict[int, str | None] = {}
        self._looked_at: dict[int, Layout | str] = {}
        """Object to its layout, or to the reason for which nothing of it is edited."""

    def edits(self, finding: Finding) -> tuple[TextEdit, ...]:
        """Return a finding's edits, in the order of the text; () where it has no fix, or it cannot be made as text."""
        found = self._edits(finding)
        return found if isinstance(found, tuple) else ()

    def refusal(self, finding: Finding) -> str | None:
        """Return why a finding's fix cannot be made, None where it can, or where it has none."""
        obj = self._object(finding) if finding.patches else None
        if obj is None:
            return None
        if not obj.document.nodes.targets:  # without aliases, what the text is says it for nearly all fixes
            if id(obj) not in self._refused:
                self._refused[id(obj)] = why_not_edited(obj)
            return self._refused[id(obj)]
        found = self._edits(finding)
        return found if isinstance(found, str) else None

    def _edits(self, finding: Finding) -> tuple[TextEdit, ...] | str:
        """Return a finding's edits, or why there are none."""
        obj = self._object(finding) if finding.patches else None
        if obj is None:
            return ()
        layout = self._layout(obj)
        if isinstance(layout, str):
            return layout
        from kube_audit.fixes import Refused, edits

        try:
            made = edits(obj, finding.patches, layout)
        except Refused as refusal:
            return str(refusal)
        text = obj.document.text
        return tuple(TextEdit(e.start, e.end, text.span(e.start, e.end), e.text) for e in made)

    def _layout(self, obj: Object) -> Layout | str:
        known = self._looked_at.get(id(obj))
        if known is None:
            from kube_audit.edits import layout_of

            known = self._looked_at[id(obj)] = why_not_edited(obj) or layout_of(obj)
        return known

    def _object(self, finding: Finding) -> Object | None:
        if self._by_file is None:
            self._by_file = {one.file: one for one in self._manifests}
        manifest = self._by_file.get(finding.file)
        obj = manifest.object_at(finding.span.line) if manifest is not None else None
        return obj if obj is not None and obj.ref == finding.object else None
