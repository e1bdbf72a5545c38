"""How an audit grows with its objects: time and memory over trees of growing size. Prints JSON.

    python benchmarks/scale.py GENERATOR [SIZE…]

GENERATOR is a script that takes --out FOLDER --files N --docs-per-file K --defects SHARE and writes manifests.
Sizes are numbers of objects (default 1000 10000); each is audited with the default profile in one process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PER_FILE = 10


def audited(generator: str, objects: int, folder: Path) -> dict[str, Any]:
    """Return seconds and megabytes of one audit of a tree with that many objects."""
    files = str(objects // PER_FILE)
    size = ["--files", files, "--docs-per-file", str(PER_FILE), "--defects", "0.05"]
    subprocess.run([sys.executable, generator, "--out", str(folder), *size], check=True, stdout=subprocess.DEVNULL)
    command = [sys.executable, "-m", "kube_audit", "check", str(folder), "-o", f"json={folder}.json"]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return {
        "objects": objects,
        "seconds": round(time.perf_counter() - start, 2),
        "peak_mb": round(usage.ru_maxrss / 1024, 1),
    }


def main() -> None:
    """Measure and print, each size also as a ratio to the one before."""
    sizes = [int(size) for size in sys.argv[2:]] or [1000, 10000]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            row = audited(sys.argv[1], size, Path(folder) / str(size))
            if rows:
                row["times_the_one_before"] = round(row["seconds"] / rows[-1]["seconds"], 2)
            rows.append(row)
    print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()
