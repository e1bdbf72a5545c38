"""The command line: one module per command, options in, exit status out."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

FINDINGS, CANNOT_RUN = 1, 2
"""Exit statuses besides 0: findings at or above --fail-on, and a run that could not be done."""


def main() -> NoReturn:
    """Run the command line. A closed pipe and Ctrl-C end it quietly."""
    if sys.argv[1:] == ["--version"]:
        from kube_audit import __version__

        print(f"kube-audit {__version__}")
        sys.exit(0)
    gc.disable()  # a run is short and leaves hardly any cycles behind
    from kube_audit.cli.commands import cli

    try:
        status = cli.main(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(status if isinstance(status, int) else 0)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FINDINGS)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from kube_audit.cli.errors import report

        sys.exit(report(error))
