"""Edits in mappings and lists in braces and brackets: YAML's flow style, and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from kube_audit.edits import spelling
from kube_audit.edits.layout import Layout
from kube_audit.edits.model import Edit, Entry, Refused, Work
from kube_audit.manifests.positions import SCALAR


def edits(layout: Layout, work: Work) -> Iterator[Edit]:
    """Yield the edits of one flow mapping or list, without those inside its entries. Raises Refused."""
    writer = _Writer(layout, work)
    for entry, value in work.replaced:
        yield writer.replaced(entry, value)
    kept = work.kept
    if not kept:
        yield writer.all_new()
        return
    tail = work.entries.index(kept[-1]) + 1
    yield from writer.removed_before(tail)
    if tail == len(work.entries):
        yield from writer.appended()
    else:
        yield writer.instead_of_tail(tail)


class _Writer:
    """Writes entries as those beside them are written."""

    def __init__(self, layout: Layout, work: Work) -> None:
        self.layout = layout
        self.work = work
        self.json = layout.is_json(work.node)
        self.open = layout.body(work.node) + 1
        self.close = layout.nodes.end[work.node] - 1
        first = work.entries[0] if work.entries else None
        text = layout.text
        self.tight = bool(
            first and self.json and first.key is not None and text[first.lead : first.lead + 1] not in " \n\r"
        )
        last = work.entries[-1] if work.entries else None
        self.own_lines = (
            last is not None
            and not layout.before(last.start).strip(" \t")
            and layout.line(last.end) < layout.line(self.close)
        )
        self.margin = layout.before(work.entries[-1].start) if self.own_lines else ""

    def value(self, value: Any) -> str:
        if not self.json:
            return spelling.flow(value)
        if not self.own_lines:
            return spelling.as_json(value, tight=self.tight)
        line_break = self.layout.line_break(self.work.entries[-1].start)
        return spelling.as_json(value, unit=self.unit(), margin=self.margin, line_break=line_break)

    def unit(self) -> str:
        """Return what an entry is indented by, more than the line on which its braces open."""
        opening = self.layout.before(self.open)
        outer = opening[: len(opening) - len(opening.lstrip(" \t"))]
        inner = self.margin.removeprefix(outer)
        return inner if (inner and inner != self.margin) or not outer else "  "

    def entry(self, name: str | int, value: Any) -> str:
        if isinstance(name, int):
            return self.value(value)
        if not self.json:
            return f"{spelling.plain(name, flow=True)}: {self.value(value)}"
        return f"{spelling.as_json(name)}:{'' if self.tight else ' '}{self.value(value)}"

    @property
    def separator(self) -> str:
        """What stands between two entries, the comma apart."""
        if self.own_lines:
            return self.layout.line_break(self.work.entries[-1].start) + self.margin
        return "" if self.tight else " "

    @property
    def new(self) -> str:
        return ("," + self.separator).join(self.entry(name, value) for name, value in self.work.added)

    def replaced(self, entry: Entry, value: Any) -> Edit:
        layout = self.layout
        start = layout.nodes.start[entry.value]
        if layout.nodes.type[entry.value] == SCALAR and spelling.is_inline(value) and not self.json:
            text = spelling.like(layout.text[start : entry.end], value, flow=True)
        else:
            text = self.value(value)
        if start >= entry.end:  # nothing is written there
            colon = entry.key is not None and layout.text[entry.lead - 1] != ":"
            return layout.edit(entry.lead, entry.lead, (": " if colon else " ") + text)
        return layout.edit(start, entry.end, text)

    def all_new(self) -> Edit:
        """Fill braces of which nothing stays."""
        entries = self.work.entries
        if entries and not self.work.added and "#" not in self.layout.text[entries[-1].end : self.close]:
            self.check(entries)
            return self.layout.edit(self.open, self.close, "")
        if entries:
            self.check(entries)
            return self.layout.edit(entries[0].start, entries[-1].end, self.new)
        if self.layout.text[self.open : self.close].strip():
            return self.layout.edit(self.open, self.open, self.new)
        return self.layout.edit(self.open, self.close, self.new)

    def removed_before(self, tail: int) -> Iterator[Edit]:
        """Take out entries that others follow, up to the next one that stays."""
        gone = {entry.start for entry in self.work.dropped}
        start: int | None = None
        run: list[Entry] = []
        for entry in self.work.entries[:tail]:
            if entry.start in gone:
                run.append(entry)
                start = entry.start if start is None else start
            elif start is not None:
                self.check([*run, entry])
                yield self.layout.edit(start, entry.start, "")
                start, run = None, []

    def instead_of_tail(self, tail: int) -> Edit:
        """Take out the last entries, and write the new ones, if any, in their place."""
        last, gone = self.work.entries[tail - 1], self.work.entries[tail:]
        self.check([last, *gone])
        text = "," + self.separator + self.new if self.work.added else ""
        return self.layout.edit(last.end, gone[-1].end, text)

    def check(self, entries: list[Entry]) -> None:
        """Refuse to remove what stands between entries where that is a comment."""
        layout = self.layout
        for one, other in pairwise(entries):
            if "#" in layout.text[one.end : other.start]:
                raise Refused(f"a comment stands between the entries to remove on line {layout.line(one.end)}")

    def appended(self) -> Iterator[Edit]:
        """Write new entries after the last one, which stays."""
        if not self.work.added:
            return
        layout = self.layout
        end = self.work.entries[-1].end
        following = layout.skip(end)
        comma = layout.text[following : following + 1] == ","
        after = following + 1 if comma else end
        line_end = layout.line_end(after)
        if not self.own_lines or line_end > self.close:
            yield layout.edit(end, end, "," + self.separator + self.new)
            return
        if not comma:
            yield layout.edit(end, end, ",")
        yield layout.edit(line_end, line_end, self.separator + self.new + ("," if comma else ""))
