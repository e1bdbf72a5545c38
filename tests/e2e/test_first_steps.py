"""The first steps of the README and the guides, done as they say by somebody who has nothing but git and Python.

The address that the pages stand in for is, for git, that of a repository with the checkout as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import kube_audit
from tests.pages import Block, blocks, commands, documents, is_workflow, text

from .support import ROOT, SOMEBODY, git
from .test_action import audit

pytestmark = pytest.mark.e2e
ADDRESS = "https://github.com/OWNER/kube-audit"


@pytest.fixture
def environment(published: Path, tmp_path: Path) -> Mapping[str, str]:
    """Return the environment of somebody with an empty home, whose git finds the published checkout at its address."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[url "{published}"]\n  insteadOf = {ADDRESS}\n')
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    kept["PATH"] = os.pathsep.join(part for part in kept["PATH"].split(os.pathsep) if ".venv" not in part)
    return {**kept, "HOME": str(home), "PRE_COMMIT_HOME": str(home / "pre-commit")}


def run(command: str, folder: Path, environment: Mapping[str, str], status: int = 0) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=dict(environment), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == status, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def block_of(page: str, part: str) -> Block:
    """Return the only block of a page that holds a text."""
    (found,) = [block for block in blocks(page) if part in block.body]
    return found


def test_the_readme_installs_from_a_checkout(published: Path, environment: Mapping[str, str], tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    git(tmp_path, "clone", "--quiet", str(published), str(checkout))
    said = ""
    for command, _ in commands(block_of("README.md", "pip install .")):
        said = run(command, checkout, environment)
    assert kube_audit.__version__ in said
    shutil.copytree(ROOT / "fixtures" / "demo", tmp_path / "shop" / "k8s")
    run("~/kube-audit/bin/kube-audit check k8s/", tmp_path / "shop", environment, status=1)


def test_getting_started_begins_with_nothing(environment: Mapping[str, str], tmp_path: Path) -> None:
    for command, _ in commands(block_of("docs/getting-started.md", "git clone")):
        run(command, tmp_path, environment)
    file = block_of("docs/getting-started.md", "image: nginx:latest")
    (tmp_path / file.said["file"]).write_text(file.body)
    report = run("~/kube-audit/bin/kube-audit check web.yaml", tmp_path, environment, status=1)
    assert "[schema-invalid, fixable]" in report


def test_the_configuration_for_pre_commit_stops_a_bad_commit(
    published: Path, environment: Mapping[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "--quiet")
    configuration = block_of("README.md", "repos:")
    assert ADDRESS in configuration.body
    revision = git(published, "rev-parse", "HEAD").strip()
    (folder / ".pre-commit-config.yaml").write_text(configuration.body.replace("COMMIT", revision))
    ((install, _),) = commands(block_of("docs/pre-commit.md", "pre-commit install"))
    here = {**environment, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"}
    run(install, folder, here)
    shutil.copy(ROOT / "fixtures" / "demo" / "catalogue.yaml", folder)
    commit = " ".join(["git add . && git", *(f"'{word}'" for word in SOMEBODY), "commit -m first"])
    assert "catalogue.yaml:9" in run(commit, folder, here, status=1)
    (folder / "catalogue.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
    run(commit, folder, here)


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=str(block))
        for page in ("README.md", "docs/ci.md")
        for block in blocks(page)
        if block.language == "yaml" and is_workflow(documents(block)[0])
    ],
)
def test_the_job_of_a_workflow_audits_a_repository(block: Block, tmp_path: Path) -> None:
    (workflow,) = documents(block)
    (job,) = workflow["jobs"].values()
    workspace = tmp_path / "workspace"
    for folder in ("k8s", "deploy", "audit/rules"):
        (workspace / folder).mkdir(parents=True)
    git(workspace, "init", "--quiet", "--initial-branch", "main")
    git(workspace, "commit", "--quiet", "--allow-empty", "--message", "start")
    git(workspace, "update-ref", "refs/remotes/origin/main", "HEAD")
    tool = [sys.executable, "-m", "kube_audit"]
    known = [*tool, "check", "deploy", "--write-baseline", ".kube-audit-baseline.json"]
    subprocess.run(known, cwd=workspace, check=True, capture_output=True)
    shutil.copy(ROOT / "fixtures" / "demo" / "catalogue.yaml", workspace / "k8s")
    (step,) = [
        step
        for step in job["steps"]
        if "OWNER/kube-audit@" in step.get("uses", "") or step.get("run", "").startswith("kube-audit ")
    ]
    if "run" in step:
        command = [*tool, *step["run"].split()[1:]]
        done = subprocess.run(command, cwd=workspace, capture_output=True, text=True)
        status, said = done.returncode, done.stdout
    else:
        action: dict[str, Any] = YAML(typ="safe").load(ROOT / "action.yml")
        inputs = {name: str(value).replace("${{ github.base_ref }}", "main") for name, value in step["with"].items()}
        job_done = audit(action, workspace, **inputs)
        status, said = job_done.status, job_done.stdout
        assert int(job_done.outputs["errors"]) > 0
    assert status == 1
    assert "::error file=k8s/catalogue.yaml,line=9" in said


def test_the_pages_name_one_address() -> None:
    for page in ("README.md", "docs/getting-started.md", "docs/pre-commit.md"):
        assert ADDRESS in text(page)
