"""How long the pre-commit hook takes for one changed file, in repositories of growing size. Prints JSON.

    python benchmarks/pre_commit.py [TEAMS…]

Each team has the demo's 8 files in a namespace of its own (default 1, 6 and 60 teams). Times are medians in seconds of
whole processes, after the hook is installed: of the hook's command alone, of `pre-commit run` with it, and of
`pre-commit run` with a hook that does nothing.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PRE_COMMIT = [sys.executable, "-m", "pre_commit"]
HOOK = ["check", "--tree", ".", "--staged", "team-0/catalogue.yaml"]
CONFIGURATION = """\
repos:
- repo: {repository}
  rev: {revision}
  hooks:
  - id: kube-audit
- repo: local
  hooks:
  - {{id: nothing, name: nothing, language: system, entry: "true", types: [yaml]}}
"""


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it prints."""
    command = ["git", "-c", "user.name=Bench", "-c", "user.email=bench@example.com", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def repository(folder: Path, teams: int, published: Path) -> int:
    """Make a repository of that many teams with one changed file staged; return its number of manifests."""
    files = {file.name: file.read_text("utf-8") for file in (ROOT / "fixtures" / "demo").iterdir()}
    for number in range(teams):
        team = folder / f"team-{number}"
        team.mkdir(parents=True)
        for name, text in files.items():
            own = re.sub(r"(namespace: |^  name: )shop$", rf"\1team-{number}", text, flags=re.M)
            (team / name).write_text(own, "utf-8")
    revision = git(published, "rev-parse", "HEAD").strip()
    configuration = CONFIGURATION.format(repository=published, revision=revision)
    (folder / ".pre-commit-config.yaml").write_text(configuration, "utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "start")
    changed = folder / "team-0" / "catalogue.yaml"
    changed.write_text(changed.read_text("utf-8").replace('replicas: "2"', 'replicas: "3"'), "utf-8")
    git(folder, "add", ".")
    return teams * len(files)


def timed(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Return the median time of a command in seconds, after one run that does not count."""
    times = []
    for _ in range(6):
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return round(statistics.median(times[1:]), 3)


def measured(folder: Path, teams: int, published: Path, home: Path) -> dict[str, Any]:
    """Return the figures for a repository of that many teams."""
    files = repository(folder, teams, published)
    environment = {**os.environ, "PRE_COMMIT_HOME": str(home)}
    run = [*PRE_COMMIT, "run"]
    subprocess.run([*run, "kube-audit"], cwd=folder, env=environment, stdout=subprocess.DEVNULL)  # installs the hook
    [installed] = home.glob("*/py_env-*/*/kube-audit")
    return {
        "files": files,
        "hook_alone": timed([str(installed), *HOOK], folder, environment),
        "pre_commit_run": timed([*run, "kube-audit"], folder, environment),
        "pre_commit_run_with_nothing": timed([*run, "nothing"], folder, environment),
    }


def main() -> None:
    """Measure and print."""
    teams = [int(number) for number in sys.argv[1:]] or [1, 6, 60]
    with tempfile.TemporaryDirectory() as scratch:
        published, home = Path(scratch) / "published", Path(scratch) / "home"
        git(ROOT, "clone", "--quiet", str(ROOT), str(published))
        rows = [measured(Path(scratch) / f"{number}-teams", number, published, home) for number in teams]
    print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
