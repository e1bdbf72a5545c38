"""Files kept between runs to start faster: compiled rules and stripped schemas. Losing them costs only time."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

_enabled = True


def disable() -> None:
    """Neither read nor write the cache in this process (`--no-cache`)."""
    global _enabled
    _enabled = False


def directory() -> Path:
    """Return the cache folder: `$KUBE_AUDIT_CACHE_DIR`, else below the platform's place for caches."""
    if chosen := os.environ.get("KUBE_AUDIT_CACHE_DIR"):
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~/AppData/Local")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "kube-audit"


def load(name: str) -> bytes | None:
    """Return what was stored under a name, or None. The name holds everything the content depends on."""
    if not _enabled:
        return None
    try:
        return (directory() / name).read_bytes()
    except OSError:
        return None


_MOST_FILES = 40
"""Files that are kept; the ones that were written longest ago go first."""


def _evict(folder: Path) -> None:
    with os.scandir(folder) as entries:
        files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    if len(files) > _MOST_FILES:
        files.sort(key=lambda entry: entry.stat().st_mtime_ns)
        for entry in files[: len(files) - _MOST_FILES // 2]:
            with contextlib.suppress(OSError):
                os.unlink(entry.path)


def store(name: str, content: bytes) -> None:
    """Keep content under a name, atomically; a cache that cannot be written is no error."""
    if not _enabled:
        return
    import tempfile

    folder = directory()
    temporary = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, folder / name)
        _evict(folder)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
