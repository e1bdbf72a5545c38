"""The tools that these tests need. One that is missing is a failure, never a skipped test."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def multitool() -> Path:
    """Return the program of the npm package @microsoft/sarif-multitool."""
    packages = Path(sys.prefix) / "node" / "node_modules" / "@microsoft"
    programs = sorted(packages.glob("sarif-multitool-*/Sarif.Multitool"))
    if not programs:
        pytest.fail(f"no Sarif.Multitool in {packages}; `make test-integrations` installs it")
    return programs[0]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return Chromium's program."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is None:
        pytest.fail(f"Chromium is not installed: none of {', '.join(names)} is on PATH")
    return found
