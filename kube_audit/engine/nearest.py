"""What a selector that fits nothing most likely means: the objects whose labels come closest, and what differs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from kube_audit.label_index import LabelIndex
from kube_audit.manifests.objects import Object
from kube_audit.names import closest
from kube_audit.records import NamedTuple
from kube_audit.relations import Relations
from kube_audit.selectors import Labels, Selector

_MOST = 50
_RARE = 20
_SIMILAR = 5


class Difference(NamedTuple):
    """A requirement of a selector that labels do not meet."""

    key: str
    wanted: str
    """The value, several with "or" between them; "" where none is asked for."""
    found: str
    """"" where the label is missing."""
    alike: bool
    """Whether what is found looks like a misspelling of what is wanted."""
    of_expression: bool
    """Whether an expression wants it, not a plain pair."""


class NearMiss(NamedTuple):
    """An object that a selector most likely means."""

    number: int
    differs: list[Difference]


def nearest(
    relations: Relations, asking: Object, selector: Selector, namespace: str | None, index: LabelIndex
) -> list[NearMiss]:
    """Return up to three objects of a namespace that come closest to what a selector asks for, best first."""
    ranked = []
    requirements = len(selector.equalities) + len(selector.expressions)
    for number in islice(dict.fromkeys(_candidates(relations, asking, selector, namespace, index)), _MOST):
        other = relations.objects[number]
        if asking.home is None and not relations.universes.near(asking.file, other.file):
            continue
        differs = list(_differences(selector, index.labels[number]))
        same = requirements - len(differs)
        alike = sum(one.alike for one in differs)
        namesake = other.name == asking.name
        if differs and (alike == len(differs) or (same and (len(differs) == 1 or namesake)) or namesake):
            ranked.append(((2 * same + alike, -len(differs), namesake, -number), NearMiss(number, differs)))
    ranked.sort(reverse=True)
    return [miss for _, miss in ranked[:3]]


def _candidates(
    relations: Relations, asking: Object, selector: Selector, namespace: str | None, index: LabelIndex
) -> Iterator[int]:
    """Yield objects that a selector may mean: namesakes, similar labels, and few that share a label.

    A label that many share (a team, a tool) hints at none of them.
    """
    see, pairs = relations.universes.seen, list(islice(chain.from_iterable(selector.choices), _MOST))
    names = [*([asking.name] if asking.name is not None else []), *(value for _, value in pairs)]
    for name in names:
        yield from see(asking.file, index.named(namespace, name))
    for key, value in pairs:
        for similar in index.similar_values(namespace, key, value)[:_SIMILAR]:
            yield from islice(see(asking.file, index.with_label(namespace, key, similar)), _RARE)
    for pair in pairs:
        shared = list(islice(see(asking.file, index.with_label(namespace, *pair)), _RARE + 1))
        if len(shared) <= _RARE:
            yield from shared


def _differences(selector: Selector, labels: Labels) -> Iterator[Difference]:
    for key, value in selector.equalities:
        if labels.get(key) != value:
            found = str(labels.get(key, ""))
            yield Difference(key, value, found, bool(closest(value, [found])), of_expression=False)
    for key, operator, values in selector.expressions:
        if not Selector((), ((key, operator, values),)).matches(labels):
            found, wanted = str(labels.get(key, "")), sorted(values) if operator == "In" else []
            alike = any(closest(value, [found]) for value in wanted)
            yield Difference(key, " or ".join(wanted), found, alike, of_expression=True)
