"""The data types of text edits: an edit, why none can be made, and what shall become of one mapping or list."""

from __future__ import annotations

from typing import Any

from kube_audit.findings import Path
from kube_audit.records import NamedTuple


class Edit(NamedTuple):
    """Characters of a file's decoded text (no byte order mark), from `start` to before `end`, become `text`."""

    start: int
    end: int
    text: str


class Refused(ValueError):
    """A fix cannot be made as a text edit; the message says why, in words for people."""


class Entry(NamedTuple):
    """A key with its value, or an item of a list, and where it stands: from its key or dash to its last character.

    `key` is the key's node, None for an item. `lead` is the offset just after the colon or the dash.
    """

    name: str | int
    key: int | None
    value: int
    start: int
    end: int
    lead: int


class Work(NamedTuple):
    """What shall become of one mapping or list that stands in the text."""

    node: int
    lead: int | None
    """Where an empty `{}` or `[]` could be written instead: just after the key's colon. None for a document's root."""
    path: Path
    entries: list[Entry]
    replaced: list[tuple[Entry, Any]]
    dropped: list[Entry]
    added: list[tuple[str | int, Any]]

    @property
    def kept(self) -> list[Entry]:
        """The entries that stay."""
        gone = {entry.start for entry in self.dropped}
        return [entry for entry in self.entries if entry.start not in gone]
