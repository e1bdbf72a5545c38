"""`kube-audit init` and `kube-audit config show`: a first configuration, and what the present one comes to."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kube_audit import config
from kube_audit.cli.errors import CannotRun
from kube_audit.files import write_atomically

_MODELINE = "# yaml-language-server: $schema={schema}"
_TEMPLATE = """\
# What kube-audit checks here. `kube-audit config show` prints what it comes to; every line may be left out.
profile: {profile}          # default, strict, schema, pss-baseline, pss-restricted, cis, all

# Version of the cluster that these manifests are for; the newest that is known if left out.
# kubernetes-version: "{version}"

# Rules that are off, or of another severity: `kube-audit rules list` has their names.
# rules:
{rules}
# Decisions about some files or objects, with the reason.
# overrides:
# - paths: [legacy/]
#   rules: {{naked-pod: off}}
#   reason: moves to Deployments with the next release
#   until: "2030-01-31"

# What exists although no file here makes it; references to it are right.
{external}
# Folders with the CustomResourceDefinitions of custom resources, besides those among the audited files.
# schema-folders: [crds]

# Findings that are known and do not count yet: `kube-audit check --write-baseline {baseline}`
# baseline: {baseline}
"""


def init(folder: Path, *, force: bool, foreign: Path | None) -> None:
    """Write a commented configuration that fits what a folder holds, or that another tool's comes to."""
    file = folder / config.FILE_NAMES[0]
    if file.exists() and not force:
        raise CannotRun(f"{file} is there already; --force writes a new one")
    content = _fitting(folder) if foreign is None else _carried_over(foreign)
    try:
        write_atomically(file, content.encode())
    except OSError as error:
        raise CannotRun(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{file} is written. Next: kube-audit check {folder}")


def _fitting(folder: Path) -> str:
    from kube_audit import audit
    from kube_audit.engine import catalogue
    from kube_audit.sources.files import find
    from kube_audit.validation.kubernetes import newest_version

    known = catalogue.load()
    request = audit.Request(list(find([str(folder)], Path.cwd())), known.choose("default", [], []), newest_version())
    result = audit.run(request, known)
    lines = ["# external:", "# - kind: Secret", "#   name: tls-*", "#   reason: made by cert-manager", ""]
    counts: dict[str, int] = {}
    for finding in result.findings:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
    noisy = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:5]
    rules = "".join(f"#   {rule}: off    # {count} findings now\n" for rule, count in noisy) or "#   naked-pod: off\n"
    return _TEMPLATE.format(
        profile="default",
        version=newest_version(),
        rules=rules.rstrip("\n") + "\n",
        external="\n".join(lines),
        baseline=".kube-audit-baseline.json",
    )


def _carried_over(file: Path) -> str:
    """Return a configuration made of another tool's, with what could not be carried over as comments."""
    from kube_audit.engine import catalogue
    from kube_audit.foreign_config import ForeignConfigError, read
    from kube_audit.manifests.text import decode
    from kube_audit.manifests.yaml import documents
    from kube_audit.suggestions import scalar

    try:
        text, _ = decode(file.read_bytes())
    except OSError as error:
        raise CannotRun(f"{file} cannot be read: {error.strerror}") from error
    found = list(documents(text))
    data = found[0].data if found and found[0].readable else None
    try:
        made = read(str(file), text.content, data, catalogue.load().equivalents())
    except ForeignConfigError as error:
        raise CannotRun(str(error)) from error
    lines = [f"# Carried over from {made.tool}: {file.name}"]
    lines += [f"# Not carried over: {' '.join(what.split())}" for what in made.lost]
    if made.rules:
        lines += ["rules:", *(f"  {rule}: {to}" for rule, to in sorted(made.rules.items()))]
    overrides = list(made.overrides)
    if made.ignored_paths:
        reason = f"left out in {made.tool}"
        overrides.insert(0, {"paths": made.ignored_paths, "rules": {"*": "off"}, "reason": reason})
    if overrides:
        lines.append("overrides:")
    for override in overrides:
        for number, (key, value) in enumerate(override.items()):
            if isinstance(value, list):
                written = f"[{', '.join(scalar(entry) for entry in value)}]"
            elif isinstance(value, dict):
                written = "{" + ", ".join(f"{scalar(k)}: {v}" for k, v in value.items()) + "}"
            else:
                written = scalar(value)
            lines.append(f"{'- ' if number == 0 else '  '}{key}: {written}")
    return "\n".join(lines) + "\n"


def show(path: Path, as_json: bool) -> None:
    """Print the effective configuration of a path, and where each value comes from."""
    file = config.find(path.absolute())
    try:
        loaded = config.EMPTY if file is None else config.load(file)
    except config.ConfigError as error:
        raise CannotRun(str(error)) from error
    if as_json:
        click.echo(json.dumps({"file": str(file) if file else None, "values": dict(loaded.values)}, indent=2))
        return
    click.echo(f"# {file}" if file else "# no configuration file; these are the defaults")
    for key, value in loaded.values.items():
        if key == "rules":
            click.echo("rules:")
            for rule, setting in value.items():
                click.echo(f"  {rule}: {json.dumps(setting)}  # {loaded.origins[f'rules.{rule}']}")
        else:
            click.echo(f"{key}: {json.dumps(value)}  # {loaded.origins[key]}")
    for override in loaded.overrides:
        click.echo(f"# override at {override.origin}: {override.reason}")
