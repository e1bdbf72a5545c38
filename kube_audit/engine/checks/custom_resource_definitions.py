"""CustomResourceDefinitions (apiextensions.k8s.io/v1) that the API server refuses.

Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation and pkg/apiserver/schema (structural
schemas); of the rules in CEL only whether they are CEL at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine import cel
from kube_audit.engine.checks import naming
from kube_audit.engine.checks.naming import DNS_1035_LABEL, DNS_SUBDOMAIN, shortened
from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.paths import expand
from kube_audit.placeholders import is_placeholder

_UNSUPPORTED = ("$ref", "definitions", "dependencies", "patternProperties", "additionalItems")
_VALUE_RULES = ("allOf", "anyOf", "oneOf", "not")
_NOT_IN_VALUE_RULES = ("additionalProperties", "description", "title", "default", "nullable")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "string": str,
}
_HARMLESS = frozenset(
    {"description", "format", "items", "maxLength", "maximum", "minLength", "minimum", "pattern", "properties"}
    | {"required", "type"}
)
"""Fields of a schema in which nothing can be wrong by themselves; most parts of a schema have no others."""
_LEAF = _HARMLESS - {"items", "properties"}
"""Such fields that hold no schemas: a part that has only these need not be looked at."""
_SURE = ("string", "object", "boolean", "integer", "number")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_PROTECTED = (".k8s.io", ".kubernetes.io")
_APPROVAL = "api-approved.kubernetes.io"
_IN_METADATA = frozenset({"name", "generateName"})
_INT_OR_STRING, _KEEP = "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"
Problem = tuple[Path, str]


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield what is refused in a definition; `found` holds `problem`."""
    data = element.value
    spec = mapping(data.get("spec"))
    for path, problem in (*_names(mapping(data.get("metadata")), spec), *_versions(spec), *_conversion(spec)):
        yield Hit(path, {"problem": problem})
    for path, schema in expand(data, "spec.versions[].schema.openAPIV3Schema"):
        if isinstance(schema, dict):
            for where, problem in (*_root(schema), *_structural(schema)):
                yield Hit((*path, *where), {"problem": problem})


def _names(metadata: dict[str, Any], spec: dict[str, Any]) -> Iterator[Problem]:
    group, names = spec.get("group"), mapping(spec.get("names"))
    name, plural = metadata.get("name"), names.get("plural")
    if isinstance(group, str) and not is_placeholder(group):
        wrong = naming.problem(group, DNS_SUBDOMAIN)
        if wrong:
            yield ("spec", "group"), f"the group `{shortened(group)}` {wrong}"
        elif "." not in group:
            yield ("spec", "group"), f"the group `{group}` is no domain name: it needs a dot, as in `example.com`"
        elif f".{group}".endswith(_PROTECTED) and _APPROVAL not in mapping(metadata.get("annotations")):
            yield ("spec", "group"), f"the group `{group}` is Kubernetes' own and needs the annotation `{_APPROVAL}`"
    if all(isinstance(part, str) and not is_placeholder(part) for part in (name, group, plural)):
        wanted = f"{plural}.{group}"
        if name != wanted:
            yield ("metadata", "name"), f"the name is `{shortened(str(name))}`, and must be `{wanted}`"
    written: list[tuple[Path, Any]] = [((field,), names.get(field)) for field in ("plural", "singular")]
    for field in ("shortNames", "categories"):
        written += [((field, *path), value) for path, value in _items(names.get(field))]
    written += [
        ((field,), value.lower()) for field in ("kind", "listKind") if isinstance(value := names.get(field), str)
    ]
    for path, value in written:
        if isinstance(value, str) and value and not is_placeholder(value):
            wrong = naming.problem(value, DNS_1035_LABEL) or naming.too_long(value, DNS_1035_LABEL)
            if wrong:
                yield ("spec", "names", *path), f"the name `{shortened(value)}` in `{path[0]}` {wrong}"
    if names.get("kind") is not None and names.get("kind") == names.get("listKind"):
        yield ("spec", "names", "listKind"), f"`kind` and `listKind` are both `{names['kind']}`, and must differ"


def _versions(spec: dict[str, Any]) -> Iterator[Problem]:
    if spec.get("preserveUnknownFields") is True:
        yield ("spec", "preserveUnknownFields"), f"`preserveUnknownFields: true` is refused in v1: use `{_KEEP}`"
    versions = [mapping(version) for _, version in _items(spec.get("versions"))]
    if not versions:
        yield ("spec", "versions"), "there is no version"
        return
    stored = [index for index, version in enumerate(versions) if version.get("storage") is True]
    if not stored:
        yield ("spec", "versions"), "no version has `storage: true`, and exactly one must"
    for index in stored[1:]:
        problem = f"version `{versions[index].get('name')}` has `storage: true` as well, and exactly one may"
        yield ("spec", "versions", index, "storage"), problem
    counted: Counter[str] = Counter()
    for index, version in enumerate(versions):
        path: Path = ("spec", "versions", index)
        name = version.get("name")
        if isinstance(name, str) and not is_placeholder(name):
            counted[name] += 1
            wrong = naming.problem(name, DNS_1035_LABEL)
            if counted[name] == 2:
                yield (*path, "name"), f"the version `{name}` stands there twice"
            elif wrong:
                yield (*path, "name"), f"the version `{shortened(name)}` {wrong}"
        if "openAPIV3Schema" not in mapping(version.get("schema")):
            yield path, f"version `{name}` has no `schema.openAPIV3Schema`"
        for where, column in _items(version.get("additionalPrinterColumns")):
            yield from _column((*path, "additionalPrinterColumns", *where), mapping(column))


def _column(path: Path, column: dict[str, Any]) -> Iterator[Problem]:
    kind, route = column.get("type"), column.get("jsonPath")
    if isinstance(kind, str) and kind not in _COLUMN_TYPES and not is_placeholder(kind):
        yield (*path, "type"), f"a column cannot be of type `{kind}`, only {_or(_COLUMN_TYPES)}"
    if isinstance(route, str) and not route.startswith(".") and not is_placeholder(route):
        yield (*path, "jsonPath"), f"the column's path `{shortened(route)}` must begin with a dot"


def _conversion(spec: dict[str, Any]) -> Iterator[Problem]:
    conversion = mapping(spec.get("conversion"))
    path: Path = ("spec", "conversion")
    webhook = conversion.get("webhook")
    if conversion.get("strategy") == "Webhook" and "clientConfig" not in mapping(webhook):
        yield path, "conversion by `Webhook` needs `webhook.clientConfig`"
    if conversion.get("strategy") == "None" and webhook is not None:
        yield (*path, "webhook"), "conversion by `None` cannot have a `webhook`"


def _root(schema: dict[str, Any]) -> Iterator[Problem]:
    if schema.get("type") not in (None, "object"):
        yield ("type",), f"the schema's root is of type `{schema['type']}`, and must be `object`"
    inner = mapping(mapping(mapping(schema.get("properties")).get("metadata")).get("properties"))
    for field in inner:
        if field not in _IN_METADATA:
            where = ("properties", "metadata", "properties", field)
            yield (
                where,
                f"the schema says something about `metadata.{field}`, and may only of `name` and `generateName`",
            )


def _structural(root: dict[str, Any]) -> Iterator[Problem]:
    """Yield what keeps a schema from being structural. Parts shared by aliases are looked at once."""
    pending: list[tuple[Path, Any, bool]] = [((), root, False)]
    seen: set[int] = set()
    while pending:
        path, schema, in_value_rule = pending.pop()
        if not isinstance(schema, dict) or id(schema) in seen:
            continue
        seen.add(id(schema))
        if in_value_rule or schema.get("type") not in _SURE or not schema.keys() <= _HARMLESS:
            yield from _unsupported(path, schema)
            yield from _rules((*path, "x-kubernetes-validations"), schema.get("x-kubernetes-validations"))
            yield from _in_value_rule(path, schema) if in_value_rule else _typed(path, schema)
            for field in _VALUE_RULES:
                inner = schema.get(field)
                places = [((), inner)] if field == "not" else list(_items(inner))
                pending += [((*path, field, *where), part, True) for where, part in places]
        for name, part in mapping(schema.get("properties")).items():
            if in_value_rule or not isinstance(part, dict) or part.get("type") not in _SURE or not part.keys() <= _LEAF:
                pending.append(((*path, "properties", name), part, in_value_rule))
        for field in ("items", "additionalProperties"):
            if field in schema:
                pending.append(((*path, field), schema[field], in_value_rule))


def _unsupported(path: Path, schema: dict[str, Any]) -> Iterator[Problem]:
    for field in _UNSUPPORTED:
        if schema.get(field):
            yield (*path, field), f"`{field}` is not supported in the schema of a definition"
    if schema.get("uniqueItems") is True:
        yield (*path, "uniqueItems"), "`uniqueItems: true` is not supported: use `x-kubernetes-list-type: set`"
    if schema.get("additionalProperties") is False:
        yield (
            (*path, "additionalProperties"),
            "`additionalProperties: false` is refused: unknown fields are dropped anyway",
        )
    if schema.get("properties") and schema.get("additionalProperties"):
        yield (*path, "additionalProperties"), "`properties` and `additionalProperties` cannot stand together"


def _rules(path: Path, entries: Any) -> Iterator[Problem]:
    for where, entry in _items(entries):
        for field in ("rule", "messageExpression"):
            text = mapping(entry).get(field)
            # Newer versions may quote names with backticks, which the runtime here does not know.
            if not isinstance(text, str) or "`" in text or is_placeholder(text):
                continue
            if not text and field == "messageExpression":
                continue
            try:
                cel.compile(text)
            except cel.ExpressionError as error:
                if error.is_syntax:
                    yield (*path, *where, field), f"the `{field}` is no CEL: {error.reason}"


def _in_value_rule(path: Path, schema: dict[str, Any]) -> Iterator[Problem]:
    for field in _NOT_IN_VALUE_RULES:
        if schema.get(field):
            yield (*path, field), f"`{field}` cannot stand inside {_or(_VALUE_RULES)}"


def _typed(path: Path, schema: dict[str, Any]) -> Iterator[Problem]:
    kind = schema.get("type")
    if not isinstance(kind, str | None):
        return
    either = schema.get(_INT_OR_STRING) is True
    if kind in (None, ""):
        if not either and schema.get(_KEEP) is not True:
            yield path, f"{_said(path)} has no `type`"
    elif either:
        yield (*path, "type"), f"{_said(path)} has both `type` and `{_INT_OR_STRING}`"
    elif kind not in _TYPES:
        yield (*path, "type"), f"{_said(path)} is of type `{shortened(str(kind))}`, and can be {_or(tuple(_TYPES))}"
    if kind == "array" and not isinstance(schema.get("items"), dict):
        yield path, f"{_said(path)} is an array and does not say what its `items` are"
    yield from _list_type(path, schema)
    default = schema.get("default")
    if default is not None and not either and kind in _TYPES and not _is_of(default, kind):
        yield (*path, "default"), f"the default of {_said(path)} is not of type `{kind}`"
    choices = schema.get("enum")
    if isinstance(choices, list) and isinstance(default, str | int) and default not in choices:
        yield (*path, "default"), f"the default `{shortened(str(default))}` of {_said(path)} is not among its `enum`"


def _list_type(path: Path, schema: dict[str, Any]) -> Iterator[Problem]:
    keys = schema.get("x-kubernetes-list-map-keys")
    if schema.get("x-kubernetes-list-type") != "map":
        if keys:
            yield (*path, "x-kubernetes-list-map-keys"), "`x-kubernetes-list-map-keys` needs the list type `map`"
        return
    if not keys:
        yield path, f"{_said(path)} is a list of type `map` without `x-kubernetes-list-map-keys`"
    items = mapping(schema.get("items"))
    required = items.get("required")
    for where, key in _items(keys):
        field = mapping(items.get("properties")).get(str(key))
        if not isinstance(field, dict):
            yield (*path, "x-kubernetes-list-map-keys", *where), f"the key `{key}` is no property of the items"
        elif key not in (required if isinstance(required, list) else ()) and "default" not in field:
            problem = f"the key `{key}` must be required, or have a default"
            yield (*path, "x-kubernetes-list-map-keys", *where), problem


def _is_of(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _items(entries: Any) -> Iterator[tuple[tuple[int], Any]]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        yield (index,), entry


def _said(path: Path) -> str:
    steps = [str(step) for step in path if step not in ("properties", "additionalProperties")]
    return f"`{'.'.join(steps)}`" if steps else "the schema"


def _or(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names[:-1]) + f" or `{names[-1]}`"
