"""What rules see as `related`: the objects that an object is tied to, and a verdict on everything it names.

Entries are plain maps (see `entity` and `_reference`), made once per object and only for what a rule asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kube_audit.findings import path_text
from kube_audit.manifests.objects import Object, mapping
from kube_audit.names import closest
from kube_audit.placeholders import is_placeholder
from kube_audit.references import CREATED_EVERYWHERE, Reference
from kube_audit.relations import Relations
from kube_audit.selectors import Selector

Entity = dict[str, Any]
_BUILT_IN_ROLES = frozenset({"cluster-admin", "admin", "edit", "view"})


class Related:
    """Makes `related` for the objects of one run."""

    def __init__(self, relations: Relations) -> None:
        self.relations = relations
        self._entities: dict[int, Entity] = {}
        self._made: dict[tuple[int, str], Any] = {}

    def names(self) -> tuple[str, ...]:
        """Return the names that rules may use after `related.`."""
        return tuple(_MAKERS)

    def of(self, obj: Object, wanted: frozenset[str]) -> dict[str, Any]:
        """Return the wanted parts of `related` for an object."""
        number = self.relations.number(obj)
        parts = {}
        for name in wanted:
            key = (number, name)
            if key not in self._made:
                self._made[key] = _MAKERS[name](self, obj)
            parts[name] = self._made[key]
        return parts

    def entity(self, number: int) -> Entity:
        """Return an object as rules see it.

        `ref` names it for people; `object` is its data; `labels` its own labels; a workload has `pod` (its pod
        spec), `podLabels` and `replicas` (1 if not written).
        """
        known = self._entities.get(number)
        if known is not None:
            return known
        obj = self.relations.objects[number]
        made: Entity = {
            "id": number,
            "ref": str(obj.ref),
            "kind": obj.kind,
            "name": obj.name or "",
            "namespace": obj.namespace or "",
            "labels": mapping(obj.metadata.get("labels")),
            "object": obj.data,
        }
        pod = self.relations.pods.get(number)
        if pod is not None:
            made |= {"pod": pod.spec, "podLabels": pod.labels}
            made["replicas"] = mapping(obj.data.get("spec")).get("replicas", 1)
        self._entities[number] = made
        return made

    def entities(self, numbers: list[int]) -> list[Entity]:
        """Return several objects as rules see them."""
        return [self.entity(number) for number in numbers]

    def _pods(self, obj: Object) -> list[Entity]:
        """Workloads whose pods this object selects."""
        selector = Selector.of(obj)
        return self.entities(self.relations.selected(obj, obj.namespace, selector)) if selector is not None else []

    def _nearest_pods(self, obj: Object) -> list[Entity]:
        """Return the workloads closest to what a selector asks for, best first, each with `differs`.

        Only such as share a label with the selector, or have a value like the wanted one.
        """
        selector = Selector.of(obj)
        if selector is None:
            return []
        ranked = []
        for number in self.relations.workloads(obj, obj.namespace):
            other = self.relations.objects[number]
            if obj.namespace is None and not self.relations.universes.near(obj.file, other.file):
                continue
            labels = self.relations.pods[number].labels
            same = [key for key, value in selector.equalities if labels.get(key) == value]
            differs = [
                {"key": key, "wanted": value, "found": str(labels.get(key, ""))}
                for key, value in selector.equalities
                if labels.get(key) != value
            ]
            alike = [d for d in differs if closest(d["wanted"], [d["found"]])]
            if differs and (same or len(alike) == len(differs)):
                score = (2 * len(same) + len(alike), -len(differs), other.name == obj.name)
                ranked.append((score, number, differs))
        ranked.sort(key=lambda entry: (entry[0], -entry[1]), reverse=True)
        return [{**self.entity(number), "differs": differs} for _, number, differs in ranked[:3]]

    def _pods_unknown(self, obj: Object) -> bool:
        """Whether pods that this object selects may exist although no manifest here makes them."""
        selector = Selector.of(obj)
        if selector is None:
            return False
        if any(is_placeholder(part) for pair in selector.equalities for part in pair):
            return True
        if self.relations.made_by_custom_resource(obj, dict(selector.equalities)):
            return True
        if self.relations.maybe_selected(obj, selector):
            return True
        return not self._nearest_pods(obj) and not self._has_near(
            obj, self.relations.workloads(obj, obj.namespace), obj.namespace
        )

    def _has_near(self, obj: Object, numbers: list[int], namespace: str | None) -> bool:
        """Whether any of the objects can be taken to be part of the same application as the asking one."""
        if namespace is not None:
            return bool(numbers)
        near = self.relations.universes.near
        return any(near(obj.file, self.relations.objects[n].file) for n in numbers)

    def _target(self, obj: Object) -> Entity | None:
        """The workload that an autoscaler scales; None where it is not in the tree."""
        found = [entry["target"] for entry in self._references(obj) if entry["via"] == "scaleTarget"]
        return next((target for target in found if target is not None), None)

    def _references(self, obj: Object) -> list[dict[str, Any]]:
        """Everything this object names, with a verdict each."""
        entries = []
        for reference in self.relations.references(obj):
            entries.extend(self._reference(obj, reference))
        return entries

    def _reference(self, obj: Object, reference: Reference) -> list[dict[str, Any]]:
        """Judge one reference: `verdict` is fits, typo, missing, elsewhere or unknown; for keys and ports also.

        unknown: the tree holds no object of that kind that could be meant. elsewhere: only other namespaces
        have it. A name that exists gives one more entry for each key or port that does not.
        """
        found = self.relations.named(obj, reference.kind, reference.namespace, reference.name)
        entry: dict[str, Any] = {
            "via": reference.via,
            "path": path_text(reference.path),
            "kind": reference.kind,
            "name": reference.name,
            "namespace": reference.namespace or "",
            "optional": reference.optional,
            "verdict": "fits",
            "similar": "",
            "target": self.entity(found[0]) if found else None,
            "key": "",
            "port": "",
            "known": [],
        }
        if not found:
            entry["verdict"], similar = self._verdict_on_name(obj, reference)
            if similar is not None:
                entry |= {"similar": self.relations.objects[similar].name, "target": self.entity(similar)}
            return [entry]
        entries = [entry]
        for path, key in reference.keys if not reference.optional else ():
            known = self._keys(found)
            if known is not None and key not in known and not is_placeholder(key):
                similar_key = closest(key, known)
                verdict = "key-typo" if similar_key else "key-missing"
                extra = {"path": path_text(path), "key": key, "known": known, "similar": similar_key}
                entries.append({**entry, **extra, "verdict": verdict})
        if reference.port is not None and reference.kind == "Service":
            ports = self._service_ports(found)
            if ports is not None and reference.port not in [p for port in ports for p in port]:
                known = [str(name or number) for number, name in ports]
                extra = {
                    "path": path_text(reference.port_path),
                    "port": str(reference.port),
                    "known": known,
                    "similar": closest(str(reference.port), known),
                }
                entries.append({**entry, **extra, "verdict": "port-missing"})
        return entries

    def _verdict_on_name(self, obj: Object, reference: Reference) -> tuple[str, int | None]:
        """Return the verdict on a name that is not found, and the object that is likely meant."""
        relations, kind, name = self.relations, reference.kind, reference.name
        well_known = (
            (kind, name) in CREATED_EVERYWHERE
            or is_placeholder(name)
            or (reference.via == "role" and (name in _BUILT_IN_ROLES or name.startswith("system:")))
        )
        if reference.optional or well_known or relations.exists_elsewhere(obj, kind, name):
            return "fits", None
        others = relations.named_anywhere(obj, kind, name)
        if any(reference.namespace is None or relations.objects[n].namespace is None for n in others):
            return "fits", None  # which namespace is meant is decided where it is applied
        if others:
            return "elsewhere", others[0]
        same_kind = relations.of_kind(obj, kind, reference.namespace)
        if not self._has_near(obj, same_kind, reference.namespace):
            return "unknown", None
        near = [
            n
            for n in same_kind
            if reference.namespace is not None or relations.universes.near(obj.file, relations.objects[n].file)
        ]
        names = {relations.objects[n].name or "": n for n in reversed(near)}
        similar = closest(name, sorted(names))
        return ("typo", names[similar]) if similar else ("missing", None)

    def _keys(self, numbers: list[int]) -> list[str] | None:
        """Return the data keys of ConfigMaps or Secrets of one name; None where they are filled elsewhere."""
        keys: list[str] = []
        for number in numbers:
            data = self.relations.objects[number].data
            if not any(field in data for field in ("data", "binaryData", "stringData")):
                return None
            for field in ("data", "binaryData", "stringData"):
                keys.extend(mapping(data.get(field)))
        return keys

    def _service_ports(self, numbers: list[int]) -> list[tuple[Any, Any]] | None:
        """Return (number, name) of the ports of Services of one name; None where they cannot be told."""
        ports: list[tuple[Any, Any]] = []
        for number in numbers:
            spec = mapping(self.relations.objects[number].data.get("spec"))
            entries = spec.get("ports")
            if spec.get("type") == "ExternalName" or not isinstance(entries, list):
                return None
            ports.extend((mapping(entry).get("port"), mapping(entry).get("name")) for entry in entries)
        return None if any(isinstance(p, str) and is_placeholder(p) for port in ports for p in port) else ports


def _selecting(kind: str) -> Callable[[Related, Object], Any]:
    return lambda related, obj: related.entities(related.relations.selecting(kind, obj))


_MAKERS: dict[str, Callable[[Related, Object], Any]] = {
    "pods": Related._pods,
    "nearestPods": Related._nearest_pods,
    "podsUnknown": Related._pods_unknown,
    "target": Related._target,
    "references": Related._references,
    "services": _selecting("Service"),
    "budgets": _selecting("PodDisruptionBudget"),
    "networkPolicies": _selecting("NetworkPolicy"),
    "autoscalers": lambda related, obj: related.entities(related.relations.scaling(obj)),
    "claims": lambda related, obj: [
        entry["target"]
        for entry in related._references(obj)
        if entry["via"] == "claim" and entry["target"] is not None and entry["verdict"] == "fits"
    ],
}
