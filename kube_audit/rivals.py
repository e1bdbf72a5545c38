"""What an object takes for itself that only one object may have, and who else takes the same.

Identities are compared within a file, a folder or what one kustomization includes; the rest within a universe.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from kube_audit.findings import Path
from kube_audit.manifests.objects import Object, mapping
from kube_audit.paths import expand
from kube_audit.placeholders import is_placeholder
from kube_audit.records import NamedTuple
from kube_audit.relations import Relations
from kube_audit.universe import Members

_MOST = 3
"""How many rivals are told; more make nothing clearer."""
_HOSTNAMES = "external-dns.alpha.kubernetes.io/hostname"
_ONE_OF_SEVERAL = "external-dns.alpha.kubernetes.io/set-identifier"
_CLASS = "kubernetes.io/ingress.class"
_CANARY = "nginx.ingress.kubernetes.io/canary"


class Taking(NamedTuple):
    """One thing taken: `over` says what sort of thing, `key` what others are compared by."""

    over: str
    value: str
    """For people."""
    path: Path
    key: tuple[Any, ...]


class Rivals:
    """The index of what all objects take; made when it is first asked."""

    def __init__(self, relations: Relations) -> None:
        self._relations = relations
        self._universes = relations.universes
        self._objects = relations.objects
        self._members: dict[tuple[Any, ...], Members] = defaultdict(Members)
        self._same: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for number, obj in enumerate(self._objects):
            for one in takings(obj):
                members = self._members[one.over, one.key]
                if not members.places or members.places[-1][0] != number:
                    members.add(number, obj.file)
            for key in self._identities(obj, number):
                self._same[key].append(number)

    def of(self, obj: Object, number: int) -> Iterator[tuple[Taking, list[int]]]:
        """Yield what an object takes that objects before it have taken, with their numbers, at most three."""
        same = sorted({n for key in self._identities(obj, number) for n in self._same[key][:_MOST] if n < number})
        if same:
            yield Taking("identity", str(obj.ref), ("metadata", "name"), ()), same[:_MOST]
        told = set()
        for one in takings(obj):
            members = self._members[one.over, one.key]
            if len(members) < 2 or one in told:
                continue
            told.add(one)
            others = []
            for other in self._universes.seen(obj.file, members):
                if other < number and self._meet(one.over, number, other):
                    others.append(other)
                    if len(others) == _MOST:
                        break
            if others:
                yield one, others

    def _meet(self, over: str, one: int, two: int) -> bool:
        """Whether two objects can stand in each other's way; nodes are shared by what is deployed together."""
        if self._relations.identity(one) == self._relations.identity(two):
            return False
        obj, other = self._objects[one], self._objects[two]
        together = obj.home is not None and obj.home == other.home
        return over != "nodePort" or together or self._universes.near(obj.file, other.file)

    def _identities(self, obj: Object, number: int) -> Iterator[tuple[Any, ...]]:
        """Yield the keys under which an object and another definition of it meet."""
        name = obj.metadata.get("name")
        if not isinstance(name, str) or is_placeholder(name):
            return
        this = self._relations.identity(number)
        yield (*this, self._universes.folder(obj.file))
        for build in self._universes.roots(obj.file):
            yield (*this, build, self._relations.kustomizations.renaming(obj.file, build.root))


def takings(obj: Object) -> Iterator[Taking]:
    """Yield what an object takes for itself, besides its own identity.

    - route: host and path of an Ingress, within its class; canaries share theirs on purpose
    - host: host of an Ingress, within its class
    - dnsName: a name that a Service or Ingress asks external-dns for
    - selector: the pods of a Service, by the words of its selector; headless ones go beside others
    - nodePort: a port of every node
    """
    if obj.kind == "Ingress":
        yield from _routes(obj)
    if obj.kind in ("Service", "Ingress"):
        yield from _dns_names(obj)
    if obj.kind == "Service" and not obj.group:
        spec = mapping(obj.data.get("spec"))
        selector = mapping(spec.get("selector"))
        if selector and all(isinstance(value, str) for value in selector.values()):
            words = ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))
            headless = spec.get("clusterIP") == "None"
            yield Taking("selector", words, ("spec", "selector"), (obj.home, words, headless))
        for path, entry in expand(obj.data, "spec.ports[]"):
            port = mapping(entry).get("nodePort")
            if isinstance(port, int) and port > 0:
                key = (port, mapping(entry).get("protocol", "TCP"))
                yield Taking("nodePort", str(port), (*path, "nodePort"), key)


def _routes(obj: Object) -> Iterator[Taking]:
    annotations = mapping(obj.metadata.get("annotations"))
    if annotations.get(_CANARY) in ("true", True):
        return
    of_class = mapping(obj.data.get("spec")).get("ingressClassName", annotations.get(_CLASS, ""))
    for rule_path, rule in expand(obj.data, "spec.rules[]"):
        host = mapping(rule).get("host", "")
        if not isinstance(host, str) or is_placeholder(host):
            continue
        space = None if host else (obj.home or obj.file)  # without a host, it is mostly a shared example
        if host:
            yield Taking("host", host, (*rule_path, "host"), (str(of_class), host))
        for path, entry in expand(rule, "http.paths[]"):
            url_path = mapping(entry).get("path", "/")
            kind = mapping(entry).get("pathType", "ImplementationSpecific")
            if isinstance(url_path, str) and not is_placeholder(url_path):
                key = (str(of_class), host, url_path, str(kind), space)
                field = (*rule_path, *path, "path") if "path" in mapping(entry) else (*rule_path, *path)
                yield Taking("route", f"{host or '*'}{url_path}", field, key)


def _dns_names(obj: Object) -> Iterator[Taking]:
    annotations = mapping(obj.metadata.get("annotations"))
    names = annotations.get(_HOSTNAMES)
    if not isinstance(names, str) or _ONE_OF_SEVERAL in annotations:
        return
    for name in (part.strip().lower().rstrip(".") for part in names.split(",")):
        if name and not is_placeholder(name):
            yield Taking("dnsName", name, ("metadata", "annotations", _HOSTNAMES), (name,))
