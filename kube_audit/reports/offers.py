"""Fixes that reports offer as edits of a file's text, those left out that would show a secret."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kube_audit.findings import AuditResult, Finding, Span, TextEdit
from kube_audit.reports.masking import MaskedSource, quotable


def offers(
    result: AuditResult, source: Callable[[str], MaskedSource | None] | None = None
) -> Callable[[Finding], tuple[TextEdit, ...]]:
    """Return a function that gives a finding's fix as edits, in the order of the text.

    It gives () where there is no fix, where the finding is suppressed, and where the edits would repeat what must
    not be quoted. `source` is that of `quotable`, for a report that has it already.
    """
    lines = source or quotable(result)

    def offered(finding: Finding) -> tuple[TextEdit, ...]:
        if finding.fix is None or finding.suppressed is not None:
            return ()
        if finding.object is not None and finding.object.kind == "Secret":
            return ()
        edits = result.edits(finding)
        return edits if edits and is_harmless(lines(finding.file), finding, edits) else ()

    return offered


def is_harmless(source: MaskedSource | None, finding: Finding, edits: Sequence[TextEdit]) -> bool:
    """Whether edits replace nothing that is masked in the file's lines, and hold no credential."""
    if source is None:
        return False
    for edit in edits:
        if any(word in edit.text for word in source.words):
            return False
        if edit.start == edit.end:
            continue
        last = edit.span.end_line - (edit.span.end_column == 1 and edit.span.end_line > edit.span.line)
        for number in range(edit.span.line, min(last, len(source.lines)) + 1):
            if source.line(number, finding.object) != source.lines[number - 1]:
                return False
    return True


def as_one(edits: Sequence[TextEdit], content: str) -> TextEdit:
    """Return one edit that does what several do, which are in order and apart; `content` is the file's text."""
    first, last = edits[0], edits[-1]
    parts: list[str] = []
    at = first.start
    for edit in edits:
        parts += (content[at : edit.start], edit.text)
        at = edit.end
    span = Span(first.span.line, first.span.column, last.span.end_line, last.span.end_column)
    return TextEdit(first.start, last.end, span, "".join(parts))
