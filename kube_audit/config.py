"""The configuration: found from the audited path upwards, checked against its schema, merged with what it extends."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kube_audit.config_errors import Place, mistakes, places_in_toml, places_in_yaml
from kube_audit.findings import Path as DataPath
from kube_audit.findings import Severity
from kube_audit.manifests.objects import without_nulls
from kube_audit.manifests.text import decode
from kube_audit.manifests.yaml import documents
from kube_audit.records import NamedTuple

FILE_NAMES = (".kube-audit.yaml", ".kube-audit.yml")
_PYPROJECT = "pyproject.toml"
_MOST_EXTENDED = 10
_RELATIVE_PATHS = ("rule-folders", "schema-folders", "universes")


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
    """Where it stands, `file:line:column`."""


class Config(NamedTuple):
    """The effective configuration. `values` has every key that is set.

    `origins` says where each was set last, as `file:line:column`; `rules.<id>` is there for each rule, `at_rule` for
    those of overrides.
    """

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
    folder = Path(os.path.abspath(start if os.path.isdir(start) else start.parent))
    for here in (folder, *folder.parents):
        for name in FILE_NAMES:
            if os.path.isfile(here / name):
                return here / name
        project = here / _PYPROJECT
        if os.path.isfile(project) and _is_meant(project):
            return project
    return None


def _is_meant(project: Path) -> bool:
    """Whether a pyproject.toml has a configuration, as far as can be told where it is broken."""
    try:
        return b"kube-audit" in project.read_bytes() and _section(project)[1] is not None
    except OSError:
        return False
    except ConfigError:
        return re.search(rb"tool\s*\.\s*[\"']?kube-audit", project.read_bytes()) is not None


def load(file: Path) -> Config:
    """Read a configuration and everything it extends. Raises ConfigError."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    overrides: list[Override] = []
    for one, data, place in reversed(list(_chain(file))):
        for key, value in data.items():
            if key == "extends":
                continue
            if key == "rules":
                values["rules"] = {**values.get("rules", {}), **value}
                origins |= {f"rules.{rule}": place(("rules", rule)) for rule in value}
            elif key == "overrides":
                for number, entry in enumerate(value):
                    at: DataPath = ("overrides", number)
                    origins |= {
                        f"{at_rule(len(overrides), rule)}": place((*at, "rules", rule)) for rule in entry["rules"]
                    }
                    overrides.append(_override(one, entry, place(at)))
            else:
                values[key] = _anchored(key, value, one.parent)
                origins[key] = place((key,))
    return Config(file, values, origins, tuple(overrides))


def at_rule(override: int, rule: str) -> str:
    """Return the key in `origins` of a rule that an override, counted from 0, names."""
    return f"overrides[{override}].{rule}"


def _chain(file: Path) -> Iterator[tuple[Path, dict[str, Any], Place]]:
    """Yield a configuration, the one it extends, and so on."""
    seen: list[Path] = []
    said_by = ""
    while True:
        if file.resolve() in seen or len(seen) >= _MOST_EXTENDED:
            raise ConfigError(f"{said_by}: `extends` goes in a circle, or deeper than {_MOST_EXTENDED} files")
        seen.append(file.resolve())
        try:
            data, place = _read(file)
        except OSError as error:
            where = f"{said_by}: " if said_by else ""
            raise ConfigError(f"{where}{file} cannot be read: {error.strerror}") from error
        _check(data, place)
        yield file, data, place
        if "extends" not in data:
            return
        said_by = place(("extends",))
        file = Path(os.path.normpath(file.parent / data["extends"]))


def _read(file: Path) -> tuple[Any, Place]:
    """Return what a file says and where it says so. Raises ConfigError, and OSError where it cannot be read."""
    if file.name == _PYPROJECT:
        text, section = _section(file)
        if section is None:
            raise ConfigError(f"{file}: there is no section [tool.kube-audit]")
        return section, places_in_toml(file, text, ("tool", "kube-audit"))
    read, bad_bytes = decode(file.read_bytes())
    if bad_bytes is not None:
        line, column = read.position(bad_bytes.offset)
        raise ConfigError(f"{file}:{line}:{column}: {bad_bytes.message}")
    found = list(documents(read))
    for document in found:
        for problem in document.problems:
            line, column = read.position(problem.start)
            raise ConfigError(f"{file}:{line}:{column}: {problem.message}. {problem.remediation}")
    if len(found) > 1:
        raise ConfigError(f"{file}:{found[1].line}:1: a configuration is one YAML document")
    return without_nulls(found[0].data) if found else {}, places_in_yaml(file, found[0] if found else None)


def _section(project: Path) -> tuple[str, Any]:
    """Return the text of a pyproject.toml and what it has at `tool.kube-audit`, None for nothing.

    Raises ConfigError where it is broken, and OSError where it cannot be read.
    """
    import tomllib

    try:
        text = project.read_text("utf-8")
        content: Any = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{project}: this is no UTF-8 text") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        message, _, at = str(error).partition(" (at ")
        place = re.match(r"line (\d+), column (\d+)", at)
        where = f":{place[1]}:{place[2]}" if place else ""
        raise ConfigError(f"{project}{where}: this is no TOML: {message}") from error
    tool = content.get("tool")
    return text, _as_json(tool.get("kube-audit")) if isinstance(tool, dict) else None


def _as_json(value: Any) -> Any:
    """Return TOML's data as YAML would have it: dates and times as text."""
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    is_number = isinstance(value, float) and math.isfinite(value)
    return value if is_number or isinstance(value, str | bool | int | None) else str(value)


def _check(data: Any, place: Place) -> None:
    """Hold a configuration against the schema. Raises ConfigError with every mistake."""
    found = [(*place(path).rsplit(":", 2), reason) for path, reason in mistakes(data)]
    if found:
        found.sort(key=lambda mistake: (int(mistake[1]), int(mistake[2]), mistake[3]))
        raise ConfigError("\n".join(f"{file}:{line}:{column}: {reason}" for file, line, column, reason in found))


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
