"""Which files a command line means, how they are named, and what is told of those that are not read."""

from __future__ import annotations

import io
import os
import socket
import sys
from pathlib import Path

import pytest

from kube_audit.findings import Skipped
from kube_audit.sources import files
from kube_audit.sources.files import PathError, SourceFile, UnreadableFile


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {name}\n")


def found(cwd: Path, *paths: str) -> list[str]:
    return [f.name for f in files.find(paths, cwd) if isinstance(f, SourceFile)]


def skipped(cwd: Path, *paths: str) -> list[tuple[str, str]]:
    return [(s.file, s.reason) for s in files.find(paths, cwd) if isinstance(s, Skipped)]


def refused(cwd: Path, *paths: str) -> list[str]:
    with pytest.raises(PathError) as caught:
        files.find(paths, cwd)
    return str(caught.value).splitlines()


class TestNamedFiles:
    def test_are_taken_whatever_they_are_called(self, tmp_path: Path) -> None:
        write(tmp_path, "deployment.tmpl", "README")
        assert found(tmp_path, "deployment.tmpl", "README") == ["deployment.tmpl", "README"]

    def test_are_taken_in_the_order_given(self, tmp_path: Path) -> None:
        write(tmp_path, "a.yaml", "b.yaml")
        assert found(tmp_path, "b.yaml", "a.yaml") == ["b.yaml", "a.yaml"]

    def test_are_taken_though_an_ignore_file_names_them(self, tmp_path: Path) -> None:
        write(tmp_path, "a.yaml", "b.yaml")
        (tmp_path / ".gitignore").write_text("a.yaml\n")
        assert found(tmp_path, ".", "a.yaml") == ["b.yaml", "a.yaml"]
        assert skipped(tmp_path, ".", "a.yaml") == []

    def test_are_read_from_their_path(self, tmp_path: Path) -> None:
        write(tmp_path, "sub/a.yaml")
        [source] = files.find(["sub/a.yaml"], tmp_path)
        assert isinstance(source, SourceFile)
        assert files.read(source, None) == b"# sub/a.yaml\n"


class TestNames:
    @pytest.mark.parametrize("given", ["sub/a.yaml", "./sub/a.yaml", "sub//a.yaml", "sub/../sub/a.yaml"])
    def test_are_relative_below_the_working_directory(self, tmp_path: Path, given: str) -> None:
        write(tmp_path, "sub/a.yaml")
        assert found(tmp_path, given) == ["sub/a.yaml"]
        assert found(tmp_path, str(tmp_path / given)) == ["sub/a.yaml"]

    def test_are_absolute_elsewhere(self, tmp_path: Path) -> None:
        write(tmp_path, "a.yaml", "here/b.yaml")
        assert found(tmp_path / "here", "..") == [str(tmp_path / "a.yaml"), "b.yaml"]

    def test_follow_the_system_through_a_link_and_back_up(self, tmp_path: Path) -> None:
        write(tmp_path, "a.yaml", "far/a.yaml", "far/deep/b.yaml")
        (tmp_path / "link").symlink_to("far/deep")
        assert found(tmp_path, "link/../a.yaml") == ["far/a.yaml"]

    def test_are_the_same_through_another_way_to_the_working_directory(self, tmp_path: Path) -> None:
        write(tmp_path, "home/a.yaml")
        (tmp_path / "alias").symlink_to("home")
        assert found(tmp_path / "home", str(tmp_path / "alias" / "a.yaml")) == ["a.yaml"]
        assert found(tmp_path / "alias", str(tmp_path / "home")) == ["a.yaml"]

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such file names")
    def test_can_be_shown_though_they_are_no_text(self, tmp_path: Path) -> None:
        raw = os.fsencode(tmp_path) + b"/caf\xe9.yaml"
        with open(raw, "wb") as file:
            file.write(b"x: 1\n")
        [source] = files.find(["."], tmp_path)
        assert isinstance(source, SourceFile)
        assert source.name == r"caf\xe9.yaml"
        assert files.read(source, None) == b"x: 1\n"

    def test_do_not_steer_a_terminal(self, tmp_path: Path) -> None:
        write(tmp_path, "\x1b[31mred\n.yaml", "\u202eevil.yaml", "größe 1\u3000.yaml")
        assert found(tmp_path, ".") == [r"\x1b[31mred\n.yaml", "größe 1\u3000.yaml", r"\u202eevil.yaml"]


class TestFolders:
    def test_give_yaml_and_json_in_any_case(self, tmp_path: Path) -> None:
        write(tmp_path, "a.yaml", "b.yml", "c.json", "D.YAML", "e.txt", "f.yaml.bak", "yaml", "g.jsonl")
        assert found(tmp_path, ".") == ["D.YAML", "a.yaml", "b.yml", "c.json"]
        assert skipped(tmp_path, ".") == []

    def test_are_walked_in_the_order_of_their_paths_bytes(self, tmp_path: Path) -> None:
        names = [
            "a-b/x.yaml",
            "a.yaml",
            "a/x.yaml",
            "a/y/z.yaml",
            "a0.yaml",
            "Z.yaml",
            "ä.yaml",
            "😀.yaml",
            "\ufffd.yaml",
        ]
        write(tmp_path, *reversed(names))
        assert found(tmp_path, ".") == sorted(names, key=str.encode)

    def test_may_be_empty(self, tmp_path: Path) -> None:
        assert list(files.find(["."], tmp_path)) == []

    def test_that_are_hidden_are_read(self, tmp_path: Path) -> None:
        write(tmp_path, ".deploy/a.yaml", ".a.yaml")
        assert found(tmp_path, ".") == [".a.yaml", ".deploy/a.yaml"]

    @pytest.mark.parametrize("tool", [".git", "node_modules", ".terraform", ".venv"])
    def test_of_tools_are_passed_by_and_told_once(self, tmp_path: Path, tool: str) -> None:
        write(tmp_path, f"app/{tool}/x/a.yaml", f"app/{tool}/b.yaml", "app/c.yaml")
        assert found(tmp_path, ".") == ["app/c.yaml"]
        [(name, reason)] = skipped(tmp_path, ".")
        assert name == f"app/{tool}"
        assert "tool" in reason

    def test_of_tools_are_read_when_named(self, tmp_path: Path) -> None:
        write(tmp_path, "node_modules/x/a.yaml")
        assert found(tmp_path, "node_modules") == ["node_modules/x/a.yaml"]

    def test_without_permission_are_told_and_the_rest_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, "a/x.yaml", "closed/x.yaml", "z.yaml")
        scandir = os.scandir

        def closed(path: str) -> object:
            if os.path.basename(path) == "closed":
                raise PermissionError(13, "Permission denied", path)
            return scandir(path)

        # The suite may run as root, whom no permission stops.
        monkeypatch.setattr(os, "scandir", closed)
        assert found(tmp_path, ".") == ["a/x.yaml", "z.yaml"]
        assert skipped(tmp_path, ".") == [("closed", "no permission to read it")]

    def test_nested_without_end_do_not_end_the_run(self, tmp_path: Path) -> None:
        write(tmp_path, "z.yaml")
        folder = tmp_path
        for _ in range(files.MAX_DEPTH):
            folder = folder / "d"
        write(folder, "lost.yaml")
        assert found(tmp_path, ".") == ["z.yaml"]
        [(name, reason)] = skipped(tmp_path, ".")
        assert name.startswith("d/d/d")
        assert "deep" in reason


class TestTheSameFileTwice:
    @pytest.mark.parametrize(
        "given",
        [
            ["a.yaml", "a.yaml", "./a.yaml"],
            ["a.yaml", "."],
            [".", "a.yaml"],
            [".", "."],
            ["sub", "."],
            [".", "sub"],
            ["sub/b.yaml", "sub", "."],
        ],
    )
    def test_is_given_once(self, tmp_path: Path, given: list[str]) -> None:
        write(tmp_path, "a.yaml", "sub/b.yaml")
        names = found(tmp_path, *given)
        assert len(names) == len(set(names))
        if "." in given:
            assert sorted(names) == ["a.yaml", "sub/b.yaml"]

    def test_is_given_once_through_links(self, tmp_path: Path) -> None:
        write(tmp_path, "a.yaml")
        (tmp_path / "b.yaml").symlink_to("a.yaml")
        assert found(tmp_path, "b.yaml", "a.yaml", ".") == ["b.yaml"]

    def test_is_not_told_as_ignored_when_named(self, tmp_path: Path) -> None:
        write(tmp_path, "out/a.yaml", "b.yaml")
        (tmp_path / ".gitignore").write_text("out/\n")
        assert found(tmp_path, ".", "out") == ["b.yaml", "out/a.yaml"]
        assert skipped(tmp_path, ".", "out") == []


class TestLinks:
    def test_inside_the_tree_are_the_file_they_lead_to(self, tmp_path: Path) -> None:
        write(tmp_path, "real/a.yaml")
        (tmp_path / "a-link.yaml").symlink_to("real/a.yaml")
        (tmp_path / "folder").symlink_to("real")
        assert found(tmp_path, ".") == ["real/a.yaml"]
        assert skipped(tmp_path, ".") == []

    def test_to_a_file_of_another_name_make_it_a_manifest(self, tmp_path: Path) -> None:
        write(tmp_path, "a.tmpl")
        (tmp_path / "a.yaml").symlink_to("a.tmpl")
        (tmp_path / "b.yaml").symlink_to("a.tmpl")
        assert found(tmp_path, ".") == ["a.yaml"]

    def test_to_an_ignored_folder_are_followed(self, tmp_path: Path) -> None:
        write(tmp_path, "releases/v1/a.yaml", "releases/v2/a.yaml")
        (tmp_path / ".gitignore").write_text("/releases/\n")
        (tmp_path / "current").symlink_to("releases/v2")
        assert found(tmp_path, ".") == ["current/a.yaml"]

    def test_out_of_the_tree_are_told(self, tmp_path: Path) -> None:
        write(tmp_path, "outside/a.yaml", "outside/b.yaml", "tree/c.yaml")
        (tmp_path / "tree" / "a.yaml").symlink_to("../outside/a.yaml")
        (tmp_path / "tree" / "folder").symlink_to(tmp_path / "outside")
        assert found(tmp_path, "tree") == ["tree/c.yaml"]
        assert skipped(tmp_path, "tree") == [
            ("tree/a.yaml", "link that leads out of the folders to audit"),
            ("tree/folder", "link that leads out of the folders to audit"),
        ]

    def test_to_a_sibling_whose_name_begins_alike_lead_out(self, tmp_path: Path) -> None:
        write(tmp_path, "tree-2/a.yaml", "tree/c.yaml")
        (tmp_path / "tree" / "folder").symlink_to("../tree-2")
        assert found(tmp_path, "tree") == ["tree/c.yaml"]

    def test_from_one_named_folder_to_another_are_no_loss(self, tmp_path: Path) -> None:
        write(tmp_path, "one/x.yaml", "two/a.yaml")
        (tmp_path / "one" / "a.yaml").symlink_to("../two/a.yaml")
        assert found(tmp_path, "one", "two") == ["one/x.yaml", "two/a.yaml"]
        assert skipped(tmp_path, "one", "two") == []

    def test_that_are_named_are_followed(self, tmp_path: Path) -> None:
        write(tmp_path, "outside/a.yaml")
        (tmp_path / "tree").mkdir()
        (tmp_path / "tree" / "link").symlink_to("../outside")
        assert found(tmp_path / "tree", "link") == ["link/a.yaml"]

    def test_in_circles_end(self, tmp_path: Path) -> None:
        write(tmp_path, "a/b/x.yaml")
        (tmp_path / "a" / "b" / "up").symlink_to("..")
        (tmp_path / "self").symlink_to("self")
        (tmp_path / "ping.yaml").symlink_to("pong.yaml")
        (tmp_path / "pong.yaml").symlink_to("ping.yaml")
        assert found(tmp_path, ".") == ["a/b/x.yaml"]
        assert [name for name, _ in skipped(tmp_path, ".")] == ["ping.yaml", "pong.yaml", "self"]

    def test_that_lead_nowhere_are_told(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").symlink_to("gone.yaml")
        assert skipped(tmp_path, ".") == [("a.yaml", "broken link")]


class TestWhatIsNoFile:
    def test_a_named_pipe_is_told_and_never_opened(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.yaml")
        (tmp_path / "b.yaml").symlink_to("a.yaml")
        assert skipped(tmp_path, ".") == [
            ("a.yaml", "is a named pipe, not a file"),
            ("b.yaml", "link to a named pipe, not to a file"),
        ]

    def test_a_socket_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("a.json")
            assert skipped(tmp_path, ".") == [("a.json", "is a socket, not a file")]

    def test_a_pipe_that_takes_a_files_place_does_not_hang(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.yaml")
        with pytest.raises(UnreadableFile, match="named pipe"):
            files.read(SourceFile("a.yaml", tmp_path / "a.yaml"), None)


class TestPathsThatCannotBeAudited:
    def test_are_all_named_before_anything_is_read(self, tmp_path: Path) -> None:
        write(tmp_path, "a.yaml")
        (tmp_path / "broken").symlink_to("nowhere")
        os.mkfifo(tmp_path / "pipe")
        lines = refused(tmp_path, "gone.yaml", "a.yaml", "broken", "a.yaml/x", "pipe")
        assert [line.partition(":")[0] for line in lines] == ["gone.yaml", "broken", "a.yaml/x", "pipe"]
        assert lines[0] == "gone.yaml: no such file or folder"
        assert "kube-audit check -" in lines[3]

    def test_include_the_empty_one(self, tmp_path: Path) -> None:
        assert "empty path" in refused(tmp_path, "")[0]

    @pytest.mark.parametrize("path", ["a\0b", "\ud800"])
    def test_include_those_that_no_system_has(self, tmp_path: Path, path: str) -> None:
        [line] = refused(tmp_path, path)
        assert line.isprintable()

    def test_include_those_without_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, "a.yaml")
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        assert refused(tmp_path, "a.yaml", ".") == ["a.yaml: no permission to read it", ".: no permission to read it"]


class TestReading:
    def test_standard_input_is_given_once(self, tmp_path: Path) -> None:
        [source] = files.find(["-", "-"], tmp_path)
        assert source == SourceFile("<stdin>", None)
        assert files.read(source, io.BytesIO(b"kind: Pod\n")) == b"kind: Pod\n"

    def test_a_file_named_minus_can_be_had(self, tmp_path: Path) -> None:
        write(tmp_path, "-")
        [source] = files.find(["./-"], tmp_path)
        assert isinstance(source, SourceFile)
        assert source.path == tmp_path / "-"

    def test_closed_standard_input_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        with pytest.raises(UnreadableFile, match="closed"):
            files.read(SourceFile("<stdin>", None), None)

    def test_a_file_that_went_away_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableFile, match="no such file"):
            files.read(SourceFile("a.yaml", tmp_path / "a.yaml"), None)

    def test_a_file_without_end_does_not_fill_the_memory(self, tmp_path: Path) -> None:
        with open(tmp_path / "a.yaml", "wb") as file:
            file.truncate(files.MAX_BYTES + 1)
        with pytest.raises(UnreadableFile, match="larger than 64 MiB"):
            files.read(SourceFile("a.yaml", tmp_path / "a.yaml"), None)

    def test_a_file_of_the_largest_size_is_read(self, tmp_path: Path) -> None:
        with open(tmp_path / "a.yaml", "wb") as file:
            file.truncate(files.MAX_BYTES)
        assert len(files.read(SourceFile("a.yaml", tmp_path / "a.yaml"), None)) == files.MAX_BYTES


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc here")
def test_a_file_that_says_it_is_empty_is_read_to_its_end() -> None:
    assert b"Name:" in files.read(SourceFile("status", Path("/proc/self/status")), None)


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 1024 * 1024 + 1, 3_000_000])
def test_files_are_read_whole(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.yaml").write_bytes(b"x" * size)
    assert len(files.read(SourceFile("a.yaml", tmp_path / "a.yaml"), None)) == size
