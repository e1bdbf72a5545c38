"""A progress bar on standard error for runs of more than a second."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType

_PATIENCE = 1.0
"""Seconds before anything is shown."""
_PAUSE = 0.1
"""Seconds between two drawings."""


class Bar:
    """Draws the stage and how far it is on one line, and removes the line at the end."""

    def __init__(self) -> None:
        self._drawn_at = time.monotonic() + _PATIENCE - _PAUSE
        self._shown = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note of progress, and draw it where the last drawing is old enough."""
        now = time.monotonic()
        if now - self._drawn_at < _PAUSE:
            return
        self._drawn_at = now
        self._shown = True
        width = max(10, min(40, shutil.get_terminal_size().columns - 40))
        filled = width * done // max(total, 1)
        bar = "#" * filled + "." * (width - filled)
        sys.stderr.write(f"\r\x1b[K{stage:<11}[{bar}] {done}/{total}")
        sys.stderr.flush()

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
