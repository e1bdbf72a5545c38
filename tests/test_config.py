"""Configuration: where it is found, what it may say, how mistakes are told, how files build on each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_audit import audit, config
from kube_audit.validation.kubernetes import newest_version
from tests.support import catalogue


def write(folder: Path, text: str, name: str = ".kube-audit.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_the_nearest_file_upwards_is_found(tmp_path: Path) -> None:
    far = write(tmp_path, "profile: strict\n")
    near = write(tmp_path / "a", "profile: cis\n")
    (tmp_path / "a" / "b").mkdir()
    assert config.find(tmp_path / "a" / "b") == near
    assert config.find(tmp_path / "c.yaml") == far


def test_a_section_of_pyproject_counts_and_a_pyproject_without_it_does_not(tmp_path: Path) -> None:
    file = write(tmp_path, '[tool.kube-audit]\nprofile = "strict"\n', "pyproject.toml")
    write(tmp_path / "a", "[tool.other]\n", "pyproject.toml")
    assert config.find(tmp_path / "a") == file
    assert config.load(file).get("profile") == "strict"


def test_a_file_builds_on_another_and_its_own_word_wins(tmp_path: Path) -> None:
    base = "profile: strict\nfail-on: error\nrules: {naked-pod: off, image-tag-latest: error}\n"
    write(tmp_path, base, "base.yaml")
    loaded = config.load(write(tmp_path / "a", "extends: ../base.yaml\nfail-on: info\nrules: {naked-pod: info}\n"))
    assert (loaded.get("profile"), loaded.get("fail-on")) == ("strict", "info")
    assert loaded.rules["naked-pod"] == config.RuleSetting(True, "info")
    assert loaded.rules["image-tag-latest"] == config.RuleSetting(True, "error")
    assert loaded.origins["fail-on"].endswith(".kube-audit.yaml:2")
    assert loaded.origins["profile"].endswith("base.yaml:1")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("profle: strict\n", ":1:1:", "did you mean `profile`"),
        ("profile: strickt\n", ":1:1:", "strict"),
        ("a: 1\n", ":1:1:", "unknown key `a`"),
        ("rules:\n  naked-pod: fatal\n", ":2:3:", "rules.naked-pod"),
        ("kubernetes-version: 1.30\n", ":1:1:", "quote"),
        ("overrides:\n- rules: {naked-pod: off}\n  reason: because\n", ":2:3:", "paths"),
        ("overrides:\n- kinds: [Pod]\n  rules: {naked-pod: off}\n", ":2:3:", "reason"),
        ("profile: [\n", ":1:", ""),
        ("a: 1\n---\nb: 2\n", ":3:1:", "one YAML document"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, text: str, place: str, words: str) -> None:
    with pytest.raises(config.ConfigError) as error:
        config.load(write(tmp_path, text))
    assert place in str(error.value)
    assert words in str(error.value)


def test_files_that_build_on_each_other_in_a_circle_are_told(tmp_path: Path) -> None:
    write(tmp_path, "extends: b.yaml\n", "a.yaml")
    with pytest.raises(config.ConfigError, match="circle"):
        config.load(write(tmp_path, "extends: a.yaml\n", "b.yaml"))


def test_a_base_that_is_missing_is_told_where_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match=r"\.kube-audit\.yaml:1: .*nowhere\.yaml"):
        config.load(write(tmp_path, "extends: nowhere.yaml\n"))


def test_findings_of_schemas_versions_and_yaml_have_the_severity_that_the_configuration_says() -> None:
    text = "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: a}\n---\na: [\n---\n"
    text += "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, name: a}\ndata: []\n"
    ids = ["api-version-removed", "yaml-syntax", "yaml-duplicate-key", "schema-invalid"]
    rules = catalogue().choose("schema", [], [], {rule: config.RuleSetting(severity="info") for rule in ids})
    found = audit.run(audit.Request([("a.yaml", text.encode())], rules, newest_version()), catalogue()).findings
    assert {(finding.rule, finding.severity) for finding in found} == {(rule, "info") for rule in ids}


def test_settings_switch_rules_on_and_off_and_change_their_severity() -> None:
    settings = {
        "naked-pod": config.RuleSetting(enabled=False),
        "read-only-root-filesystem-missing": config.RuleSetting(True, "error"),
    }
    chosen = {rule.id: rule for rule in catalogue().choose("default", [], [], settings)}
    assert "naked-pod" not in chosen
    assert chosen["read-only-root-filesystem-missing"].severity == "error"
    only = catalogue().choose("schema", [], [], {"image-tag-latest": config.RuleSetting(True)})
    assert "image-tag-latest" in {rule.id for rule in only}
