"""The package as its users get it: built, installed in an empty environment, run outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import kube_audit

from .support import ROOT

BAD = """\
apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  ports:
    - port: eighty
"""

pytestmark = pytest.mark.e2e


def run(*command: str | Path, cwd: Path, status: int = 0) -> str:
    """Run a command without anything of the checkout in its environment; return what it printed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source archive, and from it the wheel; return their folder."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [wheel] = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel with what it needs in an empty environment; return the folder of its commands."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    run(commands / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return commands


def test_the_wheel_holds_every_rule_and_schema(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for part in ("rules", "schemas"):
        files = [file.relative_to(ROOT).as_posix() for file in (ROOT / part).rglob("*") if file.is_file()]
        assert files
        assert {f"kube_audit/data/{file}" for file in files} <= names
    assert "kube_audit/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_is_the_same_from_the_checkout_and_from_the_source_archive(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    [other] = tmp_path.glob("*.whl")
    ours, theirs = zipfile.ZipFile(wheel), zipfile.ZipFile(other)
    assert {f.filename: f.CRC for f in ours.infolist()} == {f.filename: f.CRC for f in theirs.infolist()}


def test_the_source_archive_holds_nothing_of_the_workplace(built: Path) -> None:
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        tops = {Path(name).parts[1] for name in file.getnames()}
    assert tops <= {
        ".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "kube_audit", "pyproject.toml", "rules",
        "schemas",
    }  # fmt: skip


def test_it_runs_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    command = installed / "kube-audit"
    assert kube_audit.__version__ in run(command, "--version", cwd=tmp_path)
    report = run(command, "check", "bad.yaml", cwd=tmp_path, status=1)
    assert "bad.yaml" in report
    assert "eighty" in report
    origin = run(installed / "python", "-c", "import kube_audit; print(kube_audit.__file__)", cwd=tmp_path)
    assert Path(origin.strip()).is_relative_to(installed.parent)


def test_its_sarif_says_where_the_project_is(installed: Path, tmp_path: Path) -> None:
    homepage = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Homepage"]
    log = json.loads(run(installed / "kube-audit", "check", "-o", "sarif", cwd=tmp_path))
    assert log["runs"][0]["tool"]["driver"]["informationUri"] == homepage


def test_it_knows_every_rule_of_the_catalogue(installed: Path, tmp_path: Path) -> None:
    listed = run(installed / "kube-audit", "rules", "list", cwd=tmp_path)
    missing = [file.stem for file in (ROOT / "rules").rglob("*.yaml") if file.stem not in listed]
    assert missing == []
