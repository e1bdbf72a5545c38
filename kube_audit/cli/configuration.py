"""The configuration of a run: found for what is audited, read, and held against the rules that there are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from kube_audit.cli.errors import CannotRun
from kube_audit.config import EMPTY, Config, ConfigError, at_rule, find, load
from kube_audit.engine.catalogue import Catalogue, unknown
from kube_audit.engine.catalogue import load as load_rules
from kube_audit.engine.model import RuleError
from kube_audit.suppressions import EVERY_RULE


def configuration(file: str | None, paths: Sequence[str]) -> Config:
    """Return the configuration that is named, or the nearest one from the audited paths upwards.

    A run has one configuration. Raises CannotRun where it cannot be used, or the paths have different ones.
    """
    found = Path(file) if file else _nearest(paths)
    try:
        return EMPTY if found is None else load(_shown(found))
    except ConfigError as error:
        raise CannotRun(str(error)) from error


def _nearest(paths: Sequence[str]) -> Path | None:
    by_folder: dict[str, Path | None] = {}
    found: dict[Path | None, str] = {}
    for path in paths or (".",):
        path = "." if path == "-" else path
        folder = path if os.path.isdir(path) else os.path.dirname(path) or "."
        if folder not in by_folder:
            by_folder[folder] = find(Path(folder))
        found.setdefault(by_folder[folder], path)
    if len(found) > 1:
        (one, at), (other, also_at) = list(found.items())[:2]
        raise CannotRun(
            f"{at} and {also_at} have different configurations: {_named(one)} and {_named(other)}. "
            "A run has one: audit them one after the other, or name the one that holds for all with --config"
        )
    return next(iter(found))


def _named(file: Path | None) -> str:
    return "none" if file is None else str(_shown(file))


def _shown(file: Path) -> Path:
    """Return a path relative to the working directory where it lies below it: messages are shorter."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def rules_of(config: Config, folders: Sequence[str] = ()) -> Catalogue:
    """Return the built-in rules and those in the folders of a configuration, and in further ones. Raises CannotRun."""
    own = config.get("rule-folders", ())
    for folder in own:
        if not os.path.isdir(folder):
            raise CannotRun(f"{config.origins['rule-folders']}: there is no folder {folder}")
    try:
        return load_rules([Path(folder) for folder in (*own, *folders)])
    except RuleError as error:
        raise CannotRun(str(error)) from error


def check_names(config: Config, catalogue: Catalogue) -> None:
    """Hold the rules and parameters that a configuration names against those that there are. Raises CannotRun."""
    named = {f"rules.{rule}": rule for rule in config.get("rules", {})}
    for number, override in enumerate(config.overrides):
        named |= {at_rule(number, rule): rule for rule in override.rules if rule != EVERY_RULE}
    wrong = [
        f"{config.origins[at]}: {unknown('rule', rule, catalogue.rules)}"
        for at, rule in named.items()
        if rule not in catalogue.rules
    ]
    settings = config.rules
    wrong += [f"{config.origins[f'rules.{rule}']}: {reason}" for rule, reason in catalogue.wrong_params(settings)]
    if wrong:
        raise CannotRun("\n".join(wrong))
