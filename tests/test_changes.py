"""Which lines git says have changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kube_audit.changes import ChangesError, since


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    for name in ("same.yaml", "edited.yaml", "räum lich.yaml", "removed.yaml"):
        (tmp_path / name).write_text("".join(f"line {n}\n" for n in range(1, 11)))
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "start")
    for name in ("edited.yaml", "räum lich.yaml"):
        (tmp_path / name).write_text((tmp_path / name).read_text().replace("line 5\n", "line five\n"))
    (tmp_path / "new.yaml").write_text("new\n")
    (tmp_path / "removed.yaml").unlink()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "lines", "touched"),
    [
        ("same.yaml", (1, 10), False),
        ("edited.yaml", (5, 5), True),
        ("edited.yaml", (4, 9), True),
        ("edited.yaml", (1, 4), False),
        ("edited.yaml", (6, 9), False),
        ("räum lich.yaml", (5, 5), True),
        ("new.yaml", (1, 1), True),
    ],
)
def test_changed_lines(repository: Path, file: str, lines: tuple[int, int], touched: bool) -> None:
    assert since("HEAD", repository).touch(str(repository / file), *lines) == touched


def test_removed_lines_touch_what_stood_around_them(repository: Path) -> None:
    file = repository / "edited.yaml"
    git(repository, "checkout", "-q", "edited.yaml")
    file.write_text(file.read_text().replace("line 5\n", ""))
    changes = since("HEAD", repository)
    assert changes.touch(str(file), 4, 4)
    assert not changes.touch(str(file), 7, 9)


@pytest.mark.parametrize("ref", ["no-such-ref", "--output=x", ""])
def test_what_is_no_commit_is_told(repository: Path, ref: str) -> None:
    with pytest.raises(ChangesError):
        since(ref, repository)


def test_outside_a_repository_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(ChangesError, match="repository"):
        since("HEAD", tmp_path)
