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

from .support import ROOT, git

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


def test_it_fits_the_schema_of_actions() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


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
    if not home.exists():
        home.mkdir(parents=True)
        (home / "bin").symlink_to(Path(sys.executable).parent)
    outputs, summary = workspace.parent / "outputs", workspace.parent / "summary.md"
    for file in (outputs, summary):
        file.unlink(missing_ok=True)
    env |= {
        "RUNNER_TEMP": str(home.parent),
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_WORKSPACE": str(workspace),
        "GITHUB_SERVER_URL": "https://github.example.com",
        "GITHUB_REPOSITORY": "team/shop",
        "GITHUB_SHA": "0a1b2c",
    }
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
    assert "(https://github.example.com/team/shop/blob/0a1b2c/bad.yaml#L7)" in done.summary
    assert set(done.outputs) == set(re.findall(r"steps\.audit\.outputs\.(\w+)", (ROOT / "action.yml").read_text()))
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


def test_a_configuration_a_severity_and_a_baseline_can_be_named(action: dict[str, Any], workspace: Path) -> None:
    (workspace / "bad.yaml").write_text(BAD)
    (workspace / "mild.yaml").write_text("profile: schema\nfail-on: error\nrules: {schema-invalid: info}\n")
    mild = audit(action, workspace, config="mild.yaml")
    assert (mild.status, mild.outputs["errors"], mild.outputs["findings"]) == (0, "0", "1")
    assert rules_in(workspace / "kube-audit.sarif") == ["schema-invalid"]
    assert audit(action, workspace, config="mild.yaml", severity="warning").status == 0
    assert rules_in(workspace / "kube-audit.sarif") == []
    command = [sys.executable, "-m", "kube_audit", "check", "bad.yaml", "--write-baseline", "known.json"]
    subprocess.run(command, cwd=workspace, check=True, capture_output=True)
    known = audit(action, workspace, paths="bad.yaml", baseline="known.json")
    assert (known.status, known.outputs["findings"]) == (0, "0")


def test_with_since_only_changed_objects_count(action: dict[str, Any], workspace: Path) -> None:
    git(workspace, "init", "--quiet")
    (workspace / "bad.yaml").write_text(BAD)
    git(workspace, "add", ".")
    git(workspace, "commit", "--quiet", "--message", "start")
    (workspace / "good.yaml").write_text(GOOD)
    assert audit(action, workspace, since="HEAD").status == 0
    (workspace / "new.yaml").write_text(BAD)
    done = audit(action, workspace, since="HEAD")
    assert done.status == 1
    assert "file=new.yaml" in done.stdout
    assert "file=bad.yaml" not in done.stdout
    assert audit(action, workspace, since="no-such-commit").status == 2


def test_what_is_suppressed_opens_no_alert(action: dict[str, Any], workspace: Path) -> None:
    (workspace / "bad.yaml").write_text(f"# kube-audit: ignore-file[*] known\n{BAD}")
    assert audit(action, workspace).status == 0
    assert rules_in(workspace / "kube-audit.sarif") == []


@pytest.mark.e2e
def test_the_whole_action_runs_from_its_own_checkout(action: dict[str, Any], workspace: Path, tmp_path: Path) -> None:
    env = {"PYTHON": sys.executable, "VERSION": "", "RUNNER_TEMP": str(tmp_path / "runner")}
    (tmp_path / "runner").mkdir()
    installed = bash(step(action, "Install kube-audit")["run"], workspace, {**env, "GITHUB_ACTION_PATH": str(ROOT)})
    assert installed.returncode == 0, installed.stdout + installed.stderr
    (workspace / "bad.yaml").write_text(BAD)
    done = audit(action, workspace)
    assert done.status == 1, done.stderr
    assert "schema-invalid" in rules_in(workspace / "kube-audit.sarif")


def test_every_step_comes_in_the_order_that_fails_the_job_last(action: dict[str, Any]) -> None:
    steps = action["runs"]["steps"]
    assert [step.get("uses", "run").partition("@")[0] for step in steps] == [
        "actions/setup-python", "run", "run", "github/codeql-action/upload-sarif", "run",
    ]  # fmt: skip
    assert steps[-1]["name"] == "Fail where there are findings"
    assert steps[3]["with"] == {"sarif_file": "${{ steps.audit.outputs.sarif }}", "category": "kube-audit"}


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
