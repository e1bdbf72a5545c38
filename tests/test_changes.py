"""Which lines git says have changed, and the findings on objects that they belong to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kube_audit.changes import ChangesError, since, staged
from tests.cli.test_check import run


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "more")


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
    assert since("HEAD", [repository]).touch(str(repository / file), *lines) == touched


def test_removed_lines_touch_what_stood_around_them(repository: Path) -> None:
    file = repository / "edited.yaml"
    git(repository, "checkout", "-q", "edited.yaml")
    file.write_text(file.read_text().replace("line 5\n", ""))
    changes = since("HEAD", [repository])
    assert changes.touch(str(file), 4, 4)
    assert not changes.touch(str(file), 7, 9)


@pytest.mark.parametrize("ref", ["no-such-ref", "--output=x", ""])
def test_what_is_no_commit_is_told(repository: Path, ref: str) -> None:
    with pytest.raises(ChangesError):
        since(ref, [repository])


def test_outside_a_repository_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(ChangesError, match="repository"):
        since("HEAD", [tmp_path])


def test_content_that_looks_like_the_head_of_another_file_is_content(repository: Path) -> None:
    text = (repository / "same.yaml").read_text().replace("line 3\n", "++ b/other.yaml\n")
    (repository / "same.yaml").write_text(text.replace("line 8\n", "line eight\n").removesuffix("\n"))
    changes = since("HEAD", [repository])
    assert [changes.touch(str(repository / "same.yaml"), line, line) for line in (3, 5, 8)] == [True, False, True]
    assert not changes.touch(str(repository / "other.yaml"), 1, 10)


@pytest.mark.parametrize("attributes", ["*.yaml -diff", "*.yaml binary", "*.yaml diff=mine"])
def test_attributes_hide_no_change(repository: Path, attributes: str) -> None:
    (repository / ".gitattributes").write_text(attributes + "\n")
    assert since("HEAD", [repository]).touch(str(repository / "edited.yaml"), 5, 5)


@pytest.mark.parametrize(
    "setting",
    [
        "diff.noprefix=true",
        "diff.mnemonicPrefix=true",
        "diff.interHunkContext=9",
        "diff.relative=true",
        "core.quotePath=false",
        "diff.mine.command=false",
    ],
)
def test_a_configuration_of_git_changes_nothing(repository: Path, setting: str) -> None:
    git(repository, "config", *setting.split("="))
    git(repository, "add", "edited.yaml")
    for changes in (since("HEAD", [repository]), staged([repository])):
        assert changes is not None
        assert changes.touch(str(repository / "edited.yaml"), 5, 5)
        assert not changes.touch(str(repository / "edited.yaml"), 6, 9)


class TestStaged:
    def test_what_is_not_staged_does_not_count(self, repository: Path) -> None:
        git(repository, "add", "edited.yaml")
        changes = staged([repository])
        assert changes is not None
        assert [name.rpartition("/")[2] for name in changes.lines] == ["edited.yaml"]

    def test_lines_are_those_of_the_folder(self, repository: Path) -> None:
        file = repository / "edited.yaml"
        git(repository, "add", "edited.yaml")
        file.write_text("new\n\n" + file.read_text())
        changes = staged([repository])
        assert changes is not None
        assert changes.touch(str(file), 7, 7)
        assert not changes.touch(str(file), 5, 5)

    def test_before_the_first_commit_all_of_a_staged_file_is_new(self, tmp_path: Path) -> None:
        git(tmp_path, "init", "-q")
        (tmp_path / "a.yaml").write_text("a: 1\n")
        git(tmp_path, "add", "a.yaml")
        (tmp_path / "b.yaml").write_text("b: 1\n")
        changes = staged([tmp_path])
        assert changes is not None
        assert changes.touch(str(tmp_path / "a.yaml"), 1, 1)
        assert not changes.touch(str(tmp_path / "b.yaml"), 1, 1)

    def test_nothing_staged_is_told_from_removed_files(self, repository: Path) -> None:
        assert staged([repository]) is None
        git(repository, "rm", "-q", "removed.yaml")
        assert staged([repository]) == ({},)


def test_a_renamed_file_has_only_changed_where_it_differs(repository: Path) -> None:
    git(repository, "checkout", "-q", ".")
    git(repository, "mv", "same.yaml", "moved.yaml")
    git(repository, "mv", "edited.yaml", "other.yaml")
    moved, other = repository / "moved.yaml", repository / "other.yaml"
    other.write_text(other.read_text().replace("line 5\n", "line five\n"))
    for changes in (since("HEAD", [repository]), staged([repository])):
        assert changes is not None
        assert not changes.touch(str(moved), 1, 10)
        assert not changes.touch(str(other), 7, 10)
    assert since("HEAD", [repository]).touch(str(other), 5, 5)


def test_what_the_other_branch_has_changed_meanwhile_does_not_count(repository: Path) -> None:
    git(repository, "checkout", "-q", ".")
    git(repository, "branch", "other")
    commit_on_other = repository / "same.yaml"
    git(repository, "checkout", "-q", "other")
    commit_on_other.write_text("all\nnew\n")
    commit(repository)
    git(repository, "checkout", "-q", "-")
    (repository / "edited.yaml").write_text("mine\n")
    commit(repository)
    changes = since("other", [repository])
    assert changes.touch(str(repository / "edited.yaml"), 1, 1)
    assert not changes.touch(str(commit_on_other), 1, 10)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_change_is_seen_whatever_git_takes_for_lines(tmp_path: Path, line_end: str, encoding: str) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "core.autocrlf", "false")
    file = tmp_path / "a.yaml"
    lines = [f"line {n}" for n in range(1, 11)]
    file.write_bytes(line_end.join(lines).encode(encoding))
    commit(tmp_path)
    file.write_bytes(line_end.join([*lines[:7], "changed", *lines[8:]]).encode(encoding))
    assert since("HEAD", [tmp_path]).touch(str(file), 8, 8)


def test_each_audited_folder_is_asked_in_its_own_repository(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "inner"
    other.mkdir()
    git(other, "init", "-q")
    (other / "a.yaml").write_text("a\n")
    commit(other)
    (other / "a.yaml").write_text("b\n")
    changes = since("HEAD", [repository, other])
    assert changes.touch(str(other / "a.yaml"), 1, 1)
    assert changes.touch(str(repository / "edited.yaml"), 5, 5)


def test_a_commit_that_a_shallow_clone_lacks_is_told_with_the_remedy(repository: Path, tmp_path: Path) -> None:
    commit(repository)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", str(clone))
    assert not since("HEAD", [clone]).lines
    with pytest.raises(ChangesError, match="shallow clone; fetch it first"):
        since("HEAD~1", [clone])


POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n"
    "  containers:\n{above}  - {{name: c, image: {image}}}\n"
)


def pod(name: str, image: str = "nginx", above: str = "") -> str:
    return POD.format(name=name, image=image, above=above)


def since_head(folder: Path, *arguments: str) -> list[tuple[str, str, str]]:
    """Return (severity, rule, name) of what is found on changed objects."""
    rules = "image-tag-latest,suppression-unused,yaml-syntax,dangling-service"
    done = run("check", "--since", "HEAD", "--select", rules, "-o", "csv", *arguments, cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    rows = [line.split(",") for line in done.stdout.splitlines()[1:]]
    return [(row[0], row[1], row[8]) for row in rows]


def test_only_changed_objects_are_told_about_and_suppressions_of_others_are_no_news(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    ignore = "  # kube-audit: ignore[image-tag-latest] measured\n"
    file = tmp_path / "a.yaml"
    documents = [pod("same"), pod("silenced", above=ignore), pod("idle", "nginx:1", ignore), pod("edited")]
    file.write_text("---\n".join(documents))
    commit(tmp_path)
    assert since_head(tmp_path) == []
    file.write_text("---\n".join([*documents[:3], pod("edited", "busybox")]))
    assert since_head(tmp_path) == [("warning", "image-tag-latest", "edited")]
    file.write_text("---\n".join([documents[0], pod("silenced", "nginx:1", ignore), *documents[2:]]))
    assert since_head(tmp_path) == [("warning", "suppression-unused", "silenced")]


def test_a_comment_below_an_object_is_no_change_of_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.yaml").write_text(pod("web"))
    commit(tmp_path)
    (tmp_path / "a.yaml").write_text(pod("web") + "# a note\n")
    assert since_head(tmp_path) == []


def test_new_and_unreadable_files_count_and_files_elsewhere_are_read_all_the_same(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    labelled = pod("web", "nginx:1").replace("{name: web}", "{name: web, labels: {app: web}}")
    (tmp_path / "web.yaml").write_text(labelled)
    commit(tmp_path)
    (tmp_path / "new.yaml").write_text(pod("new"))
    (tmp_path / "bad.yaml").write_text("a: [\n")
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
    (tmp_path / "service.yaml").write_text(service)
    assert since_head(tmp_path) == [("error", "yaml-syntax", ""), ("warning", "image-tag-latest", "new")]


def test_standard_input_has_no_history(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    done = run("check", "-", "--since", "HEAD", cwd=tmp_path)
    assert (done.returncode, "standard input" in done.stderr) == (2, True)
