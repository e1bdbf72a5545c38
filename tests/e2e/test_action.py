"""The GitHub action: its shell steps run as a runner would run them, with nothing of GitHub."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
BAD = """\
apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  ports:
    - port: eighty
"""
GOOD = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: shop
data:
  LOG_LEVEL: info
"""


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(ROOT / "action.yml")
    return loaded


class Job(NamedTuple):
    """What a run of the action's own steps came to."""

    status: int
    stdout: str
    stderr: str
    outputs: dict[str, str]
    summary: str


def step(action: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(s for s in action["runs"]["steps"] if s.get("name") == name)
    return found


def bash(script: str, workspace: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    (workspace.parent / "script.sh").write_text(script)
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(workspace.parent / "script.sh")],
        cwd=workspace,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def audit(action: dict[str, Any], workspace: Path, **inputs: str) -> Job:
    """Run the steps "Audit" and "Fail …" in a workspace, with the action's defaults for inputs that are not given."""
    given = {name: spec["default"] for name, spec in action["inputs"].items()}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    audit_step = step(action, "Audit")
    env = {
        name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")] for name, value in audit_step["env"].items()
    }
    home = workspace.parent / "runner" / "kube-audit"
    home.mkdir(parents=True)
    (home / "bin").symlink_to(Path(sys.executable).parent)
    outputs, summary = workspace.parent / "outputs", workspace.parent / "summary.md"
    env |= {"RUNNER_TEMP": str(home.parent), "GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)}
    done = bash(audit_step["run"], workspace, env)
    read = dict(re.findall(r"(\w+)<<(?:\w+)\n(.*)\n\w+\n", outputs.read_text())) if outputs.exists() else {}
    status = done.returncode
    if status == 0:
        last = step(action, "Fail where there are findings")
        status = bash(last["run"], workspace, {"STATUS": read["status"]}).returncode
    return Job(status, done.stdout, done.stderr, read, summary.read_text() if summary.exists() else "")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def rules_in(sarif: Path) -> list[str]:
    return [result["ruleId"] for run in json.loads(sarif.read_text())["runs"] for result in run["results"]]


def test_findings_fail_the_job_and_are_in_the_sarif_file(action: dict[str, Any], workspace: Path) -> None:
    (workspace / "bad.yaml").write_text(BAD)
    done = audit(action, workspace)
    assert done.status == 1, done.stderr
    assert "::error file=bad.yaml,line=7" in done.stdout
    assert "bad.yaml" in done.summary
    assert done.outputs["sarif"] == "kube-audit.sarif"
    assert int(done.outputs["errors"]) >= 1
    assert int(done.outputs["findings"]) >= int(done.outputs["errors"])
    assert "schema-invalid" in rules_in(workspace / "kube-audit.sarif")


def test_without_findings_the_job_goes_on_with_an_empty_sarif_file(action: dict[str, Any], workspace: Path) -> None:
    (workspace / "good.yaml").write_text(GOOD)
    done = audit(action, workspace)
    assert done.status == 0, done.stdout + done.stderr
    assert rules_in(workspace / "kube-audit.sarif") == []


def test_inputs_reach_the_command(action: dict[str, Any], workspace: Path) -> None:
    (workspace / "in a folder").mkdir()
    (workspace / "in a folder" / "bad.yaml").write_text(BAD)
    (workspace / "good.yaml").write_text(GOOD)
    done = audit(
        action,
        workspace,
        paths="in a folder\ngood.yaml\n",
        profile="schema",
        kubernetes_version="1.30",
        fail_on="error",
        sarif_file="reports.sarif",
        args="--no-cache\n--ignore\nschema-invalid\n",
    )
    assert done.status == 0, done.stdout + done.stderr
    assert rules_in(workspace / "reports.sarif") == []


@pytest.mark.parametrize("name", ["paths", "profile", "kubernetes_version", "fail_on", "args"])
def test_inputs_run_no_commands(action: dict[str, Any], workspace: Path, name: str) -> None:
    (workspace / "good.yaml").write_text(GOOD)
    done = audit(action, workspace, **{name: '"; touch owned; $(touch owned) `touch owned` #'})
    assert done.status == 2
    assert not (workspace / "owned").exists()


def test_no_script_holds_an_expression(action: dict[str, Any]) -> None:
    scripts = [step["run"] for step in action["runs"]["steps"] if "run" in step]
    assert len(scripts) == 3
    assert not [script for script in scripts if "${{" in script]
