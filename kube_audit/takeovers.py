"""Ways in which the holder of some rights can take over a cluster, told from the rules that it is granted.

Sources: "RBAC Good Practices, privilege escalation risks" of the Kubernetes documentation, and for what each request
asks for `pkg/registry/rbac` (escalate, bind) and the impersonation filter of the API server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kube_audit.records import NamedTuple
from kube_audit.rights import Grant

_READ = ("get", "list", "watch")
_CHANGE = ("create", "update", "patch")
_RBAC = "rbac.authorization.k8s.io"
_CERTIFICATES = "certificates.k8s.io"
_SYSTEM = "kube-system"
"""The namespace whose accounts and Secrets rule the cluster: rights there are as good as rights everywhere."""


class Need(NamedTuple):
    """A request that a way needs: one of the verbs on one of the resources of a group."""

    verbs: tuple[str, ...]
    group: str
    resources: tuple[str, ...]
    cluster: bool = False
    """Whether the resources belong to no namespace, so that only a ClusterRoleBinding can grant them."""
    names: frozenset[str] = frozenset()
    """Names in `resourceNames` which are enough; without one the rule has to be for all names."""


class Way(NamedTuple):
    """One way to take over a cluster: all needs of one of the alternatives have to be granted."""

    id: str
    words: str
    """What the holder may do, as it stands after "may"."""
    alternatives: tuple[tuple[Need, ...], ...]
    places: bool = False
    """Whether the words have to be followed by where."""
    told: bool = True
    """Whether rules of the default profile report a role that grants this, whoever is bound to it."""


class Takeover(NamedTuple):
    """A way that is open, with the grants that open it."""

    way: Way
    grants: tuple[Grant, ...]

    @property
    def told(self) -> bool:
        """Whether findings on one role among the files say it already."""
        first = self.grants[0]
        if first.source is None or any(grant.source != first.source for grant in self.grants):
            return False
        return self.way.told or any("*" in _texts(first.rule, field) for field in ("verbs", "resources"))

    @property
    def words(self) -> str:
        """What the holder may do, and where."""
        if all(grant.everywhere for grant in self.grants):
            return f"{self.way.words} in every namespace" if self.way.places else self.way.words
        return f"{self.way.words} in `{_SYSTEM}`"


def _one(*needs: Need) -> tuple[tuple[Need, ...], ...]:
    return (needs,)


_POWERFUL_ROLES = frozenset({"cluster-admin"})
_SIGNERS = frozenset(
    {"kubernetes.io/*", "kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet"}
)

WAYS: tuple[Way, ...] = (
    Way("everything", "do everything", _one(Need(("*",), "*", ("*",), cluster=True))),
    Way(
        "escalate",
        "write any right into roles",
        (
            (
                Need(("escalate",), _RBAC, ("clusterroles",), cluster=True),
                Need(_CHANGE, _RBAC, ("clusterroles",), cluster=True),
            ),
            (Need(("escalate",), _RBAC, ("roles",)), Need(_CHANGE, _RBAC, ("roles",))),
        ),
    ),
    Way(
        "bind",
        "bind itself to any role",
        (
            (
                Need(("bind",), _RBAC, ("clusterroles",), cluster=True, names=_POWERFUL_ROLES),
                Need(_CHANGE, _RBAC, ("clusterrolebindings",), cluster=True),
            ),
            (
                Need(("bind",), _RBAC, ("clusterroles",), names=_POWERFUL_ROLES),
                Need(_CHANGE, _RBAC, ("rolebindings",)),
            ),
        ),
    ),
    Way(
        "impersonate",
        "act as any other account",
        (
            (Need(("impersonate",), "", ("users",), cluster=True),),
            (Need(("impersonate",), "", ("serviceaccounts",)),),
        ),
    ),
    Way(
        "tokens",
        "issue tokens of any service account",
        _one(Need(("create",), "", ("serviceaccounts/token",))),
        places=True,
    ),
    Way(
        "certificates",
        "have a certificate made out to any user",
        _one(
            Need(("create",), _CERTIFICATES, ("certificatesigningrequests",), cluster=True),
            Need(("update", "patch"), _CERTIFICATES, ("certificatesigningrequests/approval",), cluster=True),
            Need(("approve",), _CERTIFICATES, ("signers",), cluster=True, names=_SIGNERS),
        ),
    ),
    Way("secrets", "read Secrets", _one(Need(_READ, "", ("secrets",))), places=True),
    Way("exec", "run commands in pods", _one(Need(("create",), "", ("pods/exec", "pods/attach"))), places=True),
    Way(
        "pods",
        "run pods of its own making",
        (
            (Need(("create",), "", ("pods",)),),
            (Need(_CHANGE, "", ("replicationcontrollers",)),),
            (Need(_CHANGE, "apps", ("deployments", "statefulsets", "daemonsets", "replicasets")),),
            (Need(_CHANGE, "batch", ("jobs", "cronjobs")),),
        ),
        places=True,
        told=False,
    ),
    Way(
        "nodes",
        "run commands through the kubelet of every node",
        _one(Need(("get", "create"), "", ("nodes/proxy",), cluster=True)),
    ),
    Way(
        "webhooks",
        "rewrite every object on its way into the cluster",
        _one(Need(_CHANGE, "admissionregistration.k8s.io", ("mutatingwebhookconfigurations",), cluster=True)),
    ),
)
"""From the most to the least direct."""
_NEEDS = tuple(dict.fromkeys(need for way in WAYS for needs in way.alternatives for need in needs))


Openings = Mapping[Need, Grant]
"""What some grants allow of all that the ways need, with the first grant for each."""


def openings(grants: Iterable[Grant]) -> Openings:
    """Return what grants allow everywhere, or in kube-system, of what the ways need."""
    found: dict[Need, Grant] = {}
    for grant in grants:
        if grant.everywhere or grant.namespace == _SYSTEM:
            for need in _NEEDS:
                if need not in found and allows(grant, need):
                    found[need] = grant
    return found


def takeovers(allowed: Iterable[Openings]) -> Iterator[Takeover]:
    """Yield the ways that are open to whoever has all of these openings.

    Who may do everything has every other way as well; only that one is told then.
    """
    together: dict[Need, Grant] = {}
    for one in allowed:
        for need, grant in one.items():
            together.setdefault(need, grant)
    if not together:
        return
    for way in WAYS:
        needs = next((needs for needs in way.alternatives if all(need in together for need in needs)), None)
        if needs is not None:
            grants = {(grant.binding, grant.source, grant.place): grant for grant in map(together.get, needs) if grant}
            yield Takeover(way, tuple(grants.values()))
            if way.id == "everything":
                return


def allows(grant: Grant, need: Need) -> bool:
    """Whether a grant allows a request that is needed, as RBAC compares verbs, groups and resources."""
    if need.cluster and not grant.everywhere:
        return False
    rule = grant.rule
    names = _texts(rule, "resourceNames")
    if rule.get("resourceNames") and need.names.isdisjoint(names):
        return False
    return (
        not {"*", *need.verbs}.isdisjoint(_texts(rule, "verbs"))
        and not {"*", need.group}.isdisjoint(_texts(rule, "apiGroups"))
        and any(_names_resource(_texts(rule, "resources"), resource) for resource in need.resources)
    )


def _names_resource(written: list[str], resource: str) -> bool:
    _, slash, sub = resource.partition("/")
    return "*" in written or resource in written or bool(slash and f"*/{sub}" in written)


def _texts(rule: dict[str, Any], field: str) -> list[str]:
    value = rule.get(field)
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
