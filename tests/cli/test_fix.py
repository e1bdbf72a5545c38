"""Fixes are written only into the text that they were made for."""

from __future__ import annotations

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
