"""SARIF reports of whole runs, held against the rules of SARIF and of GitHub by Microsoft's SARIF Multitool."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kube_audit.reports import sarif_limits
from kube_audit.reports.sarif_limits import MOST_BYTES, MOST_RESULTS
from tests.corpus import CORPUS, needs_corpus
from tests.reports.samples import written
from tests.support import audit_texts

ROOT = Path(__file__).resolve().parents[2]
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  containers:
  - {name: web, image: 'nginx:latest'}
"""
# The rule would ask for each link of the log over the network, and wait for those that do not answer.
SETTINGS = """\
<?xml version="1.0" encoding="utf-8"?>
<Properties>
  <Properties Key="SARIF2006.UrisShouldBeReachable.Options">
    <Property Key="RuleEnabled" Value="Disabled" Type="Driver.RuleEnabledState" />
  </Properties>
</Properties>
"""
SAID = re.compile(r"^.*\(\d+,\d+\): (error|warning) (\w+): (.*)$", re.MULTILINE)

Validate = Callable[[Path], list[tuple[str, ...]]]


@pytest.fixture(scope="session")
def validate(multitool: Path, tmp_path_factory: pytest.TempPathFactory) -> Validate:
    """Return a function that gives the errors and warnings on a log: level, rule, message."""
    folder = tmp_path_factory.mktemp("multitool")
    (folder / "settings.xml").write_text(SETTINGS)

    def run(log: Path) -> list[tuple[str, ...]]:
        command = [str(multitool), "validate", str(log), "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning"]
        command += ["--config", str(folder / "settings.xml"), "--max-file-size-in-kb", "1000000"]
        # The program brings no data on languages, and some systems have none.
        environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": str(folder)}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Done. 1 files scanned." in done.stdout
        return SAID.findall(done.stdout)

    return run


def audited(folder: Path, log: Path, *options: str) -> dict[str, Any]:
    """Audit a folder as people do, and return the run that is in the log."""
    command = [sys.executable, "-m", "kube_audit", "check", ".", "-o", f"sarif={log}", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    (run,) = json.loads(log.read_text("utf-8"))["runs"]
    return dict(run)


def test_the_validator_tells_what_github_would_refuse(validate: Validate, tmp_path: Path) -> None:
    log = tmp_path / "log.sarif"
    audited(ROOT / "fixtures" / "demo", log)
    data = json.loads(log.read_text("utf-8"))
    data["runs"][0]["results"][0]["locations"] = []
    data["runs"][0]["results"][1]["ruleIndex"] = 1_000_000
    del data["runs"][0]["tool"]["driver"]["rules"][0]["help"]
    log.write_text(json.dumps(data), "utf-8")
    assert {("error", "GH1015"), ("error", "SARIF1009"), ("error", "GH2012")} <= {one[:2] for one in validate(log)}


@pytest.mark.parametrize("options", [[], ["--profile", "all"], ["--drop-suppressed"]])
def test_the_demo_passes(validate: Validate, tmp_path: Path, options: list[str]) -> None:
    assert audited(ROOT / "fixtures" / "demo", tmp_path / "log.sarif", *options)["results"]
    assert validate(tmp_path / "log.sarif") == []


@needs_corpus
def test_thousands_of_findings_in_real_manifests_pass(validate: Validate, tmp_path: Path) -> None:
    assert len(audited(CORPUS, tmp_path / "log.sarif", "--profile", "all")["results"]) > 1000
    assert validate(tmp_path / "log.sarif") == []


def test_a_run_without_findings_passes(validate: Validate, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert audited(folder, tmp_path / "empty.sarif")["results"] == []
    assert validate(tmp_path / "empty.sarif") == []
    (folder / "settings.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    (folder / "values.yaml").write_text("replicas: {{ .Values.replicas }}\n")
    run = audited(folder, tmp_path / "clean.sarif")
    assert run["results"] == []
    assert run["invocations"][0]["toolExecutionNotifications"]
    assert validate(tmp_path / "clean.sarif") == []


def test_suppressed_findings_pass(validate: Validate, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    silenced = POD.replace("  - {", "  # kube-audit: ignore[image-tag-latest] a mirror\n  - {")
    (folder / "pod.yaml").write_text(silenced % "web")
    results = audited(folder, tmp_path / "log.sarif")["results"]
    assert {bool(result["suppressions"]) for result in results} == {True, False}
    assert validate(tmp_path / "log.sarif") == []


def test_names_that_are_no_plain_ascii_pass(validate: Validate, tmp_path: Path) -> None:
    folder = tmp_path / "folder" / "ä b#c%20[x]"
    folder.mkdir(parents=True)
    (folder / "日本 (1).yaml").write_text(POD % "web")
    assert audited(tmp_path / "folder", tmp_path / "log.sarif")["results"]
    assert validate(tmp_path / "log.sarif") == []


def test_a_log_is_cut_to_what_code_scanning_takes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "pods.yaml").write_text("---\n".join(POD % f"web-{number}" for number in range(900)))
    run = audited(folder, tmp_path / "log.sarif", "--profile", "all")
    assert len(run["results"]) == MOST_RESULTS
    assert "are left out" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert len(gzip.compress((tmp_path / "log.sarif").read_bytes())) < MOST_BYTES


def test_a_cut_log_passes(validate: Validate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is as large as code scanning takes keeps the validator busy for a minute.
    monkeypatch.setattr(sarif_limits, "MOST_RESULTS", 200)
    log = tmp_path / "log.sarif"
    log.write_text(written("sarif", audit_texts({f"{number}.yaml": POD % number for number in range(50)})))
    assert log.read_text().count('"ruleIndex"') == 200
    assert "results are left out" in log.read_text()
    assert validate(log) == []
