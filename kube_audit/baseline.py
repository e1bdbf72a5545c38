"""Known findings, kept in a file: only what is new counts.

A finding is known by its fingerprint (rule, object identity, path with items by name), never by its line. As many
findings of one fingerprint are known as the baseline counted: several files may define the same object, so that each
entry says in which files its findings were. That only decides which of too many findings are the new ones, and what a
run on a part of the tree can tell about the rest.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from kube_audit.files import write_atomically
from kube_audit.findings import Finding, Suppression, path_text
from kube_audit.records import NamedTuple

_VERSION = 1
_REASON = "known, in the baseline"
_STDIN = "<stdin>"


class BaselineError(Exception):
    """A baseline that cannot be read or written; the message names the file and the reason."""


class Entry(NamedTuple):
    """Findings of one fingerprint: what they are, for people, and how many are known of each file."""

    rule: str
    object: str
    path: str
    files: dict[str, int]
    """Names are relative to the baseline's folder."""

    @property
    def known(self) -> int:
        """How many findings of this fingerprint are known."""
        return sum(self.files.values())


Baseline = dict[str, Entry]


class Applied(NamedTuple):
    """What a baseline comes to for the findings of a run."""

    findings: list[Finding]
    """All findings, known ones marked as suppressed."""
    gone: Baseline
    """Known findings that are no longer there, as far as the run can tell."""
    left: Baseline
    """The baseline without these, and with the files that findings have moved to."""


def of_findings(findings: Iterable[Finding], folder: Path) -> Baseline:
    """Return the baseline, to be kept in a folder, that knows all findings that nothing else silences."""
    known: Baseline = {}
    for finding in findings:
        if finding.suppressed is None or finding.suppressed.kind == "baseline":
            _add(known, finding, _name(finding.file, folder))
    return known


def _add(known: Baseline, finding: Finding, name: str) -> None:
    about = str(finding.object) if finding.object else name
    entry = known.setdefault(finding.fingerprint, Entry(finding.rule, about, path_text(finding.path), {}))
    entry.files[name] = entry.files.get(name, 0) + 1


def _name(file: str, folder: Path) -> str:
    return file if file == _STDIN else os.path.relpath(file, folder).replace(os.sep, "/")


def read(file: Path) -> Baseline:
    """Read a baseline. Raises BaselineError."""
    try:
        content: Any = json.loads(file.read_bytes())
        if content["version"] != _VERSION:
            raise BaselineError(f"{file}: the baseline has version {content['version']}, only {_VERSION} is known")
        return {
            fingerprint: Entry(str(e["rule"]), str(e["object"]), str(e["path"]), _counts(e["files"]))
            for fingerprint, e in content["findings"].items()
        }
    except OSError as error:
        raise BaselineError(f"{file}: the baseline cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BaselineError(f"{file}: this is no baseline; write one with --write-baseline") from error


def _counts(files: dict[str, Any]) -> dict[str, int]:
    return {name: int(count) for name, count in files.items()}


def write(file: Path, baseline: Baseline) -> None:
    """Write a baseline, sorted for readable differences. Raises BaselineError."""
    order = sorted(baseline.items(), key=lambda item: (item[1].object, item[1].rule, item[1].path, item[0]))
    entries = {key: {**entry._asdict(), "files": dict(sorted(entry.files.items()))} for key, entry in order}
    text = json.dumps({"version": _VERSION, "findings": entries}, indent=1, ensure_ascii=False) + "\n"
    try:
        write_atomically(file, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise BaselineError(f"{file}: the baseline cannot be written: {error.strerror}") from error


def apply(
    findings: Iterable[Finding],
    baseline: Baseline,
    folder: Path,
    holds: Callable[[str, str], bool],
    judged: Callable[[str, str], bool],
) -> Applied:
    """Hold findings against the baseline that is kept in a folder.

    `holds(file, object)` tells whether an object, in the words of an entry, still stands in a file: else its findings
    have moved with it. `judged(rule, file)` tells whether the run would have found what a rule says about a file.
    """
    findings = list(findings)
    budget = {fingerprint: Counter(entry.files) for fingerprint, entry in baseline.items()}
    left: Baseline = {}
    known: set[int] = set()
    for may_have_moved in (False, True):  # what is where it was is known first
        for number, finding in enumerate(findings):
            open_to_it = finding.suppressed is None or finding.suppressed.kind == "baseline"
            if not open_to_it or number in known or finding.fingerprint not in budget:
                continue
            files, name = budget[finding.fingerprint], _name(finding.file, folder)
            about = baseline[finding.fingerprint].object
            sources = [name]
            if may_have_moved:
                sources = [file for file in files if _STDIN in (file, name) or not holds(file, about)]
            source = next((file for file in sources if files[file] > 0), None)
            if source is not None:
                files[source] -= 1
                known.add(number)
                _add(left, finding, name)
    gone: Baseline = {}
    for fingerprint, files in budget.items():
        entry = baseline[fingerprint]
        for name, count in (+files).items():
            part = gone if judged(entry.rule, name) else left
            part.setdefault(fingerprint, entry._replace(files={})).files[name] = count
    marked = [
        finding._replace(suppressed=Suppression("baseline", _REASON)) if number in known else finding
        for number, finding in enumerate(findings)
    ]
    return Applied(marked, gone, left)
