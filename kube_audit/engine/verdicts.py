"""Judging the names of other objects: what exists, what is misspelt, what is missing, and what cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kube_audit.engine.scopes import POD_TEMPLATES
from kube_audit.findings import Path, path_text
from kube_audit.manifests.objects import Object, mapping
from kube_audit.names import closest
from kube_audit.paths import expand
from kube_audit.placeholders import is_placeholder
from kube_audit.references import CREATED_EVERYWHERE, Reference
from kube_audit.relations import Relations

_BUILT_IN_ROLES = frozenset({"cluster-admin", "admin", "edit", "view"})
_ROLE_KINDS = ("Role", "ClusterRole")
_COPIED = ("reflector.v1.k8s.emberstack.com/", "replicator.v1.mittwald.de/", "kubed.appscode.com/", "config.syncer/")
"""Annotations by which controllers are told to copy a ConfigMap or Secret into other namespaces."""
_NAMED = {
    "containers": "container",
    "initContainers": "container",
    "ephemeralContainers": "container",
    "env": "variable",
    "volumes": "volume",
}
_MOST = 1000
_DATA_FIELDS = ("data", "binaryData", "stringData")
_SAME_NAME = {"elsewhere": "metadata.namespace", "typo": "kind"}
"""What to look at in an object that has the name that is asked for, and is not the one that is meant."""


Entity = dict[str, Any]
AsEntity = Callable[[int], Entity]


def judge(relations: Relations, obj: Object, reference: Reference, entity: AsEntity) -> list[Entity]:
    """Return what rules see of one reference: an entry on the name, and one for each key or port that is not there.

    `verdict` on a name is one of

    - fits: the object is there, or comes about in a way that needs no manifest, or its absence does no harm
    - typo: it is not there, and `target` is most likely meant: a near name, or the same name of another kind
    - elsewhere: only other namespaces have it; `target` is one of them
    - missing: it is not there, though other objects of its kind are, where it would have to be
    - unknown: no object is there that could be meant, or an operator may make it

    and for what is there key-typo, key-missing, port-missing, subset-typo or subset-missing, with what there is in
    `known`. Where another place in `target` than its name shows it, `at` of `target` is the path to it.
    """
    found = relations.named(obj, reference.kind, reference.namespace, reference.name)
    entry: Entity = {
        "via": reference.via,
        "path": path_text(reference.path),
        "kind": reference.kind,
        "name": reference.name,
        "namespace": reference.namespace or "",
        "optional": reference.optional,
        "verdict": "fits",
        "similar": "",
        "target": entity(found[0]) if found else None,
        "key": "",
        "port": "",
        "known": [],
        "subset": "",
        "granted": _granted(relations, obj, reference),
        "rewritten": relations.changes_names,
        **_around(obj.data, reference.path),
    }
    if not found:
        entry["verdict"], meant = _verdict_on_name(relations, obj, reference)
        if meant is not None:
            name = relations.objects[meant].name or ""
            at = "metadata.name" if name != reference.name else _SAME_NAME[entry["verdict"]]
            entry |= {"similar": name, "target": {**entity(meant), "at": at}}
        return [entry]
    return [
        entry,
        *_keys(relations, reference, found, entry, entity),
        *_ports(relations, reference, found, entry),
        *_subsets(relations, obj, reference, entry, entity),
    ]


def _around(data: Any, path: Path) -> dict[str, str]:
    """Return the names of the container, its variable or the volume that a path leads through, "" for none."""
    names = {"container": "", "variable": "", "volume": ""}
    within = ""
    for step in path:
        data = data[step]
        if isinstance(step, str):
            within = _NAMED.get(step, "")
        elif within and isinstance(mapping(data).get("name"), str):
            names[within] = data["name"]
    return names


def _verdict_on_name(relations: Relations, obj: Object, reference: Reference) -> tuple[str, int | None]:
    """Return the verdict on a name that is not found, and the object that is likely meant."""
    kind, namespace, name = reference.kind, reference.namespace, reference.name
    if reference.optional or _well_known(reference) or relations.exists_elsewhere(obj, kind, reference.namespace, name):
        return "fits", None
    others = [relations.objects[n] for n in relations.named_anywhere(obj, kind, name)]
    if any(namespace is None or other.home is None or _is_copied(other) for other in others):
        return "fits", None  # which namespace is meant is decided where it is applied
    if others:
        return "elsewhere", relations.number(others[0])
    if relations.named_by_kustomize(obj, kind, namespace, name):
        return "fits", None
    if relations.made_under_name(obj, name):
        return "unknown", None
    meant = relations.misspelt(obj, kind, namespace, name)
    if meant is None:
        meant = _of_other_kind(relations, obj, reference)
    if meant is not None:
        return "typo", meant
    return ("missing" if relations.has_kind(obj, kind, namespace) else "unknown"), None


def _well_known(reference: Reference) -> bool:
    kind, name = reference.kind, reference.name
    if (kind, name) in CREATED_EVERYWHERE or is_placeholder(name):
        return True
    return reference.via == "role" and (name in _BUILT_IN_ROLES or name.startswith("system:"))


def _is_copied(other: Object) -> bool:
    annotations = mapping(other.metadata.get("annotations"))
    return any(key.startswith(_COPIED) for key in annotations)


def _of_other_kind(relations: Relations, obj: Object, reference: Reference) -> int | None:
    """Return an object of that name which the reference would fit if it named another kind."""
    space = reference.namespace
    if reference.via == "scaleTarget" and reference.kind in POD_TEMPLATES:
        found = relations.workload_named(obj, space, reference.name)
    elif reference.via == "role" and reference.kind in _ROLE_KINDS and relations.has_kind(obj, reference.kind, space):
        other = _ROLE_KINDS[1 - _ROLE_KINDS.index(reference.kind)]
        found = relations.named(obj, other, obj.home, reference.name)
    else:
        found = []
    return found[0] if found else None


def _keys(
    relations: Relations, reference: Reference, found: list[int], entry: Entity, entity: AsEntity
) -> list[Entity]:
    if reference.optional or not reference.keys or relations.generated(reference.kind, reference.name):
        return []
    places = _known_keys(relations, found)
    known = sorted(places)
    entries = []
    for path, key in reference.keys if known else ():
        if key not in places and not is_placeholder(key):
            similar = closest(key, known)
            number, field = places[similar or known[0]]
            target = {**entity(number), "at": path_text((field, similar) if similar else (field,))}
            extra = {"path": path_text(path), "key": key, "known": known, "similar": similar, "target": target}
            entries.append({**entry, **extra, "verdict": "key-typo" if similar else "key-missing"})
    return entries


def _known_keys(relations: Relations, numbers: list[int]) -> dict[str, tuple[int, str]]:
    """Return the data keys of the ConfigMaps or Secrets of one name, each with its object and field.

    None where one of them is filled elsewhere.
    """
    keys: dict[str, tuple[int, str]] = {}
    for number in numbers:
        obj = relations.objects[number]
        own = {key: (number, field) for field in _DATA_FIELDS for key in mapping(obj.data.get(field))}
        if not own or obj.data.get("type") == "kubernetes.io/service-account-token" or _is_copied(obj):
            return {}
        keys = own | keys
    return keys


def _ports(relations: Relations, reference: Reference, found: list[int], entry: Entity) -> list[Entity]:
    port = reference.port
    if port is None or reference.kind != "Service" or (isinstance(port, str) and is_placeholder(port)):
        return []
    ports = _service_ports(relations, found)
    wanted = int(port) if isinstance(port, str) and port.isdecimal() and len(port) < 6 else port
    if ports is None or any(wanted in pair for pair in ports):
        return []
    names = [name if isinstance(name, str) else "" for _, name in ports]
    similar = closest(str(port), sorted(set(names)))
    extra = {
        "path": path_text(reference.port_path),
        "port": str(port),
        "known": [f"{name} ({number})" if name else str(number) for number, name in ports],
        "similar": similar,
        "target": {**entry["target"], "at": f"spec.ports[{names.index(similar)}].name" if similar else "spec.ports"},
    }
    return [{**entry, **extra, "verdict": "port-missing"}]


def _subsets(relations: Relations, obj: Object, reference: Reference, entry: Entity, entity: AsEntity) -> list[Entity]:
    subset = reference.subset
    if not subset or is_placeholder(subset):
        return []
    if reference.via == "parent":
        holders, field = [entry["target"]["id"]], "spec.listeners"
    else:
        holders, field = relations.mesh_rules(obj, reference.name, reference.namespace), "spec.subsets"
    parts = [one for number in holders for _, one in expand(relations.objects[number].data, f"{field}[]")]
    names = (mapping(one).get("name") for one in parts)
    known = [name for name in names if isinstance(name, str)]
    if not holders or subset in known or any(map(is_placeholder, known)):
        return []
    similar = closest(subset, sorted(known))
    extra = {
        "path": path_text(reference.subset_path),
        "subset": subset,
        "known": known,
        "similar": similar,
        "target": {**entity(holders[0]), "at": field},
    }
    return [{**entry, **extra, "verdict": "subset-typo" if similar else "subset-missing"}]


def _service_ports(relations: Relations, numbers: list[int]) -> list[tuple[Any, Any]] | None:
    """Return (number, name) of the ports of Services of one name; None where they cannot be told."""
    ports: list[tuple[Any, Any]] = []
    for number in numbers:
        spec = mapping(relations.objects[number].data.get("spec"))
        entries = spec.get("ports")
        if spec.get("type") == "ExternalName" or not isinstance(entries, list) or not entries:
            return None
        ports.extend((mapping(entry).get("port"), mapping(entry).get("name")) for entry in entries)
    return None if any(isinstance(p, str) and is_placeholder(p) for port in ports for p in port) else ports


def _admitted(relations: Relations, obj: Object, reference: Reference) -> bool:
    """Whether a Gateway's listeners take routes of another namespace; what selectors choose is left open."""
    gateways = relations.named(obj, reference.kind, reference.namespace, reference.name)
    listeners = [one for n in gateways for _, one in expand(relations.objects[n].data, "spec.listeners[]")]
    asked = [one for one in listeners if reference.subset in (None, mapping(one).get("name"))]
    admitting = (mapping(mapping(mapping(one).get("allowedRoutes")).get("namespaces")).get("from") for one in asked)
    return not asked or any(how not in (None, "Same") for how in admitting)


def _granted(relations: Relations, obj: Object, reference: Reference) -> bool:
    """Whether the Gateway API lets an object name another one: in its own namespace, or by a ReferenceGrant."""
    space = reference.namespace
    if obj.group != "gateway.networking.k8s.io" or space in (obj.home, None):
        return True
    if obj.home is None or reference.via == "gatewayClass":
        return True
    if reference.via == "parent":
        return _admitted(relations, obj, reference)
    for number in relations.of_kind(obj, "ReferenceGrant.gateway.networking.k8s.io", space, _MOST):
        spec = mapping(relations.objects[number].data.get("spec"))
        givers, takers = spec.get("from"), spec.get("to")
        asks = any(
            mapping(one).get("kind") == obj.kind and mapping(one).get("namespace") == obj.home
            for one in (givers if isinstance(givers, list) else ())
        )
        gives = any(
            mapping(one).get("kind") == reference.kind.partition(".")[0]
            and mapping(one).get("name", reference.name) == reference.name
            for one in (takers if isinstance(takers, list) else ())
        )
        if asks and gives:
            return True
    return False
