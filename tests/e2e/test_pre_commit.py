"""The pre-commit hook, run by pre-commit itself in a repository of a user's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .support import SOMEBODY, git

GOOD = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: shop
data:
  LOG_LEVEL: info
"""
BAD = GOOD.replace("LOG_LEVEL: info", "REPLICAS: [3]")
TRAP = GOOD.replace("LOG_LEVEL: info", "DEBUG: yes")
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports: [{port: 80}]
"""
PODS = """\
apiVersion: v1
kind: ReplicationController
metadata: {name: shop}
spec:
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers: [{name: shop, image: 'shop:1', ports: [{containerPort: 80}]}]
"""

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder where pre-commit keeps what it has installed."""
    return tmp_path_factory.mktemp("pre-commit-home")


class Project:
    """A user's repository with a configuration for pre-commit."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home
        git(folder, "init", "--quiet")

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.yaml").write_text(text)

    def commit(self) -> subprocess.CompletedProcess[str]:
        """Stage everything and commit it as a user does, with the hooks that `pre-commit install` has put there."""
        git(self.folder, "add", ".")
        return self._run("git", *SOMEBODY, "commit", "--message", "change")

    def pre_commit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run(sys.executable, "-m", "pre_commit", *arguments)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PRE_COMMIT_HOME": str(self.home)}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600)
        assert "Traceback" not in done.stdout + done.stderr
        return done


@pytest.fixture
def project(published: Path, home: Path, tmp_path: Path) -> Project:
    """Make a user's repository that has the hooks in its configuration, and one commit."""
    made = Project(tmp_path, home)
    revision = git(published, "rev-parse", "HEAD").strip()
    (tmp_path / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {published}\n  rev: {revision}\n  hooks:\n"
        "  - id: kube-audit-fix\n  - id: kube-audit\n  - id: kube-audit-tree\n    stages: [manual]\n"
    )
    assert made.commit().returncode == 0
    assert made.pre_commit("install").returncode == 0
    return made


def test_a_good_manifest_is_committed(project: Project) -> None:
    project.write(good=GOOD)
    done = project.commit()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stderr + done.stdout
    assert git(project.folder, "status", "--porcelain") == ""


def test_a_bad_manifest_stops_the_commit_with_its_place_and_reason(project: Project) -> None:
    project.write(good=GOOD, bad=BAD)
    done = project.commit()
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "bad.yaml:6" in said
    assert "REPLICAS" in said
    assert git(project.folder, "log", "--format=%s").count("change") == 1


def test_what_is_no_manifest_is_not_looked_at(project: Project) -> None:
    (project.folder / "notes.md").write_text("no manifest\n")
    done = project.commit()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no files to check" in done.stderr + done.stdout


def test_it_can_be_tried_without_configuration(project: Project, published: Path) -> None:
    project.write(bad=BAD)
    git(project.folder, "add", ".")
    done = project.pre_commit("try-repo", str(published), "kube-audit", "--files", "bad.yaml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "REPLICAS" in done.stdout


def test_a_changed_object_is_judged_with_the_rest_and_untouched_ones_stop_nobody(project: Project) -> None:
    project.write(pods=PODS)
    git(project.folder, "add", ".")
    git(project.folder, "commit", "--quiet", "--no-verify", "--message", "what was there before")
    project.write(service=SERVICE.replace("app: shop", "app: shp"))
    done = project.commit()
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "dangling-service" in said
    assert "ReplicationController shop" in said
    assert "pods.yaml:8" not in said  # what is wrong with the untouched object
    project.write(service=SERVICE)
    done = project.commit()
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tree_hook_finds_what_a_change_broke_elsewhere(project: Project) -> None:
    project.write(pods=PODS, service=SERVICE)
    git(project.folder, "add", ".")
    git(project.folder, "commit", "--quiet", "--no-verify", "--message", "what was there before")
    project.write(pods=PODS.replace("labels: {app: shop}", "labels: {app: store}"))
    git(project.folder, "add", ".")
    whole = project.pre_commit("run", "kube-audit-tree", "--hook-stage", "manual")
    assert whole.returncode == 1, whole.stdout + whole.stderr
    assert "service.yaml" in whole.stdout
    assert "dangling-service" in whole.stdout


def test_without_anything_staged_all_files_are_audited(project: Project) -> None:
    project.write(bad=BAD, good=GOOD)
    git(project.folder, "add", ".")
    git(project.folder, "commit", "--quiet", "--no-verify", "--message", "what was there before")
    done = project.pre_commit("run", "kube-audit", "--all-files")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "bad.yaml:6" in done.stdout


def test_a_fix_stops_the_commit_and_is_in_it_once_it_is_staged(project: Project) -> None:
    project.write(old=TRAP)
    git(project.folder, "add", ".")
    git(project.folder, "commit", "--quiet", "--no-verify", "--message", "what was there before")
    project.write(old=TRAP + "---\n" + TRAP.replace("shop", "new"))
    done = project.commit()
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "files were modified by this hook" in said
    assert "1 fix made in 1 file" in said
    fixed = TRAP + "---\n" + TRAP.replace("shop", "new").replace("yes", '"yes"')
    assert (project.folder / "old.yaml").read_text() == fixed
    done = project.commit()
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(project.folder, "show", "HEAD:old.yaml") == fixed
