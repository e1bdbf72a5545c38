"""What the end-to-end tests share: git as somebody, in a repository of their own."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOMEBODY = ("-c", "user.name=Test", "-c", "user.email=test@example.com")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder; return what it printed."""
    return subprocess.run(["git", *SOMEBODY, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout
