"""Schemas of custom resources with the API server's meaning: as JSON Schema, and applied to data.

Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema: pruning (which fields are unknown), defaulting, objectmeta
and listtype; and pkg/apiserver/validation for what the keywords demand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kube_audit.manifests.objects import mapping, without_nulls
from kube_audit.validation import string_formats
from kube_audit.validation.kubernetes import REPEATED

FORMAT = "kubernetes:"
"""Stands before the names of formats, so that they do not mean what JSON Schema means by them."""
RE2 = "x-re2"
"""Keyword for the patterns that only RE2 reads as Go does; its failure's message is the pattern."""
FIELDS = "x-fields"
"""Beside a reference to metadata: the fields of it that CEL rules may read."""
METADATA = "custom.ObjectMeta"
"""Name of the definition of the metadata of a custom resource."""
NOTHING_KNOWN = "nothing-known"
"""Name of the definition of a place without a schema: every field there is an unknown one."""

KEEP = "x-kubernetes-preserve-unknown-fields"
_REF = "#/$defs/"
_NO_SCHEMA = _REF + NOTHING_KNOWN
_OBJECT_META = f"{_REF}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_IGNORED = frozenset(
    {"description", "title", "example", "examples", "externalDocs", "$schema", "$id", "id", "$comment", RE2, FIELDS}
)
"""What a plain JSON Schema may say besides, and what only this module says."""
_OF_DEFINITIONS = """
additionalProperties allOf anyOf default enum exclusiveMaximum exclusiveMinimum format items maxItems maxLength
maxProperties maximum minItems minLength minProperties minimum multipleOf not nullable oneOf pattern properties required
type uniqueItems x-kubernetes-embedded-resource x-kubernetes-int-or-string x-kubernetes-list-map-keys
x-kubernetes-list-type x-kubernetes-preserve-unknown-fields x-kubernetes-validations
"""
_WORDS = frozenset(_OF_DEFINITIONS.split())
"""What a definition's schema can say; the API server refuses or ignores all else, references above all."""
_LISTS_OF_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf"})
_SCHEMAS = frozenset({"not", "if", "then", "else", "contains", "propertyNames"})
_MAPS_OF_SCHEMAS = frozenset({"patternProperties", "definitions", "$defs", "dependentSchemas"})
_DATA = frozenset({"const", "default", "enum", "required"})
_OF_NAMES = ("enum", "maxLength", "minLength", "pattern")
_SHAPES = ("allOf", "anyOf", "oneOf", "not")
_BOUNDS = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))
_QUANTITY = "[numkMGTPE]"
_OF_EMBEDDED = {
    "apiVersion": {"type": "string", "minLength": 1, "pattern": "^[^/]*(/[^/]*)?$"},
    "kind": {"type": "string", "minLength": 1, "pattern": "^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$"},
}
_NULL = {"type": "null"}


class Converter:
    """Turns a definition's schema, or a plain JSON Schema for custom resources, into a JSON Schema to compile."""

    def __init__(self, minor: int, *, closed: bool, plain: bool = False) -> None:
        """Take the minor version of Kubernetes, and whether a field is unknown wherever the schema does not name it.

        That is so in definitions of apiextensions.k8s.io/v1; a plain JSON Schema says `additionalProperties: false`.
        """
        self._minor = minor
        self._closed = closed
        self._plain = plain
        self.quantities: dict[str, tuple[str, dict[str, Any]]] = {}
        """Names and schemas of the definitions of quantities that `root` refers to, by their pattern."""
        self.has_rules = False
        """Whether what was converted has CEL rules."""

    def root(self, schema: dict[str, Any], *, has_status: bool) -> dict[str, Any]:
        """Convert the schema of a whole object; its metadata is the definition METADATA.

        `has_status`: status is a resource of its own. The API server then drops it from what is applied, once it
        has looked for unknown fields.
        """
        made = self._convert(schema)
        fields: dict[str, Any] = made.setdefault("properties", {})
        fields["metadata"] = {"$ref": _REF + METADATA, FIELDS: _names(fields.get("metadata"))}
        for name in ("apiVersion", "kind"):
            fields.setdefault(name, {"type": "string"})
        if has_status and isinstance(fields.get("status"), dict):
            fields["status"] = self._fields_only(fields["status"])
        return made

    def _convert(self, schema: dict[str, Any], *, kept: bool = False, of_value: bool = False) -> dict[str, Any]:
        """Convert one part. `kept`: a list around it keeps unknown fields. `of_value`: it stands in an allOf or so."""
        kept = kept or schema.get(KEEP) is True
        made: dict[str, Any] = {}
        for word, value in schema.items():
            if word in _IGNORED if self._plain else word not in _WORDS:
                continue
            if word == "properties" or word in _MAPS_OF_SCHEMAS:
                parts = made[word] = {}
                for name, part in mapping(value).items():
                    if isinstance(part, bool):
                        parts[name] = {} if part else {"not": {}}
                    else:
                        parts[name] = self._convert(part, of_value=of_value) if isinstance(part, dict) else part
            elif word in _LISTS_OF_SCHEMAS and isinstance(value, list):
                made[word] = [self._convert(p, of_value=True) if isinstance(p, dict) else p for p in value]
            elif word in _SCHEMAS and isinstance(value, dict):
                made[word] = self._convert(value, of_value=True)
            elif word == "items":
                if isinstance(value, dict):
                    made[word] = self._convert(value, kept=kept, of_value=of_value)
            elif word == "additionalProperties" and isinstance(value, dict):
                made[word] = self._convert(value, of_value=of_value)
            elif word == "format":
                known = string_formats.known(value, self._minor) if isinstance(value, str) else None
                if known is not None:
                    made[word] = FORMAT + known
            elif word == "x-kubernetes-validations":
                self.has_rules = True
                made[word] = value
            elif word == "pattern" and isinstance(value, str) and "[:" in value:
                made[RE2] = value
            else:
                made[word] = value
        self._set_types(made)
        self._set_fields(made, kept=kept, of_value=of_value)
        return self._quantity(made) if _QUANTITY in str(made.get("pattern")) else made

    def _quantity(self, made: dict[str, Any]) -> dict[str, Any]:
        """Make a reference of what looks like a quantity, so that messages can speak of one."""
        if made.get("type") != ["integer", "string"]:
            return made
        words: dict[str, Any] = {word: made.pop(word) for word in ("type", "pattern", "anyOf") if word in made}
        name = self.quantities.setdefault(words["pattern"], (f"custom{len(self.quantities)}.Quantity", words))[0]
        return {**made, "$ref": _REF + name}

    def _set_types(self, made: dict[str, Any]) -> None:
        """Say in JSON Schema's words what `nullable`, int-or-string and exclusive bounds mean."""
        kind = made.get("type")
        types = list(kind) if isinstance(kind, list) else [kind] if kind else []
        if made.get("x-kubernetes-int-or-string") is True:
            types = ["integer", "string"]
        if made.get("nullable") is True and types:
            types.append("null")
            shape = {word: made.pop(word) for word in _SHAPES if word in made}
            if shape:
                made |= {"if": {"not": _NULL}, "then": shape}
        if types:
            made["type"] = types[0] if len(types) == 1 else types
        for exclusive, bound in _BOUNDS:
            if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and bound in made:
                made[exclusive] = made.pop(bound)
        if made.get(REPEATED) not in ("set", "map"):
            made.pop(REPEATED, None)

    def _set_fields(self, made: dict[str, Any], *, kept: bool, of_value: bool) -> None:
        """Say which fields are unknown, and what an embedded object has."""
        more = made.get("additionalProperties")
        is_mapping = made.get("type") in ("object", ["object", "null"]) or "properties" in made
        if more is False and kept:
            del made["additionalProperties"]
        elif self._closed and not of_value and is_mapping:
            if more is True:
                made["additionalProperties"] = {"$ref": _NO_SCHEMA}
            elif more is None and not kept:
                made["additionalProperties"] = False
        if made.get("x-kubernetes-embedded-resource") is True and not of_value:
            fields = made.setdefault("properties", {})
            for name, demanded in _OF_EMBEDDED.items():
                fields[name] = {**mapping(fields.get(name)), **demanded}
            fields["metadata"] = {"$ref": _OBJECT_META, FIELDS: _names(fields.get("metadata"))}
            required = made.get("required")
            names = required if isinstance(required, list) else []
            made["required"] = list(dict.fromkeys([*names, "apiVersion", "kind"]))

    def _fields_only(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Keep of a converted schema only which fields there are."""
        made: dict[str, Any] = {}
        if isinstance(schema.get("properties"), dict):
            fields = made["properties"] = {}
            for name, part in schema["properties"].items():
                fields[name] = self._fields_only(part) if isinstance(part, dict) else part
            if schema.get("x-kubernetes-embedded-resource") is True:
                fields |= {key: {"type": "string"} for key in _OF_EMBEDDED}
        for word in ("items", "additionalProperties"):
            if word in schema:
                made[word] = self._fields_only(schema[word]) if isinstance(schema[word], dict) else schema[word]
        if str(schema.get("$ref", "")).startswith((_NO_SCHEMA, _OBJECT_META)):
            made["$ref"] = schema["$ref"]
        elif self._closed and not made and schema.get(KEEP) is not True:
            made["additionalProperties"] = False
        return made


def _names(schema: Any) -> list[str]:
    return ["name", "generateName", *mapping(mapping(schema).get("properties"))]


def metadata(object_meta: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of metadata with what a definition demands of `name` and `generateName`."""
    fields = dict(object_meta.get("properties", {}))
    demanded = mapping(mapping(mapping(schema.get("properties")).get("metadata")).get("properties"))
    for name in ("name", "generateName"):
        own = mapping(demanded.get(name))
        fields[name] = {**fields.get(name, {}), **{word: own[word] for word in _OF_NAMES if word in own}}
    return {**object_meta, "properties": fields}


def no_schema() -> dict[str, Any]:
    """Return the definition NOTHING_KNOWN."""
    return {"additionalProperties": False, "items": {"$ref": _NO_SCHEMA}}


def admitted(value: Any, schema: Any) -> Any:
    """Return data as the API server has it before it validates: without nulls that may not be there, with defaults.

    `schema` is a converted one. What does not change is not copied, nor are defaults: the result is to be read only.
    """
    if not isinstance(schema, dict):
        return value
    if isinstance(value, list):
        items = schema.get("items")
        changed = [admitted(_defaulted(item, items), items) for item in value]
        return changed if any(new is not old for new, old in zip(changed, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    if "$ref" in schema:
        return without_nulls(value)
    fields, more = mapping(schema.get("properties")), schema.get("additionalProperties")
    made = dict(value)
    for name, part in fields.items():
        if name not in value and isinstance(part, dict) and part.get("default") is not None:
            made[name] = part["default"]
    for name, item in list(made.items()):
        part = fields.get(name, more)
        if item is None and isinstance(part, dict) and not _is_nullable(part):
            item = part.get("default")
            if item is None:
                del made[name]
                continue
        made[name] = admitted(item, part)
    same = len(made) == len(value) and all(made[name] is value.get(name) for name in made)
    return value if same else made


def _defaulted(item: Any, schema: Any) -> Any:
    is_missing = item is None and isinstance(schema, dict) and not _is_nullable(schema)
    return schema.get("default") if is_missing else item


def _is_nullable(schema: dict[str, Any]) -> bool:
    return schema.get("nullable") is True or "null" in (schema.get("type") or ())


class WithoutRepetition:
    """The keyword `x-kubernetes-list-type`: no two entries of a set are equal, none of a map have equal keys."""

    def __init__(self, schema: dict[str, Any], value: Any, path: Any) -> None:
        """Take the schema that the keyword stands in."""
        keys = schema.get("x-kubernetes-list-map-keys")
        self._keys = [key for key in keys if isinstance(key, str)] if value == "map" and isinstance(keys, list) else []
        self._is_set = value == "set"

    def validate(self, entries: Any) -> None:
        """Raise the first error."""
        for error in self.iter_errors(entries):
            raise error

    def iter_errors(self, entries: Any) -> Iterator[ValueError]:
        """Yield an error for each entry that repeats another; see `kubernetes.REPEATED`."""
        if not isinstance(entries, list) or not (self._is_set or self._keys):
            return
        seen: dict[str, tuple[int, int]] = {}
        for index, entry in enumerate(entries):
            if self._keys:
                if not isinstance(entry, dict):
                    continue
                entry = {key: entry[key] for key in self._keys if key in entry}
            name = json.dumps(entry, sort_keys=True)
            first, times = seen.get(name, (index, 0))
            seen[name] = (first, times + 1)
            if times == 1:  # the API server, too, tells each repetition once
                yield ValueError(json.dumps([index, first, self._keys]))


class ByRe2:
    """The keyword RE2: a pattern as Go reads it, where the validator's own engine does not."""

    def __init__(self, schema: dict[str, Any], value: Any, path: Any) -> None:
        """Take the pattern."""
        self._pattern = value

    def validate(self, text: Any) -> None:
        """Raise ValueError where a text does not match. A pattern that is none is no fault of the text."""
        from kube_audit.engine import cel_functions

        if isinstance(text, str):
            try:
                matches = cel_functions.find_some(text, self._pattern, 1)
            except (ValueError, TypeError):
                return
            if not matches:
                raise ValueError(self._pattern)


def read_patterns_by_re2(schema: Any) -> None:
    """Have RE2 read the patterns that the validator's own engine does not take, in place."""
    import jsonschema_rs

    options = jsonschema_rs.RegexOptions()
    verdicts: dict[str, bool] = {}
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(value for word, value in part.items() if word not in _DATA)
            pattern = part.get("pattern")
            if not isinstance(pattern, str):
                continue
            if pattern not in verdicts:
                try:
                    jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options)
                    verdicts[pattern] = True
                except ValueError:
                    verdicts[pattern] = False
            if not verdicts[pattern]:
                part[RE2] = part.pop("pattern")
