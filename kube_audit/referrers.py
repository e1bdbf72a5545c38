"""The way back: what selects a workload, scales it, and applies to it; what a monitor asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, islice

from kube_audit.label_index import LabelIndex
from kube_audit.manifests.objects import Object, mapping
from kube_audit.relations import Relations
from kube_audit.selectors import Selector

_CILIUM = "CiliumNetworkPolicy.cilium.io"
_CILIUM_WIDE = "CiliumClusterwideNetworkPolicy.cilium.io"
_FEW = 50
_MOST = 1000
_SCALERS = ("HorizontalPodAutoscaler", "ScaledObject.keda.sh")


class Referrers:
    """Answers who refers to an object, from indexes that are made when they are first asked."""

    def __init__(self, relations: Relations) -> None:
        self._relations = relations
        self._selecting: dict[str, dict[int, list[list[int]]]] = {}
        self._scaling: dict[int, list[int]] | None = None
        self._by_service_label: LabelIndex | None = None

    def selecting(self, kind: str, obj: Object) -> list[int]:
        """Return the objects of a kind (Service, PodDisruptionBudget, NetworkPolicy) that select a workload's pods.

        At most a thousand.
        """
        if kind not in self._selecting:
            self._selecting[kind] = self._invert_selectors(kind)
        groups = self._selecting[kind].get(self._relations.number(obj), ())
        return sorted(islice(chain.from_iterable(groups), _MOST))

    def _invert_selectors(self, kind: str) -> dict[int, list[list[int]]]:
        """Return workload to those that select it, in groups that select the same: many may select many."""
        relations = self._relations
        groups: dict[int, tuple[list[int], list[int]]] = {}
        for namespace, members in relations.everywhere(kind).items():
            for number, _ in members.places:
                obj = relations.objects[number]
                selector = Selector.of(obj)
                if selector is not None:
                    selected = relations.selected(obj, namespace, selector)
                    groups.setdefault(id(selected), (selected, []))[1].append(number)
        found: dict[int, list[list[int]]] = defaultdict(list)
        for selected, numbers in groups.values():
            for workload in selected:
                found[workload].append(numbers)
        return found

    def network_policies(self, obj: Object) -> list[int]:
        """Return the network policies that apply to a workload's pods, or to any pods of a Namespace.

        Kubernetes' own by their selectors, and Cilium's. Calico's selectors are a language of their own: its
        policies are taken to apply to all of their namespace.
        """
        relations = self._relations
        if obj.kind == "Namespace":
            return [n for kind in ("NetworkPolicy", _CILIUM) for n in relations.of_kind(obj, kind, obj.name)]
        found = [*self.selecting("NetworkPolicy", obj), *self.selecting(_CILIUM, obj)]
        labels = relations.by_pod_label.labels.get(relations.number(obj), {})
        for number in relations.of_kind(obj, _CILIUM_WIDE, None, _MOST):
            selector = Selector.of(relations.objects[number])
            if selector is not None and selector.matches(labels):
                found.append(number)
        for group in ("crd.projectcalico.org", "projectcalico.org"):
            found += relations.of_kind(obj, f"NetworkPolicy.{group}", obj.home, _MOST)
            found += relations.of_kind(obj, f"GlobalNetworkPolicy.{group}", None, _MOST)
        return found

    def scaling(self, obj: Object) -> list[int]:
        """Return the autoscalers (HorizontalPodAutoscaler, KEDA's ScaledObject) whose target is a workload."""
        relations = self._relations
        if self._scaling is None:
            self._scaling = defaultdict(list)
            for kind in _SCALERS:
                for members in relations.everywhere(kind).values():
                    for number, _ in members.places:
                        for target in self._scale_targets(relations.objects[number]):
                            self._scaling[target].append(number)
        return self._scaling.get(relations.number(obj), [])

    def _scale_targets(self, autoscaler: Object) -> list[int]:
        relations = self._relations
        return [
            target
            for one in relations.references(autoscaler)
            if one.via == "scaleTarget"
            for target in relations.named(autoscaler, one.kind, one.namespace, one.name)
        ]

    def monitored(self, monitor: Object) -> list[int]:
        """Return Services that a ServiceMonitor asks for, workloads that a PodMonitor asks for; at most fifty."""
        selector = Selector.from_label_selector(mapping(monitor.data.get("spec")).get("selector"))
        return sorted(islice(self._monitored(monitor, selector), _FEW))

    def maybe_monitored(self, monitor: Object) -> bool:
        """Whether a monitor that asks for nothing would find something with the labels that kustomize puts on."""
        selector = Selector.from_label_selector(mapping(monitor.data.get("spec")).get("selector"))
        looser = self._relations.without_gained(selector)
        if looser == selector:
            return False
        gained, of_pods = selector.keys - looser.keys, monitor.kind == "PodMonitor"
        found = (self._relations.objects[number] for number in self._monitored(monitor, looser))
        return any(self._relations.gains(one, gained, pods=of_pods) for one in found)

    def _monitored(self, monitor: Object, selector: Selector) -> Iterator[int]:
        relations, spaces = self._relations, monitored_namespaces(monitor)
        if monitor.kind == "PodMonitor":
            places = relations.namespaces_with_workloads() if spaces is None else spaces
            return (n for space in places for n in relations.selected(monitor, space, selector))
        index = self.by_service_label
        return (
            number
            for space in (index.spaces if spaces is None else spaces)
            for group in index.candidates(selector, space)
            for number in relations.universes.seen(monitor.file, group)
            if selector.matches(index.labels[number])
        )

    @property
    def by_service_label(self) -> LabelIndex:
        """All Services by their own labels."""
        if self._by_service_label is None:
            self._by_service_label = LabelIndex()
            for members in self._relations.everywhere("Service").values():
                for number, _ in members.places:
                    service = self._relations.objects[number]
                    self._by_service_label.add(number, service, mapping(service.metadata.get("labels")))
        return self._by_service_label


def monitored_namespaces(monitor: Object) -> list[str | None] | None:
    """Return the namespaces that a ServiceMonitor or PodMonitor looks into, None for all."""
    chosen = mapping(mapping(monitor.data.get("spec")).get("namespaceSelector"))
    if chosen.get("any") is True:
        return None
    names = chosen.get("matchNames")
    return [n for n in names if isinstance(n, str)] if isinstance(names, list) and names else [monitor.home]
