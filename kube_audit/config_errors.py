"""Mistakes in a configuration, in words: what does not fit its schema, and where it stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kube_audit.bundled import schemas_dir
from kube_audit.findings import Path as DataPath
from kube_audit.findings import path_text
from kube_audit.manifests.document import Document
from kube_audit.names import closest
from kube_audit.patterns import lazily

Place = Callable[[DataPath], str]
"""Gives where something stands, as `file:line:column`; the nearest thing above it where it is not there."""

_TOML_TABLE = lazily(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_TOML_KEY = lazily(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_TOML_STEP = lazily(r"""([\w-]+)|"([^"]*)"|'([^']*)'""")
_NAMES = {"object": "a mapping", "array": "a list", "string": "a text", "boolean": "true or false"}


def mistakes(data: Any) -> Iterator[tuple[DataPath, str]]:
    """Yield the path and the reason of everything in a configuration that does not fit its schema."""
    schema = json.loads((schemas_dir() / "config.schema.json").read_bytes())
    yield from _mistakes(schema, schema, data, ())


def _mistakes(root: dict[str, Any], schema: dict[str, Any], data: Any, at: DataPath) -> Iterator[tuple[DataPath, str]]:
    import jsonschema_rs

    validator = jsonschema_rs.validator_for({**schema, "$defs": root["$defs"]}, validate_formats=True)
    for error in validator.iter_errors(data):
        path: DataPath = (*at, *error.instance_path)
        node = _described(root, path)
        kind = error.kind.name
        if kind == "additionalProperties":
            for key in getattr(error.kind, "unexpected", ()):
                known = [name for one in (node, *node.get("oneOf", ())) for name in one.get("properties", ())]
                yield (*path, key), f"unknown key `{key}`{_near(key, known)}"
        elif kind == "oneOf":  # a text or a mapping: say what is wrong with the one that is meant
            branch = next(
                one for one in node["oneOf"] if (one.get("type") == "object") == isinstance(error.instance, dict)
            )
            yield from _mistakes(root, branch, error.instance, path)
        else:
            name = f"`{path_text(path)}` " if path else "a configuration "
            yield path, name + _reason(error.kind, error.instance, path, node)


def _reason(kind: Any, value: Any, path: DataPath, node: dict[str, Any]) -> str:
    """Say what is wrong with a value, with its name before it."""
    written = json.dumps(value, ensure_ascii=False, default=str)[:80]
    if path == ("kubernetes-version",):
        return f'is quoted text, such as "1.34"; {written} is none'
    if kind.name == "enum":
        options = [option for option in kind.options if isinstance(option, str)]
        near = _near(value, options) if isinstance(value, str) else ""
        return f"is one of {', '.join(options)}; {written} is none of them{near}"
    if kind.name == "required":
        described = node.get("properties", {}).get(kind.property, {}).get("description")
        return f"lacks `{kind.property}`" + (f": {described}" if described else "")
    if kind.name == "anyOf":
        return f"names no condition: {', '.join(one['required'][0] for one in node['anyOf'])}"
    if kind.name == "type":
        wanted = " or ".join(_NAMES.get(one, one) for one in kind.types)
        return f"is {wanted}; {written} is none"
    if kind.name in ("minItems", "minProperties", "minLength"):
        return "is empty" if not value else f"is too short; {written} says nothing"
    if kind.name == "format":
        return f'is a date such as "2030-01-31"; {written} is none'
    return f"cannot be {written}: {node.get('description', kind.name)}"


def _near(name: str, known: Any) -> str:
    near = closest(name, known)
    return f"; did you mean `{near}`?" if near else ""


def _described(root: dict[str, Any], path: DataPath) -> dict[str, Any]:
    """Return the part of the schema that is about a path."""
    node = root
    for step in path:
        branches = [node, *node.get("oneOf", ())]
        below = [one.get("items") if isinstance(step, int) else one.get("properties", {}).get(step) for one in branches]
        others = [one.get("additionalProperties") for one in branches]
        node = next((one for one in (*below, *others) if isinstance(one, dict)), {})
        if "$ref" in node:
            node = {**root["$defs"][node["$ref"].rpartition("/")[2]], **node}
    return node


def places_in_yaml(file: Path, document: Document | None) -> Place:
    """Return where things stand in a YAML file: keys where there is one, else items of lists."""
    if document is None:
        return lambda path: f"{file}:1:1"

    def place(path: DataPath) -> str:
        trail = document.nodes.walk(document.root, path)
        key, node = trail[-1] if trail else (None, document.root)
        line, column = document.text.position(document.offset + document.nodes.start[node if key is None else key])
        return f"{file}:{line}:{column}"

    return place


def places_in_toml(file: Path, text: str, table: DataPath) -> Place:
    """Return where things stand below a table of a TOML file: its keys and headers, and what is in a line with them."""
    known: dict[DataPath, tuple[int, int]] = {}
    items: dict[DataPath, int] = {}
    here: DataPath = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _TOML_TABLE.match(line):
            here = _in_items(items, _toml_path(header[2]))
            if header[1] == "[[":
                items[here] = items.get(here, -1) + 1
                here = (*here, items[here])
            known.setdefault(here, (number, header.start(1) + 1))
        elif key := _TOML_KEY.match(line):
            known.setdefault((*here, *_toml_path(key[1])), (number, key.start(1) + 1))

    def place(path: DataPath) -> str:
        full = (*table, *path)
        found = next((known[full[:end]] for end in range(len(full), 0, -1) if full[:end] in known), (1, 1))
        return f"{file}:{found[0]}:{found[1]}"

    return place


def _toml_path(dotted: str) -> DataPath:
    return tuple("".join(step) for step in _TOML_STEP.findall(dotted))


def _in_items(items: dict[DataPath, int], path: DataPath) -> DataPath:
    """Return a table's path with the number of the last item where it goes through a list of tables."""
    full: DataPath = ()
    for number, step in enumerate(path):
        full = (*full, step)
        if number < len(path) - 1 and full in items:
            full = (*full, items[full])
    return full
