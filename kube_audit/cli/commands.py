"""The commands and their options. What a command does is imported when it runs, so that help is quick."""

from __future__ import annotations

import click

from kube_audit import __version__
from kube_audit.findings import SEVERITIES

_LEVEL = click.Choice(SEVERITIES)
_FORMATS = ("text", "json", "sarif", "html", "markdown", "github", "gitlab", "junit", "checkstyle", "rdjson", "csv")


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with:  kube-audit check .     Explain a finding:  kube-audit rules show RULE-ID",
)
@click.version_option(__version__, prog_name="kube-audit", message="%(prog)s %(version)s")
def cli() -> None:
    """Audit Kubernetes manifests: schema errors, best practices and broken references.

    Every finding has its line, its reason and its remedy. Nothing is sent anywhere; no cluster is needed.
    """


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help=f"Report format ({', '.join(_FORMATS)}), to standard output or a file. May be repeated: "
    "-o text -o sarif=audit.sarif.  [default: text]",
)
@click.option("--profile", metavar="NAME", help="Set of rules to run; see above.  [default: default]")
@click.option("--select", multiple=True, metavar="ID,...", help="Run only these rules.")
@click.option("--ignore", multiple=True, metavar="ID,...", help="Leave these rules out.")
@click.option(
    "--severity",
    type=_LEVEL,
    help="Show findings of this severity and worse.  [default: warning in text, info in other formats]",
)
@click.option(
    "--fail-on",
    type=click.Choice([*SEVERITIES, "never"]),
    help="Exit with 1 from this severity on, or never because of findings.  [default: warning]",
)
@click.option(
    "--kubernetes-version",
    metavar="X.Y",
    help="Version of the cluster that the manifests are for.  [default: the newest that is known]",
)
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Configuration.  [default: the nearest .kube-audit.yaml from the paths upwards]",
)
@click.option(
    "--rules",
    "rule_folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    help="Folder with further rules of your own. May be repeated.",
)
@click.option(
    "--schema-dir",
    "schema_folders",
    multiple=True,
    metavar="FOLDER|TEMPLATE",
    help="Folder with CustomResourceDefinitions or JSON Schemas of custom resources, or a template such as "
    "schemas/{group}/{kind}_{version}.json. May be repeated.",
)
@click.option("--fix", is_flag=True, help="Mend in the files what can be mended without changing how workloads run.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: also what may change how workloads run.")
@click.option("--diff", is_flag=True, help="Only show what --fix would change, as a diff; exit with 1 if anything.")
@click.option("--show-suppressed", is_flag=True, help="List silenced findings too, with the reason, in text.")
@click.option(
    "--baseline",
    "baseline_file",
    metavar="FILE",
    help="Findings that are known and do not count; see --write-baseline.",
)
@click.option("--no-baseline", is_flag=True, help="Leave the configuration's baseline out: all findings count.")
@click.option(
    "--drop-suppressed",
    is_flag=True,
    help="Leave silenced findings out of machine formats: GitHub's code scanning opens alerts even for those.",
)
@click.option("--write-baseline", metavar="FILE", help="Write all present findings to a baseline, and stop.")
@click.option("--update-baseline", is_flag=True, help="Drop what is gone from the baseline.")
@click.option(
    "--since",
    metavar="GIT-REF",
    help="Only findings on objects that have changed since that commit. Everything is read all the same.",
)
@click.option(
    "--universe",
    "universes",
    multiple=True,
    metavar="PATTERN",
    help="Folders whose objects do not see those of one another, such as clusters/*. May be repeated.",
)
@click.option(
    "--staged",
    is_flag=True,
    help="Only findings on objects that the next commit changes; on all objects where nothing is staged.",
)
@click.option(
    "--tree",
    "trees",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False),
    help="Read this folder too, so that references into it are judged rightly; only findings in PATHs count.",
)
@click.option("--no-cache", is_flag=True, help="Neither read nor write compiled rules and schemas.")
def check(**options: object) -> int:
    """Audit manifests: files, folders, or - for standard input (default: the current folder).

    Folders are searched for *.yaml, *.yml and *.json; .gitignore and .kube-auditignore are honoured. What is no
    Kubernetes object (Helm templates, values, kustomizations, patches) is left out, with its reason in the summary.

    \b
    Profiles:
      default         precise rules that are worth keeping on for everyone
      strict          all sensible advice
      schema          only what the API server would refuse
      pss-baseline    Pod Security Standards, level baseline
      pss-restricted  Pod Security Standards, level restricted
      cis             CIS checks of the cluster's own control plane pods, and the schema
      all             every rule that needs no parameter

    \b
    Exit status: 0 nothing at or above --fail-on, 1 findings, 2 the run could not be done.

    \b
    Examples:
      kube-audit check k8s/
      kustomize build overlays/prod | kube-audit check -
      kube-audit check . -o text -o sarif=audit.sarif --fail-on error
    """
    from kube_audit.cli.check import check as run

    return run(**options)  # type: ignore[arg-type]


@cli.group()
def rules() -> None:
    """List the rules, explain one, or test rule files by their own examples."""


@rules.command("list")
@click.option("--profile", metavar="NAME", help="Only the rules of this profile.")
@click.option("--category", metavar="NAME", help="Only the rules of this category.")
@click.option("--format", "as_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_rules(profile: str | None, category: str | None, as_format: str) -> None:
    """List all rules with severity, profiles and title."""
    from kube_audit.cli.rules import list_all

    list_all(profile, category, as_format)


@rules.command("show")
@click.argument("rule_id", metavar="ID")
def show_rule(rule_id: str) -> None:
    """Explain one rule: what it checks, why, what to do, and examples."""
    from kube_audit.cli.rules import show

    show(rule_id)


@rules.command("test")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True))
def test_rules(paths: tuple[str, ...]) -> int:
    """Run the examples of rule files (default: of all built-in rules)."""
    from kube_audit.cli.rules import test

    return test(paths)


@cli.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--force", is_flag=True, help="Replace a configuration that is there.")
@click.option(
    "--from",
    "foreign",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Carry over another tool's configuration: of kube-linter, Polaris or Checkov, or a kube-score command line.",
)
def init(folder: str, force: bool, foreign: str | None) -> None:
    """Write a commented .kube-audit.yaml that fits what a folder holds (default: the current one)."""
    from pathlib import Path

    from kube_audit.cli.init import init as write

    write(Path(folder), force=force, foreign=Path(foreign) if foreign else None)


@cli.group()
def config() -> None:
    """Look at the configuration."""


@config.command("show")
@click.argument("path", default=".", type=click.Path(exists=True))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show_config(path: str, as_json: bool) -> None:
    """Print the effective configuration of a path, and where each value comes from."""
    from pathlib import Path

    from kube_audit.cli.config import show

    show(Path(path), as_json)


@config.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of configurations, for editors."""
    from kube_audit.cli.config import schema

    schema()


@cli.command("github-action", hidden=True)
def github_action() -> int:
    """Run as a step of a GitHub workflow: inputs and outputs are those of action.yml."""
    from kube_audit.cli.action import run

    return run()


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash:  kube-audit completion bash > ~/.local/share/bash-completion/completions/kube-audit
    zsh:   kube-audit completion zsh > "${fpath[1]}/_kube-audit"
    fish:  kube-audit completion fish > ~/.config/fish/completions/kube-audit.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(cli, {}, "kube-audit", "_KUBE_AUDIT_COMPLETE").source())
