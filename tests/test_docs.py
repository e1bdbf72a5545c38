"""The documentation's commands run, and print what the pages show.

What a page says in fenced blocks is tried in a folder that is made for that page, in the order of the page: a git
repository with the demo's manifests in `k8s/` and in `deploy/`. Comments, which readers do not see, say more about the
block below:

- `<!-- file: NAME -->`: the block is the content of that file in the page's folder
- `<!-- exit: N -->`: the exit status of each `kube-audit check` in the block, which otherwise is 0 or 1

In `console` blocks, commands follow `$ `; the lines below them are in the output, in this order. `…` stands for
anything. In `sh` blocks every line is a command.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from kube_audit import cache as stored
from tests.pages import PAGES, ROOT, Block, blocks, commands

NOT_RUN = {
    "git clone": "tests/e2e/test_first_steps.py does it",
    "pip install": "tests/e2e/test_first_steps.py does it",
    "python3 -m venv": "tests/e2e/test_first_steps.py does it",
    "pre-commit install": "tests/e2e/test_first_steps.py does it",
    ".venv/bin/python": "the scripts write into the checkout",
}
RENDERERS = ("kustomize", "helm", "kubectl", "jsonnet", "cdk8s")
"""Programs whose output is piped into kube-audit; what they would print is put in their place."""
DELIVERED = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: shop, namespace: shop}
data: {LOG_LEVEL: info}
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder in which a page's commands run: the demo's manifests, committed."""
    folder = tmp_path_factory.mktemp("page") / "shop"
    for name in ("k8s", "deploy"):
        shutil.copytree(ROOT / "fixtures" / "demo", folder / name)
    return folder


def folder_for(page: str, template: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    shutil.copytree(template, folder)
    if page == "docs/adopting.md":
        many_teams(folder / "k8s")
    for arguments in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "."],
        ["-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "--quiet", "--message=start"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


def many_teams(folder: Path) -> None:
    """Put the demo's application into 40 teams' folders instead, each with a namespace of its own."""
    files = {file.name: file.read_text("utf-8") for file in folder.iterdir()}
    shutil.rmtree(folder)
    for number in range(40):
        team = folder / f"team-{number:02}"
        team.mkdir(parents=True)
        for name, content in files.items():
            own = re.sub(r"(namespace: |^  name: )shop$", rf"\1team-{number:02}", content, flags=re.M)
            (team / name).write_text(own, "utf-8")


def run_blocks(page: str) -> list[Block]:
    """Return the blocks of a page that are run, or are files that these need; none where nothing is run."""
    wanted = [block for block in blocks(page) if block.language in ("console", "sh", "bash") or "file" in block.said]
    return wanted if any("file" not in block.said for block in wanted) else []


@pytest.mark.parametrize("page", [page for page in PAGES if run_blocks(page)])
def test_commands_do_what_the_page_says(page: str, template: Path, tmp_path: Path) -> None:
    folder = folder_for(page, template, tmp_path)
    for block in run_blocks(page):
        if "file" in block.said:
            file = folder / block.said["file"]
            assert file.resolve().is_relative_to(tmp_path), f"{block}: the file is out of the page's reach"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.body, "utf-8")
            continue
        for command, output in commands(block):
            try_command(block, command, output, folder)


def test_each_reason_not_to_run_something_is_needed() -> None:
    every = [command for page in PAGES for block in run_blocks(page) for command, _ in commands(block)]
    assert [start for start in NOT_RUN if not any(is_not_run(bare(command), start) for command in every)] == []


def bare(command: str) -> str:
    """Return a command without its comment and without the folder that the installed tool is in."""
    return command.split(" #")[0].strip().removeprefix("~/kube-audit/bin/")


def is_not_run(command: str, start: str) -> bool:
    return command == start or command.startswith(start + " ")


def try_command(block: Block, command: str, output: list[str], folder: Path) -> None:
    where = f"{block}: {command}"
    command = bare(command)
    if any(is_not_run(command, start) for start in NOT_RUN):
        return
    if command.startswith("make"):
        words = command.split()[1:]
        subprocess.run(["make", "--dry-run", "--silent", *words], cwd=ROOT, check=True, capture_output=True)
        return
    given = ""
    renderer, pipe, rest = command.partition("|")
    if pipe and renderer.split()[0] in RENDERERS:
        command, given = rest.strip(), DELIVERED
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        input=given,
        env={**environment(), "HOME": str(folder.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    findings = {int(block.said["exit"])} if "exit" in block.said else {0, 1}
    allowed = findings if "kube-audit check" in command else {0}
    said = done.stdout + done.stderr
    assert done.returncode in allowed, f"{where}: status {done.returncode}\n{said}"
    assert "Traceback" not in said, where
    assert_shown(where, output, said)


@cache
def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    # Compiled rules are kept where they are kept for everybody, although the commands have a home of their own.
    kept["KUBE_AUDIT_CACHE_DIR"] = str(stored.directory())
    return kept


def assert_shown(where: str, wanted: list[str], said: str) -> None:
    lines = [" ".join(line.split()) for line in said.splitlines()]
    at = 0
    for row in wanted:
        row = " ".join(row.split())
        if row in ("", "…"):
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in row.split("…")))
        found = next((n for n in range(at, len(lines)) if pattern.fullmatch(lines[n])), None)
        assert found is not None, f"{where}: `{row}` is not there, or not in this order, in\n{said}"
        at = found + 1
