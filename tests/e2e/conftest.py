"""The checkout as its users would find it published."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .support import ROOT, git


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Commit the checkout as it stands, changes and new files included, to a repository of its own."""
    if not (ROOT / ".git").exists():
        pytest.skip("the files to publish are those that git knows of")
    folder = tmp_path_factory.mktemp("published")
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "published")
    return folder
