"""What makes an RBAC object refused by the API server, or a rule of it grant nothing.

Sources: `pkg/apis/rbac/validation/validation.go` and `pkg/apis/rbac/v1/evaluation_helpers.go` of Kubernetes, and
the API reference for which group holds which resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.checks.rbac_resources import CLUSTER_SCOPED, RESOURCES
from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import Path
from kube_audit.manifests.objects import Object, mapping, sequence
from kube_audit.names import closest
from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder

_GROUP = "rbac.authorization.k8s.io"
_STANDARD_VERBS = {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
_VERBS = frozenset(_STANDARD_VERBS | {"use", "bind", "escalate", "impersonate", "approve", "sign", "attest", "*"})
_METHODS = frozenset({"get", "head", "post", "put", "patch", "delete", "options", "*"})
_ACCOUNT_NAME = lazily(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?")
_OWN_ROLES = frozenset({"cluster-admin", "admin", "edit", "view"})

Rule = dict[str, Any]


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield what is wrong with a Role, ClusterRole, RoleBinding or ClusterRoleBinding.

    `found` holds `level` (error where the API server refuses the object, warning or info where something grants
    nothing) and `problem`, a sentence.
    """
    yield from (_invalid_binding if element.obj.kind.endswith("Binding") else _invalid_role)(element.obj)


def _invalid_role(role: Object) -> Iterator[Hit]:
    rules = [(index, mapping(rule)) for index, rule in enumerate(sequence(role.data.get("rules")))]
    name = role.name or ""
    if rules and mapping(role.data.get("aggregationRule")) and not (name in _OWN_ROLES or name.startswith("system:")):
        yield _hit(
            ("rules",),
            "warning",
            "`rules` beside `aggregationRule` allow nothing: the control plane overwrites them with what it collects",
        )
    for index, rule in rules:
        at: Path = ("rules", index)
        yield from _refused_rule(at, rule, role.kind)
        yield from _misspelt_verbs(at, rule)
        if rule.get("apiGroups"):
            yield from _idle_resources(at, rule, [other for _, other in rules], role.kind)


def _invalid_binding(binding: Object) -> Iterator[Hit]:
    if binding.kind == "ClusterRoleBinding" and mapping(binding.data.get("roleRef")).get("kind") == "Role":
        problem = "a ClusterRoleBinding cannot bind a Role, only a ClusterRole; a RoleBinding in its namespace can"
        yield _hit(("roleRef", "kind"), "error", problem)
    for index, subject in enumerate(sequence(binding.data.get("subjects"))):
        yield from _refused_subject(("subjects", index), mapping(subject), binding.kind)


def _refused_subject(at: Path, subject: dict[str, Any], binding_kind: str) -> Iterator[Hit]:
    kind, name, group = subject.get("kind"), subject.get("name"), subject.get("apiGroup")
    if name == "":
        yield _hit((*at, "name"), "error", "the subject's `name` is empty")
    if kind == "ServiceAccount":
        if _known(group):
            yield _hit(
                (*at, "apiGroup"),
                "error",
                f'`{group}` is not the group of service accounts: `apiGroup` has to be `""` or left out for them',
            )
        if _known(name) and not _ACCOUNT_NAME.fullmatch(str(name)):
            yield _hit((*at, "name"), "error", f"`{name}` cannot be the name of a ServiceAccount")
        if binding_kind == "ClusterRoleBinding" and _known(name) and not subject.get("namespace"):
            # kustomize adds the namespace of accounts that it knows
            problem = f"service account `{name}` needs its `namespace`: a ClusterRoleBinding lies in none"
            yield _hit(at, "warning", problem)
    elif kind in ("User", "Group") and _known(group) and group != _GROUP:
        yield _hit((*at, "apiGroup"), "error", f"`{group}` is not the group of a `{kind}`; it has to be `{_GROUP}`")


def _refused_rule(at: Path, rule: Rule, kind: str) -> Iterator[Hit]:
    urls = sequence(rule.get("nonResourceURLs"))
    if rule.get("verbs") == []:
        yield _hit((*at, "verbs"), "error", "`verbs` is empty: a rule has to allow something")
    if urls and kind == "Role":
        yield _hit(
            (*at, "nonResourceURLs"),
            "error",
            f"a Role cannot allow URLs such as `{urls[0]}`: they belong to no namespace, and only a ClusterRole can",
        )
    elif urls and any(rule.get(field) for field in ("apiGroups", "resources", "resourceNames")):
        yield _hit(
            (*at, "nonResourceURLs"),
            "error",
            "one rule cannot hold both resources and `nonResourceURLs`: these have to be two rules",
        )
    elif not urls:
        for field, what in (("apiGroups", 'no API group (the core group is `""`)'), ("resources", "no resource")):
            if not rule.get(field):
                yield _hit((*at, field), "error", f"the rule names {what}: `{field}` needs at least one entry")


def _misspelt_verbs(at: Path, rule: Rule) -> Iterator[Hit]:
    known = _METHODS if sequence(rule.get("nonResourceURLs")) else _VERBS
    for index, verb in enumerate(_texts(rule, "verbs")):
        if verb not in known and not is_placeholder(verb):
            meant = closest(verb, sorted(known))
            if meant:
                problem = f"no request has the verb `{verb}`, so that it allows nothing; did you mean `{meant}`?"
                yield _hit((*at, "verbs", index), "warning", problem)


def _idle_resources(at: Path, rule: Rule, rules: list[Rule], kind: str) -> Iterator[Hit]:
    """Yield entries of `resources` that match no request, as far as Kubernetes' own groups can tell."""
    groups = _texts(rule, "apiGroups")
    for index, resource in enumerate(_texts(rule, "resources")):
        path = (*at, "resources", index)
        base, _, subresource = resource.partition("/")
        if is_placeholder(resource) or resource == "*":
            continue
        if "*" in resource and (base != "*" or "*" in subresource):
            problem = f"`{resource}` matches nothing: besides `*` there is only the pattern `*/<subresource>`"
            yield _hit(path, "warning", problem)
        elif base != "*" and all(group in RESOURCES for group in groups):
            yield from _idle_resource(path, base, groups, rules, resource)
            holders = [group for group in groups if base in RESOURCES[group]]
            if kind == "Role" and holders and all((group, base) in CLUSTER_SCOPED for group in holders):
                problem = (
                    f"`{resource}` belongs to no namespace, so that a Role allows nothing on it; a ClusterRole can"
                )
                yield _hit(path, "info", problem)


def _idle_resource(path: Path, base: str, groups: list[str], rules: list[Rule], resource: str) -> Iterator[Hit]:
    if any(base in RESOURCES[group] for group in groups):
        return
    shown = " and ".join(f"`{group}`" if group else "the core group" for group in groups)
    homes = [group for group, names in RESOURCES.items() if base in names and group != "extensions"]
    if homes:
        if not any(_covers(other, homes, resource) for other in rules):
            home = " and ".join(f"`{group}`" if group else 'the core group, `""`' for group in homes)
            problem = f"`{resource}` is no resource of {shown}, so that nothing is allowed on it; it belongs to {home}"
            yield _hit(path, "warning", problem)
        return
    names = {name for group in groups for name in RESOURCES[group]}
    meant = next((name for name in _plurals(base) if name in names), "") or closest(base, sorted(names))
    if meant:
        problem = f"`{base}` is no resource of {shown}, so that nothing is allowed on it; did you mean `{meant}`?"
        yield _hit(path, "warning", problem)


def _covers(rule: Rule, groups: list[str], resource: str) -> bool:
    """Whether a rule names the resource in one of the groups that hold it."""
    return not {*groups, "*"}.isdisjoint(_texts(rule, "apiGroups")) and not {resource, "*"}.isdisjoint(
        _texts(rule, "resources")
    )


def _plurals(name: str) -> tuple[str, ...]:
    """Return what a kind or a singular may be called as a resource."""
    lower = name.lower()
    return (lower, f"{lower}s", f"{lower}es", f"{lower.removesuffix('y')}ies")


def _known(value: Any) -> bool:
    """Whether a value is a text that says something; types are the schema's business, placeholders anybody's guess."""
    return isinstance(value, str) and value != "" and not is_placeholder(value)


def _texts(data: dict[str, Any], field: str) -> list[str]:
    """Return a list's texts; one that is none stands as "", so that indexes hold."""
    return [value if isinstance(value, str) else "" for value in sequence(data.get(field))]


def _hit(path: Path, level: str, problem: str) -> Hit:
    return Hit(path, {"level": level, "problem": problem})
