"""Kubernetes objects: typed views of documents, items of Lists included, each with its place in its file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kube_audit.findings import ObjectRef, Path, Span
from kube_audit.manifests.document import Document
from kube_audit.manifests.positions import ALIAS, MAPPING, SCALAR

_DEEPEST_LIST = 5
_ITEM_KEYS = ("name", "mountPath", "devicePath", "containerPort", "port", "ip", "topologyKey")
"""What tells the items of Kubernetes' lists apart: the merge keys of its API types."""


class Object:
    """One Kubernetes object of a file.

    `data` has no null values in its mappings: Kubernetes treats them as absent. `base` is the object's
    path within its document, () or the route to an item of a List.
    """

    __slots__ = ("api_version", "base", "data", "document", "file", "home", "kind", "schema_known", "schema_valid")

    def __init__(
        self, file: str, document: Document, base: Path, data: dict[str, Any], api_version: str, kind: str
    ) -> None:
        self.file = file
        self.document = document
        self.base = base
        self.data = data
        self.api_version = api_version
        self.kind = kind
        self.schema_valid = True
        """Set by validation: rules stay silent about what the schema has refused already."""
        self.schema_known = True
        """Set by validation: False for custom resources of which nobody knows what they may hold."""
        self.home: str | None = None
        """Set by Relations: `namespace`, but None where kustomize writes over it."""

    @property
    def group(self) -> str:
        """API group, "" for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def data_with_nulls(self) -> dict[str, Any]:
        """The object as it stands in its document: custom resources may have fields that are null on purpose."""
        if not self.document.has_nulls:
            return self.data
        data = self.document.data
        for step in self.base:
            data = data[step]
        return mapping(data)

    @property
    def metadata(self) -> dict[str, Any]:
        """The object's metadata, {} where it has none or something else."""
        return mapping(self.data.get("metadata"))

    @property
    def name(self) -> str | None:
        """metadata.name, else metadata.generateName, None where neither is text."""
        metadata = self.metadata
        name = metadata.get("name")
        if not isinstance(name, str):
            name = metadata.get("generateName")
        return name if isinstance(name, str) and name else None

    @property
    def namespace(self) -> str | None:
        """metadata.namespace; None where it is absent or empty, which mean the same."""
        namespace = self.metadata.get("namespace")
        return namespace if isinstance(namespace, str) and namespace else None

    @property
    def ref(self) -> ObjectRef:
        """Which object this is."""
        return ObjectRef(self.api_version, self.kind, self.namespace, self.name)

    @property
    def line(self) -> int:
        """The line on which the object starts, from 1."""
        return self.place(()).line

    @property
    def lines(self) -> tuple[int, int]:
        """First and last line of the object."""
        return self.lines_of(())

    def lines_of(self, path: Path) -> tuple[int, int]:
        """Return the first and last line of what stands at a path, of the object where nothing does."""
        nodes, document = self.document.nodes, self.document
        trail = nodes.walk(document.root, self.base + path)
        if len(trail) < len(self.base + path):
            trail = trail[: len(self.base)]
        key, value = trail[-1] if trail else (None, document.root)
        span = document.span(nodes.start[value if key is None else key], nodes.end[nodes.last(value)])
        return span.line, span.end_line

    def place(self, path: Path, *, at_key: bool = False) -> Span:
        """Return the span of what stands at a path, or of the nearest thing above it that is there.

        A scalar's span is its value, with `at_key` its key. A mapping or list is shown by its key, an item
        by its first line, the object itself by its `kind`.
        """
        nodes, root = self.document.nodes, self.document.root
        full = self.base + path
        trail = nodes.walk(root, full)
        found = len(trail) == len(full)
        while trail:
            key, node = trail[-1]
            if len(trail) <= len(self.base):
                break
            if key is not None and (at_key or not found or nodes.type[nodes.resolve(node)] != SCALAR):
                return self.document.span(nodes.start[key], nodes.end[key])
            if nodes.type[node] in (SCALAR, ALIAS):
                if nodes.end[node] > nodes.start[node]:
                    return self.document.span(nodes.start[node], nodes.end[node])
                if key is not None:  # an empty value is shown by its key
                    return self.document.span(nodes.start[key], nodes.end[key])
            return self._first_line(node)
        item = trail[-1][1] if trail else root
        kind = nodes.child(item, "kind")
        if kind is not None and kind[0] is not None:
            return self.document.span(nodes.start[kind[0]], nodes.end[kind[1]])
        return self._first_line(item)

    def _first_line(self, node: int) -> Span:
        """Return the span of a collection's first key and value, as far as they share its first line."""
        nodes = self.document.nodes
        start = nodes.start[node]
        end = start + 1
        children = nodes.items(node)
        first = next(children, None)
        if first is not None:
            end = nodes.end[first]
            value = next(children, None) if nodes.type[node] == MAPPING else None
            if value is not None and nodes.type[value] == SCALAR:
                line_end = nodes.text.find("\n", start)
                if line_end < 0 or nodes.end[value] <= line_end:
                    end = nodes.end[value]
            start = nodes.start[first]
        return self.document.span(start, max(end, start + 1))

    def stable_path(self, path: Path) -> str:
        """Return a path as text in which list items stand by their name, or what else tells them apart, if anything."""
        steps: list[str] = []
        value: Any = self.data
        for step in path:
            if isinstance(step, int):
                value = value[step] if isinstance(value, list) and step < len(value) else None
                item = mapping(value)
                key = next((key for key in _ITEM_KEYS if isinstance(item.get(key), str | int)), None)
                steps.append(
                    f"[{step}]" if key is None else f"[{item[key]}]" if key == "name" else f"[{key}={item[key]}]"
                )
            else:
                value = mapping(value).get(step)
                steps.append(f".{step}")
        return "".join(steps)

    def written(self, path: Path) -> tuple[str, bool] | None:
        """Return how the scalar at a path is spelt in the file, and whether it is unquoted; None if it is none."""
        found = self.document.scalar(self.base + path)
        if found is None:
            return None
        spelt = self.document.nodes.text[found[0] : found[1]]
        while spelt[:1] in ("&", "!"):  # an anchor or a tag before the value
            spelt = spelt.partition(" ")[2].lstrip()
        return spelt, spelt[:1] not in ("'", '"', "|", ">")


def mapping(value: Any) -> dict[str, Any]:
    """Return the value where it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """Return the value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def without_nulls(value: Any) -> Any:
    """Return data without the null values of its mappings; parts shared by aliases stay shared."""
    seen: dict[int, Any] = {}

    def clean(part: Any) -> Any:
        if not isinstance(part, dict | list):
            return part
        known = seen.get(id(part))
        if known is None:
            if isinstance(part, dict):
                known = {key: clean(item) for key, item in part.items() if item is not None}
            else:
                known = [clean(item) for item in part]
            seen[id(part)] = known
        return known

    return clean(value)


def objects(file: str, document: Document) -> Iterator[Object]:
    """Yield the objects of a document: itself, or a List's items. What has no apiVersion and kind yields none."""
    if document.readable and isinstance(document.data, dict):
        data = without_nulls(document.data) if document.has_nulls else document.data
        yield from _objects(file, document, (), data, None, _DEEPEST_LIST)


def _objects(
    file: str, document: Document, base: Path, data: Any, of_list: tuple[str, str] | None, depth: int
) -> Iterator[Object]:
    if not isinstance(data, dict):
        return
    api_version, kind = data.get("apiVersion"), data.get("kind")
    if of_list is not None and data:  # items of a RoleList may leave out what they are
        api_version = of_list[0] if api_version is None else api_version
        kind = of_list[1] if kind is None else kind
    if not (isinstance(api_version, str) and isinstance(kind, str) and api_version and kind):
        return
    items = data.get("items")
    if depth and kind.endswith("List") and "spec" not in data and ("items" in data or kind == "List"):
        typed = (api_version, kind.removesuffix("List")) if kind != "List" else None
        for index, item in enumerate(items if isinstance(items, list) else ()):
            yield from _objects(file, document, (*base, "items", index), item, typed, depth - 1)
        return
    yield Object(file, document, base, data, api_version, kind)
