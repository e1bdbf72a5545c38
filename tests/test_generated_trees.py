"""Made-up trees of any size: nothing is said about the sound ones, and every planted defect is found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from kube_audit.findings import AuditResult
from tests.corpus import CORPUS
from tests.support import audit_paths

GENERATOR = CORPUS.parent / "bench" / "gen_scale.py"
pytestmark = pytest.mark.skipif(not GENERATOR.is_file(), reason="the generator of made-up trees is not here")


def grow(folder: Path, files: int, *arguments: str) -> Path:
    command = [sys.executable, str(GENERATOR), "--out", str(folder), "--files", str(files), "--docs-per-file", "10"]
    subprocess.run([*command, *arguments], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("files", "layout"), [(10, "tree"), (10, "flat"), (100, "tree"), (100, "flat"), (1000, "tree")]
)
def test_sound_trees_have_no_error_and_no_warning(tmp_path: Path, files: int, layout: str) -> None:
    result = audit_paths(grow(tmp_path / "tree", files, "--defects", "0", "--layout", layout))
    loud = [(f.rule, f.file, f.span.line, f.message) for f in result.findings if f.severity != "info"]
    assert loud == []
    assert result.summary.objects == files * 10


@pytest.mark.parametrize(("layout", "seed"), [("tree", "1"), ("tree", "2"), ("flat", "3")])
def test_planted_defects_are_found_on_their_objects(tmp_path: Path, layout: str, seed: str) -> None:
    truth = tmp_path / "truth.jsonl"
    shape = ("--layout", layout, "--seed", seed)
    broken = grow(tmp_path / "broken", 150, "--defects", "0.4", "--truth", str(truth), *shape)
    found = by_object(audit_paths(broken, profile="strict"))
    sound = by_object(audit_paths(grow(tmp_path / "sound", 150, "--defects", "0", *shape), profile="strict"))
    planted = [json.loads(line) for line in truth.read_text().splitlines()]
    objects = [(defect["kind"], defect["namespace"], defect["name"]) for defect in planted]
    missed = [defect for defect, obj in zip(planted, objects, strict=True) if found[obj] <= sound[obj]]
    assert len({defect["defect"] for defect in planted}) > 30
    assert missed == []


def by_object(result: AuditResult) -> dict[tuple[str, str | None, str], set[str]]:
    found: dict[tuple[str, str | None, str], set[str]] = defaultdict(set)
    for finding in result.findings:
        if finding.object is not None:
            found[finding.object.kind, finding.object.namespace, finding.object.name or ""].add(finding.rule)
    return found
