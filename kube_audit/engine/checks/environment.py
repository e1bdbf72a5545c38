"""Environment variables: those that the API server refuses, those that do not get what they ask for, repeated ones.

Source: ValidateEnv and ValidateEnvFrom of k8s.io/kubernetes/pkg/apis/core/validation; for `$(NAME)`
k8s.io/kubernetes/third_party/forked/golang/expansion, and makeEnvironmentVariables of the kubelet: a variable sees
those of envFrom, those before it, and those of Services.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.checks.naming import shortened
from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import path_text
from kube_audit.manifests.objects import mapping
from kube_audit.names import closest
from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder

_STRICT_NAME = lazily(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
"""Names that every version takes; from 1.32 on all printable ASCII but `=` is allowed."""

_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_FROM = ("configMapRef", "secretRef")
_POD_FIELDS = frozenset(
    {
        *("metadata.name", "metadata.namespace", "metadata.uid"),
        *("spec.nodeName", "spec.serviceAccountName", "spec.host"),
        *("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
    }
)
_SUBSCRIPTED = lazily(r"metadata\.(?:labels|annotations)\['[^']+'\]")
_RESOURCE = lazily(r"(?:limits|requests)\.(?:cpu|memory|ephemeral-storage|hugepages-.+)")

_REFERENCE = lazily(r"\$(?:\$|\(([^()\s]*)\))")
"""`$$` stands for one `$`, so that `$$(NAME)` is no reference."""

_CONSTANT = lazily(r"[A-Z_][A-Z0-9_]*")


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield what is wrong with one entry of a container's env, envFrom, command or args (`self`).

    `found` holds `problem`, and `refused`: whether the API server refuses it, or it merely does not work.
    """
    entry, field = element.value, element.path[-2]
    container = element.container.data if element.container is not None else {}
    if field == "env" and isinstance(entry, dict):
        yield from _refused(entry)
        yield from _lost_references(container, entry, element.key)
    elif field == "envFrom" and isinstance(entry, dict):
        given = [source for source in _FROM if source in entry]
        if len(given) != 1:
            problem = f"has {_both(given)} in one entry" if given else "has an entry of `envFrom` without a source"
            yield Hit((), {"problem": problem, "refused": True})
    elif field in ("command", "args") and isinstance(entry, str) and not container.get("envFrom"):
        for name in _references(entry):
            wanted = _misspelt(name, _names(container))
            if wanted:
                problem = f"asks for `$({name})` in `{field}`, which is not among its variables, but `{wanted}` is"
                yield Hit((), {"problem": problem, "refused": False})


def repeated(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield entries of a container's env whose name an earlier entry has.

    `found` holds `name`, `same` (the two entries are equal), `removable` (nothing changes without the later one),
    `first` (position of the first, from 1) and `at` (path of the later one below the container).
    """
    entries = element.value.get("env")
    first: dict[str, int] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = mapping(entry).get("name")
        if not isinstance(name, str) or not name or is_placeholder(name):
            continue
        if name in first:
            same = entry == entries[first[name]]
            path = ("env", index)
            found = {
                "name": name,
                "same": same,
                "removable": same and not list(_references(entry.get("value", ""))),
                "first": first[name] + 1,
                "at": path_text(path),
            }
            yield Hit((*path, "name"), found)
        else:
            first[name] = index


def _refused(entry: dict[str, Any]) -> Iterator[Hit]:
    name, given = entry.get("name"), entry.get("valueFrom")
    if isinstance(name, str) and not is_placeholder(name) and not _STRICT_NAME.fullmatch(name):
        problem = "has a variable with an empty name"
        if name:
            problem = f"has the variable `{shortened(name)}`, whose name holds signs that are not allowed"
        yield Hit(("name",), {"problem": problem, "refused": True})
    if not isinstance(given, dict):
        return
    sources = [source for source in _SOURCES if source in given]
    if entry.get("value"):
        yield Hit(("value",), {"problem": f"sets `{name}` by both `value` and `valueFrom`", "refused": True})
    elif len(sources) > 1:
        yield Hit(("valueFrom",), {"problem": f"takes `{name}` from {_both(sources)} at once", "refused": True})
    elif not sources:
        yield Hit(("valueFrom",), {"problem": f"does not say where `{name}` comes from", "refused": True})
    field = mapping(given.get("fieldRef")).get("fieldPath")
    if isinstance(field, str) and not is_placeholder(field) and not _known_field(field):
        problem = f"takes `{name}` from `{shortened(field)}`, which is no field that a variable can have"
        near = closest(field, sorted(_POD_FIELDS))
        problem += f" (did you mean `{near}`?)" if near else ""
        yield Hit(("valueFrom", "fieldRef", "fieldPath"), {"problem": problem, "refused": True})
    resource = mapping(given.get("resourceFieldRef")).get("resource")
    if isinstance(resource, str) and not is_placeholder(resource) and not _RESOURCE.fullmatch(resource):
        problem = f"takes `{name}` from `{shortened(resource)}`, which is no request or limit (`limits.memory`)"
        yield Hit(("valueFrom", "resourceFieldRef", "resource"), {"problem": problem, "refused": True})


def _known_field(field: str) -> bool:
    return field in _POD_FIELDS or _SUBSCRIPTED.fullmatch(field) is not None


def _lost_references(container: dict[str, Any], entry: dict[str, Any], index: Any) -> Iterator[Hit]:
    """Yield each `$(NAME)` that stays as it is written, for want of an earlier variable of that name.

    What envFrom may define is not known, so that containers with it are left alone.
    """
    value, own = entry.get("value"), entry.get("name")
    if not isinstance(value, str) or not isinstance(index, int) or container.get("envFrom"):
        return
    names = _names(container)
    before = set(names[:index])
    for name in dict.fromkeys(_references(value)):
        if name in before:
            continue
        if name == own:
            problem = f"sets `{own}` with `$({name})` in it, which is not the image's own `{name}` but stays as it is"
        elif name in names:
            problem = f"uses `$({name})` in `{own}`, but sets `{name}` only after it, so that it stays as it is written"
        else:
            wanted = _misspelt(name, names)
            if not wanted:
                continue
            problem = f"uses `$({name})` in `{own}`, which is not among its variables, but `{wanted}` is"
        yield Hit(("value",), {"problem": problem, "refused": False})


def _references(text: Any) -> Iterator[str]:
    if isinstance(text, str) and "$(" in text:
        yield from (match[1] for match in _REFERENCE.finditer(text) if match[1])


def _names(container: dict[str, Any]) -> list[str]:
    entries = container.get("env")
    return [str(mapping(entry).get("name", "")) for entry in (entries if isinstance(entries, list) else ())]


def _misspelt(name: str, names: list[str]) -> str:
    """Return the variable that is meant by a name written like one, "" where the name is known or like none."""
    if name in names or not _CONSTANT.fullmatch(name):
        return ""
    return closest(name, [known for known in names if _CONSTANT.fullmatch(known)])


def _both(names: list[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)
