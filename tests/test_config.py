"""Configuration: where it is found, what it may say, how mistakes are told, how files build on each other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kube_audit import audit, config
from kube_audit.validation.definitions import newest_version
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
    assert loaded.origins["fail-on"].endswith(".kube-audit.yaml:2:1")
    assert loaded.origins["profile"].endswith("base.yaml:1:1")


MISTAKES = [
    ("profle: strict\n", "1:1", "unknown key `profle`; did you mean `profile`?"),
    ("a: 1\n", "1:1", "unknown key `a`"),
    (
        "\n# c\nprofile: strickt\n",
        "3:1",
        "`profile` is one of default, strict, schema, pss-baseline, pss-restricted, "
        'cis, all; "strickt" is none of them; did you mean `strict`?',
    ),
    ("kubernetes-version: 1.30\n", "1:1", '`kubernetes-version` is quoted text, such as "1.34"; 1.3 is none'),
    (
        "rules:\n  naked-pod: fatal\n",
        "2:3",
        '`rules.naked-pod` is one of on, off, error, warning, info; "fatal" is none',
    ),
    ("rules:\n  naked-pod: {severty: info}\n", "2:15", "unknown key `severty`; did you mean `severity`?"),
    ("rules:\n  naked-pod: {severity: eror}\n", "2:15", "did you mean `error`?"),
    ("rules: [naked-pod]\n", "1:1", '`rules` is a mapping; ["naked-pod"] is none'),
    ("output: text\n", "1:1", '`output` is a list; "text" is none'),
    ("output: []\n", "1:1", "`output` is empty"),
    ("- a\n", "1:1", 'a configuration is a mapping; ["a"] is none'),
    ("just text\n", "1:1", "a configuration is a mapping"),
    (
        "overrides:\n- rules: {naked-pod: off}\n  reason: because\n",
        "2:3",
        "`overrides[0]` names no condition: paths, kinds",
    ),
    (
        "overrides:\n- kinds: [Pod]\n  rules: {naked-pod: off}\n",
        "2:3",
        "lacks `reason`: Why; shown with what is silenced.",
    ),
    (
        "overrides:\n- kinds: [Pod]\n  rules: {naked-pod: off}\n  reason: old\n  until: 2030-02-30\n",
        "5:3",
        '`overrides[0].until` is a date such as "2030-01-31"; "2030-02-30" is none',
    ),
    (
        "overrides:\n- kinds: Pod\n  rules: {naked-pod: off}\n  reason: old\n",
        "2:3",
        '`overrides[0].kinds` is a list; "Pod"',
    ),
    ("workloads:\n- kind: CloneSet\n  pod-template: spec\n", "2:3", "Kind.group, such as Rollout.argoproj.io"),
    ("external:\n- kind: Secret\n  nme: x\n", "3:3", "unknown key `nme`; did you mean `name`?"),
    ("profile: [\n", "1:10", "a value is missing here"),
    ("a: 1\n---\nb: 2\n", "3:1", "one YAML document"),
    ("profile: strict\nprofile: cis\n", "2:1", "`profile` is here a second time"),
]


@pytest.mark.parametrize(("text", "place", "words"), MISTAKES)
def test_mistakes_are_told_with_their_place(tmp_path: Path, text: str, place: str, words: str) -> None:
    with pytest.raises(config.ConfigError) as error:
        config.load(write(tmp_path, text))
    (message,) = str(error.value).splitlines()
    assert message.startswith(f"{tmp_path}/.kube-audit.yaml:{place}: ")
    assert words in message


def test_every_mistake_is_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "b: 1\nseverity: eror\noverrides:\n" + "- {kind: Pod, rules: {}, reason: x}\n" * 9 + "a: 1\n"
    with pytest.raises(config.ConfigError) as error:
        config.load(write(tmp_path, text))
    lines = [int(line.split(":")[1]) for line in str(error.value).splitlines()]
    assert lines == sorted(lines)
    assert set(lines) == {1, 2, *range(4, 14)}


TOML = """\
[project]
name = "x"

[tool.kube-audit]
profle = "strict"
rules.naked-pod = "of"
rules."image-tag-latest" = {severity = "eror"}

[tool.kube-audit.rules.host-network]
severty = "info"

[[tool.kube-audit.overrides]]
kinds = ["Pod"]
rules = {naked-pod = "off"}
reason = "old"
until = 2030-01-31

[[tool.kube-audit.overrides]]
kinds = "Pod"
rules = {naked-pod = "off"}
reason = "old"
"""


def test_mistakes_in_pyproject_are_told_with_their_place_too(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError) as error:
        config.load(write(tmp_path, TOML, "pyproject.toml"))
    said = [line.removeprefix(f"{tmp_path}/pyproject.toml:") for line in str(error.value).splitlines()]
    assert [(line.partition(": ")[0], line.partition("`")[2].partition("`")[0]) for line in said] == [
        ("5:1", "profle"),
        ("6:1", "rules.naked-pod"),
        ("7:1", "rules.image-tag-latest.severity"),
        ("10:1", "severty"),
        ("19:1", "overrides[1].kinds"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.kube-audit]\nprofile = \n", r":2:11: this is no TOML: Invalid value"),
        ("[tool]\nkube-audit = 3\n", r":2:1: a configuration is a mapping; 3 is none"),
        ("[tool.kube-audit]\nprofile = nan\n", r":2:1: `profile` is one of"),
        ("[tool.kube-audit]\nkubernetes-version = 1.30\n", r":2:1: `kubernetes-version` is quoted text"),
    ],
)
def test_a_broken_section_of_pyproject_is_not_passed_over(tmp_path: Path, text: str, said: str) -> None:
    file = write(tmp_path, text, "pyproject.toml")
    assert config.find(tmp_path) == file
    with pytest.raises(config.ConfigError, match=re.escape(f"{file}{said}")):
        config.load(file)


@pytest.mark.parametrize("text", ["[other\n", "tool = 3\n# kube-audit\n", "[tool.other]\nx = 'kube-audit'\n"])
def test_a_pyproject_that_is_not_ours_is_none_of_our_business(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, text, "pyproject.toml")
    assert config.find(tmp_path) != file
    with pytest.raises(config.ConfigError, match=r"pyproject\.toml"):
        config.load(file)


def test_dates_of_toml_are_dates(tmp_path: Path) -> None:
    text = "[[tool.kube-audit.overrides]]\nkinds=['Pod']\nrules={naked-pod='off'}\nreason='old'\nuntil=2030-01-31\n"
    (override,) = config.load(write(tmp_path, text, "pyproject.toml")).overrides
    assert (override.until, override.origin.rpartition("/")[2]) == ("2030-01-31", "pyproject.toml:1:1")


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\xef\xbb\xbfprofile: strict\n", "profile: strict\n".encode("utf-16"), b"", b"# x\n"]
)
def test_bytes_are_read_as_those_of_manifests_are(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / ".kube-audit.yaml"
    file.write_bytes(raw)
    if raw == b"\xff":
        with pytest.raises(config.ConfigError, match=r"\.kube-audit\.yaml:1:1: bytes 0xff"):
            config.load(file)
    else:
        assert config.load(file).get("profile") == ("strict" if len(raw) > 5 else None)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=5)
        | st.sampled_from(["off", "Pod", "2030-01-01"]),
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "rules",
                        "overrides",
                        "profile",
                        "kinds",
                        "reason",
                        "until",
                        "extends",
                        "external",
                        "severity",
                        "x",
                    ]
                ),
                below,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_written_is_taken_or_told_with_its_place(tmp_path: Path, data: object) -> None:
    file = write(tmp_path, json.dumps(data))
    said = ""
    try:
        config.load(file)
    except config.ConfigError as error:
        said = str(error)
    assert all(re.match(rf"{re.escape(str(file))}:\d+:\d+: ", line) for line in said.splitlines())


def test_files_that_build_on_each_other_in_a_circle_are_told(tmp_path: Path) -> None:
    write(tmp_path, "extends: b.yaml\n", "a.yaml")
    with pytest.raises(config.ConfigError, match="circle"):
        config.load(write(tmp_path, "extends: a.yaml\n", "b.yaml"))


def test_a_base_that_is_missing_is_told_where_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match=r"\.kube-audit\.yaml:1:1: .*nowhere\.yaml"):
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
