"""`kube-audit config`: what the configuration of a path comes to, where each value was set, and the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from kube_audit.bundled import schemas_dir
from kube_audit.cli.configuration import check_names, configuration, rules_of
from kube_audit.config import Override
from kube_audit.overrides import reaches

_CONDITIONS = ("paths", "kinds", "namespaces", "names", "labels")


def _defaults() -> dict[str, Any]:
    from kube_audit.validation.definitions import newest_version

    return {"profile": "default", "kubernetes-version": newest_version(), "fail-on": "warning", "output": ["text"]}


def show(path: Path, as_json: bool) -> None:
    """Print the effective configuration of a path, and where each value comes from."""
    loaded = configuration(None, [str(path)])
    check_names(loaded, rules_of(loaded))
    values = {**_defaults(), **loaded.values}
    overrides = [one for one in loaded.overrides if path.is_dir() or reaches(one, str(path))]
    if as_json:
        content = {
            "file": str(loaded.file) if loaded.file else None,
            "values": {**values, "overrides": [_override(one) for one in overrides]},
            "origins": {**dict.fromkeys(_defaults(), "default"), **loaded.origins},
        }
        click.echo(json.dumps(content, indent=2))
        return
    click.echo(f"# {loaded.file}" if loaded.file else "# There is no configuration file; these are the defaults.")
    for key, value in values.items():
        if key == "rules":
            click.echo("rules:")
            for rule, setting in value.items():
                click.echo(f"  {rule}: {_written(setting)}  # {loaded.origins[f'rules.{rule}']}")
        else:
            click.echo(f"{key}: {_written(value)}  # {loaded.origins.get(key, 'default')}")
    if overrides:
        click.echo("overrides:")
    for override in overrides:
        click.echo(f"- {_written(_override(override))}  # {override.origin}")
    others = len(loaded.overrides) - len(overrides)
    if others:
        click.echo(f"# {others} more {'is' if others == 1 else 'are'} for other paths")


def _written(value: Any) -> str:
    """Write a value as YAML on one line, which JSON is."""
    return json.dumps(value, ensure_ascii=False)


def _override(override: Override) -> dict[str, Any]:
    conditions = {key: value for key in _CONDITIONS if (value := getattr(override, key))}
    until = {"until": override.until} if override.until else {}
    return {**conditions, "rules": override.rules, "reason": override.reason, **until}


def schema() -> None:
    """Print the JSON Schema of configurations."""
    click.echo((schemas_dir() / "config.schema.json").read_text("utf-8"), nl=False)
