"""What code scanning takes of a SARIF log: so many results, so many bytes; the mildest results go first.

The figures are GitHub's: https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/troubleshoot-sarif-uploads
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from kube_audit.findings import SEVERITIES, Finding

MOST_RESULTS = 25_000
MOST_BYTES = 10_000_000
"""Of the whole log, compressed by gzip."""


def kept(findings: Sequence[Finding], results: Sequence[str], rest: str) -> list[int]:
    """Return which results stay, by their numbers and in their order.

    `results` are the findings' results in ASCII, `rest` is what stands around them. Suppressed findings count as
    milder than any other; of those alike, the last ones go.
    """
    worst_first = sorted(
        range(len(results)),
        key=lambda number: (findings[number].suppressed is not None, SEVERITIES.index(findings[number].severity)),
    )
    staying = sorted(worst_first[:MOST_RESULTS])
    if len(rest) + sum(map(len, results)) <= MOST_BYTES:
        return staying
    while staying and (size := _compressed([rest, *(results[number] for number in staying)])) > MOST_BYTES:
        staying = sorted(worst_first[: int(len(staying) * 0.95 * MOST_BYTES / size)])
    return staying


def told(left_out: int, results: int) -> str:
    """Say what was cut, why, and what can be done."""
    return (
        f"{left_out:,} of {results:,} results are left out, the mildest first: code scanning takes at most "
        f"{MOST_RESULTS:,} results in {MOST_BYTES // 1_000_000} MB, compressed. To see them all, read another format "
        "(-o json), audit one folder at a time, or ask for the worst alone (--severity warning)."
    )


def _compressed(parts: Sequence[str]) -> int:
    compressor = zlib.compressobj()
    return sum(len(compressor.compress(part.encode("ascii"))) for part in parts) + len(compressor.flush())
