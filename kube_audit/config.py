"""The configuration: found from the audited path upwards, checked against its schema, merged with what it extends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from kube_audit.bundled import schemas_dir
from kube_audit.findings import Path as DataPath
from kube_audit.findings import Severity, path_text
from kube_audit.manifests.objects import without_nulls
from kube_audit.manifests.text import decode
from kube_audit.manifests.yaml import Document, documents
from kube_audit.names import closest

FILE_NAMES = (".kube-audit.yaml", ".kube-audit.yml")
_PYPROJECT = "pyproject.toml"
_MOST_EXTENDED = 10
_RELATIVE_PATHS = ("rule-folders", "universes")


class ConfigError(Exception):
    """A configuration that cannot be used; the message has a line `file:line:column: reason` for each mistake."""


class RuleSetting(NamedTuple):
    """What a configuration says about one rule; None where it says nothing."""

    enabled: bool | None = None
    severity: Severity | None = None
    params: Mapping[str, Any] = MappingProxyType({})


class Override(NamedTuple):
    """Other settings for some objects. Empty conditions hold for every object; paths are relative to `folder`."""

    folder: Path
    paths: tuple[str, ...]
    kinds: tuple[str, ...]
    namespaces: tuple[str, ...]
    names: tuple[str, ...]
    labels: Mapping[str, str]
    rules: Mapping[str, str]
    """Rule id, or *, to `off` or a severity."""
    reason: str
    until: str | None
    origin: str
    """Where it stands, `file:line`."""


class Config(NamedTuple):
    """The effective configuration. `values` has every key that is set, `origins` where each was set last."""

    file: Path | None
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    overrides: tuple[Override, ...]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a top-level key."""
        return self.values.get(key, default)

    @property
    def rules(self) -> dict[str, RuleSetting]:
        """Rule id to its settings."""
        return {rule: _setting(value) for rule, value in self.values.get("rules", {}).items()}


EMPTY = Config(None, MappingProxyType({}), MappingProxyType({}), ())


def find(start: Path) -> Path | None:
    """Return the nearest configuration file, looking from a file or folder upwards; None where there is none."""
    folder = start if start.is_dir() else start.parent
    for here in (folder, *folder.parents):
        for name in FILE_NAMES:
            if (here / name).is_file():
                return here / name
        project = here / _PYPROJECT
        if project.is_file() and _in_pyproject(project) is not None:
            return project
    return None


def load(file: Path) -> Config:
    """Read a configuration and everything it extends. Raises ConfigError."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    overrides: list[Override] = []
    for one, data, document in reversed(list(_chain(file))):
        for key, value in data.items():
            if key == "extends":
                continue
            origin = _origin(one, document, (key,))
            if key == "rules":
                values["rules"] = {**values.get("rules", {}), **value}
                origins |= {f"rules.{rule}": _origin(one, document, ("rules", rule)) for rule in value}
                continue
            if key == "overrides":
                overrides += [
                    _override(one, entry, _origin(one, document, ("overrides", n))) for n, entry in enumerate(value)
                ]
                continue
            values[key] = _anchored(key, value, one.parent)
            origins[key] = origin
    return Config(file, values, origins, tuple(overrides))


def _chain(file: Path) -> Iterator[tuple[Path, dict[str, Any], Document | None]]:
    """Yield a configuration, the one it extends, and so on."""
    seen: list[Path] = []
    said_by = ""
    while True:
        if file.resolve() in seen or len(seen) >= _MOST_EXTENDED:
            raise ConfigError(f"{said_by}: `extends` goes in a circle, or deeper than {_MOST_EXTENDED} files")
        seen.append(file.resolve())
        data, document = _read(file, said_by)
        yield file, data, document
        if "extends" not in data:
            return
        said_by = _origin(file, document, ("extends",))
        file = file.parent / data["extends"]


def _read(file: Path, said_by: str) -> tuple[dict[str, Any], Document | None]:
    if file.name == _PYPROJECT:
        data = _in_pyproject(file) or {}
        _check(file, data, None)
        return data, None
    try:
        text, bad_bytes = decode(file.read_bytes())
    except OSError as error:
        where = f"{said_by}: " if said_by else ""
        raise ConfigError(f"{where}{file} cannot be read: {error.strerror}") from error
    if bad_bytes is not None:
        line, column = text.position(bad_bytes.offset)
        raise ConfigError(f"{file}:{line}:{column}: {bad_bytes.message}")
    found = list(documents(text))
    if not found:
        return {}, None
    for document in found:
        for problem in document.problems:
            line, column = text.position(problem.start)
            raise ConfigError(f"{file}:{line}:{column}: {problem.message}. {problem.remediation}")
    if len(found) > 1:
        raise ConfigError(f"{file}:{found[1].line}:1: a configuration is one YAML document")
    data = without_nulls(found[0].data)
    _check(file, data, found[0])
    return data, found[0]


def _in_pyproject(file: Path) -> dict[str, Any] | None:
    import tomllib

    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None  # not ours to complain about
    section = content.get("tool", {}).get("kube-audit")
    return section if isinstance(section, dict) else None


def _check(file: Path, data: Any, document: Document | None) -> None:
    """Hold a configuration against the schema; every mistake is told."""
    import jsonschema_rs

    schema = json.loads((schemas_dir() / "config.schema.json").read_bytes())
    mistakes = []
    for error in jsonschema_rs.validator_for(schema).iter_errors(data):
        path: DataPath = tuple(error.instance_path)
        unknown = getattr(error.kind, "unexpected", None)
        for key in unknown or ():
            near = closest(key, _known_keys(schema, path))
            hint = f"; did you mean `{near}`?" if near else ""
            mistakes.append((_place(file, document, (*path, key)), f"unknown key `{key}`{hint}"))
        if unknown is None:
            name = f"`{path_text(path)}`: " if path else ""
            mistakes.append((_place(file, document, path), f"{name}{_reason(path, error)}"))
    if mistakes:
        raise ConfigError("\n".join(f"{place}: {reason}" for place, reason in sorted(mistakes)))


def _reason(path: DataPath, error: Any) -> str:
    if error.kind.name == "enum":
        return f"{json.dumps(error.instance)} is none of {', '.join(map(json.dumps, error.kind.options))}"
    if path == ("kubernetes-version",):
        return f'write it as quoted text, such as "1.34"; {json.dumps(error.instance)} is none'
    if path[:1] == ("rules",) and error.kind.name == "oneOf":
        return "is on, off, error, warning, info, or a mapping of enabled, severity and params"
    if path[:1] == ("overrides",) and error.kind.name == "anyOf":
        return "names no condition: paths, kinds, namespaces, names or labels"
    return str(error.message)[:200]


def _known_keys(schema: dict[str, Any], path: DataPath) -> list[str]:
    node: Any = schema
    for step in path:
        node = node.get("items", {}) if isinstance(step, int) else node.get("properties", {}).get(step, {})
    return list(node.get("properties", ()))


def _place(file: Path, document: Document | None, path: DataPath) -> str:
    if document is None:
        return str(file)
    trail = document.nodes.walk(document.root, path)
    node = trail[-1][1] if trail else document.root
    if trail and trail[-1][0] is not None:
        node = trail[-1][0]
    line, column = document.text.position(document.offset + document.nodes.start[node])
    return f"{file}:{line}:{column}"


def _origin(file: Path, document: Document | None, path: DataPath) -> str:
    return _place(file, document, path).rpartition(":")[0] if document is not None else str(file)


def _anchored(key: str, value: Any, folder: Path) -> Any:
    """Make paths relative to the file that names them."""
    if key in _RELATIVE_PATHS:
        return [str(folder / entry) for entry in value]
    return str(folder / value) if key == "baseline" else value


def _setting(value: Any) -> RuleSetting:
    if isinstance(value, Mapping):
        return RuleSetting(value.get("enabled", True), value.get("severity"), value.get("params", {}))
    if value in ("on", True, "off", False):
        return RuleSetting(enabled=value in ("on", True))
    return RuleSetting(enabled=True, severity=value)


def _override(file: Path, entry: dict[str, Any], origin: str) -> Override:
    return Override(
        folder=file.parent,
        paths=tuple(entry.get("paths", ())),
        kinds=tuple(entry.get("kinds", ())),
        namespaces=tuple(entry.get("namespaces", ())),
        names=tuple(entry.get("names", ())),
        labels=entry.get("labels", {}),
        rules={rule: "off" if value is False else value for rule, value in entry["rules"].items()},
        reason=entry["reason"],
        until=entry.get("until"),
        origin=origin,
    )
