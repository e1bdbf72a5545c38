"""How long whole runs take: start-up, one small file, a folder of manifests. Prints JSON.

    python benchmarks/speed.py [FOLDER]

Times are medians in seconds of whole processes on a warm cache; `peak_mb` is resident memory. The ratio to the bare
parse by libyaml says more than the seconds when machines differ. kubeconform is timed where it is on PATH and
KUBECONFORM_SCHEMAS names its local schema location.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SMALL = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: nginx:latest
"""
PARSE = """
import sys
from pathlib import Path
from _ruamel_yaml import CParser
for name in sys.stdin.read().splitlines():
    try:
        parser = CParser(Path(name).read_text("utf-8"))
        while parser.get_event() is not None:
            pass
    except Exception:
        continue
"""


def timed(command: list[str], repeats: int, **options: Any) -> float:
    """Return the median time of a command in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, **options)
        times.append(time.perf_counter() - start)
    return round(statistics.median(times), 4)


def peak_memory(command: list[str]) -> float:
    """Return the largest resident memory of a command's process in megabytes."""
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1)


def main() -> None:
    """Measure and print."""
    tool = [sys.executable, "-m", "kube_audit"]
    figures: dict[str, Any] = {
        "help": timed([*tool, "--help"], 9),
        "version": timed([*tool, "--version"], 9),
        "bare_python": timed([sys.executable, "-c", "pass"], 9),
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "web.yaml"
        file.write_text(SMALL)
        figures["one_small_file"] = timed([*tool, "check", str(file)], 9)
        figures["one_small_file_no_cache"] = timed([*tool, "check", "--no-cache", str(file)], 3)
    if len(sys.argv) > 1:
        figures["folder"] = _folder(tool, Path(sys.argv[1]))
    print(json.dumps(figures, indent=2))


def _folder(tool: list[str], folder: Path) -> dict[str, Any]:
    files = sorted(str(f) for f in folder.rglob("*") if f.suffix in (".yaml", ".yml", ".json"))
    parse = timed([sys.executable, "-c", PARSE], 3, input="\n".join(files).encode())
    whole = timed([*tool, "check", str(folder)], 5)
    figures = {
        "path": folder.name,
        "files": len(files),
        "mb": round(sum(os.path.getsize(f) for f in files) / 1e6, 2),
        "default_profile": whole,
        "all_rules": timed([*tool, "check", "--profile", "all", "-o", "json", str(folder)], 3),
        "peak_mb": peak_memory([*tool, "check", str(folder)]),
        "libyaml_parse": parse,
        "ratio_to_libyaml": round(whole / parse, 2),
    }
    schemas = os.environ.get("KUBECONFORM_SCHEMAS")
    if shutil.which("kubeconform") and schemas:
        kubeconform = timed(["kubeconform", "-strict", "-schema-location", schemas, str(folder)], 3)
        figures |= {"kubeconform": kubeconform, "ratio_to_kubeconform": round(whole / kubeconform, 2)}
    return figures


if __name__ == "__main__":
    main()
