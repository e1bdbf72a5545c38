"""What rules look at in one object: the object, its pod, containers and lists in these, and the variables of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kube_audit.engine import cel, effective
from kube_audit.engine.model import Reads, Rule
from kube_audit.engine.scopes import Container, Pod, pod_of
from kube_audit.engine.sweep import CONTAINERS, HEAD, POD_SETTINGS, RELATED, SETTINGS, STARTS
from kube_audit.findings import Path
from kube_audit.manifests.objects import Object
from kube_audit.paths import at, expand
from kube_audit.records import NamedTuple

if TYPE_CHECKING:
    from kube_audit.engine.related import Related

_HEAD = ("apiVersion", "kind", "metadata")


class Hit(NamedTuple):
    """What a check function found: a path below self, and values that the message may use as `found`."""

    path: Path
    found: Mapping[str, Any]


class Element(NamedTuple):
    """One thing that a rule looks at: `self` of its expressions, and where it stands in the object."""

    obj: Object
    value: Any
    path: Path
    key: str | int | None
    pod: Pod | None
    container: Container | None
    effective: Mapping[str, Any]
    related: Mapping[str, Any]


class Elements:
    """The elements of one object. Each is made when a rule asks for it, and is the same for every rule."""

    def __init__(
        self,
        obj: Object,
        pod: Pod | None,
        related: Mapping[str, Any],
        target: Mapping[str, Any],
        limit_defaults: dict[str, dict[str, Any]],
    ) -> None:
        """Take an object, its pod and what is related to it; `limit_defaults` as for `effective.of_container`."""
        self._target = target
        self._related = related
        self._whole = Element(obj, obj.data, (), None, pod, None, {}, related)
        self._pod: list[Element] = []
        self._containers: list[Element] = []
        if pod is not None:
            settings = effective.of_pod(obj, pod)
            self._pod.append(Element(obj, pod.spec, pod.path, None, pod, None, settings, related))
            for container in pod.containers():
                own = effective.of_container(settings, pod, container, limit_defaults)
                self._containers.append(
                    Element(obj, container.data, container.path, None, pod, container, own, related)
                )
        self._found: dict[tuple[int, str], list[tuple[Path | None, Any]]] = {}
        self._inner: dict[tuple[int, str], list[Element]] = {}
        self._activations: dict[tuple[int, Reads], Any] = {}
        self._sweep: Any = None

    def any(self, rule: Rule) -> bool:
        """Whether there is anything that a rule looks at."""
        bases = self._bases(rule)
        if rule.each:
            return any(self._collections(pattern, base) for base in bases for pattern in rule.each)
        return bool(bases)

    def of(self, rule: Rule) -> Iterator[Element]:
        """Yield what a rule looks at, one after the other."""
        for base in self._bases(rule):
            if not rule.each:
                yield base
            for pattern in rule.each:
                key = (id(base), pattern)
                if key not in self._inner:
                    self._inner[key] = [
                        _one(base, item, (*place, step) if place is not None else (), step)
                        for place, collection in self._collections(pattern, base)
                        for step, item in _entries(collection)
                    ]
                yield from self._inner[key]

    def _bases(self, rule: Rule) -> list[Element]:
        if rule.scope == "object":
            return [self._whole]
        if rule.scope == "pod":
            return self._pod
        return [one for one in self._containers if one.container and one.container.type in rule.containers]

    def _collections(self, pattern: str, base: Element) -> list[tuple[Path | None, Any]]:
        """Return the lists and mappings that are not empty and that an `each` leads to, with their places."""
        key = (id(base), pattern)
        known = self._found.get(key)
        if known is None:
            known = self._found[key] = [(path, found) for path, found in _each(pattern, base) if found]
        return known

    def activation(self, element: Element, reads: Reads) -> Any:
        """Return the variables of a rule at an element: one set for all rules that read as much around it."""
        key = (id(element), reads)
        known = self._activations.get(key)
        if known is None:
            known = self._activations[key] = cel.activation(self.variables(element, reads))
        return known

    def variables(self, element: Element, reads: Reads) -> dict[str, Any]:
        """Return the variables as plain data. What is used is converted whole, so only what is read is in them."""
        data = element.obj.data
        pod = element.pod.spec if element.pod else {}
        if element.container is not None and not reads.whole_pod:
            pod = {key: value for key, value in pod.items() if not key.lower().endswith("containers")}
        return {
            "object": data if reads.whole_object else {key: data[key] for key in _HEAD if key in data},
            "self": element.value,
            "key": element.key,
            "pod": pod,
            "container": element.container.data if element.container else {},
            "related": {name: element.related[name] for name in reads.related},
            "effective": element.effective,
            "target": self._target,
        }

    def sweep(self) -> Any:
        """Return the variables of sweeps, which ask about the whole object at once."""
        if self._sweep is None:
            values: dict[str, Any] = {
                "object": self._whole.value,
                HEAD: {key: self._whole.value[key] for key in _HEAD if key in self._whole.value},
                "target": self._target,
                **{RELATED + name: value for name, value in self._related.items()},
            }
            for pod in self._pod:
                values["pod"] = pod.value
                values[POD_SETTINGS] = pod.effective
                values[CONTAINERS] = [container.value for container in self._containers]
                values[SETTINGS] = [container.effective for container in self._containers]
            self._sweep = cel.activation(values)
        return self._sweep


class ElementSource:
    """Makes the elements of objects; engines for the same version share one, so that nothing is made twice."""

    def __init__(self, related: Related, target: str) -> None:
        """Take what objects are related to, and the Kubernetes version, "1.30"."""
        self.related = related
        self._target = {"version": target, "minor": int(target.partition(".")[2])}
        self._latest: tuple[Object, frozenset[str], Elements] | None = None

    def of(self, obj: Object, wanted: frozenset[str]) -> Elements:
        """Return an object's elements, with the wanted parts of `related`."""
        if self._latest is not None and self._latest[0] is obj and wanted <= self._latest[1]:
            return self._latest[2]
        pod = pod_of(obj)
        limits = self.related.relations.limit_defaults(obj) if pod is not None else {}
        elements = Elements(obj, pod, self.related.of(obj, wanted), self._target, limits)
        self._latest = (obj, wanted, elements)
        return elements


def start(text: str, element: Element) -> tuple[Path, str]:
    """Split the start off a path: $object, $pod and $container stand for their own places, else self's."""
    head, _, rest = text.partition(".")
    if head not in STARTS:
        return element.path, text
    if head == "$pod" and element.pod is not None:
        return element.pod.path, rest
    if head == "$container" and element.container is not None:
        return element.container.path, rest
    return (), rest


def _each(pattern: str, element: Element) -> Iterator[tuple[Path | None, Any]]:
    """Yield the lists and mappings that a pattern leads to, each with its place; what is related has none."""
    if pattern.startswith("related."):
        entries = element.related.get(pattern.removeprefix("related."))
        if isinstance(entries, list):
            yield None, entries
        return
    first, rest = start(pattern, element)
    base: Any = element.value if first == element.path else at(element.obj.data, first)
    for path, found in expand(base, rest):
        if isinstance(found, dict | list):
            yield (*first, *path), found


def _entries(collection: Any) -> Iterable[tuple[int | str, Any]]:
    return enumerate(collection) if isinstance(collection, list) else collection.items()


def _one(element: Element, value: Any, path: Path, key: str | int) -> Element:
    return Element(element.obj, value, path, key, element.pod, element.container, element.effective, element.related)
