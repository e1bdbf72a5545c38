"""`kube-audit check` with a baseline: written, held against what is found, and brought up to date."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from kube_audit import baseline
from kube_audit.cli.errors import CannotRun
from kube_audit.findings import AuditResult
from kube_audit.sources.wording import printable

_SHOWN = 3
"""Findings that are gone which are named, of each run."""


class Known:
    """The baseline of a run."""

    def __init__(self, file: str, roots: Sequence[str], rules: Collection[str] | None, *, partial: bool) -> None:
        """Take the baseline's file, the paths that are audited, and the rules that were chosen, None for a profile's.

        `partial` is whether only some objects are judged. Raises CannotRun.
        """
        self._file, self._rules, self._partial = file, rules, partial
        self._folder = Path(file).parent
        self._roots = [os.path.abspath(root) for root in roots]
        try:
            self._known = baseline.read(Path(file))
        except baseline.BaselineError as error:
            raise CannotRun(str(error)) from error

    def apply(self, result: AuditResult) -> baseline.Applied:
        """Mark the known findings of a result."""
        at = {
            (os.path.abspath(one.file), about)
            for one in result.manifests
            for about in (os.path.relpath(one.file, self._folder), *(str(obj.ref) for obj in one.objects))
        }
        read = {os.path.abspath(one.file) for one in result.manifests}

        def holds(name: str, about: str) -> bool:
            file = os.path.abspath(self._folder / name)
            return (file, about) in at if file in read else os.path.exists(file)

        applied = baseline.apply(result.findings, self._known, self._folder, holds, self._judged)
        result.findings[:] = applied.findings
        return applied

    def _judged(self, rule: str, name: str) -> bool:
        if self._partial or (self._rules is not None and rule not in self._rules):
            return False
        file = os.path.abspath(self._folder / name)
        return any(os.path.commonpath((root, file)) == root for root in self._roots)

    def tell_gone(self, applied: baseline.Applied, *, update: bool) -> None:
        """Tell which known findings are no longer there; with `update` they leave the file. Raises CannotRun."""
        if update and applied.left != self._known:
            _write(self._file, applied.left)
        count = sum(entry.known for entry in applied.gone.values())
        if not count:
            return
        which = "1 finding of {} is gone" if count == 1 else f"{count} findings of {{}} are gone"
        then = ", and out of it" if update else f": --update-baseline drops {'it' if count == 1 else 'them'}"
        print(f"kube-audit: {which.format(self._file)}{then}", file=sys.stderr)
        for entry in list(applied.gone.values())[:_SHOWN]:
            place = f"{entry.object}, {entry.path}" if entry.path else entry.object
            print(f"  {entry.rule}: {printable(place)} ({printable(', '.join(entry.files))})", file=sys.stderr)
        if len(applied.gone) > _SHOWN:
            print("  …", file=sys.stderr)


def write(file: str, result: AuditResult) -> int:
    """Write a baseline of all findings that nothing else silences; return the exit status. Raises CannotRun."""
    known = baseline.of_findings(result.findings, Path(file).parent)
    _write(file, known)
    count = sum(entry.known for entry in known.values())
    print(f"{count} findings are known from now on: {file}. Use it with --baseline {file}.", file=sys.stderr)
    return 0


def _write(file: str, known: baseline.Baseline) -> None:
    try:
        baseline.write(Path(file), known)
    except baseline.BaselineError as error:
        raise CannotRun(str(error)) from error
