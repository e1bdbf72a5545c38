"""What rules see as `related`: the objects that an object is tied to, and a verdict on everything it names.

Entries are plain maps (see `entity` and `_reference`), made once per object and only for what a rule asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kube_audit.engine.nearest import NearMiss, nearest
from kube_audit.engine.surroundings import MAKERS, Surroundings
from kube_audit.engine.verdicts import judge
from kube_audit.findings import Path, path_text
from kube_audit.manifests.objects import Object, mapping
from kube_audit.paths import expand
from kube_audit.placeholders import is_placeholder
from kube_audit.referrers import Referrers, monitored_namespaces
from kube_audit.relations import Relations
from kube_audit.rivals import Rivals, Taking, takings
from kube_audit.selectors import Selector, requirement_path

Entity = dict[str, Any]
_MOST = 50
_LOOKED_AT = 200
_METADATA = ("metadata",)
_CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController")
_CONTROL_PLANE = frozenset(
    {
        *(("component", name) for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")),
        *(("k8s-app", name) for name in ("kube-dns", "kube-proxy", "kube-controller-manager", "kube-scheduler")),
    }
)
"""Labels of pods that clusters run without a manifest."""


class Related:
    """Makes `related` for the objects of one run."""

    def __init__(self, relations: Relations) -> None:
        self.relations = relations
        self.referrers = Referrers(relations)
        self.around = Surroundings(relations)
        self._entities: dict[int, Entity] = {}
        self._made: dict[tuple[int, str], Any] = {}
        self._policies: dict[int, list[dict[str, Any]]] = {}
        self._policy_groups: dict[tuple[int, ...], list[dict[str, Any]]] = {}
        self._all_rivals: Rivals | None = None

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
            path = ".".join(map(str, pod.path[:-1]))
            made |= {"pod": pod.spec, "podLabels": pod.labels, "template": path}
            made["replicas"] = mapping(obj.data.get("spec")).get("replicas", 1)
        self._entities[number] = made
        return made

    def lean(self, number: int) -> Entity:
        """Return an object without its data: what is enough to name it and to point to it."""
        return {key: self.entity(number)[key] for key in ("id", "ref", "kind", "name", "namespace", "labels")}

    def entities(self, numbers: list[int]) -> list[Entity]:
        """Return several objects as rules see them, at most fifty: nothing is judged better by more."""
        return [self.entity(number) for number in numbers[:_MOST]]

    def _pods(self, obj: Object) -> list[Entity]:
        """Workloads whose pods this object selects."""
        selector = Selector.of(obj)
        return self.entities(self.relations.selected(obj, obj.home, selector)) if selector is not None else []

    def _selects(self, obj: Object) -> bool:
        """Whether this object selects pods of any workload."""
        selector = Selector.of(obj)
        return selector is not None and bool(self.relations.selected(obj, obj.home, selector))

    def _nearest_pods(self, obj: Object) -> list[Entity]:
        """Workloads closest to what a selector asks for, best first, where it selects none; see `_near_miss`."""
        selector = Selector.of(obj)
        if selector is None or self._of(obj, "selectsPods"):
            return []
        relations = self.relations
        found = nearest(relations, obj, selector, obj.home, relations.by_pod_label)
        return [self._near_miss(obj, miss, (*relations.pods[miss.number].path[:-1], "metadata")) for miss in found]

    def _near_miss(self, obj: Object, miss: NearMiss, metadata: Path) -> Entity:
        """Return an object with what `differs` from an object's selector, and `at`, the first label that does.

        `metadata` is the path of what holds the labels. In `differs`, `path` leads to the part of the selector.
        """
        differs = [
            {
                "key": one.key,
                "wanted": one.wanted,
                "found": one.found,
                "path": path_text(requirement_path(obj, one.key, of_expression=one.of_expression)),
            }
            for one in miss.differs
        ]
        return {
            **self.entity(miss.number),
            "differs": differs,
            "at": path_text((*metadata, "labels", miss.differs[0].key)),
        }

    def _pods_unknown(self, obj: Object) -> bool:
        """Whether pods that this object selects may exist although no manifest here makes them."""
        selector = Selector.of(obj)
        if selector is None or self._of(obj, "selectsPods"):
            return False
        if any(is_placeholder(part) for pair in selector.equalities for part in pair):
            return True
        if any(pair in _CONTROL_PLANE for pair in selector.equalities):
            return True
        if self.relations.made_by_custom_resource(obj, selector) or self.relations.maybe_selected(obj, selector):
            return True
        meant = self._of(obj, "nearestPods")
        if meant:  # pods without any label are labelled by something else, such as a kustomization
            return not meant[0]["podLabels"]
        return not self.relations.has_workload(obj, obj.home)

    def _other_pods(self, obj: Object) -> list[Entity]:
        """Other workloads with pods of their own that this workload's selector matches as well, at most three.

        Where each matches the other's, only the later one is told.
        """
        relations = self.relations
        selector = Selector.of(obj)
        if selector is None or not (selector.equalities or selector.expressions) or obj.kind not in _CONTROLLERS:
            return []
        own = relations.number(obj)
        this = relations.identity(own)
        found: list[int] = []
        for number in relations.selected(obj, obj.home, selector)[:_LOOKED_AT]:
            other = relations.objects[number]
            if other.kind not in _CONTROLLERS or relations.identity(number) == this:
                continue
            if obj.home is None and not relations.universes.near(obj.file, other.file):
                continue
            back = Selector.of(other)
            if number < own or back is None or not back.matches(relations.by_pod_label.labels.get(own, {})):
                found.append(number)
                if len(found) == 3:
                    break
        return self.entities(found)

    def _peers(self, obj: Object) -> list[dict[str, Any]]:
        """Peers of a network policy that are told by labels: `path`, `wanted`, `pods` (at most three), `unknown`."""
        found = []
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for path, peer in expand(obj.data, f"spec.{direction}[].{side}[]"):
                chosen = mapping(peer).get("podSelector")
                if isinstance(chosen, dict) and chosen:
                    found.append(self._peer(obj, (*path, "podSelector"), peer))
        return found

    def _peer(self, obj: Object, path: Path, peer: dict[str, Any]) -> dict[str, Any]:
        relations, selector = self.relations, Selector.from_label_selector(peer["podSelector"])
        spaces: list[str | None] = [obj.home]
        if isinstance(peer.get("namespaceSelector"), dict):
            spaces = [*relations.namespaces(obj, Selector.from_label_selector(peer["namespaceSelector"]))]
        pods = [n for space in spaces for n in relations.selected(obj, space, selector)]
        filled_in = any(is_placeholder(part) for pair in selector.equalities for part in pair)
        unknown = filled_in or not any(relations.has_workload(obj, space) for space in spaces)
        return {
            "path": path_text(path),
            "wanted": ", ".join(f"{key}: {value}" for key, value in selector.equalities),
            "pods": [self.lean(number) for number in pods[:3]],
            "unknown": unknown
            or relations.made_by_custom_resource(obj, selector)
            or relations.maybe_selected(obj, selector),
        }

    def _target(self, obj: Object) -> Entity | None:
        """The workload that an autoscaler scales; None where it is not in the tree."""
        found = (e for e in self._of(obj, "references") if e["via"] == "scaleTarget" and e["verdict"] == "fits")
        return next((entry["target"] for entry in found if entry["target"] is not None), None)

    def _references(self, obj: Object) -> list[dict[str, Any]]:
        """Everything this object names, with a verdict each."""
        relations = self.relations
        return [entry for one in relations.references(obj) for entry in judge(relations, obj, one, self.entity)]

    def _claims(self, obj: Object) -> list[Entity]:
        """PersistentVolumeClaims that a workload mounts."""
        found = (e for e in self._of(obj, "references") if e["via"] == "claim" and e["verdict"] == "fits")
        return [entry["target"] for entry in found if entry["target"] is not None]

    def _pod_policies(self, obj: Object) -> list[dict[str, Any]]:
        """For each set of policies that applies to pods of this one: `policies`, and one workload as `pods`.

        Of the policies `kind`, `policyTypes` and `egress`; of the workload also `hostNetwork` and `dnsPolicy`.
        """
        selector = Selector.of(obj)
        found: dict[int, dict[str, Any]] = {}
        for number in self.relations.selected(obj, obj.home, selector) if selector is not None else ():
            policies = self._policies_of(number)
            if id(policies) not in found:
                pod = self.relations.pods[number].spec
                pods = {**self.lean(number), **{field: pod.get(field, "") for field in ("hostNetwork", "dnsPolicy")}}
                found[id(policies)] = {"pods": pods, "policies": policies}
        return list(found.values())

    def _policies_of(self, workload: int) -> list[dict[str, Any]]:
        """Return what network policies say of a workload's egress, the same list for the same policies."""
        known = self._policies.get(workload)
        if known is None:
            numbers = tuple(self.referrers.network_policies(self.relations.objects[workload]))
            known = self._policy_groups.get(numbers)
            if known is None:
                known = self._policy_groups[numbers] = [self._egress(number) for number in numbers]
            self._policies[workload] = known
        return known

    def _egress(self, number: int) -> dict[str, Any]:
        obj = self.relations.objects[number]
        spec = mapping(obj.data.get("spec"))
        fields = {field: spec[field] for field in ("policyTypes", "egress") if field in spec}
        return {"kind": obj.kind, "spec": fields if obj.kind == "NetworkPolicy" else {}}

    def _monitored_unknown(self, obj: Object) -> bool:
        """Whether what a monitor asks for may exist although no file here defines it."""
        if self._of(obj, "monitored"):
            return False
        relations, spec = self.relations, mapping(obj.data.get("spec"))
        if relations.made_by_custom_resource(obj, Selector.from_label_selector(spec.get("selector"))):
            return True
        if self.referrers.maybe_monitored(obj):
            return True
        spaces = monitored_namespaces(obj)
        if spaces is None:
            return False
        if obj.kind == "PodMonitor":
            return not any(relations.has_workload(obj, space) for space in spaces)
        return not any(relations.has_kind(obj, "Service", space) for space in spaces)

    def _nearest_monitored(self, obj: Object) -> list[Entity]:
        """What comes closest to a monitor's selector, best first, where that fits nothing; see `_near_miss`."""
        if self._of(obj, "monitored"):
            return []
        relations, spec = self.relations, mapping(obj.data.get("spec"))
        selector = Selector.from_label_selector(spec.get("selector"))
        index = relations.by_pod_label if obj.kind == "PodMonitor" else self.referrers.by_service_label
        spaces = monitored_namespaces(obj)
        found = [m for space in spaces or index.spaces for m in nearest(relations, obj, selector, space, index)]
        found.sort(key=lambda miss: len(miss.differs))
        return [
            self._near_miss(
                obj,
                miss,
                (*relations.pods[miss.number].path[:-1], "metadata") if obj.kind == "PodMonitor" else _METADATA,
            )
            for miss in found[:3]
        ]

    def _rivals(self, obj: Object) -> list[dict[str, Any]]:
        """What this object takes for itself that another has taken: `over`, `value`, `path`, `others`, `same`."""
        if self._all_rivals is None:
            self._all_rivals = Rivals(self.relations)
        return [
            {
                "over": taking.over,
                "value": taking.value,
                "path": path_text(taking.path),
                "others": [self._rival(taking, number) for number in others],
                "same": self.relations.objects[others[0]].data == obj.data,
                "sameFile": self.relations.objects[others[0]].file == obj.file,
            }
            for taking, others in self._all_rivals.of(obj, self.relations.number(obj))
        ]

    def _rival(self, taking: Taking, number: int) -> Entity:
        """Return an object that has taken something already, with the place where it says so."""
        same = (
            one for one in takings(self.relations.objects[number]) if (one.over, one.key) == (taking.over, taking.key)
        )
        path = next((one.path for one in same), ("metadata", "name"))
        return {**self.entity(number), "at": path_text(path)}

    def _of(self, obj: Object, name: str) -> Any:
        return self.of(obj, frozenset({name}))[name]


def _references_via(*via: str) -> Callable[[Related, Object], Any]:
    return lambda related, obj: [entry for entry in related._of(obj, "references") if entry["via"] in via]


def _selecting(kind: str) -> Callable[[Related, Object], Any]:
    return lambda related, obj: related.entities(related.referrers.selecting(kind, obj))


_MAKERS: dict[str, Callable[[Related, Object], Any]] = {
    "pods": Related._pods,
    "selectsPods": Related._selects,
    "nearestPods": Related._nearest_pods,
    "podsUnknown": Related._pods_unknown,
    "peers": Related._peers,
    "otherPods": Related._other_pods,
    "target": Related._target,
    "references": Related._references,
    "environmentReferences": _references_via("env", "envFrom"),
    "volumeReferences": _references_via("volume", "claim", "imagePullSecret"),
    "backendReferences": _references_via("backend"),
    "accountReferences": _references_via("serviceAccount"),
    "classReferences": _references_via("priorityClass", "runtimeClass", "ingressClass"),
    "roleReferences": _references_via("role", "subject"),
    "otherReferences": _references_via(
        *("tls", "certificate", "endpoints", "tokenAccount", "metric", "deviceClaim", "meshGateway", "project"),
        *("ingressClass", "gatewayClass", "runtimeClass", "storageClass", "declared"),
    ),
    "claims": Related._claims,
    "podPolicies": Related._pod_policies,
    "rivals": Related._rivals,
    "services": _selecting("Service"),
    "budgets": _selecting("PodDisruptionBudget"),
    "networkPolicies": lambda related, obj: related.entities(related.referrers.network_policies(obj)),
    "monitored": lambda related, obj: related.entities(related.referrers.monitored(obj)),
    "monitoredUnknown": Related._monitored_unknown,
    "nearestMonitored": Related._nearest_monitored,
    "autoscalers": lambda related, obj: related.entities(related.referrers.scaling(obj)),
    **MAKERS,
}

PARTS = tuple(_MAKERS)
"""The names that rules may use after `related.`."""
