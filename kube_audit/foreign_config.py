"""Other tools' configurations read as ours: which rules they switch on and off, and what cannot be carried over.

Sources: the documentation of kube-linter (configuration file), kube-score (command line), Polaris (configuration file)
and Checkov (configuration file).
"""

from __future__ import annotations

import os.path
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kube_audit.manifests.objects import mapping

Equivalents = Mapping[tuple[str, str], frozenset[str]]
_POLARIS_SEVERITIES = {"ignore": "off", "warning": "warning", "danger": "error"}


class ForeignConfigError(Exception):
    """A configuration that is none of a tool that is known."""


@dataclass(slots=True)
class Imported:
    """What a configuration comes to. `rules` maps ids to off, on or a severity; `lost` says what has no counterpart."""

    tool: str
    rules: dict[str, str] = field(default_factory=dict)
    ignored_paths: list[str] = field(default_factory=list)
    overrides: list[dict[str, Any]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def read(file: str, text: str, data: Any, equivalents: Equivalents) -> Imported:
    """Read another tool's configuration: by its file's name and its content. Raises ForeignConfigError.

    `data` is the text read as YAML, None where it is none; kube-score has no file, so its command line is taken.
    """
    name = os.path.basename(file)
    data = mapping(data)
    if "kube-score" in text.split("\n", 1)[0] or re.search(r"--(?:ignore|enable-optional)-test", text):
        return _kube_score(text, equivalents)
    if "skip-check" in data or "skip-path" in data or (name.startswith(".checkov") and "check" in data):
        return _checkov(data, equivalents)
    checks = mapping(data.get("checks"))
    if any(key in checks for key in ("addAllBuiltIn", "doNotAutoAddDefaults", "include", "exclude", "ignorePaths")):
        return _kube_linter(data, checks, equivalents)
    if checks and all(isinstance(value, str) and value in _POLARIS_SEVERITIES for value in checks.values()):
        return _polaris(data, checks, equivalents)
    raise ForeignConfigError(
        f"{file} is no configuration that is known; it can be one of kube-linter, Polaris or Checkov, "
        "or a file that holds a kube-score command line"
    )


def _switch(made: Imported, tool: str, names: Any, to: str, equivalents: Equivalents) -> None:
    for name in names if isinstance(names, list) else [names]:
        ours = equivalents.get((tool, str(name).lower()))
        if ours:
            made.rules |= dict.fromkeys(sorted(ours), to)
        elif name is not None:
            made.lost.append(f"check {name}: no rule here covers it")


def _kube_linter(data: dict[str, Any], checks: dict[str, Any], equivalents: Equivalents) -> Imported:
    made = Imported("kube-linter")
    _switch(made, "kube-linter", checks.get("include", []), "on", equivalents)
    _switch(made, "kube-linter", checks.get("exclude", []), "off", equivalents)
    made.ignored_paths = _texts(checks.get("ignorePaths"))
    if checks.get("addAllBuiltIn"):
        made.lost.append("addAllBuiltIn: take `profile: strict` or `profile: all`")
    if checks.get("doNotAutoAddDefaults"):
        made.lost.append("doNotAutoAddDefaults: use --select, or switch rules off one by one")
    made.lost += [f"custom check {mapping(one).get('name')}: write it as a rule" for one in _list(data, "customChecks")]
    return made


def _kube_score(text: str, equivalents: Equivalents) -> Imported:
    made = Imported("kube-score")
    try:
        words = shlex.split(text.replace("\\\n", " "), comments=True)
    except ValueError as error:
        raise ForeignConfigError(f"the kube-score command line cannot be read: {error}") from error
    pairs = _options(words)
    for option, value in pairs:
        if option == "--ignore-test":
            _switch(made, "kube-score", value.split(","), "off", equivalents)
        elif option == "--enable-optional-test":
            _switch(made, "kube-score", value.split(","), "on", equivalents)
        elif option.startswith("--ignore-container-"):
            resource = "cpu" if "cpu" in option else "memory"
            made.rules |= {f"{resource}-limit-missing": "off"}
        elif option != "--output-format":
            made.lost.append(f"option {option}: no counterpart")
    return made


def _options(words: list[str]) -> Iterable[tuple[str, str]]:
    for number, word in enumerate(words):
        if word.startswith("--"):
            option, equals, value = word.partition("=")
            following = words[number + 1] if number + 1 < len(words) else ""
            yield option, value if equals else ("" if following.startswith("-") else following)


def _polaris(data: dict[str, Any], checks: dict[str, Any], equivalents: Equivalents) -> Imported:
    made = Imported("polaris")
    for name, severity in checks.items():
        _switch(made, "polaris", name, _POLARIS_SEVERITIES[severity], equivalents)
    for entry in _list(data, "exemptions"):
        entry = mapping(entry)
        rules: dict[str, str] = {}
        for name in _texts(entry.get("rules")):
            rules |= dict.fromkeys(sorted(equivalents.get(("polaris", name.lower()), ())), "off")
        conditions: dict[str, Any] = {}
        if entry.get("namespace"):
            conditions["namespaces"] = [str(entry["namespace"])]
        if names := _texts(entry.get("controllerNames")):
            conditions["names"] = [f"{name}*" for name in names]
        if conditions and (rules or "rules" not in entry):
            made.overrides.append({**conditions, "rules": rules or {"*": "off"}, "reason": "exempt in Polaris"})
        else:
            made.lost.append("an exemption without a namespace or controllerNames, or for checks unknown here")
    made.lost += [f"custom check {name}: write it as a rule" for name in mapping(data.get("customChecks"))]
    return made


def _checkov(data: dict[str, Any], equivalents: Equivalents) -> Imported:
    made = Imported("checkov")
    _switch(made, "checkov", _split(data.get("skip-check")), "off", equivalents)
    if chosen := _split(data.get("check")):
        _switch(made, "checkov", chosen, "on", equivalents)
        made.lost.append("check: only these checks ran; here they are added to the profile, see --select")
    made.ignored_paths = _split(data.get("skip-path"))
    carried = {"skip-check", "check", "skip-path"}
    made.lost += [f"{key}: no counterpart" for key in data if key not in carried]
    return made


def _list(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else []


def _split(value: Any) -> list[str]:
    """Return a list's texts, or those of a text with commas."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else _texts(value)
