"""Fixes are written only into the files and the text that they were made for, and only where that is asked for."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kube_audit.cli.fix import make
from kube_audit.fixes import FileFix
from tests.cli.test_check import run

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    image: web:1\n"
SELECT = ("--select", "privilege-escalation-allowed,yaml-type-trap", "--unsafe-fixes")


def test_a_file_that_has_changed_meanwhile_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "web.yaml"
    file.write_text("a: 3\n")
    assert not make([FileFix(str(file), before="a: 1\n", after="a: 2\n")])
    assert file.read_text() == "a: 3\n"
    assert "has changed since it was read" in capsys.readouterr().err
    assert make([FileFix(str(file), before="a: 3\n", after="a: 2\n")])
    assert file.read_text() == "a: 2\n"


def test_with_staged_only_changed_objects_are_mended_and_reported_on_wherever_they_then_stand(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def pod(name: str, more: str = "") -> str:
        return f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n{more}  containers: [{{name: a}}]\n"

    debugger = "  ephemeralContainers:\n" + "".join(f"  - {{name: debug-{number}}}\n" for number in range(8))
    file = tmp_path / "pods.yaml"
    git("init", "-q")
    file.write_text(pod("old", debugger) + pod("new") + pod("other") + pod("last"))
    git("add", ".")
    git("commit", "-qm", "start")
    file.write_text(pod("old", debugger) + pod("new", debugger) + pod("other").replace("spec", "\nspec") + pod("last"))
    git("add", ".")
    command = [sys.executable, "-m", "kube_audit", "check", "--staged", "--fix", "-o", "json", "pods.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert file.read_text() == pod("old", debugger) + pod("new") + pod("other").replace("spec", "\nspec") + pod("last")
    assert {finding["object"]["name"] for finding in json.loads(done.stdout)["findings"]} == {"other"}


def test_standard_input_is_shown_fixed_and_not_written(tmp_path: Path) -> None:
    fixed = run("check", "-", "--fix", *SELECT, cwd=tmp_path, stdin=POD.encode())
    assert (fixed.returncode, "<stdin>: not fixed: standard input is no file" in fixed.stderr) == (1, True)
    shown = run("check", "-", "--diff", *SELECT, cwd=tmp_path, stdin=POD.encode())
    assert (shown.returncode, "+      allowPrivilegeEscalation: false\n" in shown.stdout) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_one_rule_is_fixed_at_a_time_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    text = POD + "    env: [{name: A, value: yes}]\n"
    file.write_text(text)
    assert run("check", "--fix", "--select", "yaml-type-trap", cwd=tmp_path).returncode == 0
    assert file.read_text() == text.replace("yes", '"yes"')
    run("check", "--fix", *SELECT, cwd=tmp_path)
    after = file.read_bytes()
    assert b"allowPrivilegeEscalation: false" in after
    again = run("check", "--fix", *SELECT, cwd=tmp_path)
    assert (again.returncode, again.stderr, file.read_bytes()) == (0, "", after)


def test_what_is_silenced_is_not_fixed(tmp_path: Path) -> None:
    comment = "# kube-audit: ignore[*] read so on purpose"
    text = POD + f"    env:\n    {comment}\n    - {{name: A, value: yes}}\n"
    (tmp_path / "a.yaml").write_text(text)
    assert run("check", "--fix", "--select", "yaml-type-trap", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a.yaml").read_text() == text


def test_diff_only_shows_and_its_status_tells_whether_anything_would_change(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(POD)
    for arguments in (["--diff"], ["--diff", "--fix"]):
        assert run("check", *arguments, *SELECT, cwd=tmp_path).returncode == 1
        assert run("check", *arguments, "--select", "yaml-type-trap", cwd=tmp_path).returncode == 0
    coloured = run("check", "--diff", *SELECT, cwd=tmp_path, FORCE_COLOR="1").stdout
    assert "\x1b[32m+      allowPrivilegeEscalation: false\x1b[0m\n" in coloured
    assert (tmp_path / "a.yaml").read_text() == POD


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
def test_mode_and_owner_stay(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(POD)
    os.chown(file, 1234, 1235)
    file.chmod(0o640)
    run("check", "--fix", *SELECT, cwd=tmp_path)
    status = file.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 1235, 0o640)
    assert b"allowPrivilegeEscalation: false" in file.read_bytes()
