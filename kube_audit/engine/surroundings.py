"""What rules see as `related` beyond names and selectors: rights, namespaces, routes, shared images and users."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from kube_audit.findings import path_text
from kube_audit.image_uses import ImageUses
from kube_audit.manifests.objects import Object, mapping
from kube_audit.paths import expand
from kube_audit.rights import Grant, Rights
from kube_audit.takeovers import Openings, openings, takeovers
from kube_audit.universe import NOBODY, Members
from kube_audit.user_ids import UserIds

if TYPE_CHECKING:
    from kube_audit.engine.related import Related
    from kube_audit.relations import Relations

Entity = dict[str, Any]
_MOST = 1000
_ROUTES = ("Ingress", *(f"{kind}.gateway.networking.k8s.io" for kind in ("HTTPRoute", "GRPCRoute", "TLSRoute")))
_VERTICAL = ("VerticalPodAutoscaler.autoscaling.k8s.io",)
_API_AUDIENCES = (None, "", "api", "https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local")
"""Audiences of a projected token with which the API server mostly takes it."""


class Surroundings:
    """The indexes behind these parts of `related`; each is made when it is first asked."""

    def __init__(self, relations: Relations) -> None:
        self.relations = relations
        self.rights = Rights(relations)
        self.images = ImageUses(relations)
        self.users = UserIds(relations)
        self._referring: dict[tuple[str, ...], dict[int, list[int]]] = {}
        self._workloads: dict[str | None, Members] | None = None
        self._grants: dict[int, list[dict[str, Any]]] = {}
        self._openings: dict[int, Openings] = {}
        self._lean: dict[int, Entity] = {}

    def referring(self, kinds: tuple[str, ...], via: str, number: int) -> list[int]:
        """Return the objects of some kinds that name an object in one way (`scaleTarget`, `backend`)."""
        relations = self.relations
        if kinds not in self._referring:
            found: dict[int, list[int]] = defaultdict(list)
            for kind in kinds:
                for members in relations.everywhere(kind).values():
                    for other, _ in members.places:
                        for target in dict.fromkeys(self._named_by(relations.objects[other], via)):
                            found[target].append(other)
            self._referring[kinds] = found
        return self._referring[kinds].get(number, [])

    def _named_by(self, obj: Object, via: str) -> Iterator[int]:
        relations = self.relations
        for reference in relations.references(obj):
            if reference.via == via:
                for target in relations.named(obj, reference.kind, reference.namespace, reference.name):
                    if reference.namespace is not None or relations.universes.near(
                        obj.file, relations.objects[target].file
                    ):
                        yield target

    def of_namespace(self, obj: Object, kind: str) -> list[int]:
        """Return the objects of a kind in an object's namespace, in a Namespace itself.

        What names no namespace is taken to lie in the same one where the files lie together.
        """
        members, universes = self.relations.everywhere(kind), self.relations.universes
        namespace = obj.name if obj.kind == "Namespace" else obj.home
        found: set[int] = set()
        if namespace is not None:
            found.update(islice(universes.seen(obj.file, members.get(namespace, NOBODY)), _MOST))
        if namespace is None or obj.kind == "Namespace":
            found.update(islice(universes.seen_near(obj.file, members.get(None, NOBODY)), _MOST))
        return sorted(found)

    def workloads(self, obj: Object) -> Iterator[int]:
        """Yield the other workloads of an object's namespace; see `of_namespace`."""
        universes = self.relations.universes
        if self._workloads is None:
            self._workloads = defaultdict(Members)
            for number in self.relations.pods:
                other = self.relations.objects[number]
                self._workloads[other.home].add(number, other.file)
        members = self._workloads.get(obj.home, NOBODY)
        see = universes.seen if obj.home is not None else universes.seen_near
        own = self.relations.number(obj)
        return (number for number in see(obj.file, members) if number != own)

    def account(self, obj: Object) -> Object | None:
        """Return the ServiceAccount that a workload's pods run as, None where no file defines it."""
        relations, namespace, name = self.relations, *account_of(self.relations, obj)
        for number in relations.named(obj, "ServiceAccount", namespace, name):
            found = relations.objects[number]
            if namespace is not None or relations.universes.near(obj.file, found.file):
                return found
        return None

    def has_token(self, obj: Object) -> bool:
        """Whether a workload's pods hold a token with which they can talk to the API server.

        One is mounted unless the pod, or else its account, says no (ServiceAccount admission plug-in); a projected
        volume brings one in any case.
        """
        pod = self.relations.pods[self.relations.number(obj)].spec
        for _, source in expand(pod, "volumes[].projected.sources[].serviceAccountToken"):
            if mapping(source).get("audience") in _API_AUDIENCES:
                return True
        said = pod.get("automountServiceAccountToken")
        if said is None:
            account = self.account(obj)
            said = account.data.get("automountServiceAccountToken") if account is not None else None
        return said is not False

    def openings_of(self, binding: int) -> Openings:
        """Return what a binding gives of all that is needed to take over the cluster."""
        if binding not in self._openings:
            self._openings[binding] = openings(self.rights.granted_by(binding))
        return self._openings[binding]

    def grants_of(self, related: Related, binding: int) -> list[dict[str, Any]]:
        """Return what a binding gives, as rules see it; the same list for everyone who has it."""
        if binding not in self._grants:
            self._grants[binding] = [self._grant(related, grant) for grant in self.rights.granted_by(binding)]
        return self._grants[binding]

    def _grant(self, related: Related, grant: Grant) -> dict[str, Any]:
        role = self._role(related, grant, grant.role)
        return {
            "binding": self.lean(related, grant.binding),
            "role": role,
            "source": role if grant.source == grant.role else self._role(related, grant, grant.source),
            "path": f"rules[{grant.place}]",
            "rule": grant.rule,
            "everywhere": grant.everywhere,
            "namespace": grant.namespace or "",
        }

    def _role(self, related: Related, grant: Grant, number: int | None) -> Entity:
        if number is not None:
            return self.lean(related, number)
        kind, name = grant.role_kind, grant.role_name
        return {"ref": f"{kind} {name}", "kind": kind, "name": name, "namespace": "", "labels": {}}

    def lean(self, related: Related, number: int) -> Entity:
        """Return an object without its data, the same map each time."""
        if number not in self._lean:
            self._lean[number] = related.lean(number)
        return self._lean[number]


def account_of(relations: Relations, obj: Object) -> tuple[str | None, str]:
    """Return namespace and name of the account that a workload's pods run as, that a ServiceAccount is."""
    pod = relations.pods.get(relations.number(obj))
    if pod is None:
        return obj.home, obj.name or ""
    for field in ("serviceAccountName", "serviceAccount"):
        name = pod.spec.get(field)
        if isinstance(name, str) and name:
            return obj.home, name
    return obj.home, "default"


def _has_account(related: Related, obj: Object) -> bool:
    return obj.kind == "ServiceAccount" or related.relations.number(obj) in related.relations.pods


def _service_account(related: Related, obj: Object) -> Entity | None:
    if related.relations.number(obj) not in related.relations.pods:
        return None
    account = related.around.account(obj)
    return related.entity(related.relations.number(account)) if account is not None else None


def _grants(related: Related, obj: Object) -> list[dict[str, Any]]:
    if not _has_account(related, obj):
        return []
    around = related.around
    bindings = around.rights.bindings_of(obj, *account_of(related.relations, obj))
    return list(islice((entry for binding in bindings for entry in around.grants_of(related, binding)), _MOST))


def _takeovers(related: Related, obj: Object) -> list[dict[str, Any]]:
    """For pods with a token: the ways in which their account can take over the cluster."""
    around, relations = related.around, related.relations
    if relations.number(obj) not in relations.pods:
        return []
    bindings = around.rights.bindings_of(obj, *account_of(relations, obj))
    ways = list(takeovers(around.openings_of(binding) for binding in bindings))
    if not ways or not around.has_token(obj):
        return []
    return [
        {
            "way": one.way.id,
            "words": one.words,
            "told": one.told,
            "bindings": [around.lean(related, number) for number in sorted({grant.binding for grant in one.grants})],
            "by": " and ".join(dict.fromkeys(_told_grant(relations, grant) for grant in one.grants)),
        }
        for one in ways
    ]


def _told_grant(relations: Relations, grant: Grant) -> str:
    binding = relations.objects[grant.binding].ref
    return f"`{grant.role_kind} {grant.role_name}` through `{binding.kind} {binding.name}`"


def _bindings(related: Related, obj: Object) -> list[Entity]:
    if obj.kind not in ("Role", "ClusterRole"):
        return []
    return related.entities(related.around.rights.bindings_to(obj))


def _own_namespace(related: Related, obj: Object) -> Entity | None:
    if obj.home is None:
        return None
    found = related.relations.named(obj, "Namespace", None, obj.home)
    return related.entity(found[0]) if found else None


def _in_namespace(kind: str) -> Callable[[Related, Object], Any]:
    return lambda related, obj: related.entities(related.around.of_namespace(obj, kind))


def _workloads(related: Related, obj: Object) -> list[Entity]:
    found = []
    for number in islice(related.around.workloads(obj), _MOST):
        pod = related.relations.pods[number]
        found.append({**related.around.lean(related, number), "pod": pod.spec, "podLabels": pod.labels})
    return found


def _ingresses(related: Related, obj: Object) -> list[Entity]:
    """Ingresses and routes that lead to a Service, or to one that selects a workload's pods."""
    number = related.relations.number(obj)
    services = related.referrers.selecting("Service", obj) if number in related.relations.pods else [number]
    found = {route for service in services for route in related.around.referring(_ROUTES, "backend", service)}
    return related.entities(sorted(found))


def _vertical(related: Related, obj: Object) -> list[Entity]:
    number = related.relations.number(obj)
    return related.entities(related.around.referring(_VERTICAL, "scaleTarget", number))


def _same_images(related: Related, obj: Object) -> list[dict[str, Any]]:
    return [
        {
            "path": path_text(use.path),
            "container": use.container,
            "image": leader.use.text,
            "count": leader.users,
            "target": {**related.lean(leader.first), "at": path_text(leader.use.path)},
        }
        for use, leader in related.around.images.drifted(obj)
    ]


def _same_users(related: Related, obj: Object) -> list[dict[str, Any]]:
    return [
        {
            "uid": one.uid,
            "path": path_text(one.path),
            "others": [{**related.lean(number), "at": path_text(path)} for number, path in one.others.items()],
        }
        for one in related.around.users.shared(obj)
    ]


MAKERS: dict[str, Callable[[Related, Object], Any]] = {
    "serviceAccount": _service_account,
    "grants": _grants,
    "takeovers": _takeovers,
    "bindings": _bindings,
    "ownNamespace": _own_namespace,
    "quotas": _in_namespace("ResourceQuota"),
    "limitRanges": _in_namespace("LimitRange"),
    "verticalAutoscalers": _vertical,
    "workloads": _workloads,
    "ingresses": _ingresses,
    "sameImages": _same_images,
    "sameUsers": _same_users,
}
