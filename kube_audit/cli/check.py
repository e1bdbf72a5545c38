"""`kube-audit check`: audit paths and write reports."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kube_audit import cache
from kube_audit.cli import FINDINGS
from kube_audit.cli.errors import CannotRun
from kube_audit.config import Config
from kube_audit.findings import AuditResult, Severity, at_least

if TYPE_CHECKING:
    from kube_audit.changes import Changes
    from kube_audit.cli.baselines import Known
    from kube_audit.validation.schema_folders import SchemaFolders


def check(
    paths: tuple[str, ...],
    outputs: tuple[str, ...],
    profile: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    severity: Severity | None,
    fail_on: Any,
    kubernetes_version: str | None,
    config_file: str | None,
    rule_folders: tuple[str, ...],
    schema_folders: tuple[str, ...],
    no_cache: bool,
    show_suppressed: bool,
    drop_suppressed: bool,
    baseline_file: str | None,
    no_baseline: bool,
    write_baseline: str | None,
    update_baseline: bool,
    since: str | None,
    staged: bool,
    trees: tuple[str, ...],
    universes: tuple[str, ...],
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
) -> int:
    """Audit and report; return the exit status. Raises CannotRun where that could not be done."""
    from kube_audit import audit
    from kube_audit.cli.configuration import check_names, configuration, rules_of
    from kube_audit.engine import catalogue
    from kube_audit.sources.files import PathError, SourceFile, find
    from kube_audit.validation.definitions import newest_version, supported_versions

    if unsafe_fixes and not (fix or diff):
        raise CannotRun("--unsafe-fixes goes with --fix or --diff")
    if no_cache:
        cache.disable()
    config = configuration(config_file, paths)
    targets = _targets(outputs, config)
    profile_option, profile = profile, profile or config.get("profile", "default")
    severity = severity or config.get("severity")
    fail_on = fail_on or config.get("fail-on", "warning")
    version = (kubernetes_version or config.get("kubernetes-version") or newest_version()).removeprefix("v")
    if version not in supported_versions():
        versions = supported_versions()
        where = f"{config.origins['kubernetes-version']}: " if not kubernetes_version else ""
        raise CannotRun(f"{where}Kubernetes {version} is not known; {versions[0]} to {versions[-1]} are")
    try:
        known_rules = rules_of(config, rule_folders)
        check_names(config, known_rules)
        rules = known_rules.choose(profile, _ids(select), _ids(ignore), config.rules)
        sources = list(find((*(paths or (".",)), *trees), Path.cwd()))
        asked = list(find(paths or (".",), Path.cwd())) if trees else sources
    except (PathError, catalogue.SelectionError) as error:
        raise CannotRun(str(error)) from error
    partial = since is not None or staged or bool(trees)
    if partial and (write_baseline is not None or update_baseline):
        raise CannotRun("a baseline is written of all findings: leave out --since, --staged and --tree")
    chosen = {rule.id for rule in rules} if select or ignore or profile_option else None
    known = None
    if not no_baseline and write_baseline is None:
        known = _baseline(baseline_file, config, paths or (".",), chosen, partial=partial)
    if update_baseline and known is None:
        raise CannotRun("--update-baseline needs a baseline: --baseline FILE")
    with _progress() as progress:
        params = {rule: setting.params for rule, setting in config.rules.items() if setting.params}
        changes = _changes(since, paths, staged=staged)
        only = frozenset(one.name for one in asked if isinstance(one, SourceFile)) if trees else None
        request = audit.Request(
            sources,
            rules,
            version,
            profile,
            config,
            params,
            changes=changes,
            only=only,
            roots=paths or (".",),
            schemas=_schemas(config, schema_folders),
            universes=universes,
            progress=progress,
        )
        result = audit.run(request, known_rules)
    if fix or diff:
        from kube_audit.cli import fix as fixing

        if known is not None:
            known.apply(result)
        all_fixes = fixing.fixes(result, unsafe=unsafe_fixes)
        if diff:
            return FINDINGS if fixing.show(all_fixes, color=_color(sys.stdout.isatty())) else 0
        if fixing.make(all_fixes):  # what is left is told from the files as they are now
            result = audit.run(request._replace(changes=_changes(since, paths, staged=staged)), known_rules)
    if write_baseline is not None:
        from kube_audit.cli import baselines

        return baselines.write(write_baseline, result)
    if known is not None:
        known.tell_gone(known.apply(result), update=update_baseline)
    _report(result, targets, severity, show_suppressed=show_suppressed, drop_suppressed=drop_suppressed)
    counted = (f for f in result.findings if f.suppressed is None and fail_on != "never")
    return FINDINGS if any(at_least(finding.severity, fail_on) for finding in counted) else 0


def _ids(values: Iterable[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _targets(outputs: tuple[str, ...], config: Config) -> list[tuple[str, str | None]]:
    """Return the reports to write, of the command line or else of the configuration."""
    if outputs:
        return [_target(output) for output in outputs]
    try:
        return [_target(output) for output in config.get("output", ("text",))]
    except CannotRun as error:
        raise CannotRun(f"{config.origins['output']}: {error}") from error


def _schemas(config: Config, given: tuple[str, ...]) -> SchemaFolders | None:
    """Return where schemas of custom resources are, by the configuration and the command line."""
    configured = config.get("schema-folders", ())
    if not configured and not given:
        return None
    from kube_audit.validation.schema_folders import FolderError, SchemaFolders

    try:
        return SchemaFolders((*configured, *given))
    except FolderError as error:
        where = "--schema-dir" if error.entry in given else config.origins["schema-folders"]
        raise CannotRun(f"{where}: {error}") from error


def _target(output: str) -> tuple[str, str | None]:
    """Split `FORMAT[=FILE]`."""
    from kube_audit.reports import FORMATS

    name, _, file = output.partition("=")
    if name not in FORMATS:
        raise CannotRun(f"there is no report format `{name}`; there are: {', '.join(FORMATS)}")
    if "=" in output and not file:
        raise CannotRun(f"`-o {output}` names no file after the equals sign")
    return name, file or None


def _changes(since: str | None, paths: tuple[str, ...], *, staged: bool) -> Changes | None:
    if since is None and not staged:
        return None
    from kube_audit import changes

    option = f"--since {since}" if since is not None else "--staged"
    if "-" in paths:
        raise CannotRun(f"{option}: git knows nothing of standard input; name files or folders")
    folders = {path if path.is_dir() else path.parent for path in map(Path, paths or (".",))}
    try:
        return changes.since(since, folders) if since is not None else changes.staged(folders)
    except changes.ChangesError as error:
        raise CannotRun(f"{option}: {error}") from error


def _baseline(
    file: str | None, config: Config, roots: tuple[str, ...], rules: Collection[str] | None, *, partial: bool
) -> Known | None:
    """Return the baseline that is named on the command line or else by the configuration, None for none."""
    name = file or config.get("baseline")
    if not name:
        return None
    from kube_audit.cli.baselines import Known

    try:
        return Known(name, roots, rules, partial=partial)
    except CannotRun as error:
        raise (error if file else CannotRun(f"{config.origins['baseline']}: {error}")) from error


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _report(
    result: AuditResult,
    targets: list[tuple[str, str | None]],
    severity: Severity | None,
    *,
    show_suppressed: bool,
    drop_suppressed: bool,
) -> None:
    from kube_audit import reports

    for name, file in targets:
        to_terminal = file is None and sys.stdout.isatty()
        options = reports.Options(
            severity=severity or reports.FORMATS[name].severity,
            color=_color(to_terminal) and file is None,
            width=_columns() if to_terminal else None,
            show_suppressed=show_suppressed,
            carry_suppressed=not drop_suppressed,
            root=Path.cwd(),
        )
        if file is None:
            reports.write(name, result, sys.stdout, options)
            continue
        try:
            with open(file, "w", encoding="utf-8", newline="\n") as out:
                reports.write(name, result, out, options)
        except OSError as error:
            raise CannotRun(f"{file}: the report cannot be written: {error.strerror}") from error


def _color(to_terminal: bool) -> bool:
    """Whether to colour: NO_COLOR (no-color.org) wins over FORCE_COLOR, which wins over the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (to_terminal and os.environ.get("TERM") != "dumb")


def _progress() -> Any:
    """Return a context that shows progress on a terminal once a run takes longer than a second."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return nullcontext(None)
    from kube_audit.cli.progress import Bar

    return Bar()
