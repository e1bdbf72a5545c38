"""Known findings stay known when text moves, and new ones are new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kube_audit import baseline
from kube_audit.findings import Finding
from tests.support import audit_texts

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    image: nginx\n"


def found(text: str, file: str = "web.yaml") -> list[Finding]:
    return audit_texts({file: text}, select=["image-tag-latest"]).findings


def new(findings: list[Finding], known: baseline.Baseline) -> int:
    return sum(1 for finding in baseline.apply(findings, known)[0] if finding.suppressed is None)


KNOWN = baseline.of_findings(found(POD))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (POD, 0),
        ("# moved\n\n" + POD, 0),
        (POD.replace("metadata: {name: web}", "metadata:\n  name: web"), 0),
        (POD.replace("containers:\n", "containers:\n  - {name: first, image: 'a:1'}\n"), 0),
        (POD + "  - {name: second, image: nginx}\n", 1),
        (POD.replace("{name: web}", "{name: shop}"), 1),
        (POD.replace("{name: web}", "{name: web, namespace: shop}"), 1),
    ],
)
def test_what_is_new(text: str, count: int) -> None:
    assert new(found(text), KNOWN) == count


def test_a_renamed_file_brings_nothing_back() -> None:
    assert new(found(POD, "other/name.yaml"), KNOWN) == 0


def test_a_second_object_of_the_same_name_is_new() -> None:
    assert new(found(POD) + found(POD, "copy.yaml"), KNOWN) == 1


def test_gone_entries_are_told() -> None:
    assert len(baseline.apply(found(POD.replace("nginx", "nginx:1")), KNOWN)[1]) == 1


def test_a_baseline_survives_being_written_and_read(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    baseline.write(file, KNOWN)
    assert baseline.read(file) == KNOWN
    (entry,) = json.loads(file.read_text())["findings"].values()
    assert entry == {"known": 1, "rule": "image-tag-latest", "object": "Pod web", "path": "spec.containers[0].image"}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 1, "findings": []}', '{"version": 9}'])
def test_what_is_no_baseline_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(baseline.BaselineError, match=r"b\.json"):
        baseline.read(tmp_path / "b.json")
