"""The pre-commit hook, run by pre-commit itself in a repository of a user's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: shop
data:
  LOG_LEVEL: info
"""
BAD = GOOD.replace("LOG_LEVEL: info", "REPLICAS: 3")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="pre-commit installs hooks from a git repository"),
]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.com", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commit the checkout as it stands, changes and new files included, to a repository of its own."""
    folder = tmp_path_factory.mktemp("published")
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "published")
    return folder


@pytest.fixture(scope="module")
def project(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a user's repository that has the hook in its configuration."""
    folder = tmp_path_factory.mktemp("project")
    git(folder, "init", "--quiet")
    (folder / "good.yaml").write_text(GOOD)
    (folder / "bad.yaml").write_text(BAD)
    (folder / "notes.md").write_text("no manifest\n")
    revision = git(published, "rev-parse", "HEAD").strip()
    (folder / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {published}\n  rev: {revision}\n  hooks:\n"
        "  - id: kube-audit\n"
        "  - id: kube-audit-fix\n    stages: [manual]\n"
        "  - id: kube-audit-tree\n    stages: [manual]\n"
    )
    git(folder, "add", ".")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pre-commit-home")


def pre_commit(project: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", *arguments],
        cwd=project,
        env={**os.environ, "PRE_COMMIT_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_a_good_manifest_is_accepted(project: Path, home: Path) -> None:
    done = pre_commit(project, home, "run", "kube-audit", "--files", "good.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout


def test_a_bad_manifest_stops_the_commit_with_its_reason(project: Path, home: Path) -> None:
    done = pre_commit(project, home, "run", "kube-audit", "--files", "good.yaml", "bad.yaml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Failed" in done.stdout
    assert "bad.yaml:6" in done.stdout
    assert "REPLICAS" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_what_is_no_manifest_is_not_looked_at(project: Path, home: Path) -> None:
    done = pre_commit(project, home, "run", "kube-audit", "--files", "notes.md")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no files to check" in done.stdout


def test_it_can_be_tried_without_configuration(project: Path, home: Path, published: Path) -> None:
    done = pre_commit(project, home, "try-repo", str(published), "kube-audit", "--files", "bad.yaml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "REPLICAS" in done.stdout


def test_a_changed_object_is_judged_with_the_rest_and_untouched_ones_stop_nobody(project: Path, home: Path) -> None:
    service = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec:\n  selector: {app: shp}\n  ports: [{port: 80}]\n"
    )
    pods = "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: shop}\nspec:\n  template:\n"
    pods += "    metadata: {labels: {app: shop}}\n    spec:\n      containers: [{name: shop, image: 'shop:1'}]\n"
    (project / "pods.yaml").write_text(pods)
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message", "start")
    (project / "service.yaml").write_text(service)
    git(project, "add", "service.yaml")
    done = pre_commit(project, home, "run", "kube-audit")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "dangling-service" in done.stdout
    assert "ReplicationController shop" in done.stdout
    assert "pods.yaml:8" not in done.stdout  # what is wrong with the untouched object
    git(project, "rm", "--quiet", "--force", "service.yaml")


def test_a_fix_is_made_and_left_to_be_staged(project: Path, home: Path) -> None:
    trap = GOOD.replace("LOG_LEVEL: info", "DEBUG: yes")
    (project / "trap.yaml").write_text(trap)
    git(project, "add", "trap.yaml")
    done = pre_commit(project, home, "run", "kube-audit-fix", "--hook-stage", "manual", "--files", "trap.yaml")
    assert done.returncode == 1
    assert "files were modified by this hook" in done.stdout
    assert 'DEBUG: "yes"' in (project / "trap.yaml").read_text()
    again = pre_commit(project, home, "run", "kube-audit-fix", "--hook-stage", "manual", "--files", "trap.yaml")
    assert again.returncode == 0, again.stdout
