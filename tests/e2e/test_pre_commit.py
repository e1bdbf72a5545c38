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
        f"repos:\n- repo: {published}\n  rev: {revision}\n  hooks:\n  - id: kube-audit\n"
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
