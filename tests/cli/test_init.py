"""`kube-audit init`: a configuration that can be used at once, also one carried over from another tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_audit import config
from tests.cli.test_check import BAD, run


def test_the_written_configuration_is_valid_and_names_what_is_noisy(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    assert run("init", cwd=tmp_path).returncode == 0
    text = (tmp_path / ".kube-audit.yaml").read_text()
    assert "image-tag-latest" in text
    assert config.load(tmp_path / ".kube-audit.yaml").get("profile") == "default"
    assert run("init", cwd=tmp_path).returncode == 2
    assert run("init", "--force", cwd=tmp_path).returncode == 0


FOREIGN = {
    ".kube-linter.yaml": (
        "checks:\n  exclude: [latest-tag, no-such-check]\n  include: [no-liveness-probe]\n  ignorePaths: [legacy/**]\n",
        {"image-tag-latest": False, "liveness-probe-missing": True},
        ["check no-such-check"],
    ),
    "score.sh": (
        "kube-score score --ignore-test container-image-tag,pod-probes \\\n  --kubernetes-version v1.30 x.yaml\n",
        {"image-tag-latest": False, "liveness-probe-missing": False, "readiness-probe-missing": False},
        ["--kubernetes-version"],
    ),
    "polaris.yaml": (
        "checks:\n  tagNotSpecified: danger\n  livenessProbeMissing: ignore\n"
        "exemptions:\n- namespace: kube-system\n  controllerNames: [dns]\n  rules: [tagNotSpecified]\n",
        {"image-tag-latest": True, "liveness-probe-missing": False},
        [],
    ),
    ".checkov.yaml": (
        "skip-check:\n- CKV_K8S_14\nskip-path: [tests/]\nframework: [kubernetes]\n",
        {"image-tag-latest": False},
        ["framework"],
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_tools_configurations_are_carried_over(tmp_path: Path, name: str) -> None:
    text, rules, lost = FOREIGN[name]
    (tmp_path / name).write_text(text)
    done = run("init", "--from", name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = config.load(tmp_path / ".kube-audit.yaml")
    assert {rule: loaded.rules[rule].enabled for rule in rules} == rules
    written = (tmp_path / ".kube-audit.yaml").read_text()
    assert all(f"# Not carried over: {what}" in written or what in written for what in lost)
    assert run("check", ".", cwd=tmp_path).returncode in (0, 1)


def test_paths_and_exemptions_become_overrides(tmp_path: Path) -> None:
    for name, conditions in (
        (".kube-linter.yaml", {"paths": ("legacy/**",)}),
        ("polaris.yaml", {"namespaces": ("kube-system",), "names": ("dns*",)}),
    ):
        (tmp_path / name).write_text(FOREIGN[name][0])
        run("init", "--force", "--from", name, cwd=tmp_path)
        (override,) = config.load(tmp_path / ".kube-audit.yaml").overrides
        assert {key: getattr(override, key) for key in conditions} == conditions


def test_what_is_no_known_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("a: 1\n")
    done = run("init", "--from", "other.yaml", cwd=tmp_path)
    assert (done.returncode, "kube-linter" in done.stderr) == (2, True)
