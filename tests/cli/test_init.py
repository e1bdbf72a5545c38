"""`kube-audit init`: a configuration that can be used at once, also one carried over from another tool."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import jsonschema
import pytest

from kube_audit import config
from kube_audit.validation.definitions import newest_version
from tests.cli.test_check import BAD, run


def test_the_written_configuration_is_valid_and_names_what_is_noisy(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    assert run("init", cwd=tmp_path).returncode == 0
    text = (tmp_path / ".kube-audit.yaml").read_text()
    assert "image-tag-latest" in text
    assert config.load(tmp_path / ".kube-audit.yaml").get("profile") == "default"
    assert run("init", cwd=tmp_path).returncode == 2
    assert run("init", "--force", cwd=tmp_path).returncode == 0


WORKLOADS = """\
apiVersion: serving.example.com/v1
kind: Service
metadata: {name: web}
spec:
  template:
    spec:
      serviceAccountName: runner
      containers: [{name: web, image: "web:1"}]
"""


def test_what_is_found_is_there_to_be_uncommented(tmp_path: Path) -> None:
    (tmp_path / "team" / "web").mkdir(parents=True)
    pod = BAD.replace("image: nginx", "image: nginx, envFrom: [{secretRef: {name: made-elsewhere}}]")
    (tmp_path / "team" / "web" / "bad.yaml").write_text(pod)
    (tmp_path / "custom.yaml").write_text(WORKLOADS)
    assert run("init", cwd=tmp_path).returncode == 0
    file = tmp_path / ".kube-audit.yaml"
    file.write_text(re.sub(r"^# (?=(?: |-|[a-z-]+:$))", "", file.read_text(), flags=re.M))
    loaded = config.load(file)
    assert loaded.get("workloads") == [{"kind": "Service.serving.example.com", "pod-template": "spec.template"}]
    assert {"kind": "Secret", "name": "made-elsewhere"} in loaded.get("external")
    assert loaded.rules["image-tag-latest"] == config.RuleSetting(enabled=False)
    assert loaded.overrides[0].paths == ("team/",)
    checked = run("check", "--select", "image-tag-latest,liveness-probe-missing", "-o", "csv", cwd=tmp_path)
    assert "custom.yaml" in checked.stdout


def test_editors_get_the_schema_from_a_command(tmp_path: Path) -> None:
    run("init", cwd=tmp_path)
    text = (tmp_path / ".kube-audit.yaml").read_text()
    command, modeline = re.search(r"kube-audit (config schema) > (\S+),", text), re.search(r"\$schema=(\S+)", text)
    assert command is not None
    assert modeline is not None
    assert command[2] == modeline[1]
    schema = json.loads(run(*command[1].split(), cwd=tmp_path).stdout)
    values = {"profile": "strict", "overrides": [{"kinds": ["Pod"], "rules": {"*": "off"}, "reason": "why"}]}
    jsonschema.Draft202012Validator(schema).validate(values)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({"profle": "strict"})


class Case(NamedTuple):
    """What another tool was told, and what it comes to here."""

    file: str
    text: str
    rules: dict[str, bool | str]
    """Rules that are on, off, or of a severity."""
    lost: list[str] = []  # noqa: RUF012
    values: dict[str, object] = {}  # noqa: RUF012
    overrides: list[dict[str, object]] = []  # noqa: RUF012


CASES = {
    "kube-linter": Case(
        ".kube-linter.yaml",
        """\
checks:
  addAllBuiltIn: true
  include: [no-liveness-probe]
  exclude:
    # covered by a policy of the cluster
    - latest-tag
    - "no-such-check"
  ignorePaths:
    - legacy/**
    - ./vendor
    - "**/testdata/**"
    - ~/foo/bar
    - ../baz
    - /tmp/*.yaml
customChecks:
  - name: required-label-owner
    template: required-label
    params: {key: example.com/owner}
""",
        {"image-tag-latest": False, "liveness-probe-missing": True},
        [
            "check no-such-check",
            "ignorePaths ~/foo/bar",
            "ignorePaths ../baz",
            "ignorePaths /tmp/*.yaml",
            "custom check required-label-owner",
        ],
        {"profile": "strict"},
        [{"paths": ("/legacy/**", "/vendor", "**/testdata/**"), "rules": {"*": "off"}}],
    ),
    "kube-linter, some checks only": Case(
        "config.yaml",
        "checks:\n  doNotAutoAddDefaults: true\n  include: [privileged-container, run-as-non-root]\n"
        "  exclude: [run-as-non-root]\n",
        {"privileged-container": True, "run-as-non-root-missing": False},
        ["doNotAutoAddDefaults"],
        {"profile": "schema"},
    ),
    "kube-linter, custom checks only": Case(
        "linter.yaml", "customChecks:\n- {name: mine, template: required-label}\n", {}, ["custom check mine"]
    ),
    "kube-linter, nothing": Case(".kube-linter.yml", "# nothing yet\n", {}),
    "kube-score": Case(
        "score.sh",
        """\
#!/bin/sh -e
docker run --rm -v "$PWD:/work" alpine ls  # --not-of-kube-score
helm template web | kube-score score --output-format ci --ignore-test container-image-tag,pod-probes \\
  --kubernetes-version v1.30 --ignore-container-cpu-limit --exit-one-on-warning \\
  --disable-ignore-checks-annotations --ignore-test=no-such-test - | tee --append score.txt
""",
        {
            "image-tag-latest": False,
            "liveness-probe-missing": False,
            "readiness-probe-missing": False,
            "cpu-limit-missing": False,
        },
        ["check no-such-test", "option --disable-ignore-checks-annotations"],
        {"kubernetes-version": "1.30"},
    ),
    "kube-score, in a workflow": Case(
        "ci.yaml",
        "jobs:\n  lint:\n    steps:\n    - run: kube-score score --all-default-optional "
        "--enable-optional-test container-seccomp-profile k8s/*.yaml\n",
        {"seccomp-profile-missing": True},
        [],
        {"profile": "strict"},
    ),
    "kube-score, its options alone": Case(
        "flags.txt", "--ignore-test pod-networkpolicy\n", {"network-policy-missing": False}
    ),
    "polaris": Case(
        "polaris.yaml",
        """\
checks:
  tagNotSpecified: danger
  livenessProbeMissing: ignore
  readinessProbeMissing: warning
  imageRegistry: danger
customChecks:
  imageRegistry:
    successMessage: Image comes from allowed registries
    category: Security
    target: Container
    schema: {}
exemptions:
  - namespace: kube-system
    controllerNames:
      - dns-controller
      - kube-proxy
    rules:
      - tagNotSpecified
  - controllerNames: [datadog]
  - rules: [tagNotSpecified]
  - namespace: shop
    containerNames: [istio-proxy]
    rules: [tagNotSpecified]
displayName: prod
""",
        {"image-tag-latest": "error", "liveness-probe-missing": False, "readiness-probe-missing": "warning"},
        [
            "check imageRegistry",
            "custom check imageRegistry",
            "checks that the file does not name",
            "an exemption without",
            "an exemption of containers (istio-proxy)",
            "displayName",
        ],
        {},
        [
            {"namespaces": ("kube-system",), "names": ("dns-controller*", "kube-proxy*")},
            {"names": ("datadog*",), "rules": {"*": "off"}},
        ],
    ),
    "checkov": Case(
        ".checkov.yaml",
        """\
branch: main
compact: true
directory:
- .
framework:
- kubernetes
skip-check:
- CKV_K8S_14   # latest
- CKV_K8S_4*
- CKV_AWS_20
skip-path:
- tests/
- charts/vendor
- examples/.*
- (a|b)/c
soft-fail: true
""",
        {"image-tag-latest": False, "image-digest-missing": False},
        ["check CKV_AWS_20", "skip-path (a|b)/c", "framework", "branch", "compact", "directory"],
        {"fail-on": "never"},
        [{"paths": ("tests/", "**/charts/vendor", "examples/"), "rules": {"*": "off"}}],
    ),
    "checkov, some checks only": Case(
        "checkov.yaml",
        "check: CKV_K8S_16,CKV_K8S_20\nskip-check: ''\n",
        {"privileged-container": True, "privilege-escalation-allowed": True},
        ["check: besides"],
        {"profile": "schema"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_other_tools_configurations_are_carried_over(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    (tmp_path / case.file).write_text(case.text)
    (tmp_path / "bad.yaml").write_text(BAD)
    done = run("init", "--from", case.file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = config.load(tmp_path / ".kube-audit.yaml")
    settings = {rule: loaded.rules[rule] for rule in case.rules}
    assert {rule: (s.severity or s.enabled) for rule, s in settings.items()} == case.rules
    assert {key: value for key, value in loaded.values.items() if key != "rules"} == case.values
    found = [
        {key: getattr(o, key) for key in wanted} for o, wanted in zip(loaded.overrides, case.overrides, strict=True)
    ]
    assert found == case.overrides
    written = (tmp_path / ".kube-audit.yaml").read_text()
    lost = re.findall("^# Not carried over: (.*)$", written, flags=re.M)
    assert len(lost) == len(case.lost)
    assert all(any(line.startswith(what) for line in lost) for what in case.lost), lost
    assert (f"{len(lost)} things could not be carried over" in done.stdout) == bool(lost)
    assert run("check", ".", "--fail-on", "never", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\n", "is no configuration that is known; it can be one of kube-linter"),
        ("", "is no configuration that is known"),
        ("kube-score score --ignore-test 'unfinished\n", "the kube-score command line cannot be read"),
    ],
)
def test_what_is_no_known_configuration_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "other.yaml").write_text(text)
    done = run("init", "--from", "other.yaml", cwd=tmp_path)
    assert (done.returncode, said in done.stderr) == (2, True)
    assert not (tmp_path / ".kube-audit.yaml").exists()


def test_what_another_tools_file_says_stays_in_its_comment(tmp_path: Path) -> None:
    text = 'checks:\n  exclude: ["a\\nrules: {naked-pod: off}", "b\\u2028profile: all\\u0085x"]\n'
    (tmp_path / ".kube-linter.yaml").write_text(text)
    assert run("init", "--from", ".kube-linter.yaml", cwd=tmp_path).returncode == 0
    assert config.load(tmp_path / ".kube-audit.yaml").values == {}


class TestShow:
    def test_tells_each_value_with_its_origin_and_the_defaults(self, tmp_path: Path) -> None:
        (tmp_path / "base.yaml").write_text("profile: strict\nrules: {naked-pod: off}\n")
        (tmp_path / ".kube-audit.yaml").write_text(
            "extends: base.yaml\nfail-on: error\nrules:\n  image-tag-latest: {severity: error}\noverrides:\n"
            "- {paths: [a/], rules: {'*': off}, reason: left}\n- {kinds: [Pod], rules: {'*': info}, reason: pods}\n"
        )
        (tmp_path / "a").mkdir()
        (tmp_path / "b.yaml").touch()
        lines = run("config", "show", "a", cwd=tmp_path).stdout.splitlines()
        assert lines == [
            "# .kube-audit.yaml",
            'profile: "strict"  # base.yaml:1:1',
            f'kubernetes-version: "{newest_version()}"  # default',
            'fail-on: "error"  # .kube-audit.yaml:2:1',
            'output: ["text"]  # default',
            "rules:",
            "  naked-pod: false  # base.yaml:2:9",
            '  image-tag-latest: {"severity": "error"}  # .kube-audit.yaml:4:3',
            "overrides:",
            '- {"paths": ["a/"], "rules": {"*": "off"}, "reason": "left"}  # .kube-audit.yaml:6:3',
            '- {"kinds": ["Pod"], "rules": {"*": "info"}, "reason": "pods"}  # .kube-audit.yaml:7:3',
        ]
        shown = run("config", "show", "b.yaml", cwd=tmp_path).stdout
        assert ("left" in shown, "pods" in shown, "# 1 more is for other paths" in shown) == (False, True, True)

    def test_what_is_shown_is_a_configuration_that_comes_to_the_same(self, tmp_path: Path) -> None:
        text = "profile: cis\nexternal:\n- {kind: Secret, name: x}\n"
        text += "overrides:\n- {names: [a], rules: {'*': off}, reason: why}\n"
        (tmp_path / ".kube-audit.yaml").write_text(text)
        before = config.load(tmp_path / ".kube-audit.yaml")
        (tmp_path / ".kube-audit.yaml").write_text(run("config", "show", cwd=tmp_path).stdout)
        after = config.load(tmp_path / ".kube-audit.yaml")
        assert after.values == {
            "kubernetes-version": newest_version(),
            "fail-on": "warning",
            "output": ["text"],
            **before.values,
        }
        assert [o._replace(origin="") for o in after.overrides] == [o._replace(origin="") for o in before.overrides]

    def test_as_json(self, tmp_path: Path) -> None:
        (tmp_path / ".kube-audit.yaml").write_text("profile: cis\nrules: {naked-pod: off}\n")
        shown = json.loads(run("config", "show", "--json", cwd=tmp_path).stdout)
        assert (shown["file"], shown["values"]["profile"], shown["values"]["overrides"]) == (
            ".kube-audit.yaml",
            "cis",
            [],
        )
        assert (shown["origins"]["rules.naked-pod"], shown["origins"]["fail-on"]) == (".kube-audit.yaml:2:9", "default")

    def test_without_a_file_and_with_mistakes(self, tmp_path: Path) -> None:
        assert run("config", "show", cwd=tmp_path).stdout.startswith("# There is no configuration file")
        (tmp_path / ".kube-audit.yaml").write_text("rules: {naked-pd: off}\n")
        done = run("config", "show", cwd=tmp_path)
        assert (done.returncode, ".kube-audit.yaml:1:9: there is no rule `naked-pd`" in done.stderr) == (2, True)
