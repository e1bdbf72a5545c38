"""Which lines git says have changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kube_audit.changes import ChangesError, since, staged


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


def test_content_that_looks_like_the_head_of_another_file_is_content(repository: Path) -> None:
    text = (repository / "same.yaml").read_text().replace("line 3\n", "++ b/other.yaml\n")
    (repository / "same.yaml").write_text(text.replace("line 8\n", "line eight\n").removesuffix("\n"))
    changes = since("HEAD", repository)
    assert [changes.touch(str(repository / "same.yaml"), line, line) for line in (3, 5, 8)] == [True, False, True]
    assert not changes.touch(str(repository / "other.yaml"), 1, 10)


@pytest.mark.parametrize("attributes", ["*.yaml -diff", "*.yaml binary", "*.yaml diff=mine"])
def test_attributes_hide_no_change(repository: Path, attributes: str) -> None:
    (repository / ".gitattributes").write_text(attributes + "\n")
    assert since("HEAD", repository).touch(str(repository / "edited.yaml"), 5, 5)


@pytest.mark.parametrize(
    "setting", ["diff.noprefix=true", "diff.mnemonicPrefix=true", "diff.interHunkContext=9", "diff.mine.command=false"]
)
def test_a_configuration_of_git_changes_nothing(repository: Path, setting: str) -> None:
    git(repository, "config", *setting.split("="))
    git(repository, "add", "edited.yaml")
    for changes in (since("HEAD", repository), staged(repository)):
        assert changes is not None
        assert changes.touch(str(repository / "edited.yaml"), 5, 5)
        assert not changes.touch(str(repository / "edited.yaml"), 6, 9)


class TestStaged:
    def test_what_is_not_staged_does_not_count(self, repository: Path) -> None:
        git(repository, "add", "edited.yaml")
        changes = staged(repository)
        assert changes is not None
        assert [name.rpartition("/")[2] for name in changes.lines] == ["edited.yaml"]

    def test_lines_are_those_of_the_folder(self, repository: Path) -> None:
        file = repository / "edited.yaml"
        git(repository, "add", "edited.yaml")
        file.write_text("new\n\n" + file.read_text())
        changes = staged(repository)
        assert changes is not None
        assert changes.touch(str(file), 7, 7)
        assert not changes.touch(str(file), 5, 5)

    def test_before_the_first_commit_all_of_a_staged_file_is_new(self, tmp_path: Path) -> None:
        git(tmp_path, "init", "-q")
        (tmp_path / "a.yaml").write_text("a: 1\n")
        git(tmp_path, "add", "a.yaml")
        (tmp_path / "b.yaml").write_text("b: 1\n")
        changes = staged(tmp_path)
        assert changes is not None
        assert changes.touch(str(tmp_path / "a.yaml"), 1, 1)
        assert not changes.touch(str(tmp_path / "b.yaml"), 1, 1)

    def test_nothing_staged_is_told_from_removed_files(self, repository: Path) -> None:
        assert staged(repository) is None
        git(repository, "rm", "-q", "removed.yaml")
        assert staged(repository) == ({},)
