"""The examples for other CI systems: their commands run, and leave the reports that the jobs then pick up."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support import audit_paths

PAGES = sorted((Path(__file__).parents[2] / "docs" / "ci").glob("*.md"))
COMMAND = re.compile(r"(?:kube-audit|\$\(KUBE_AUDIT\)) (check [^\n']*)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCHEMAS = {"azure-pipelines": "vendor.azure-pipelines", "gitlab": "vendor.gitlab-ci"}
BAD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers: [{name: web, image: 'nginx:latest'}]\n"


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in BLOCK.finditer(page.read_text("utf-8"))]


def test_there_is_an_example_for_each_system() -> None:
    assert [page.stem for page in PAGES] == ["azure-pipelines", "gitlab", "jenkins", "makefile", "tekton"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_command_finds_what_is_wrong_and_writes_every_report_that_the_job_picks_up(
    page: Path, tmp_path: Path
) -> None:
    (job,) = [body for _, body in blocks(page)]
    (command,) = COMMAND.findall(job)
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "web.yaml").write_text(BAD, "utf-8")
    (tmp_path / "logs").mkdir()
    command = command.replace('"$@"', "k8s").replace("$(Build.ArtifactStagingDirectory)", str(tmp_path))
    run = [sys.executable, "-m", "kube_audit", *shlex.split(command)]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert "image-tag-latest" in done.stdout
    written = {one.relative_to(tmp_path).as_posix() for one in tmp_path.rglob("*.*") if one.suffix != ".yaml"}
    for report in written:
        assert (tmp_path / report).read_text("utf-8")
        named = job.count(report) + job.count(str(Path(report).parent) + "\n") * ("/" in report)
        assert named > 1 or page.stem in ("tekton", "makefile"), f"{report} is written and not picked up"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_it_is_in_the_language_of_its_system(page: Path, tmp_path: Path) -> None:
    ((language, body),) = blocks(page)
    if language == "makefile":
        (tmp_path / "Makefile").write_text(body, "utf-8")
        done = subprocess.run(["make", "--dry-run", "audit"], cwd=tmp_path, capture_output=True, text=True)
        assert "kube-audit check k8s" in done.stdout, done.stderr
    elif page.stem in SCHEMAS:
        assert fits_its_schema(page.stem, body, tmp_path)
    elif page.stem == "tekton":
        (tmp_path / "task.yaml").write_text(body, "utf-8")
        assert audit_paths(tmp_path / "task.yaml", profile="schema").findings == []
        assert_task(YAML(typ="safe").load(body))
    else:
        assert language == "groovy"
        assert body.count("{") == body.count("}")


def assert_task(task: dict[str, Any]) -> None:
    """Hold a task against the fields of Tekton's API (tekton.dev/v1), as far as a task of this kind may use them."""
    assert (task["apiVersion"], task["kind"]) == ("tekton.dev/v1", "Task")
    spec = task["spec"]
    assert spec.keys() <= {"description", "params", "workspaces", "results", "steps", "stepTemplate", "volumes"}
    for step in spec["steps"]:
        assert step.keys() <= {"name", "image", "workingDir", "env", "computeResources", "args", "script"}
    for param in spec["params"]:
        assert param.keys() <= {"name", "type", "description", "default"}
        assert isinstance(param["default"], list) == (param.get("type") == "array")
    declared = {f"params.{param['name']}" for param in spec["params"]}
    declared |= {f"workspaces.{workspace['name']}.path" for workspace in spec["workspaces"]}
    assert set(re.findall(r"\$\(([\w.-]+)(?:\[\*\])?\)", str(spec["steps"]))) == declared


def fits_its_schema(system: str, body: str, folder: Path) -> bool:
    """Whether a pipeline is one to the schema that its system publishes for editors."""
    (folder / "pipeline.yaml").write_text(body, "utf-8")
    # Some of its patterns are none where unicode is minded.
    options = ["--builtin-schema", SCHEMAS[system], "--regex-variant", "nonunicode", "pipeline.yaml"]
    command = [sys.executable, "-m", "check_jsonschema", *options]
    return subprocess.run(command, cwd=folder, capture_output=True).returncode == 0


@pytest.mark.parametrize("system", ["azure-pipelines", "gitlab"])
def test_the_schemas_refuse_what_is_wrong(system: str, tmp_path: Path) -> None:
    page = next(page for page in PAGES if page.stem == system)
    ((_, body),) = blocks(page)
    assert fits_its_schema(system, body, tmp_path)
    assert not fits_its_schema(system, body.replace("script:", "skript:"), tmp_path)
