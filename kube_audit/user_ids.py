"""Which workloads run under which user ID, as far as their manifests say it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

from kube_audit.engine.scopes import Pod
from kube_audit.findings import Path
from kube_audit.manifests.objects import Object, mapping
from kube_audit.records import NamedTuple
from kube_audit.relations import Relations
from kube_audit.universe import Members

_MOST = 3
"""How many others are told."""
_LOOKED_AT = 100


class SharedUser(NamedTuple):
    """A user ID that other workloads run under as well."""

    uid: int
    path: Path
    others: dict[int, Path]
    """Number of each to where it says so."""


class UserIds:
    """Answers who shares a user ID, from an index that is made when it is first asked."""

    def __init__(self, relations: Relations) -> None:
        self._relations = relations
        self._members: dict[int, Members] | None = None

    def shared(self, obj: Object) -> Iterator[SharedUser]:
        """Yield each user ID of a workload that workloads before it have taken, with at most three of these."""
        relations = self._relations
        number = relations.number(obj)
        pod = relations.pods.get(number)
        if pod is None:
            return
        if self._members is None:
            self._members = self._index()
        for uid, path in _ids(pod).items():
            before = (n for n in relations.universes.seen(obj.file, self._members[uid]) if n < number)
            others = {relations.identity(n): n for n in islice(before, _LOOKED_AT)}
            others.pop(relations.identity(number), None)
            if others:
                yield SharedUser(uid, path, {n: _ids(relations.pods[n])[uid] for n in list(others.values())[:_MOST]})

    def _index(self) -> dict[int, Members]:
        members: dict[int, Members] = defaultdict(Members)
        for number, pod in self._relations.pods.items():
            for uid in _ids(pod):
                members[uid].add(number, self._relations.objects[number].file)
        return members


def _ids(pod: Pod) -> dict[int, Path]:
    """Return the user IDs that a pod's containers have on its node, each with the first place where it is written.

    None for pods with a user namespace of their own, whose IDs mean other users there.
    """
    found: dict[int, Path] = {}
    if pod.spec.get("hostUsers") is False:
        return found
    of_pod = mapping(pod.spec.get("securityContext"))
    for container in pod.containers():
        if container.type == "ephemeral":
            continue
        own = mapping(container.data.get("securityContext"))
        written, base = (own, container.path) if "runAsUser" in own else (of_pod, pod.path)
        uid = written.get("runAsUser")
        if isinstance(uid, int) and not isinstance(uid, bool):
            found.setdefault(uid, (*base, "securityContext", "runAsUser"))
    return found
