"""Other tools' configurations read as ours: which rules they switch on and off, and what cannot be carried over.

Sources: the documentation of kube-linter (configuration file), kube-score (command line), Polaris (configuration file)
and Checkov (configuration file).
"""

from __future__ import annotations

import os.path
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from kube_audit.manifests.objects import mapping

Equivalents = Mapping[tuple[str, str], frozenset[str]]
_POLARIS_SEVERITIES = {"ignore": "off", "warning": "warning", "danger": "error"}
_POLARIS_KEYS = ("checks", "exemptions", "customChecks")
_KUBE_LINTER_KEYS = ("addAllBuiltIn", "doNotAutoAddDefaults", "include", "exclude", "ignorePaths")
_SCORE_FLAG = re.compile(r"--(?:ignore|enable-optional)-test\b")
_SCORE_COMMAND = re.compile(r"\bkube-score\b(.*)")
_SCORE_OF_NO_MATTER = ("output-format", "output-version", "color", "verbose", "exit-one-on-warning")
_END_OF_COMMAND = ("|", "||", "&&", ";", "&", ">", "2>&1")


class ForeignConfigError(Exception):
    """A configuration that is none of a tool that is known."""


@dataclass(slots=True)
class Imported:
    """What a configuration comes to.

    `values` are top-level keys of ours, `rules` maps ids to off, on or a severity, `lost` says what has no counterpart.
    """

    tool: str
    values: dict[str, str] = field(default_factory=dict)
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
    checks = mapping(data.get("checks"))
    if name.startswith(".checkov") or "skip-check" in data or "skip-path" in data:
        return _checkov(data, equivalents)
    named = name.removeprefix(".").startswith("kube-linter")
    if named or any(key in checks for key in _KUBE_LINTER_KEYS) or isinstance(data.get("customChecks"), list):
        return _kube_linter(data, checks, equivalents)
    if checks and all(isinstance(value, str) and value in _POLARIS_SEVERITIES for value in checks.values()):
        return _polaris(data, checks, equivalents)
    if _SCORE_COMMAND.search(text) or _SCORE_FLAG.search(text):
        return _kube_score(text, equivalents)
    raise ForeignConfigError(
        f"{file} is no configuration that is known; it can be one of kube-linter, Polaris or Checkov, "
        "or a file that holds a kube-score command line"
    )


def _switch(made: Imported, tool: str, names: Any, to: str, equivalents: Equivalents) -> None:
    for name in names if isinstance(names, list) else [names]:
        wanted = str(name).lower()
        ours = [
            rules for (of_tool, check), rules in equivalents.items() if of_tool == tool and fnmatchcase(check, wanted)
        ]
        if ours:
            made.rules |= dict.fromkeys(sorted(frozenset().union(*ours)), to)
        elif name is not None:
            made.lost.append(f"check {name}: no rule here covers it")


def _only_these(made: Imported, said: str) -> None:
    """Take the smallest profile: the tool runs the checks that are named and no others."""
    made.values["profile"] = "schema"
    made.lost.append(f"{said}: besides the rules below, what the API server would refuse is told all the same")


def _kube_linter(data: dict[str, Any], checks: dict[str, Any], equivalents: Equivalents) -> Imported:
    made = Imported("kube-linter")
    if checks.get("addAllBuiltIn"):  # takes precedence over the other
        made.values["profile"] = "strict"
    elif checks.get("doNotAutoAddDefaults"):
        _only_these(made, "doNotAutoAddDefaults")
    _switch(made, "kube-linter", checks.get("include", []), "on", equivalents)
    _switch(made, "kube-linter", checks.get("exclude", []), "off", equivalents)
    for path in _texts(checks.get("ignorePaths")):
        if path.startswith(("/", "~", "..")):
            made.lost.append(f"ignorePaths {path}: it lies outside this folder, or may")
        else:
            path = path.removeprefix("./")
            made.ignored_paths.append(path if path.startswith("**") else f"/{path}")
    made.lost += [f"custom check {mapping(one).get('name')}: write it as a rule" for one in _list(data, "customChecks")]
    made.lost += [f"{key}: no counterpart" for key in data if key not in ("checks", "customChecks")]
    return made


def _kube_score(text: str, equivalents: Equivalents) -> Imported:
    made = Imported("kube-score")
    for option, value in _score_options(text.replace("\\\n", " ")):
        if option == "ignore-test":
            _switch(made, "kube-score", value.split(","), "off", equivalents)
        elif option == "enable-optional-test":
            _switch(made, "kube-score", value.split(","), "on", equivalents)
        elif option == "all-default-optional":
            made.values["profile"] = "strict"
        elif option == "ignore-container-cpu-limit":
            made.rules["cpu-limit-missing"] = "off"
        elif option == "ignore-container-memory-limit":
            made.rules["memory-limit-missing"] = "off"
        elif option == "kubernetes-version" and re.fullmatch(r"v?1\.[0-9]+", value):
            made.values["kubernetes-version"] = value.removeprefix("v")
        elif option not in _SCORE_OF_NO_MATTER:
            made.lost.append(f"option --{option}: no counterpart")
    return made


def _score_options(text: str) -> Iterator[tuple[str, str]]:
    """Yield option and value of each kube-score command of a script, or of a line that has but the options."""
    commands = _SCORE_COMMAND.findall(text) or [text]
    for command in commands:
        try:
            words = shlex.split(command, comments=True)
        except ValueError as error:
            raise ForeignConfigError(f"the kube-score command line cannot be read: {error}") from error
        for number, word in enumerate(words):
            if word in _END_OF_COMMAND:
                break
            if word.startswith("--"):
                option, equals, value = word.removeprefix("--").partition("=")
                following = words[number + 1] if number + 1 < len(words) else ""
                yield option, value if equals else ("" if following.startswith("-") else following)


def _polaris(data: dict[str, Any], checks: dict[str, Any], equivalents: Equivalents) -> Imported:
    made = Imported("polaris")
    for name, severity in checks.items():
        _switch(made, "polaris", name, _POLARIS_SEVERITIES[severity], equivalents)
    made.lost.append("checks that the file does not name: Polaris leaves them out, here the profile decides")
    for entry in map(mapping, _list(data, "exemptions")):
        rules: dict[str, str] = {}
        for name in _texts(entry.get("rules")):
            rules |= dict.fromkeys(sorted(equivalents.get(("polaris", name.lower()), ())), "off")
        conditions: dict[str, Any] = {}
        if entry.get("namespace"):
            conditions["namespaces"] = [str(entry["namespace"])]
        if names := _texts(entry.get("controllerNames")):
            conditions["names"] = [f"{name}*" for name in names]
        if entry.get("containerNames"):
            made.lost.append(
                f"an exemption of containers ({', '.join(_texts(entry['containerNames']))}): use a comment"
            )
        elif conditions and (rules or "rules" not in entry):
            made.overrides.append({**conditions, "rules": rules or {"*": "off"}, "reason": "exempt in Polaris"})
        else:
            made.lost.append("an exemption without a namespace or controllerNames, or for checks unknown here")
    made.lost += [f"custom check {name}: write it as a rule" for name in mapping(data.get("customChecks"))]
    made.lost += [f"{key}: no counterpart" for key in data if key not in _POLARIS_KEYS]
    return made


def _checkov(data: dict[str, Any], equivalents: Equivalents) -> Imported:
    made = Imported("checkov")
    chosen = _split(data.get("check"))
    if chosen:
        _only_these(made, "check")
        _switch(made, "checkov", chosen, "on", equivalents)
    _switch(made, "checkov", _split(data.get("skip-check")), "off", equivalents)
    for path in _split(data.get("skip-path")):
        if re.fullmatch(r"(?:\./)?[\w./-]+?(?:\.\*)?", path) and not path.startswith(("/", "..")):
            path = path.removeprefix("./").removesuffix(".*")
            made.ignored_paths.append(f"**/{path}" if "/" in path.rstrip("/") else path)
        else:
            made.lost.append(f"skip-path {path}: it is a regular expression; write it as a pattern")
    if data.get("soft-fail") is True:
        made.values["fail-on"] = "never"
    carried = {"skip-check", "check", "skip-path", *(["soft-fail"] if "fail-on" in made.values else [])}
    made.lost += [f"{key}: no counterpart" for key in data if key not in carried]
    return made


def _list(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else []


def _split(value: Any) -> list[str]:
    """Return a list's texts, or those of a text with commas."""
    parts = value.split(",") if isinstance(value, str) else _texts(value)
    return [part.strip() for part in parts if part.strip()]
