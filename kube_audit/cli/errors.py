"""What a person sees when a run cannot be done: one clear message, no traceback."""

from __future__ import annotations

import errno
import sys

import click

from kube_audit.cli import CANNOT_RUN

_CANNOT_WRITE = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG)


class CannotRun(click.ClickException):
    """The run could not be done: a path, a configuration, a rule file, an output that cannot be written."""

    exit_code = CANNOT_RUN

    def show(self, file: object = None) -> None:
        """Write the message to standard error."""
        for line in self.message.splitlines():
            print(f"kube-audit: {line}", file=sys.stderr)


def report(error: Exception) -> int:
    """Tell a person about an exception that ended the run; return the exit status."""
    if isinstance(error, click.exceptions.Abort):
        return 130
    if isinstance(error, click.ClickException):
        error.show()
        return CANNOT_RUN
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, OSError) and error.filename is None and error.errno in _CANNOT_WRITE:
        print(f"kube-audit: standard output cannot be written: {error.strerror}", file=sys.stderr)
        return CANNOT_RUN
    print(
        f"kube-audit: internal error: {type(error).__name__}: {error}\n"
        "This is a defect of kube-audit, not of your files. Please report it with the output of\n"
        "KUBE_AUDIT_DEBUG=1 and the same command.",
        file=sys.stderr,
    )
    import os

    if os.environ.get("KUBE_AUDIT_DEBUG"):
        raise error
    return CANNOT_RUN
