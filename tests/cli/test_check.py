"""`kube-audit check` as people run it: exit status, reports, and how bad input is met."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {level: info}\n"
BAD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - {name: web, image: nginx}\n"


def run(*arguments: str, cwd: Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command; a traceback in whatever it prints is a failure of the test."""
    done = subprocess.run(
        [sys.executable, "-m", "kube_audit", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env={**os.environ, "COLUMNS": "100", **environment},
        timeout=120,
    )
    result = subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in result.stdout + result.stderr
    return result


def report(*arguments: str, cwd: Path, stdin: bytes = b"") -> dict[str, Any]:
    content: dict[str, Any] = json.loads(run("check", "-o", "json", *arguments, cwd=cwd, stdin=stdin).stdout)
    return content


def test_status_0_for_good_manifests_1_for_findings_2_for_runs_that_cannot_be_done(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    assert run("check", "good.yaml", cwd=tmp_path).returncode == 0
    assert run("check", cwd=tmp_path).returncode == 1
    assert run("check", "nowhere.yaml", cwd=tmp_path).returncode == 2


def test_fail_on_decides_the_status_and_severity_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    assert run("check", "--select", "image-tag-latest", "--fail-on", "error", cwd=tmp_path).returncode == 0
    shown = run("check", "--select", "image-tag-latest", "--severity", "error", cwd=tmp_path)
    assert "[image-tag-latest" not in shown.stdout
    assert shown.returncode == 1


def test_select_and_ignore_take_ids_separated_by_commas(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    both = "image-tag-latest,schema-invalid"
    assert {f["rule"] for f in report("--select", both, cwd=tmp_path)["findings"]} == {"image-tag-latest"}
    found = report("--ignore", both, cwd=tmp_path)["findings"]
    assert "image-tag-latest" not in {f["rule"] for f in found}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--select", "image-tag-latst"], "did you mean `image-tag-latest`"),
        (["--profile", "defualt"], "did you mean `default`"),
        (["--kubernetes-version", "1.9"], "1.25 to"),
        (["-o", "yaml"], "text, json, sarif"),
        (["-o", "json="], "names no file"),
        (["--no-such-option"], "--no-such-option"),
        (["nowhere"], "nowhere"),
    ],
)
def test_usage_errors_say_what_is_possible(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = run("check", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_standard_input_and_files_in_any_mix_each_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(BAD)
    found = report("-", "a.yaml", ".", "a.yaml", "--select", "image-tag-latest", cwd=tmp_path, stdin=BAD.encode())
    assert sorted(f["file"] for f in found["findings"]) == ["<stdin>", "a.yaml"]
    assert found["summary"]["files"] == 2


def test_several_reports_at_once(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    done = run("check", "-o", "text", "-o", "sarif=audit.sarif", "-o", "json=audit.json", cwd=tmp_path)
    assert "bad.yaml:6" in done.stdout
    assert json.loads((tmp_path / "audit.sarif").read_text())["version"] == "2.1.0"
    assert json.loads((tmp_path / "audit.json").read_text())["version"] == "1"


def test_a_report_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    done = run("check", "-o", "json=no/such/folder.json", cwd=tmp_path)
    assert (done.returncode, "cannot be written" in done.stderr) == (2, True)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    for form in ("json", "sarif"):
        first, second = (run("check", "-o", form, cwd=tmp_path, PYTHONHASHSEED=seed).stdout for seed in ("1", "2"))
        assert first == second


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE: dict[str, tuple[bytes, str, int]] = {
    "broken yaml": (b"a: [1\n", "yaml-syntax", 1),
    "duplicate key": (GOOD.encode() + b"data: {}\n", "yaml-duplicate-key", 5),
    "tab": (b"a:\n\tb: 1\n", "yaml-syntax", 2),
    "bad utf-8": (b"a: 1\nb: \xff\n", "yaml-syntax", 2),
    "nul byte": (b"a: 1\nb: \0\n", "yaml-syntax", 2),
    "alias bomb": (BOMB.encode(), "yaml-syntax", 9),
    "deep nesting": (b"[" * 10_000 + b"]" * 10_000, "yaml-syntax", 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_one_finding_and_hide_no_other_file(tmp_path: Path, name: str) -> None:
    content, rule, line = HOSTILE[name]
    (tmp_path / "hostile.yaml").write_bytes(content)
    (tmp_path / "bad.yaml").write_text(BAD)
    found = report(cwd=tmp_path)
    here = [f for f in found["findings"] if f["file"] == "hostile.yaml"]
    assert [f["rule"] for f in here][:1] == [rule]
    assert here[0]["line"] == line
    assert here[0]["column"] >= 1
    assert any(f["file"] == "bad.yaml" for f in found["findings"])
    assert found["summary"]["files"] == 2


def test_a_file_of_50_megabytes_is_audited(tmp_path: Path) -> None:
    one = GOOD.replace("info", "x" * 900)
    (tmp_path / "big.yaml").write_text("---\n".join([one] * (50_000_000 // len(one))))
    (tmp_path / "bad.yaml").write_text(BAD)
    found = report("--profile", "schema", cwd=tmp_path)
    assert found["summary"]["objects"] > 50_000


def test_links_and_special_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "broken.yaml").symlink_to("nothing.yaml")
    (tmp_path / "out.yaml").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe.yaml")
    skipped = {entry["file"]: entry["reason"] for entry in report(cwd=tmp_path)["summary"]["skipped"]}
    assert set(skipped) == {"broken.yaml", "out.yaml", "pipe.yaml"}


def test_an_empty_folder_is_no_error(tmp_path: Path) -> None:
    done = run("check", cwd=tmp_path)
    assert done.returncode == 0
    assert "nothing" in done.stdout.lower() or "no " in done.stdout.lower()


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("---\n".join(BAD.replace("web", f"web{n}") for n in range(500)))
    command = f"{sys.executable} -m kube_audit check . | head -n 1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, timeout=60)
    assert done.stderr == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_a_report_that_does_not_fit_on_the_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "kube_audit", "check", "."]
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 2
    assert done.stderr.decode() == "kube-audit: standard output cannot be written: No space left on device\n"


def test_expressions_stay_silent_where_the_schema_speaks(tmp_path: Path) -> None:
    for name, spec in {
        "null": "{containers: null}",
        "env": "{containers: [{name: a, image: 'x:1', env: {A: 1}}]}",
        "image": "{containers: [{name: a, image: [x]}]}",
        "text": "{containers: web}",
        "item": "{containers: [web, null, 1]}",
        "numbers": "{containers: [{name: 1, image: 2, securityContext: 3, resources: 4, ports: 5}]}",
    }.items():
        (tmp_path / f"{name}.yaml").write_text(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {spec}\n")
    found = report("--profile", "all", cwd=tmp_path)["findings"]
    assert "rule-error" not in {f["rule"] for f in found}
    assert {f["file"] for f in found if f["rule"] == "schema-invalid"} >= {"env.yaml", "image.yaml", "text.yaml"}


def test_plain_text_when_not_a_terminal_and_colour_when_forced(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    assert "\x1b" not in run("check", cwd=tmp_path).stdout
    assert "\x1b" in run("check", cwd=tmp_path, FORCE_COLOR="1").stdout
    assert "\x1b" not in run("check", cwd=tmp_path, FORCE_COLOR="1", NO_COLOR="1").stdout


def test_help_names_what_a_beginner_needs(tmp_path: Path) -> None:
    shown = run("check", "--help", cwd=tmp_path).stdout
    for words in ("Exit status", "kustomize build", "pss-restricted", "--fail-on", ".gitignore"):
        assert words in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(tmp_path: Path, shell: str) -> None:
    assert "_KUBE_AUDIT_COMPLETE" in run("completion", shell, cwd=tmp_path).stdout


def configured(tmp_path: Path, text: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "bad.yaml").write_text(BAD)
    (tmp_path / ".kube-audit.yaml").write_text(text)
    return run("check", "--select", "image-tag-latest", cwd=tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules:\n  image-tag-latst: off\n", ".kube-audit.yaml:2:3: there is no rule `image-tag-latst`; did you mean"),
        (
            "overrides:\n- {kinds: [Pod], rules: {'*': info, naked-pd: off}, reason: old}\n",
            ".kube-audit.yaml:2:37: there is no rule `naked-pd`; did you mean `naked-pod`?",
        ),
        ("rules:\n  image-tag-latest: {params: {tags: [a]}}\n", ".kube-audit.yaml:2:3: there is no parameter `tags`"),
        ("fail-on: error\noutput: [txt]\n", ".kube-audit.yaml:2:1: there is no report format `txt`"),
        ("kubernetes-version: '1.99'\n", ".kube-audit.yaml:1:1: Kubernetes 1.99 is not known"),
        ("rule-folders: [mine]\n", ".kube-audit.yaml:1:1: there is no folder mine"),
        ("rules:\n  image-tag-latest: {params: {floating_tags: latest}}\n", "parameter `floating_tags`"),
        ("profile: [\n", ".kube-audit.yaml:"),
    ],
)
def test_mistakes_in_the_configuration_end_the_run(tmp_path: Path, text: str, said: str) -> None:
    done = configured(tmp_path, text)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_run_has_one_configuration(tmp_path: Path) -> None:
    for folder, profile in (("a", "strict"), ("b", "schema"), ("b/deep", None)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "bad.yaml").write_text(BAD)
        if profile:
            (tmp_path / folder / ".kube-audit.yaml").write_text(f"profile: {profile}\n")
    assert report("a", cwd=tmp_path)["profile"] == "strict"
    assert report("b", "b/deep/bad.yaml", cwd=tmp_path)["profile"] == "schema"
    for paths, told in ((("a", "b"), "a/.kube-audit.yaml and b/.kube-audit.yaml"), (("b/bad.yaml", "."), "and none")):
        done = run("check", *paths, cwd=tmp_path)
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr
    assert report("a", "b", "--config", "b/.kube-audit.yaml", cwd=tmp_path)["profile"] == "schema"


def test_the_configuration_decides_what_the_command_line_leaves_open(tmp_path: Path) -> None:
    assert configured(tmp_path, "fail-on: error\n").returncode == 0
    assert "image-tag-latest" in configured(tmp_path, "rules: {image-tag-latest: error}\n").stdout
    assert configured(tmp_path, "output: [json]\n").stdout.startswith("{")


def test_fixes_are_shown_made_and_then_done(tmp_path: Path) -> None:
    text = BAD + "    env: [{name: A, value: yes}] # note\n"
    (tmp_path / "bad.yaml").write_text(text.replace("{name: web, image: nginx}", "name: web\n    image: nginx:1"))
    shown = run("check", "--select", "yaml-type-trap", "--diff", cwd=tmp_path)
    assert (shown.returncode, '+    env: [{name: A, value: "yes"}] # note' in shown.stdout) == (1, True)
    assert run("check", "--select", "yaml-type-trap", "--fix", cwd=tmp_path).returncode == 0
    assert 'value: "yes"}] # note' in (tmp_path / "bad.yaml").read_text()
    assert run("check", "--select", "yaml-type-trap", "--diff", cwd=tmp_path).returncode == 0


def test_a_baseline_hides_what_is_known_and_shows_what_is_new(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    assert run("check", "--write-baseline", "known.json", cwd=tmp_path).returncode == 0
    assert run("check", "--baseline", "known.json", cwd=tmp_path).returncode == 0
    (tmp_path / "bad.yaml").write_text(BAD + "  - {name: more, image: nginx}\n")
    done = run("check", "--baseline", "known.json", cwd=tmp_path)
    assert (done.returncode, "`more`" in done.stdout) == (1, True)
    (tmp_path / "bad.yaml").write_text(GOOD)
    assert "--update-baseline" in run("check", "--baseline", "known.json", cwd=tmp_path).stderr
    run("check", "--baseline", "known.json", "--update-baseline", cwd=tmp_path)
    assert json.loads((tmp_path / "known.json").read_text())["findings"] == {}


def test_a_changed_file_is_judged_with_the_rest_of_the_tree(tmp_path: Path) -> None:
    service = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  ports: [{port: 80}]\n"
    )
    pod = BAD.replace("{name: web}", "{name: web, labels: {app: web}}", 1)
    (tmp_path / "service.yaml").write_text(service)
    (tmp_path / "pod.yaml").write_text(pod)
    alone = report("service.yaml", "--select", "dangling-service", cwd=tmp_path)["findings"]
    assert [f["rule"] for f in alone] == ["dangling-service"]
    assert report("service.yaml", "--tree", ".", "--select", "dangling-service", cwd=tmp_path)["findings"] == []
    with_all = report("service.yaml", "--tree", ".", cwd=tmp_path)["findings"]
    assert {f["file"] for f in with_all} <= {"service.yaml"}


def test_a_run_over_one_small_file_loads_only_what_it_needs(tmp_path: Path) -> None:
    """What start-up costs, told without a clock: the libraries that most runs can do without."""
    (tmp_path / "a.yaml").write_text(BAD)
    command = [sys.executable, "-X", "importtime", "-m", "kube_audit", "check", "a.yaml"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time")}
    assert "image-tag-latest" in ended.stdout
    assert {"kube_audit.audit", "_ruamel_yaml", "cel_expr_python.cel"} <= loaded
    heavy = {"jsonschema", "jsonschema_rs", "kubernetes_validate", "rich", "ruamel.yaml.main"}
    own = {"kube_audit.baseline", "kube_audit.changes", "kube_audit.fixes", "kube_audit.validation.crds"}
    assert not loaded & (heavy | own)
