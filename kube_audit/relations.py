"""Which objects are tied to which: one index over all objects, asked by name, by labels, and by who refers.

Every question is answered for the universe that the asking object belongs to. A missing namespace matches a
missing namespace; where only one of two objects names its namespace, the answer is left open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from kube_audit.engine.scopes import Pod, kind_names, pod_of
from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.objects import Object, mapping
from kube_audit.references import Reference, created_names
from kube_audit.references import references as references_of
from kube_audit.selectors import Selector
from kube_audit.universe import Universes

Labels = dict[str, Any]
_CLUSTER_SCOPED = frozenset(
    {"ClusterRole", "PriorityClass", "RuntimeClass", "IngressClass", "StorageClass", "Namespace", "PersistentVolume"}
)


class Relations:
    """The index. Made once over all objects of a run; every look-up is bounded by what it finds."""

    def __init__(self, objects: Iterable[Object], kustomizations: Kustomizations) -> None:
        self.objects = list(objects)
        self.universes = Universes(self.objects, kustomizations)
        self.pods: dict[int, Pod] = {}
        """Number of each workload to its pod."""
        self._numbers: dict[int, int] = {}
        self._by_name: dict[tuple[str, str | None, str], list[int]] = defaultdict(list)
        self._anywhere: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._by_kind: dict[tuple[str, str | None], list[int]] = defaultdict(list)
        self._by_label: dict[tuple[str | None, str, str], list[int]] = defaultdict(list)
        self._workloads: dict[str | None, list[int]] = defaultdict(list)
        self._custom_names: dict[str, list[int]] = defaultdict(list)
        self._created: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._generated = {pair for kustomization in kustomizations.all for pair in kustomization.generated}
        self._label_keys: set[str] = set()
        self._referrers: dict[str, dict[int, list[int]]] = {}
        for number, obj in enumerate(self.objects):
            self._add(number, obj)

    def _add(self, number: int, obj: Object) -> None:
        self._numbers[id(obj)] = number
        names = kind_names(obj.api_version, obj.kind)
        namespace = None if names[0] in _CLUSTER_SCOPED else obj.namespace
        name = obj.metadata.get("name")
        self._by_kind[names[0], namespace].append(number)
        if isinstance(name, str):
            self._by_name[names[0], namespace, name].append(number)
            self._anywhere[names[0], name].append(number)
            if len(names) == 1:
                self._custom_names[name].append(number)
        for pair in created_names(obj):
            self._created[pair].append(number)
        pod = pod_of(obj)
        if pod is None:
            return
        self.pods[number] = pod
        self._workloads[obj.namespace].append(number)
        for key, value in pod.labels.items():
            if isinstance(value, str):
                self._by_label[obj.namespace, key, value].append(number)
                self._label_keys.add(key)

    def number(self, obj: Object) -> int:
        """Return the number under which an object stands in `objects`."""
        return self._numbers[id(obj)]

    def _seen_from(self, asking: Object, numbers: Iterable[int]) -> Iterator[int]:
        return (n for n in numbers if self.universes.see(asking.file, self.objects[n].file))

    def named(self, asking: Object, kind: str, namespace: str | None, name: str) -> list[int]:
        """Return the objects of a kind and name in a namespace that the asking object sees."""
        if kind in _CLUSTER_SCOPED:
            namespace = None
        return list(self._seen_from(asking, self._by_name.get((kind, namespace, name), ())))

    def named_anywhere(self, asking: Object, kind: str, name: str) -> list[int]:
        """Return the objects of a kind and name in whatever namespace that the asking object sees."""
        return list(self._seen_from(asking, self._anywhere.get((kind, name), ())))

    def of_kind(self, asking: Object, kind: str, namespace: str | None) -> list[int]:
        """Return all objects of a kind in a namespace that the asking object sees."""
        if kind in _CLUSTER_SCOPED:
            namespace = None
        return list(self._seen_from(asking, self._by_kind.get((kind, namespace), ())))

    def workloads(self, asking: Object, namespace: str | None) -> list[int]:
        """Return all workloads of a namespace that the asking object sees."""
        return list(self._seen_from(asking, self._workloads.get(namespace, ())))

    def selected(self, asking: Object, namespace: str | None, selector: Selector) -> list[int]:
        """Return the workloads of a namespace whose pods carry the labels that a selector asks for."""
        equal = selector.equalities
        candidates: list[int]
        if equal:
            lists = [self._by_label.get((namespace, key, value), []) for key, value in equal]
            candidates = min(lists, key=len)
        else:
            candidates = self._workloads.get(namespace, [])
        found = (n for n in candidates if selector.matches(self.pods[n].labels))
        return list(self._seen_from(asking, found))

    def maybe_selected(self, asking: Object, selector: Selector) -> bool:
        """Whether a selector would match pods if namespaces that are not written down turned out to be equal."""
        others: Iterable[str | None] = [None] if asking.namespace else self._workloads
        return any(
            self.selected(asking, other, selector)
            for other in others
            if other != asking.namespace and (other is None or asking.namespace is None)
        )

    def made_by_custom_resource(self, asking: Object, labels: Labels) -> bool:
        """Whether labels point to pods that an operator makes: they hold a custom resource's name or own prefix."""
        for key, value in labels.items():
            if isinstance(value, str) and any(True for _ in self._seen_from(asking, self._custom_names.get(value, ()))):
                return True
            prefix = key.rpartition("/")[0]
            if prefix and not prefix.endswith(("kubernetes.io", "k8s.io")) and key not in self._label_keys:
                return True
        return False

    def exists_elsewhere(self, asking: Object, kind: str, name: str) -> bool:
        """Whether an object comes about without a manifest that could be read: generated, or made by a controller."""
        if any(n_kind == kind and n_name == name for n_kind, n_name in self._generated):
            return True
        return any(True for _ in self._seen_from(asking, self._created.get((kind, name), ())))

    def references(self, obj: Object) -> Iterator[Reference]:
        """Yield everything an object names."""
        return references_of(obj, self.pods.get(self.number(obj)))

    def selecting(self, kind: str, obj: Object) -> list[int]:
        """Return the objects of a kind (Service, PodDisruptionBudget, NetworkPolicy) that select a workload's pods."""
        number = self.number(obj)
        if kind not in self._referrers:
            self._referrers[kind] = self._invert_selectors(kind)
        return self._referrers[kind].get(number, [])

    def _invert_selectors(self, kind: str) -> dict[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for (of_kind, namespace), numbers in self._by_kind.items():
            if of_kind != kind:
                continue
            for number in numbers:
                selector = Selector.of(self.objects[number])
                if selector is not None:
                    for workload in self.selected(self.objects[number], namespace, selector):
                        found[workload].append(number)
        return found

    def scaling(self, obj: Object) -> list[int]:
        """Return the autoscalers (HorizontalPodAutoscaler, KEDA's ScaledObject) whose target is a workload."""
        if "scale" not in self._referrers:
            targets: dict[int, list[int]] = defaultdict(list)
            for (kind, _), numbers in self._by_kind.items():
                if kind in ("HorizontalPodAutoscaler", "ScaledObject.keda.sh"):
                    for number in numbers:
                        for target in self._scale_targets(self.objects[number]):
                            targets[target].append(number)
            self._referrers["scale"] = targets
        return self._referrers["scale"].get(self.number(obj), [])

    def _scale_targets(self, autoscaler: Object) -> Iterator[int]:
        for reference in self.references(autoscaler):
            if reference.via == "scaleTarget":
                yield from self.named(autoscaler, reference.kind, reference.namespace, reference.name)

    def limit_defaults(self, obj: Object) -> dict[str, dict[str, Any]]:
        """Return `default` and `defaultRequest` that the LimitRanges of an object's namespace give containers."""
        defaults: dict[str, dict[str, Any]] = {}
        for number in self.of_kind(obj, "LimitRange", obj.namespace):
            limits = mapping(self.objects[number].data.get("spec")).get("limits")
            for entry in limits if isinstance(limits, list) else ():
                if mapping(entry).get("type") == "Container":
                    for field in ("default", "defaultRequest"):
                        defaults.setdefault(field, {}).update(mapping(entry.get(field)))
        return defaults
