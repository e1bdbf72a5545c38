"""Runs that are about a part of what they read: the same verdicts, and nothing about the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kube_audit import audit
from kube_audit.changes import Changes
from kube_audit.config import EMPTY, Config, load
from kube_audit.findings import Finding
from kube_audit.suppressions import UNUSED
from kube_audit.validation.definitions import newest_version
from tests.support import catalogue

ROOT = Path(__file__).resolve().parents[1]
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - {name: a, image: 'a:latest'}\n"
SILENCED = POD.replace("  - {", "  # kube-audit: ignore[image-tag-latest] a mirror\n  - {")
SETTINGS = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {a: b}\n"


def findings(
    files: dict[str, str],
    changed: dict[str, list[tuple[int, int]]] | None = None,
    only: frozenset[str] | None = None,
    config: Config = EMPTY,
) -> list[Finding]:
    changes = None if changed is None else Changes({os.path.realpath(file): list(at) for file, at in changed.items()})
    request = audit.Request(
        [(name, text.encode()) for name, text in files.items()],
        catalogue().choose("default", (), ()),
        newest_version(),
        config=config,
        changes=changes,
        only=only,
    )
    return audit.run(request, catalogue()).findings


def unused(*given: object, **options: object) -> list[tuple[str, int]]:
    found = findings(*given, **options)  # type: ignore[arg-type]
    return [(finding.file, finding.span.line) for finding in found if finding.rule == UNUSED]


def test_a_part_is_judged_as_in_a_run_on_everything() -> None:
    files = {
        str(file.relative_to(ROOT)): file.read_text("utf-8") for file in sorted((ROOT / "fixtures" / "demo").iterdir())
    }
    everything = findings(files)
    for name in files:
        assert findings(files, only=frozenset({name})) == [one for one in everything if one.file == name]
        whole = {name: [(1, files[name].count("\n"))]}
        assert findings(files, changed=whole) == [one for one in everything if one.file == name]


@pytest.mark.parametrize(("lines", "found"), [([(12, 12)], []), ([(2, 2)], [1]), ([(2, 2), (12, 12)], [1])])
def test_findings_are_on_objects_with_changed_lines(lines: list[tuple[int, int]], found: list[int]) -> None:
    said = findings({"a.yaml": POD + SETTINGS}, changed={"a.yaml": lines})
    assert [1 for finding in said if finding.rule == "image-tag-latest"] == found


def test_the_result_tells_which_files_were_judged() -> None:
    request = audit.Request([("a.yaml", POD.encode()), ("b.yaml", SETTINGS.encode())], (), newest_version())
    assert audit.run(request, catalogue()).judged is None
    assert audit.run(request._replace(only=frozenset({"b.yaml"})), catalogue()).judged == frozenset({"b.yaml"})


class TestWhatSilences:
    def test_on_an_object_that_is_left_alone_is_not_called_idle(self) -> None:
        assert unused({"a.yaml": SILENCED + SETTINGS}, changed={"a.yaml": [(12, 12)]}) == []
        assert unused({"a.yaml": SILENCED, "b.yaml": SETTINGS}, only=frozenset({"b.yaml"})) == []

    def test_on_an_object_that_has_changed_is(self) -> None:
        idle = SILENCED.replace("a:latest", "a:1.2")
        assert unused({"a.yaml": idle + SETTINGS}, changed={"a.yaml": [(7, 7)]}) == [("a.yaml", 6)]

    def test_for_a_whole_file_is_called_idle_only_when_all_of_the_file_was_judged(self) -> None:
        text = "# kube-audit: ignore-file[image-tag-latest] mirrors\n" + POD.replace("latest", "1.2") + SETTINGS
        assert unused({"a.yaml": text}, changed={"a.yaml": [(3, 3)]}) == []
        assert unused({"a.yaml": text}, changed={"a.yaml": [(1, 12)]}) == [("a.yaml", 1)]

    def test_and_is_wrong_is_told_where_it_was_written(self) -> None:
        text = SETTINGS + "# kube-audit: ignore[nonsense] nothing\n"
        assert unused({"a.yaml": text}, changed={"a.yaml": [(6, 6)]}) == [("a.yaml", 6)]
        assert unused({"a.yaml": text}, changed={"a.yaml": [(1, 1)]}) == []

    def test_in_the_configuration_is_not_called_idle_by_a_run_on_a_part(self, tmp_path: Path) -> None:
        file = tmp_path / ".kube-audit.yaml"
        file.write_text("overrides:\n- names: [elsewhere]\n  rules: {'*': off}\n  reason: somebody else's\n")
        assert len(unused({"a.yaml": POD}, config=load(file))) == 1
        assert unused({"a.yaml": POD}, changed={"a.yaml": [(1, 6)]}, config=load(file)) == []
