"""The GitHub action's step: inputs from the environment, annotations, a job summary, a SARIF file, and outputs.

The workflow goes on whatever is found, so that the SARIF file can be uploaded; the action's last step fails the job
with the status that this one leaves in its outputs.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from kube_audit.cli import CANNOT_RUN

_SINGLE = ("profile", "config", "severity", "fail-on", "kubernetes-version", "baseline", "since")
"""Inputs that are the options of the same name."""


def run() -> int:
    """Audit as the inputs say; return 0 unless the run could not be done."""
    environment = os.environ
    sarif = _input(environment, "sarif-file") or "kube-audit.sarif"
    with tempfile.TemporaryDirectory() as folder:
        counts, summary = Path(folder) / "report.json", Path(folder) / "summary.md"
        status = _check(
            [*_arguments(environment), "-o", "github", "-o", f"sarif={sarif}"],
            [f"json={counts}", f"markdown={summary}"],
            _lines(environment, "paths") or ["."],
        )
        found = json.loads(counts.read_text("utf-8"))["summary"] if counts.is_file() else {}
        if summary.is_file():
            _append(environment, "GITHUB_STEP_SUMMARY", summary.read_text("utf-8"))
    outputs = {
        "status": str(status),
        "sarif": sarif if Path(sarif).is_file() else "",
        "findings": str(sum(int(found.get(severity, 0)) for severity in ("error", "warning", "info"))),
        "errors": str(found.get("error", 0)),
    }
    for name, value in outputs.items():
        mark = uuid.uuid4().hex  # a value could hold line breaks, and so further outputs
        _append(environment, "GITHUB_OUTPUT", f"{name}<<{mark}\n{value}\n{mark}\n")
    return CANNOT_RUN if status == CANNOT_RUN else 0


def _arguments(environment: Mapping[str, str]) -> list[str]:
    given = ((name, _input(environment, name)) for name in _SINGLE)
    options = [f"--{name}={value}" for name, value in given if value]
    return ["--drop-suppressed", *options, *_lines(environment, "args")]


def _check(arguments: list[str], reports: list[str], paths: list[str]) -> int:
    """Run `kube-audit check` in this process; return its exit status."""
    import click

    from kube_audit.cli.commands import check
    from kube_audit.cli.errors import report

    outputs = [part for output in reports for part in ("-o", output)]
    try:
        status = check.main([*arguments, *outputs, "--", *paths], "kube-audit check", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        return report(error)
    return status if isinstance(status, int) else 0


def _input(environment: Mapping[str, str], name: str) -> str:
    return environment.get(f"INPUT_{name.upper().replace('-', '_')}", "").strip()


def _lines(environment: Mapping[str, str], name: str) -> list[str]:
    return [line.strip() for line in _input(environment, name).splitlines() if line.strip()]


def _append(environment: Mapping[str, str], variable: str, text: str) -> None:
    """Add text to one of the files that the runner names; outside a runner there is none."""
    file = environment.get(variable)
    if file:
        with open(file, "a", encoding="utf-8") as out:
            out.write(text if text.endswith("\n") else f"{text}\n")
