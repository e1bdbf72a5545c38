"""What `.gitignore` and `.kube-auditignore` leave out of a walk; git itself is the referee."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_audit.findings import Skipped
from kube_audit.sources import files
from kube_audit.sources.files import SourceFile

TREE = [
    f"{folder}{name}"
    for folder in ("", "a/", "a/b/", "a/b/a/", "b/", "ab/", "ab/b/a/", "!a/")
    for name in ("a.yaml", "b.yaml", "x.yml", "ab.json")
]


def write(folder: Path, **content: str) -> None:
    """Write ignore files: `git` and `own` at the top, `sub_git` and `sub_own` in `sub/`."""
    for key, text in content.items():
        below = folder / "sub" if key.startswith("sub_") else folder
        below.mkdir(exist_ok=True)
        name = ".gitignore" if key.endswith("git") else ".kube-auditignore"
        (below / name).write_text(text)


def plant(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(cwd: Path, *paths: str) -> list[str]:
    return [f.name for f in files.find(paths or ["."], cwd) if isinstance(f, SourceFile)]


def skipped(cwd: Path, *paths: str) -> list[Skipped]:
    return [s for s in files.find(paths or ["."], cwd) if isinstance(s, Skipped)]


class TestReasons:
    def test_a_file_is_told_with_the_ignore_file_that_names_it(self, tmp_path: Path) -> None:
        plant(tmp_path, "a.yaml", "sub/b.yaml", "sub/c.yaml")
        write(tmp_path, git="a.yaml\n", sub_own="b.yaml\n")
        assert found(tmp_path) == ["sub/c.yaml"]
        assert skipped(tmp_path) == [
            Skipped("a.yaml", "ignored by .gitignore"),
            Skipped("sub/b.yaml", "ignored by sub/.kube-auditignore"),
        ]

    def test_a_folder_is_told_once(self, tmp_path: Path) -> None:
        plant(tmp_path, "out/a.yaml", "out/deep/b.yaml", "c.yaml")
        write(tmp_path, git="out/\n")
        assert found(tmp_path) == ["c.yaml"]
        assert skipped(tmp_path) == [Skipped("out", "ignored by .gitignore")]

    def test_a_file_that_is_no_manifest_is_not_told(self, tmp_path: Path) -> None:
        plant(tmp_path, "a.log", "b.yaml")
        write(tmp_path, git="*.log\n")
        assert skipped(tmp_path) == []


class TestNearness:
    def test_the_nearer_file_has_the_last_word(self, tmp_path: Path) -> None:
        plant(tmp_path, "a.yaml", "sub/a.yaml")
        write(tmp_path, git="a.yaml\n", sub_git="!a.yaml\n")
        assert found(tmp_path) == ["sub/a.yaml"]

    def test_kube_auditignore_takes_back_what_gitignore_ignores(self, tmp_path: Path) -> None:
        plant(tmp_path, "rendered/a.yaml", "rendered/b.secret.yaml", "out/c.yaml")
        write(tmp_path, git="rendered/\nout/\n*.secret.yaml\n", own="!rendered/\n")
        assert found(tmp_path) == ["rendered/a.yaml"]

    def test_nothing_below_an_ignored_folder_can_be_taken_back(self, tmp_path: Path) -> None:
        plant(tmp_path, "out/a.yaml")
        write(tmp_path, git="out/\n!out/a.yaml\n")
        assert found(tmp_path) == []

    def test_the_repository_is_asked_from_its_root(self, tmp_path: Path) -> None:
        plant(tmp_path, ".git/HEAD", "sub/deep/a.yaml", "sub/deep/b.yaml", "sub/deep/c.yaml")
        write(tmp_path, git="/sub/deep/a.yaml\n", sub_own="b.yaml\n")
        assert found(tmp_path / "sub", "deep") == ["deep/c.yaml"]

    def test_a_repository_in_a_working_tree_asks_its_own(self, tmp_path: Path) -> None:
        plant(tmp_path, ".git/HEAD", "sub/.git", "sub/a.yaml", "sub/b.yaml", "sub/c.yaml")
        write(tmp_path, git="a.yaml\n", own="c.yaml\n", sub_git="b.yaml\n")
        assert found(tmp_path) == ["sub/a.yaml"]

    def test_without_a_repository_the_working_directory_is_the_root(self, tmp_path: Path) -> None:
        plant(tmp_path, "sub/a.yaml", "sub/b.yaml")
        write(tmp_path, own="a.yaml\n")
        assert found(tmp_path, "sub") == ["sub/b.yaml"]

    def test_an_ignored_folder_is_read_when_named(self, tmp_path: Path) -> None:
        plant(tmp_path, ".git/HEAD", "out/deep/a.yaml", "out/deep/b.yaml")
        write(tmp_path, git="out/\n")
        (tmp_path / "out" / ".gitignore").write_text("b.yaml\n")
        assert found(tmp_path, "out") == ["out/deep/a.yaml"]
        assert found(tmp_path, "out/deep") == ["out/deep/a.yaml"]


class TestLines:
    @pytest.mark.parametrize(
        ("text", "left"),
        [
            ("*\n!*/\n!*.yaml\n", ["a.yaml", "a/a.yaml", "a/b/a.yaml"]),
            ("a/**\n!a/**/\n!a/**/a.yaml\n", ["a.yaml", "a/a.yaml", "a/b/a.yaml", "x.yml"]),
            ("/*\n!/a/\n", ["a/a.yaml", "a/b/a.yaml", "a/b/x.yml", "a/x.yml"]),
            ("*.yml\n/*\n!/a/\n", ["a/a.yaml", "a/b/a.yaml"]),
            ("\ufeffa/\r\n\r\n# x.yml\r\n", ["a.yaml", "x.yml"]),
            ("a\\.yaml   \n[^a].yml\n", []),
        ],
    )
    def test_mean_what_they_mean_to_git(self, tmp_path: Path, text: str, left: list[str]) -> None:
        plant(tmp_path, *(f"{f}{n}" for f in ("", "a/", "a/b/") for n in ("a.yaml", "x.yml")))
        (tmp_path / ".gitignore").write_text(text, newline="")
        assert found(tmp_path) == left

    @pytest.mark.parametrize("line", ["*a*a*a*a*a*b", "/a/**/a/**/a/**/a/**/b"])
    def test_that_would_take_for_ever_are_told_and_not_honoured(self, tmp_path: Path, line: str) -> None:
        plant(tmp_path, "a" * 240 + ".yaml", "b.yaml")
        write(tmp_path, git=f"b.yaml\n{line}\n")
        start = time.perf_counter()
        assert found(tmp_path) == ["a" * 240 + ".yaml"]
        assert time.perf_counter() - start < 2
        [told] = [s for s in skipped(tmp_path) if s.line is not None]
        assert (told.file, told.line) == (".gitignore", 2)
        assert "line 2 is not honoured" in told.reason

    @given(st.binary(max_size=40))
    @settings(max_examples=200, deadline=None)
    def test_of_any_bytes_do_no_harm(self, tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
        folder = tmp_path_factory.getbasetemp() / "any-bytes"
        plant(folder, "a.yaml")
        (folder / ".gitignore").write_bytes(content)
        seen = list(files.find(["."], folder))
        assert "a.yaml" in {s.name if isinstance(s, SourceFile) else s.file for s in seen}


class TestIgnoreFilesThatAreNoFiles:
    def test_are_told_and_never_opened(self, tmp_path: Path) -> None:
        plant(tmp_path, "a.yaml", "sub/b.yaml")
        os.mkfifo(tmp_path / ".gitignore")
        (tmp_path / "sub" / ".gitignore").symlink_to("/dev/zero")
        assert found(tmp_path) == ["a.yaml", "sub/b.yaml"]
        assert [(s.file, s.reason) for s in skipped(tmp_path)] == [
            (".gitignore", "not honoured: not a plain file"),
            ("sub/.gitignore", "not honoured: not a plain file"),
        ]

    def test_are_told_when_they_are_huge(self, tmp_path: Path) -> None:
        plant(tmp_path, "a.yaml")
        write(tmp_path, git="#" * (1024 * 1024 + 1))
        assert found(tmp_path) == ["a.yaml"]
        assert "larger than 1 MiB" in skipped(tmp_path)[0].reason


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    plant(folder, *TREE)
    return folder


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
class TestAgainstGit:
    segment = st.sampled_from(
        ["a", "b", "ab", "*", "**", "a*", "?", "?b", "[ab]", "[!a]", "[^b]", "*.yaml", "a.yaml", "x.yml", "\\a", "*b"]
    )
    lines = st.lists(
        st.builds(
            lambda negated, anchored, segments, folder: negated + anchored + "/".join(segments) + folder,
            st.sampled_from(["", "", "!"]),
            st.sampled_from(["", "", "/"]),
            st.lists(segment, min_size=1, max_size=3),
            st.sampled_from(["", "", "/"]),
        ),
        max_size=4,
    ).map("\n".join)

    @given(top=lines, below=lines)
    @settings(max_examples=150, deadline=None)
    def test_what_is_read_is_what_git_does_not_ignore(self, repository: Path, top: str, below: str) -> None:
        (repository / ".gitignore").write_text(top)
        (repository / "a" / ".gitignore").write_text(below)
        listed = subprocess.run(
            ["git", "ls-files", "--others", "--exclude-per-directory=.gitignore", "-z"],
            cwd=repository,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split("\0")
        assert sorted(found(repository)) == sorted(name for name in listed if name in TREE)
