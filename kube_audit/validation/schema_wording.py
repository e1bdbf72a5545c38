"""Where a schema error is, and how people speak of the field, of what stands there and of what is wanted."""

from __future__ import annotations

import json
from typing import Any

from kube_audit.findings import Path, path_text
from kube_audit.records import NamedTuple
from kube_audit.validation.definitions import Node
from kube_audit.validation.kubernetes import CUSTOM, Written
from kube_audit.validation.unknown_fields import shown

LONGEST_VALUE = 60
"""Characters of a value that a message quotes."""


class Spot(NamedTuple):
    """Where something is wrong."""

    path: Path
    nodes: list[Node]
    value: Any
    where: str
    """What people call a mapping that stands there: "the container", "the Deployment"."""
    secret: bool
    """Whether the value may be confidential and must not show up in a message."""
    written: Written | None

    @property
    def node(self) -> Node:
        """What the schema says of the place."""
        return self.nodes[-1]

    @property
    def custom(self) -> bool:
        """Whether the object is a custom resource."""
        return self.nodes[0].name == CUSTOM

    @property
    def label(self) -> str:
        """The field as people speak of it: "replicas", "env[0].value", "annotations.team"."""
        if not self.path:
            return self.where
        start = len(self.path) - 1
        in_free_mapping = len(self.nodes) > 1 and not self.nodes[-2].fields
        while start > 0 and (isinstance(self.path[start], int) or in_free_mapping):
            start -= 1
            in_free_mapping = False
        if start > 1 and isinstance(self.path[start - 1], int):
            start -= 2
        return f"`{shown(path_text(self.path[start:]))}`"

    @property
    def wanted(self) -> str:
        """What the schema asks for: "a list", "a whole number or text"."""
        if self.node.short == "Quantity":
            return 'a quantity such as "500m" or "128Mi"'
        types = self.node.types
        if set(types) == {"string", "integer"}:
            return "a whole number or text"
        if types == ("array",):
            inner = self.node.schema.get("items", {})
            return "a list of mappings" if "$ref" in inner else "a list"
        words = {
            "object": "a mapping",
            "array": "a list",
            "string": "text",
            "integer": "a whole number",
            "number": "a number",
            "boolean": "true or false",
        }
        return " or ".join(words[t] for t in types) or "something else"

    @property
    def found(self) -> str:
        """What stands there: `the text "x"`, "the number 3", and no more than its kind where it may be confidential."""
        if self.secret or isinstance(self.value, (dict, list)):
            return kind_of(self.value)
        if isinstance(self.value, str):
            return f'the text "{cut(self.value)}"' if self.value else "an empty text"
        return cut(plain(self.value))


def literal(value: Any) -> str:
    """Return a value as JSON has it, text without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def plain(value: Any) -> str:
    """Return what to call a number or boolean."""
    return literal(value) if isinstance(value, bool) else f"the number {literal(value)}"


def kind_of(value: Any) -> str:
    """Return what to call a value that is not shown."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"


def cut(text: str) -> str:
    """Return a text on one line, shortened where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_VALUE else f"{line[: LONGEST_VALUE - 1]}…"
