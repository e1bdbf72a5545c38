"""Known findings, kept in a file: only what is new counts.

A finding is known by its fingerprint (rule, object identity, path with items by name), never by its line; as many
findings of one fingerprint are known as the baseline counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from kube_audit.files import write_atomically
from kube_audit.findings import Finding, Suppression, path_text

_VERSION = 1
_REASON = "known, in the baseline"


class BaselineError(Exception):
    """A baseline that cannot be read or written; the message names the file and the reason."""


class Entry(NamedTuple):
    """Findings of one fingerprint: how many are known, and what they are, for people."""

    known: int
    rule: str
    object: str
    path: str


Baseline = dict[str, Entry]


def of_findings(findings: Iterable[Finding]) -> Baseline:
    """Return the baseline that knows all findings that nothing else silences."""
    known: Baseline = {}
    for finding in findings:
        if finding.suppressed is None or finding.suppressed.kind == "baseline":
            before = known.get(finding.fingerprint)
            about = str(finding.object) if finding.object else finding.file
            count = before.known + 1 if before else 1
            known[finding.fingerprint] = Entry(count, finding.rule, about, path_text(finding.path))
    return known


def read(file: Path) -> Baseline:
    """Read a baseline. Raises BaselineError."""
    try:
        content: Any = json.loads(file.read_bytes())
        if content["version"] != _VERSION:
            raise BaselineError(f"{file}: the baseline has version {content['version']}, only {_VERSION} is known")
        return {
            fingerprint: Entry(int(e["known"]), str(e["rule"]), str(e["object"]), str(e["path"]))
            for fingerprint, e in content["findings"].items()
        }
    except OSError as error:
        raise BaselineError(f"{file}: the baseline cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BaselineError(f"{file}: this is no baseline; write one with --write-baseline") from error


def write(file: Path, baseline: Baseline) -> None:
    """Write a baseline, sorted for readable differences. Raises BaselineError."""
    order = sorted(baseline.items(), key=lambda item: (item[1].object, item[1].rule, item[1].path, item[0]))
    content = {"version": _VERSION, "findings": {fingerprint: entry._asdict() for fingerprint, entry in order}}
    try:
        write_atomically(file, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise BaselineError(f"{file}: the baseline cannot be written: {error.strerror}") from error


def apply(findings: Iterable[Finding], baseline: Baseline) -> tuple[list[Finding], Baseline]:
    """Return the findings, known ones marked as suppressed, and the entries of which nothing is left."""
    left = Counter({fingerprint: entry.known for fingerprint, entry in baseline.items()})
    marked = []
    for finding in findings:
        if finding.suppressed is None and left[finding.fingerprint] > 0:
            left[finding.fingerprint] -= 1
            finding = finding._replace(suppressed=Suppression("baseline", _REASON))
        marked.append(finding)
    gone = {
        fingerprint: baseline[fingerprint]
        for fingerprint, count in left.items()
        if count == baseline[fingerprint].known
    }
    return marked, gone
