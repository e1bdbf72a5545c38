"""The pre-commit hook, run by pre-commit itself in a repository of a user's."""

from __future__ import annotations

import os
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


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (folder / "good.yaml").write_text(GOOD)
    (folder / "bad.yaml").write_text(BAD)
    (folder / "notes.md").write_text("no manifest\n")
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give pre-commit an empty home; the hook is installed once in it, for all tests."""
    return tmp_path_factory.mktemp("pre-commit")


def hook(repository: Path, home: Path, *files: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "try-repo", str(ROOT), "kube-audit", "--color=never", "--files", *files],
        cwd=repository,
        env={**os.environ, "PRE_COMMIT_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_a_bad_manifest_is_refused_with_its_reason(repository: Path, home: Path) -> None:
    done = hook(repository, home, "good.yaml", "bad.yaml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Failed" in done.stdout
    assert "bad.yaml" in done.stdout
    assert "REPLICAS" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_good_manifest_is_accepted(repository: Path, home: Path) -> None:
    done = hook(repository, home, "good.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout


def test_what_is_no_manifest_is_not_looked_at(repository: Path, home: Path) -> None:
    done = hook(repository, home, "notes.md")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no files to check" in done.stdout
