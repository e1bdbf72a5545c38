"""The examples for other CI systems: their commands run, and leave the reports that the jobs then pick up."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

PAGES = sorted((Path(__file__).parents[2] / "docs" / "ci").glob("*.md"))
COMMAND = re.compile(r"(?:kube-audit|\$\(KUBE_AUDIT\)) (check [^\n']*)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
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
def test_its_yaml_is_yaml_and_its_makefile_a_makefile(page: Path, tmp_path: Path) -> None:
    ((language, body),) = blocks(page)
    if language == "yaml":
        assert isinstance(YAML(typ="safe").load(body), dict)
    elif language == "makefile":
        (tmp_path / "Makefile").write_text(body, "utf-8")
        done = subprocess.run(["make", "--dry-run", "audit"], cwd=tmp_path, capture_output=True, text=True)
        assert "kube-audit check k8s" in done.stdout, done.stderr
    else:
        assert language == "groovy"
        assert body.count("{") == body.count("}")
