"""What service accounts may do: their bindings and the rules of the roles, added up as the RBAC authorizer does.

Sources: `plugin/pkg/auth/authorizer/rbac` (who a binding applies to), `pkg/controller/clusterroleaggregation`
(how roles are put together) and `pkg/serviceaccount` (names of accounts as users and groups) of Kubernetes.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

from kube_audit import built_in_roles
from kube_audit.manifests.kustomizations import Build
from kube_audit.manifests.objects import Object, mapping
from kube_audit.records import NamedTuple
from kube_audit.relations import Relations
from kube_audit.selectors import Selector
from kube_audit.universe import NOBODY, Folder, Members

MOST = 1000
"""Bindings of an account, and rules of a binding, that are looked at."""
_USER = "system:serviceaccount:"
_ALL_ACCOUNTS = "system:serviceaccounts"
_EVERYBODY = "system:authenticated"

Account = tuple[str | None, str]
"""Namespace and name of a service account."""
View = tuple[Folder, frozenset[Build]]


class Grant(NamedTuple):
    """One rule of a role that a binding gives to its subjects."""

    binding: int
    role_kind: str
    role_name: str
    role: int | None
    """The role that is bound; None for those that every cluster brings along."""
    source: int | None
    """The role in which the rule is written: another one where roles are aggregated."""
    place: int
    """Index of the rule in `rules` of its source."""
    rule: dict[str, Any]
    namespace: str | None
    """Where the rule applies; None everywhere, or where the binding has no namespace (see `everywhere`)."""
    everywhere: bool


class Rights:
    """Answers what accounts may do and who is bound to a role, from indexes that are made when they are first asked."""

    def __init__(self, relations: Relations) -> None:
        self._relations = relations
        self._by_account: dict[Account, Members] = defaultdict(Members)
        self._by_name: dict[str, Members] = defaultdict(Members)
        """Name of an account to the bindings that name it together with a namespace."""
        self._by_group: dict[str, Members] = defaultdict(Members)
        self._by_role: dict[tuple[str, str | None, str], Members] = defaultdict(Members)
        self._labelled: dict[tuple[str, str], Members] = defaultdict(Members)
        self._cluster_roles = NOBODY
        self._indexed = False
        self._granted: dict[int, list[Grant]] = {}
        self._rules: dict[int, list[tuple[int, int, dict[str, Any]]]] = {}
        self._bindings: dict[tuple[View, Account], list[int]] = {}

    def bindings_of(self, asking: Object, namespace: str | None, account: str) -> list[int]:
        """Return the bindings that apply to a service account, by its own name and by the groups of all accounts.

        Those that the asking object sees count.
        """
        self._index()
        universes = self._relations.universes
        view = (universes.folder(asking.file), universes.roots(asking.file))
        key = (view, (namespace, account))
        known = self._bindings.get(key)
        if known is None:
            own = self._by_account.get((namespace, account), NOBODY)
            if namespace is not None:
                found = set(islice(universes.seen(asking.file, own), MOST))
            else:  # where it is applied decides: only what lies together is taken to belong together
                found = set(islice(universes.seen_near(asking.file, own), MOST))
                if self._is_defined_near(asking, account):
                    elsewhere = self._by_name.get(account, NOBODY)
                    found.update(islice(universes.seen_near(asking.file, elsewhere), MOST))
            groups = [_EVERYBODY, _ALL_ACCOUNTS, *([f"{_ALL_ACCOUNTS}:{namespace}"] if namespace is not None else ())]
            for group in groups:
                found.update(islice(universes.seen(asking.file, self._by_group.get(group, NOBODY)), MOST))
            known = self._bindings[key] = sorted(found)
        return known

    def _is_defined_near(self, asking: Object, account: str) -> bool:
        """Whether an account without a namespace is defined there: bindings beside it that name one mean this account.

        Manifests that are made for one namespace name it in bindings, where they have to, and nowhere else.
        """
        relations = self._relations
        return any(
            relations.universes.near(asking.file, relations.objects[number].file)
            for number in relations.named(asking, "ServiceAccount", None, account)
        )

    def granted_by(self, binding: int) -> list[Grant]:
        """Return the rules that a binding gives to its subjects.

        Roles that are not among the files, and not those that every cluster has, give nothing.
        """
        known = self._granted.get(binding)
        if known is None:
            known = self._granted[binding] = list(islice(self._grants_of(binding), MOST))
        return known

    def bindings_to(self, role: Object) -> list[int]:
        """Return the bindings that bind a Role or ClusterRole."""
        self._index()
        namespace = role.home if role.kind == "Role" else None
        members = self._by_role.get((role.kind, namespace, role.name or ""), NOBODY)
        universes = self._relations.universes
        if role.kind == "Role" and namespace is None:
            return sorted(universes.seen_near(role.file, members))
        return sorted(universes.seen(role.file, members))

    def _grants_of(self, number: int) -> Iterator[Grant]:
        relations = self._relations
        binding = relations.objects[number]
        reference = _role_reference(binding)
        if reference is None:
            return
        kind, namespace, name = reference
        everywhere = binding.kind == "ClusterRoleBinding"
        space = None if everywhere else binding.home
        found = relations.named(binding, kind, namespace, name)
        if kind == "Role" and namespace is None:
            found = [role for role in found if relations.universes.near(binding.file, relations.objects[role].file)]
        if found:
            for source, index, rule in self._rules_of(found[0]):
                yield Grant(number, kind, name, found[0], source, index, rule, space, everywhere)
        elif kind == "ClusterRole" and name in built_in_roles.RULES:
            for index, rule in enumerate(built_in_roles.RULES[name]):
                yield Grant(number, kind, name, None, None, index, rule, space, everywhere)
            for label in built_in_roles.AGGREGATED.get(name, ()):
                for role in relations.universes.seen(binding.file, self._labelled.get((label, "true"), NOBODY)):
                    for source, index, rule in self._rules_of(role):
                        yield Grant(number, kind, name, None, source, index, rule, space, everywhere)

    def _rules_of(self, role: int) -> list[tuple[int, int, dict[str, Any]]]:
        """Return the rules of a role with the role and the place in which each is written."""
        known = self._rules.get(role)
        if known is None:
            known = self._rules[role] = list(islice(self._aggregated(role), MOST))
        return known

    def _aggregated(self, role: int) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield the rules of a role, of those that it aggregates instead, and of those that these aggregate.

        Roles may aggregate each other: each selector is followed once, and no more than twice MOST of what they fit.
        """
        pending, seen, looks = deque([role]), {role}, 2 * MOST
        followed: set[Selector] = set()
        while pending:
            number = pending.popleft()
            obj = self._relations.objects[number]
            chosen = mapping(obj.data.get("aggregationRule")).get("clusterRoleSelectors")
            if not isinstance(chosen, list) or obj.kind != "ClusterRole":
                rules = obj.data.get("rules")
                for index, rule in enumerate(rules if isinstance(rules, list) else ()):
                    if isinstance(rule, dict):
                        yield number, index, rule
                continue
            for selector in map(Selector.from_label_selector, chosen):
                if selector in followed:
                    continue
                followed.add(selector)
                for other in islice(self._roles_with(obj, selector), looks):
                    looks -= 1
                    if other not in seen:
                        seen.add(other)
                        pending.append(other)

    def _roles_with(self, asking: Object, selector: Selector) -> Iterator[int]:
        lists = [self._labelled.get(pair, NOBODY) for pair in selector.equalities]
        candidates = min(lists, key=len) if lists else self._cluster_roles
        for number in self._relations.universes.seen(asking.file, candidates):
            if selector.matches(mapping(self._relations.objects[number].metadata.get("labels"))):
                yield number

    def _index(self) -> None:
        if self._indexed:
            return
        self._indexed = True
        relations = self._relations
        for kind in ("RoleBinding", "ClusterRoleBinding"):
            for members in relations.everywhere(kind).values():
                for number, file in members.places:
                    binding = relations.objects[number]
                    reference = _role_reference(binding)
                    if reference is None:
                        continue
                    self._by_role[reference].add(number, file)
                    for account in _accounts(binding):
                        self._by_account[account].add(number, file)
                        if account[0] is not None:
                            self._by_name[account[1]].add(number, file)
                    for group in _groups(binding):
                        self._by_group[group].add(number, file)
        for members in relations.everywhere("ClusterRole").values():
            self._cluster_roles = members
            for number, file in members.places:
                for key, value in mapping(relations.objects[number].metadata.get("labels")).items():
                    if isinstance(value, str):
                        self._labelled[key, value].add(number, file)


def _role_reference(binding: Object) -> tuple[str, str | None, str] | None:
    """Return kind, namespace and name of the role that is bound, None where that cannot be."""
    reference = mapping(binding.data.get("roleRef"))
    kind, name = reference.get("kind"), reference.get("name")
    if not isinstance(name, str) or kind not in ("Role", "ClusterRole"):
        return None
    if kind == "Role" and binding.kind == "ClusterRoleBinding":
        return None
    return kind, binding.home if kind == "Role" else None, name


def _subjects(binding: Object) -> Iterator[tuple[str, str, str | None]]:
    subjects = binding.data.get("subjects")
    for entry in subjects if isinstance(subjects, list) else ():
        kind, name, namespace = (mapping(entry).get(field) for field in ("kind", "name", "namespace"))
        if isinstance(kind, str) and isinstance(name, str):
            yield kind, name, namespace if isinstance(namespace, str) and namespace else None


def _accounts(binding: Object) -> set[Account]:
    """Return the accounts that a binding names: as such, or as users."""
    found: set[Account] = set()
    for kind, name, namespace in _subjects(binding):
        if kind == "ServiceAccount":
            found.add((namespace or (binding.home if binding.kind == "RoleBinding" else None), name))
        elif kind == "User" and name.startswith(_USER):
            space, colon, account = name.removeprefix(_USER).partition(":")
            if colon:
                found.add((space, account))
    return found


def _groups(binding: Object) -> set[str]:
    """Return the groups of service accounts that a binding names."""
    names = {name for kind, name, _ in _subjects(binding) if kind == "Group"}
    return {name for name in names if name == _EVERYBODY or name.split(":")[:2] == _ALL_ACCOUNTS.split(":")}
