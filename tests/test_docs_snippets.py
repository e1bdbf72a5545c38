"""The documentation's snippets are valid, its links lead somewhere, and what there is has its place in it.

A comment `<!-- finds: rule-id, … -->` above a manifest says that it is wrong on purpose, and that these rules say so;
`<!-- silences: rule-id, … -->`, that it silences these.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from kube_audit import config
from kube_audit.cli.commands import cli
from kube_audit.engine.catalogue import load
from kube_audit.engine.testing import failures, survives_negation
from kube_audit.reports import FORMATS
from kube_audit.suppressions import UNUSED
from tests.pages import (
    CODE,
    DOCS,
    GENERATED,
    LINK,
    PAGES,
    ROOT,
    Block,
    anchors,
    blocks,
    documents,
    is_workflow,
    prose,
    text,
)
from tests.support import audit_text, catalogue


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_running_text_exist(page: str) -> None:
    for code in CODE.findall(prose(page)):
        if code.startswith("kube-audit ") and "…" not in code.split(" ")[1]:
            assert_command(page, shlex.split(code.replace("'", ""))[1:])
        elif re.fullmatch(r"--[a-z][a-z-]+(?:[= ].*)?", code):
            option = re.split(r"[= ]", code)[0]
            assert option in (known_options() | OTHER_OPTIONS), f"{page}: `{code}` is no option of kube-audit"


OTHER_OPTIONS = {"--all-files", "--dry-run", "--hook-stage", "--no-verify"}
"""Options of git, pre-commit and kubectl that the pages speak of."""


@cache
def known_options() -> frozenset[str]:
    def options(command: click.Command) -> Iterator[str]:
        for parameter in command.params:
            yield from parameter.opts
        for name in getattr(command, "commands", {}):
            yield from options(command.commands[name])  # type: ignore[attr-defined]

    return frozenset(options(cli)) | {"--help", "--version"}


def assert_command(page: str, words: list[str]) -> None:
    command: click.Command = cli
    shown = " ".join(["kube-audit", *words])
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        assert words[0] in command.commands, f"{page}: `{shown}`: there is no command {words[0]}"
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}
    for word in words:
        if word.startswith("-") and word != "-":
            assert word.split("=")[0] in known, f"{page}: `{shown}`: there is no option {word}"


SEEN_ONLY = {"text": "docs/how-it-works.md", "makefile": "docs/ci/makefile.md", "groovy": "docs/ci/jenkins.md"}
"""Blocks that nothing here is done with, and where: a drawing, and what tests/reports/test_ci_examples.py runs."""


def every(*languages: str) -> list[Any]:
    return [pytest.param(b, id=str(b)) for page in PAGES for b in blocks(page) if b.language in languages]


def test_every_block_says_what_it_is() -> None:
    tried = {"console", "sh", "bash", "yaml", "json", "toml"}
    other = {(block.language, page) for page in PAGES for block in blocks(page) if block.language not in tried}
    assert other == set(SEEN_ONLY.items())


@pytest.mark.parametrize("block", every("json", "toml"))
def test_json_and_toml_can_be_read_and_configurations_are_valid(block: Block, tmp_path: Path) -> None:
    if block.language == "json":
        json.loads(block.body)
        return
    tomllib.loads(block.body)
    (tmp_path / "pyproject.toml").write_text(block.body, "utf-8")
    if config.find(tmp_path) == tmp_path / "pyproject.toml":
        config.load(tmp_path / "pyproject.toml")


@pytest.mark.parametrize("block", every("yaml"))
def test_yaml_is_what_it_looks_like(block: Block, tmp_path: Path) -> None:
    found = documents(block)
    assert found, f"{block} holds nothing"
    for data in found:
        if not isinstance(data, dict):
            continue
        if "apiVersion" in data and "kind" in data:
            assert_manifest(block)
        elif data.keys() >= {"id", "title"} and data.keys() & {"expression", "check"}:
            assert_rule(block, data["id"], tmp_path)
        elif "repos" in data:
            assert_hooks(block, data)
        elif is_workflow(data):
            assert_workflow(block, data)
        elif data.keys() <= configuration_keys():
            assert_configuration(block, data, tmp_path)
        else:
            assert block.page.startswith("docs/ci/"), f"{block}: what is this?"  # tests/reports/test_ci_examples.py


def assert_manifest(block: Block) -> None:
    wanted, silenced = (set(re.findall(r"[a-z-]+", block.said.get(key, ""))) for key in ("finds", "silences"))
    findings = audit_text(block.body, profile="all" if wanted or silenced else "schema").findings
    said = {finding.rule for finding in findings}
    missing, amiss = wanted - said, said if not (wanted or silenced) else set()
    assert not missing, f"{block}: the page says that {missing} finds something here"
    assert not amiss, f"{block}: the manifest is not valid: {amiss}"
    if silenced:
        assert silenced == {finding.rule for finding in findings if finding.suppressed}, block
        assert UNUSED not in said, block


def assert_rule(block: Block, rule_id: str, folder: Path) -> None:
    (folder / f"{rule_id}.yaml").write_text(block.body, "utf-8")
    known = load([folder])
    rule, content = known.rules[rule_id], known.content(rule_id)
    assert [f"example {failure.example}: {failure.reason}" for failure in failures(rule, content, known)] == [], block
    assert not survives_negation(rule, content, known), f"{block}: the examples test nothing"


def hooks() -> dict[str, Any]:
    return {hook["id"]: hook for hook in YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")}


def assert_hooks(block: Block, data: Any) -> None:
    for repo in data["repos"]:
        assert repo.keys() >= {"repo", "rev", "hooks"} or repo["repo"] in ("local", "meta"), block
        for hook in repo["hooks"]:
            if repo["repo"].endswith("/kube-audit"):
                assert hook["id"] in hooks(), f"{block}: there is no hook {hook['id']}"
                assert_command(str(block), [*shlex.split(hooks()[hook["id"]]["entry"])[1:], *hook.get("args", [])])


@cache
def action() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(ROOT / "action.yml")
    return loaded


def assert_workflow(block: Block, data: Any) -> None:
    for job in data["jobs"].values():
        assert "runs-on" in job, f"{block}: a job has no runs-on"
        for step in job["steps"]:
            assert len(step.keys() & {"uses", "run"}) == 1, f"{block}: {step}"
            if re.match(r"(\./|\S*/kube-audit@)", step.get("uses", "")):
                unknown = step.get("with", {}).keys() - action()["inputs"].keys()
                assert not unknown, f"{block}: the action has no input {unknown}"
                assert_command(str(block), ["check", *str(step.get("with", {}).get("args", "")).split("\n")])


@cache
def configuration_keys() -> frozenset[str]:
    return frozenset(json.loads((ROOT / "schemas" / "config.schema.json").read_text("utf-8"))["properties"])


def assert_configuration(block: Block, data: Any, folder: Path) -> None:
    here = folder / "repository"
    here.mkdir(exist_ok=True)
    if "extends" in data:
        (here / data["extends"]).resolve().write_text("profile: default\n", "utf-8")
    (here / ".kube-audit.yaml").write_text(block.body, "utf-8")
    loaded = config.load(here / ".kube-audit.yaml")
    known = catalogue().rules
    unknown = {rule for rule in loaded.rules if rule not in known}
    unknown |= {rule for override in loaded.overrides for rule in override.rules if rule != "*" and rule not in known}
    assert not unknown, f"{block}: there are no rules {unknown}"


WORKFLOWS = [block for block in every("yaml") if is_workflow(documents(block.values[0])[0])]


@pytest.mark.parametrize("block", WORKFLOWS)
def test_workflows_fit_their_schema(block: Block, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    file = tmp_path / "workflow.yml"
    file.write_text(block.body, "utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{block}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for match in LINK.finditer(prose(page)):
        link = match["target"] or match["image"]
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = ((ROOT / page).parent / target).resolve() if target else ROOT / page
        if file.parent == GENERATED:
            generated = {"README", "profiles", "coming-from", *catalogue().rules}
            assert file.stem in generated, f"{page}: there is no page {link}"
            continue
        assert file.exists(), f"{page}: {link} leads nowhere"
        if anchor and file.suffix == ".md":
            name = file.relative_to(ROOT).as_posix()
            assert anchor in anchors(name), f"{page}: {target or 'the page'} has no heading for #{anchor}"


def test_every_page_is_reached_from_the_index() -> None:
    index = {
        (DOCS / match["target"].partition("#")[0]).resolve()
        for match in LINK.finditer(text("docs/README.md"))
        if match["target"] and ":" not in match["target"]
    }
    lost = [page for page in PAGES if page.startswith("docs/") and ROOT / page not in index | {DOCS / "README.md"}]
    assert not lost


def test_the_ci_page_names_every_input_of_the_action_and_every_report_format() -> None:
    page = text("docs/ci.md")
    inputs = {name for name in action()["inputs"] if f"| `{name}` |" not in page}
    outputs = {name for name in action()["outputs"] if f"| `{name}` |" not in page}
    formats = {name for name in FORMATS if f"| `{name}` |" not in page}
    assert (inputs, outputs, formats) == (set(), set(), set())


def test_the_pre_commit_page_names_every_hook() -> None:
    assert {hook for hook in hooks() if f"| `{hook}` |" not in text("docs/pre-commit.md")} == set()


@pytest.mark.parametrize("page", PAGES)
def test_rules_that_pages_name_exist(page: str) -> None:
    for rule in re.findall(r"`kube-audit rules show ([a-z][a-z0-9-]+)`", text(page)):
        assert rule in catalogue().rules, f"{page}: there is no rule {rule}"


def test_the_number_of_rules_that_the_pages_give_is_reached() -> None:
    for page in PAGES:
        for number in re.findall(r"[Mm]ore than (\d+) rules", text(page)):
            assert len(catalogue().rules) > int(number), page


def test_the_picture_shows_what_the_tool_prints() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "make_screenshot.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
