"""Known findings stay known when text and files move, new ones are new, and what is gone is told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kube_audit import baseline
from kube_audit.findings import Finding
from tests.cli.test_check import report, run
from tests.corpus import corpus_files, needs_corpus
from tests.edits.support import read
from tests.edits.wild import manifest
from tests.support import audit_texts
from tests.test_changes import commit, git
from tests.test_docs import environment

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    image: nginx\n"
HERE = Path()


def found(text: str, file: str = "web.yaml") -> list[Finding]:
    return audit_texts({file: text}, select=["image-tag-latest"]).findings


def new(findings: list[Finding], known: baseline.Baseline) -> int:
    applied = baseline.apply(findings, known, HERE, lambda file, about: False, lambda rule, file: True)
    return sum(finding.suppressed is None for finding in applied.findings)


KNOWN = baseline.of_findings(found(POD), HERE)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (POD, 0),
        ("# moved\n\n" + POD, 0),
        (POD.replace("\n", "\r\n"), 0),
        (POD.replace("metadata: {name: web}", "metadata:\n  name: web"), 0),
        ("kind: List\napiVersion: v1\nitems:\n- " + POD.replace("\n", "\n  ").rstrip() + "\n", 0),
        (
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": "web"},
                    "spec": {"containers": [{"image": "nginx", "name": "web"}]},
                }
            ),
            0,
        ),
        (POD.replace("containers:\n", "containers:\n  - {name: first, image: 'a:1'}\n"), 0),
        (POD + "  - {name: second, image: nginx}\n", 1),
        (POD + "  initContainers:\n  - {name: web, image: nginx}\n", 1),
        (POD.replace("{name: web}", "{name: shop}"), 1),
        (POD.replace("{name: web}", "{name: web, namespace: shop}"), 1),
    ],
)
def test_what_is_new(text: str, count: int) -> None:
    assert new(found(text), KNOWN) == count


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- {containerPort: 99999}", "- {containerPort: 80}\n    - {containerPort: 99999}"),
        ("- {name: a, containerPort: 99999}", "- {containerPort: 80}\n    - {name: a, containerPort: 99999}"),
    ],
)
def test_items_of_lists_are_told_apart_by_more_than_their_number(before: str, after: str) -> None:
    def ports(text: str) -> list[Finding]:
        return audit_texts({"a.yaml": POD + f"    ports:\n    {text}\n"}, select=["port-out-of-range"]).findings

    known = baseline.of_findings(ports(before), HERE)
    assert (len(ports(after)), new(ports(after), known)) == (1, 0)


def test_a_renamed_file_brings_nothing_back() -> None:
    assert new(found(POD, "other/name.yaml"), KNOWN) == 0


def test_a_second_object_of_the_same_name_is_new() -> None:
    assert new(found(POD) + found(POD, "copy.yaml"), KNOWN) == 1


def test_gone_findings_are_told_one_by_one() -> None:
    twice = baseline.of_findings(found(POD) + found(POD, "copy.yaml"), HERE)
    for findings, gone, left in (
        (found(POD), {"copy.yaml": 1}, {"web.yaml": 1}),
        ([], {"copy.yaml": 1, "web.yaml": 1}, None),
    ):
        applied = baseline.apply(findings, twice, HERE, lambda file, about: True, lambda rule, file: True)
        assert [entry.files for entry in applied.gone.values()] == [gone]
        assert [entry.files for entry in applied.left.values()] == ([left] if left else [])


def test_a_baseline_survives_being_written_and_read(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    baseline.write(file, KNOWN)
    assert baseline.read(file) == KNOWN
    (entry,) = json.loads(file.read_text())["findings"].values()
    path = "spec.containers[0].image"
    assert entry == {"rule": "image-tag-latest", "object": "Pod web", "path": path, "files": {"web.yaml": 1}}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 1, "findings": []}', '{"version": 9}'])
def test_what_is_no_baseline_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(baseline.BaselineError, match=r"b\.json"):
        baseline.read(tmp_path / "b.json")


def state(*arguments: str, folder: Path) -> tuple[list[str], str]:
    """Return the files of new findings, and what is said about gone ones."""
    done = run("check", "--select", "image-tag-latest,yaml-syntax", "-o", "json", *arguments, cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    findings: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return [f["file"] for f in findings if f["suppressed"] is None], done.stderr


def files_of(folder: Path) -> list[dict[str, int]]:
    return [entry["files"] for entry in json.loads((folder / "k.json").read_text())["findings"].values()]


@pytest.fixture
def overlays(tmp_path: Path) -> Path:
    """Two folders that define the same object, all of it known, by the configuration."""
    for name in ("dev", "prod"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pod.yaml").write_text(POD)
    (tmp_path / ".kube-audit.yaml").write_text("baseline: k.json\n")
    assert run("check", "--select", "image-tag-latest", "--write-baseline", "k.json", cwd=tmp_path).returncode == 0
    assert files_of(tmp_path) == [{"dev/pod.yaml": 1, "prod/pod.yaml": 1}]
    return tmp_path


class TestSeveralObjectsOfOneName:
    def test_are_all_known_from_wherever_the_run_starts(self, overlays: Path) -> None:
        assert state(folder=overlays) == ([], "")
        assert state(folder=overlays / "prod") == ([], "")
        assert state("../dev", folder=overlays / "prod") == ([], "")

    def test_a_third_is_new_and_told_in_its_own_file(self, overlays: Path) -> None:
        (overlays / "canary").mkdir()
        (overlays / "canary" / "pod.yaml").write_text(POD)
        assert state(folder=overlays) == (["canary/pod.yaml"], "")
        assert state("canary", folder=overlays) == (["canary/pod.yaml"], "")

    def test_one_that_moves_stays_known(self, overlays: Path) -> None:
        (overlays / "prod" / "pod.yaml").rename(overlays / "prod" / "moved.yaml")
        for arguments in ((), ("prod",), ("prod/moved.yaml",)):
            assert state(*arguments, folder=overlays) == ([], "")
        state("--update-baseline", folder=overlays)
        assert files_of(overlays) == [{"dev/pod.yaml": 1, "prod/moved.yaml": 1}]

    def test_one_that_is_mended_is_gone_and_its_return_is_new(self, overlays: Path) -> None:
        (overlays / "prod" / "pod.yaml").write_text(POD.replace("nginx", "nginx:1"))
        new, said = state(folder=overlays)
        assert (new, "1 finding of k.json is gone: --update-baseline drops it" in said) == ([], True)
        assert "image-tag-latest: Pod web, spec.containers[0].image (prod/pod.yaml)" in said
        assert "and out of it" in state("--update-baseline", folder=overlays)[1]
        assert files_of(overlays) == [{"dev/pod.yaml": 1}]
        (overlays / "prod" / "pod.yaml").write_text(POD)
        assert state(folder=overlays)[0] == ["prod/pod.yaml"]


class TestARunOnAPart:
    @pytest.mark.parametrize("arguments", [("dev",), ("--ignore", "image-tag-latest"), ("--profile", "schema")])
    def test_drops_nothing_of_the_rest(self, overlays: Path, arguments: tuple[str, ...]) -> None:
        (overlays / "prod" / "pod.yaml").write_text(POD.replace("nginx", "nginx:1"))
        done = run("check", "--select", "naked-pod", *arguments, "--update-baseline", "--fail-on=never", cwd=overlays)
        assert (done.returncode, done.stderr) == (0, "")
        assert files_of(overlays) == [{"dev/pod.yaml": 1, "prod/pod.yaml": 1}]

    @pytest.mark.parametrize("option", ["--since=HEAD", "--staged", "--tree=."])
    @pytest.mark.parametrize("writing", [["--write-baseline", "k.json"], ["--update-baseline"]])
    def test_writes_no_baseline(self, overlays: Path, option: str, writing: list[str]) -> None:
        done = run("check", option, *writing, cwd=overlays)
        assert (done.returncode, "leave out --since, --staged and --tree" in done.stderr) == (2, True)

    def test_on_changed_objects_knows_what_has_moved_and_takes_no_copy_for_it(self, overlays: Path) -> None:
        git(overlays, "init", "-q")
        commit(overlays)
        (overlays / "prod" / "pod.yaml").rename(overlays / "prod" / "moved.yaml")
        assert state("--since", "HEAD", folder=overlays) == ([], "")
        (overlays / "prod" / "moved.yaml").rename(overlays / "prod" / "pod.yaml")
        (overlays / "copy.yaml").write_text(POD)
        assert state("--since", "HEAD", folder=overlays) == (["copy.yaml"], "")


def test_fixes_leave_known_findings_alone_unless_the_baseline_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(POD + "    env: [{name: A, value: 1}]\n")
    select = ["check", "--select", "yaml-type-trap,schema-invalid", "--baseline", "k.json"]
    assert run(*select[:3], "--write-baseline", "k.json", cwd=tmp_path).returncode == 0
    assert "0 fixes" in run(*select, "--diff", cwd=tmp_path).stderr
    fixed = run(*select, "--fix", cwd=tmp_path)
    assert (fixed.returncode, fixed.stderr) == (0, "")
    (tmp_path / ".kube-audit.yaml").write_text("baseline: k.json\n")
    assert run(*select[:3], "--no-baseline", cwd=tmp_path).returncode == 1
    assert "1 fix made" in run(*select[:3], "--no-baseline", "--fix", cwd=tmp_path).stderr
    assert "is gone" in run(*select[:3], cwd=tmp_path).stderr


def test_what_is_silenced_otherwise_leaves_the_baseline(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text(POD)
    run("check", "--select", "image-tag-latest", "--write-baseline", "k.json", cwd=tmp_path)
    (tmp_path / "pod.yaml").write_text(POD.rstrip() + "  # kube-audit: ignore[image-tag-latest] decided\n")
    assert "is gone" in state("--baseline", "k.json", folder=tmp_path)[1]
    done = report("--select", "image-tag-latest", "--baseline", "k.json", cwd=tmp_path)
    assert [f["suppressed"]["kind"] for f in done["findings"]] == ["comment"]


def test_a_file_that_cannot_be_read_stays_known_when_it_is_renamed(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [\n")
    run("check", "--select", "yaml-syntax", "--write-baseline", "k.json", cwd=tmp_path)
    assert state("--baseline", "k.json", folder=tmp_path) == ([], "")
    (tmp_path / "other.yaml").write_text("a: [\n")
    assert state("--baseline", "k.json", folder=tmp_path) == (["other.yaml"], "")
    (tmp_path / "bad.yaml").unlink()
    assert state("--baseline", "k.json", folder=tmp_path) == ([], "")


def test_rendered_manifests_are_known_by_the_baseline_of_their_files(overlays: Path) -> None:
    command = "cat dev/pod.yaml | kube-audit check - --select image-tag-latest"
    done = subprocess.run(["bash", "-c", command], cwd=overlays, capture_output=True, text=True, env=environment())
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--baseline", "no.json"], "no.json: the baseline cannot be read: No such file"),
        (["--update-baseline"], "needs a baseline"),
        (["--write-baseline", "no/k.json"], "no/k.json: the baseline cannot be written"),
    ],
)
def test_what_cannot_be_done_ends_the_run(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = run("check", *arguments, cwd=tmp_path)
    assert (done.returncode, said in done.stderr) == (2, True)


def test_a_baseline_that_the_configuration_names_in_vain_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / ".kube-audit.yaml").write_text("profile: strict\nbaseline: k.json\n")
    done = run("check", cwd=tmp_path)
    assert (done.returncode, ".kube-audit.yaml:2:1: k.json: the baseline cannot be read" in done.stderr) == (2, True)


@needs_corpus
def test_however_an_object_is_written_its_findings_are_known() -> None:
    random = Random(7)
    plain, wild = {}, {}
    for number, file in enumerate(corpus_files()[::6]):
        one = read(file.read_bytes(), str(file)) if file.stat().st_size < 20_000 else None
        if one is None or not one.objects or one.problems:
            continue
        data = [obj.data for obj in one.objects]
        plain[f"{number}/a.json"] = json.dumps({"apiVersion": "v1", "kind": "List", "items": data})
        wild[f"{number}/renamed.yaml"] = manifest(random, data, aliases=False)
    known = baseline.of_findings(audit_texts(dict(plain)).findings, HERE)
    findings = [f for f in audit_texts(dict(wild)).findings if not f.rule.startswith("yaml-")]
    assert len(findings) > 100
    applied = baseline.apply(findings, known, HERE, lambda file, about: file.endswith(".yaml"), lambda rule, file: True)
    assert [f for f in applied.findings if f.suppressed is None] == []
    assert applied.gone == {}
