"""Patches of an object's data turned into edits of its file's text, everything else staying as it is.

Follows the text as YAML 1.1 lays it out: block and flow style, JSON, comments, anchors. Nothing is edited through an
anchor, an alias or a merge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kube_audit.edits import blocks, flows, spelling
from kube_audit.edits.layout import Layout
from kube_audit.edits.model import Edit, Entry, Refused, Work
from kube_audit.edits.plan import DROP, Change, Plan, Put, Rename, no_way, plan, planned, refined, same, sets
from kube_audit.findings import Patch, Path, path_text
from kube_audit.manifests.objects import Object
from kube_audit.manifests.positions import ALIAS

__all__ = ["Edit", "Refused", "apply", "edits", "layout_of", "patched"]


def layout_of(obj: Object) -> Layout:
    """Return how an object is laid out; worth keeping where several sets of patches are tried on one object."""
    return Layout(obj.document, _item(obj)[1])


def edits(obj: Object, patches: Sequence[Patch], layout: Layout | None = None) -> list[Edit]:
    """Return the edits that make patches, in the order of the text; none where the data is so already.

    All paths name places in the object as it stands. Raises Refused where the patches contradict each other or
    cannot be made as edits. The caller reads the result again: see `fixes.fix_file`.
    """
    root = plan(patches)
    data, item = _item(obj)
    planned(data, root)
    layout = layout or layout_of(obj)
    _check_way(layout, obj)
    found = _edits(layout, item, data, root, (), None)
    return sorted(found, key=lambda edit: (edit.start, edit.end))


def patched(obj: Object, patches: Iterable[Patch], data: Any) -> Any:
    """Return a document's data with patches made to one object in it; what is not on their way stays shared."""
    change: Change = plan(patches)
    for step in reversed(obj.base):
        change = {step: change}
    return planned(data, change)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Make edits in a text. Raises Refused where one overlaps another or lies outside the text."""
    parts: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if not at <= edit.start <= edit.end <= len(text):
            raise Refused("it changes the same lines as another fix; run again once that one is made")
        parts += (text[at : edit.start], edit.text)
        at = edit.end
    return "".join([*parts, text[at:]])


def _item(obj: Object) -> tuple[Any, int]:
    """Return an object's data with its nulls, and its node."""
    document = obj.document
    data: Any = document.data
    for step in obj.base:
        data = data[step]
    trail = document.nodes.walk(document.root, obj.base)
    return data, trail[-1][1] if trail else document.root


def _check_way(layout: Layout, obj: Object) -> None:
    """Refuse to edit an object that is, or lies in, something that is used in several places."""
    nodes, node = layout.nodes, layout.document.root
    _check_shared(layout, node, "the object")
    for step in obj.base:
        child = nodes.child(node, step)
        if child is None or not node < child[1] < nodes.after[node]:
            raise Refused(_comes_from(layout, "the object", node))
        node = child[1]
        if nodes.type[node] == ALIAS:
            raise Refused(_comes_from(layout, "the object", nodes.resolve(node)))
        _check_shared(layout, node, "the object")


def _edits(layout: Layout, node: int, data: Any, change: Plan, path: Path, lead: int | None) -> Iterator[Edit]:
    """Yield the edits in a mapping or list and below it, the deepest first."""
    entries, by_name, twice = layout.entries(node)
    work = Work(node, lead, path, entries, [], [], [])
    for step, below in change.items():
        where = (*path, step)
        entry = by_name.get(step)
        if step in twice:
            raise Refused(f"`{path_text(where)}` stands there twice; remove one of the two first")
        if "<<" in by_name:
            _check_merged(layout, entries, step, entry, where)
        if entry is None:
            if sets(below):
                work.added.append((step, planned(None, below, where)))
            continue
        if isinstance(below, Rename):
            yield _renamed(layout, entry, below.name, where, flow=layout.is_flow(node))
            if not below.below:
                continue
            below = below.below
        if below is DROP:
            _check_removal(layout, entry, where)
            work.dropped.append(entry)
            continue
        old = data[step]
        if isinstance(below, Put):
            if same(old, below.value):
                continue
            below = refined(old, below.value)
        if isinstance(below, Put) or not old:
            if sets(below):
                _check_replacement(layout, entry, where)
                work.replaced.append((entry, planned(old, below, where)))
            continue
        if not isinstance(below, dict) or not isinstance(old, dict | list):
            raise no_way(where)
        if layout.nodes.type[entry.value] == ALIAS:
            raise Refused(_comes_from(layout, f"`{path_text(where)}`", layout.nodes.resolve(entry.value)))
        _check_shared(layout, entry.value, f"`{path_text(where)}`")
        if layout.is_flow(node) and not layout.is_flow(entry.value):
            raise Refused(f"`{path_text(where)}` is written in a form that is not edited")
        yield from _edits(layout, entry.value, old, below, where, entry.lead)
    work.dropped.sort(key=lambda entry: entry.start)
    if work.replaced or work.dropped or work.added:
        yield from (flows if layout.is_flow(node) else blocks).edits(layout, work)


def _renamed(layout: Layout, entry: Entry, name: str, path: Path, *, flow: bool) -> Edit:
    """Return the edit of a key alone, in the quotes that it has."""
    nodes, key = layout.nodes, entry.key
    written = "" if key is None else nodes.text[nodes.start[key] : nodes.end[key]]
    quote = written[:1] if written[:1] in ("'", '"') else ""
    if key is None or written != f"{quote}{nodes.key(key)}{quote}":
        raise Refused(f"the key `{path_text(path)}` is written in a form that is not edited")
    return layout.edit(nodes.start[key], nodes.end[key], spelling.like(written, name, flow=flow))


def _check_merged(layout: Layout, entries: list[Entry], step: str | int, entry: Entry | None, path: Path) -> None:
    """Refuse to touch a key that comes from a merge (`<<`)."""
    nodes = layout.nodes
    merges = [one for one in entries if one.name == "<<" and (entry is None or one.start > entry.start)]
    if step == "<<" and merges:
        raise Refused(f"`{path_text(path)}` merges other mappings; change it by hand")
    for merge in merges:
        for source in reversed([merge.value, *nodes.items(merge.value)]):
            if nodes.child(source, step) is not None:
                raise Refused(_comes_from(layout, f"`{path_text(path)}`", nodes.resolve(source)))


def _check_shared(layout: Layout, node: int, what: str) -> None:
    """Refuse to edit inside what an anchor hands on to other places."""
    alias = layout.users.get(node)
    if alias is not None:
        raise Refused(
            f"{what} carries the anchor `{layout.anchor(node)}`, which line {layout.line(layout.nodes.start[alias])} "
            "uses too: a change here would change both; change it by hand, or write the other one out"
        )


def _check_replacement(layout: Layout, entry: Entry, path: Path) -> None:
    """Refuse to replace a value that is an alias, or that carries an anchor or a tag."""
    what = f"`{path_text(path)}`"
    if layout.nodes.type[entry.value] == ALIAS:
        raise Refused(_comes_from(layout, what, layout.nodes.resolve(entry.value)))
    own = layout.own_properties(entry.value)
    if anchor := layout.anchor(entry.value):
        raise Refused(f"{what} carries the anchor `{anchor}`, so that other places may use it; change it by hand")
    if own:
        raise Refused(f"{what} carries the tag `{own}`, which may not fit the new value; change it by hand")
    _check_removal(layout, entry, path)


def _check_removal(layout: Layout, entry: Entry, path: Path) -> None:
    """Refuse to remove an anchor that is used elsewhere."""
    nodes = layout.nodes
    first = entry.value if entry.key is None else entry.key
    gone = range(first, nodes.after[entry.value])
    for alias, target in nodes.targets.items():
        if target in gone and alias not in gone:
            raise Refused(
                f"`{path_text(path)}` holds the anchor `{layout.anchor(target)}`, "
                f"which line {layout.line(nodes.start[alias])} uses; write that out first"
            )


def _comes_from(layout: Layout, what: str, target: int) -> str:
    line = layout.line(layout.nodes.start[target])
    anchor = layout.anchor(target)
    where = f"the anchor `{anchor}` on line {line}" if anchor else f"a merge (`<<`) on line {line}"
    return f"{what} comes from {where}; change it there, or write it out here"
