"""`kube-audit rules`: list the catalogue, explain a rule, run the examples."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from kube_audit.bundled import rules_dir
from kube_audit.cli import FINDINGS
from kube_audit.cli.configuration import configuration, rules_of
from kube_audit.cli.errors import CannotRun
from kube_audit.engine.catalogue import Catalogue, SelectionError, load
from kube_audit.engine.model import Rule, RuleError
from kube_audit.rule_pages import page


def _load(folders: list[Path] | None = None) -> Catalogue:
    """Return the built-in rules with those of some folders, else of the configuration that holds here."""
    if folders is None:
        return rules_of(configuration(None, ()))
    try:
        return load(folders)
    except RuleError as error:
        raise CannotRun(str(error)) from error


def list_all(profile: str | None, category: str | None, as_format: str) -> None:
    """Print the rules of a profile and category, all by default."""
    catalogue = _load()
    try:
        rules = catalogue.choose(profile, [], []) if profile else list(catalogue.rules.values())
    except SelectionError as error:
        raise CannotRun(str(error)) from error
    rules = [rule for rule in rules if category in (None, rule.category)]
    if as_format == "json":
        entries = [
            {
                "id": rule.id,
                "title": rule.title,
                "category": rule.category,
                "severity": rule.severity,
                "profiles": sorted(rule.profiles),
                "fix": None if rule.fix is None else "safe" if rule.fix.safe else "unsafe",
            }
            for rule in rules
        ]
        click.echo(json.dumps(entries, indent=2))
        return
    for name in sorted({rule.category for rule in rules}):
        click.echo(click.style(name, bold=True))
        for rule in rules:
            if rule.category == name:
                click.echo(f"  {rule.severity:<8} {rule.id:<44} {rule.title}")
    click.echo(f"{len(rules)} rules. `kube-audit rules show ID` explains one.")


def show(rule_id: str) -> None:
    """Print a rule's page: as Markdown, laid out on a terminal."""
    catalogue = _load()
    try:
        catalogue.choose("all", [rule_id], [])
    except SelectionError as error:
        raise CannotRun(str(error)) from error
    text = page(catalogue.content(rule_id))
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from rich.console import Console
        from rich.markdown import Markdown

        Console(width=min(100, shutil.get_terminal_size().columns)).print(Markdown(text))
        return
    click.echo(text, nl=False)


def test(paths: tuple[str, ...]) -> int:
    """Run examples of built-in rules, or of the files and folders given; return the exit status."""
    from kube_audit.engine.testing import failures, survives_negation

    built_in = rules_dir().resolve()
    folders = {Path(path) if Path(path).is_dir() else Path(path).parent for path in paths}
    catalogue = _load(sorted(folder for folder in folders if not folder.resolve().is_relative_to(built_in)))
    rules = [rule for rule in catalogue.rules.values() if _wanted(rule, paths)]
    if not rules:
        raise CannotRun("no rule files there")
    broken = 0
    for rule in rules:
        content: dict[str, Any] = catalogue.content(rule.id)
        reasons = [f"example {failure.example}: {failure.reason}" for failure in failures(rule, content, catalogue)]
        if not reasons and survives_negation(rule, content, catalogue):
            reasons = ["the examples hold for the negated expression too, so they test nothing"]
        broken += bool(reasons)
        for reason in reasons:
            click.echo(f"{rule.file}: {reason}")
    passed = len(rules) - broken
    click.echo(f"{passed} {'rule' if passed == 1 else 'rules'} passed, {broken} failed")
    return FINDINGS if broken else 0


def _wanted(rule: Rule, paths: tuple[str, ...]) -> bool:
    file = Path(rule.file).resolve()
    return not paths or any(file.is_relative_to(Path(path).resolve()) for path in paths)
