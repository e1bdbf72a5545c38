"""Edits in block mappings and lists, where every entry has its own lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kube_audit.edits import spelling
from kube_audit.edits.layout import Layout
from kube_audit.edits.model import Edit, Entry, Refused, Work
from kube_audit.findings import path_text
from kube_audit.manifests.positions import MAPPING, SCALAR


def edits(layout: Layout, work: Work) -> Iterator[Edit]:
    """Yield the edits of one block mapping or list, without those inside its entries. Raises Refused."""
    as_flow = _neighbours_are_flow(layout, work)
    for entry, value in work.replaced:
        yield from _replace(layout, entry, value, as_flow=as_flow)
    for entry in work.dropped:
        if not layout.alone_after(entry.end):
            raise Refused(f"more than the removed entry stands on line {layout.line(entry.end)}")
    kept = work.kept
    if not kept and not work.added:
        yield from _emptied(layout, work)
        return
    added = [line for name, value in work.added for line in _lines(layout, work, name, value, as_flow=as_flow)]
    if not kept:
        first, *rest = work.entries
        line_break = layout.line_break(first.start)
        yield layout.edit(first.start, first.end, line_break.join(added).lstrip(" "))
        yield from (_without_lines(layout, entry) for entry in rest)
        return
    yield from _removals(layout, work)
    if added:
        end = layout.line_end(kept[-1].end)
        if not layout.alone_after(kept[-1].end):
            raise Refused(f"something else follows on line {layout.line(end)}, after which a line would be added")
        line_break = layout.line_break(end)
        yield layout.edit(end, end, "".join(line_break + line for line in added))


def _lines(layout: Layout, work: Work, name: str | int, value: Any, *, as_flow: bool) -> list[str]:
    """Write a new entry as lines at the column of its neighbours."""
    column = layout.column(work.entries[0].start)
    if as_flow and isinstance(value, dict):
        head = "-" if isinstance(name, int) else f"{spelling.plain(name)}:"
        return [f"{' ' * column}{head} {spelling.flow(value)}"]
    if isinstance(name, int):
        return spelling.item(value, column, layout.style)
    return spelling.pair(name, value, column, layout.style)


def _neighbours_are_flow(layout: Layout, work: Work) -> bool:
    """Whether the mappings beside a new one stand in braces, all of them."""
    nodes = layout.nodes
    beside = [entry.value for entry in work.entries if nodes.type[entry.value] == MAPPING]
    filled = [node for node in beside if nodes.after[node] > node + 1]
    return bool(filled) and all(layout.is_flow(node) for node in filled)


def _replace(layout: Layout, entry: Entry, value: Any, *, as_flow: bool) -> Iterator[Edit]:
    """Write another value in the place of an entry's."""
    nodes = layout.nodes
    start = nodes.start[entry.value]
    line_end = layout.line_end(entry.lead)
    on_later_line = layout.line(start) > layout.line(entry.lead)
    if (
        spelling.is_inline(value)
        or (as_flow and isinstance(value, dict))
        or (entry.key is None and isinstance(value, list))
    ):
        if nodes.type[entry.value] == SCALAR and spelling.is_inline(value):
            text = spelling.like(layout.text[start : entry.end], value, flow=False)
        else:
            text = spelling.flow(value)
        if layout.is_block(entry.value) and on_later_line:
            yield layout.edit(entry.lead, entry.lead, " " + text)
            yield layout.edit(line_end, entry.end, "")
        else:
            yield layout.edit(start, entry.end, text if layout.text[start - 1] in " \t\r\n" else " " + text)
        return
    if entry.key is None:
        column = layout.column(start) if start > entry.lead else layout.column(entry.start) + 2
        text = layout.line_break(start).join(spelling.block(value, column, layout.style)).lstrip(" ")
        yield layout.edit(start, entry.end, text if start > entry.lead else " " + text)
        return
    deeper = layout.style.step if isinstance(value, dict) else layout.style.dash
    column = layout.column(nodes.start[entry.key]) + deeper
    line_break = layout.line_break(entry.lead)
    text = "".join(line_break + line for line in spelling.block(value, column, layout.style))
    if on_later_line:
        yield layout.edit(line_end, entry.end, text)
        return
    yield layout.edit(entry.lead, entry.end, "")
    end = layout.line_end(entry.end)
    yield layout.edit(end, end, text)


def _emptied(layout: Layout, work: Work) -> Iterator[Edit]:
    """Leave `{}` or `[]` where every entry goes."""
    empty = "{}" if layout.nodes.type[work.node] == MAPPING else "[]"
    if work.lead is None:
        raise Refused(f"nothing would be left of `{path_text(work.path) or 'the object'}`")
    first, *rest = work.entries
    if layout.before(first.start).strip(" "):
        yield layout.edit(first.start, first.end, empty)
    else:
        lead = layout.properties_end(work.node) if layout.own_properties(work.node) else work.lead
        yield layout.edit(lead, lead, " " + empty)
        yield _without_lines(layout, first)
    yield from (_without_lines(layout, entry) for entry in rest)


def _removals(layout: Layout, work: Work) -> Iterator[Edit]:
    """Take out the lines of entries, others staying. After a dash, or on the first line, the next one moves up."""
    dropped = list(work.dropped)
    first = work.entries[0]
    if first in dropped and _has_no_line_to_close(layout, first):
        end = first.start
        while dropped and dropped[0].start == end:
            end = layout.line_end(dropped.pop(0).end)
            while layout.text[end : end + 1] in (" ", "\t", "\r", "\n"):
                end += 1
        yield layout.edit(first.start, end, "")
    yield from (_without_lines(layout, entry) for entry in dropped)


def _has_no_line_to_close(layout: Layout, entry: Entry) -> bool:
    """Whether something stands before an entry on its line, or nothing in the whole file."""
    return bool(layout.before(entry.start).strip(" ")) or layout.previous_line_end(entry.start) is None


def _without_lines(layout: Layout, entry: Entry) -> Edit:
    """Take out an entry's lines, with the comment after its end, and the line break before them."""
    return layout.edit(layout.previous_line_end(entry.start) or 0, layout.line_end(entry.end), "")
