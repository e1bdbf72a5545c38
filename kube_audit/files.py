"""Writing files so that they are either the old ones or the new ones, never half of each."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomically(file: Path, content: bytes) -> None:
    """Replace a file's content; its mode, and its owner where that is possible, stay. Raises OSError."""
    folder = file.parent
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        try:
            status = file.stat()
        except FileNotFoundError:
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)
        else:
            os.chmod(temporary, status.st_mode & 0o7777)
            with contextlib.suppress(PermissionError, AttributeError):
                os.chown(temporary, status.st_uid, status.st_gid)
        os.replace(temporary, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
