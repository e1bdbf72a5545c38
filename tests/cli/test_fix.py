"""Fixes are written only into the text that they were made for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kube_audit.cli.fix import make
from kube_audit.fixes import FileFix


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
