"""The command line: one module per command, options in, exit status out."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import NoReturn

FINDINGS, CANNOT_RUN = 1, 2
"""Exit statuses besides 0: findings at or above --fail-on, and a run that could not be done."""


def main() -> NoReturn:
    """Run the command line, and end the process. A closed pipe and Ctrl-C end it quietly."""
    if sys.argv[1:] == ["--version"]:
        from kube_audit import __version__

        print(f"kube-audit {__version__}")
        sys.exit(0)
    gc.disable()  # a run is short and leaves hardly any cycles behind
    status = _run()
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(status)  # taking the interpreter down in good order costs a tenth of a short run


def _run() -> int:
    from kube_audit.cli.commands import cli

    try:
        status = cli.main(standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except BrokenPipeError:
        return FINDINGS
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from kube_audit.cli.errors import report

        return report(error)
