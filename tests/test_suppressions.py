"""Findings silenced by comments, annotations and configuration, and silencers that silence nothing."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kube_audit import config, overrides
from kube_audit.findings import Finding, Span
from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.suppressions import Silencer, apply
from tests.cli.test_check import report
from tests.support import audit_text

POD = """\
{above}apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations: {annotations}
spec:
  containers:
{item}  - name: web
    image: nginx{line}
  - name: other
    image: nginx
"""


def pod(above: str = "", annotations: str = "{}", item: str = "", line: str = "") -> str:
    return POD.format(above=above, annotations=annotations, item=item, line=line)


def silenced(text: str) -> list[tuple[str, str | None]]:
    """Return (container, reason) of every silenced finding of image-tag-latest."""
    found = audit_text(text, select=["image-tag-latest"]).findings
    return [(f.container or "", f.suppressed.reason) for f in found if f.suppressed is not None]


def complaints(text: str, *rules: str) -> list[tuple[int, str]]:
    found = audit_text(text, select=[*rules, "suppression-unused"]).findings
    return [(f.span.line, f.message) for f in found if f.rule == "suppression-unused"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("text", "who"),
    [
        (pod(line="  # kube-audit: ignore[image-tag-latest] dev only"), [("web", "dev only")]),
        (pod(line="  #kube-audit:ignore[image-tag-latest]"), [("web", None)]),
        (pod(line="  # kube-audit: ignore[*] all of it"), [("web", "all of it")]),
        (pod(line="  # kube-audit: ignore[naked-pod, image-tag-latest] both"), [("web", "both")]),
        (pod(item="  # kube-audit: ignore[image-tag-latest] this one\n"), [("web", "this one")]),
        (
            pod(above="# kube-audit: ignore[image-tag-latest] the pod\n"),
            [("web", "the pod"), ("other", "the pod")],
        ),
        (
            pod() + "# kube-audit: ignore-file[image-tag-latest] the file\n",
            [("web", "the file"), ("other", "the file")],
        ),
        (
            "--- # kube-audit: ignore[image-tag-latest] the pod\n" + pod(),
            [("web", "the pod"), ("other", "the pod")],
        ),
        (
            "# kube-audit: ignore[image-tag-latest] the pod\n# and more\n\n---\n" + pod(),
            [("web", "the pod"), ("other", "the pod")],
        ),
        (
            "%YAML 1.1\n# kube-audit: ignore[image-tag-latest] the pod\n---\n" + pod(),
            [("web", "the pod"), ("other", "the pod")],
        ),
        (pod(item="# kube-audit: ignore[image-tag-latest] - not indented\n"), [("web", "not indented")]),
        (pod(line="\n    # kube-audit: ignore[image-tag-latest]\n    command: [sh]"), []),
        (pod(line=" # a note # kube-audit: ignore[image-tag-latest] — after a note"), [("web", "after a note")]),
        (pod().replace("image: nginx", "image:  # kube-audit: ignore[image-tag-latest] key\n      nginx", 1), []),
        (
            pod().replace("image: nginx", "# kube-audit: ignore[image-tag-latest] key\n    image:\n      nginx", 1),
            [("web", "key")],
        ),
        (
            pod().replace("image: nginx", "image: >- # kube-audit: ignore[image-tag-latest] block\n      nginx", 1),
            [("web", "block")],
        ),
        (
            pod().replace("image: nginx", "image: |\n      # kube-audit: ignore[image-tag-latest] text", 1),
            [],
        ),
        (
            pod().replace(
                "- name: web\n    image: nginx",
                "- {name: web, # c\n      # kube-audit: ignore[*] flow\n      image: nginx, # d\n    command: [sh]}",
            ),
            [("web", "flow")],
        ),
        (
            pod().replace("containers:", "# kube-audit: ignore[image-tag-latest] all of them\n  containers:"),
            [("web", "all of them"), ("other", "all of them")],
        ),
        (pod().replace("- name: web", "-  # kube-audit: ignore[image-tag-latest]\n    name: web"), []),
        (
            pod().replace("- name: web", "- # c\n    # kube-audit: ignore[image-tag-latest] item\n    name: web"),
            [],
        ),
        (pod(annotations="{kube-audit.io/ignore: 'naked-pod, image-tag-latest'}"), [("web", None), ("other", None)]),
        (pod(annotations="{kube-audit.io/ignore: '*'}"), [("web", None), ("other", None)]),
        (pod(annotations="{kube-audit.io/ignore.image-tag-latest: why}"), [("web", "why"), ("other", "why")]),
        (pod(annotations="{ignore-check.kube-linter.io/latest-tag: lint}"), [("web", "lint"), ("other", "lint")]),
        (pod(annotations="{kube-linter.io/ignore-all: lint}"), [("web", "lint"), ("other", "lint")]),
        (pod(annotations="{checkov.io/skip1: CKV_K8S_14=known}"), [("web", "known"), ("other", "known")]),
        (pod(annotations="{bridgecrew.io/skip2: CKV_K8S_14}"), [("web", None), ("other", None)]),
        (
            pod(annotations="{polaris.fairwinds.com/exempt: 'True'}"),
            [(c, "polaris.fairwinds.com/exempt") for c in ("web", "other")],
        ),
        (
            pod(annotations="{kube-score/ignore: 'container-image-tag,other'}"),
            [("web", "kube-score/ignore"), ("other", "kube-score/ignore")],
        ),
        (
            pod(annotations="{polaris.fairwinds.com/tagNotSpecified-exempt: 'true'}"),
            [(c, "polaris.fairwinds.com/tagNotSpecified-exempt") for c in ("web", "other")],
        ),
    ],
)
def test_what_silences_which_findings(text: str, who: list[tuple[str, str | None]], newline: str) -> None:
    assert silenced(text.replace("\n", newline)) == who


@pytest.mark.parametrize(
    "text",
    [
        pod(line="  # kube-audit: ignore[naked-pod] another rule"),
        pod(line="  # kube-audit: ignore image-tag-latest"),
        pod(line="  # see kube-audit ignore[image-tag-latest]"),
        pod(annotations="{note: '# kube-audit: ignore-file[image-tag-latest] text'}"),
        pod(annotations="{checkov.io/skip1: CKV_K8S_8}"),
        pod(annotations="{polaris.fairwinds.com/exempt: 'false'}"),
    ],
)
def test_what_silences_nothing(text: str) -> None:
    assert silenced(text) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (pod(line="  # kube-audit: ignore[no-such-rule]"), 9, "no rule `no-such-rule`"),
        (pod(line="  # kube-audit: ignore image-tag-latest"), 9, "not understood"),
        (pod(line="  # kube-audit: ignore[]"), 9, "no rule is named"),
        (pod(line="  # kube-audit: ignore[image-tag-latst]"), 9, "did you mean `image-tag-latest`?"),
        (pod(line="  # kube-audit ignore[image-tag-latest]"), 9, "write `# kube-audit: ignore[rule-id] reason`"),
        (pod(line="  # kube-audit: disable=image-tag-latest"), 9, "not understood"),
        (pod(line="  # kube-audit: ignore[image-tag-latest"), 9, "not understood"),
        (pod() + "# kube-audit: ignore[schema-invalid] nothing is below\n", 12, "no finding of `schema-invalid`"),
        (pod() + "# kube-audit: ignore-file[schema-invalid]\n", 12, "no finding of `schema-invalid`"),
        (pod(line="  # kube-audit: ignore[*]").replace("image: nginx", "image: nginx:1"), 9, "silences nothing"),
        (pod(annotations="{kube-audit.io/ignore: ''}"), 5, "no rule is named"),
        (pod(annotations="{kube-audit.io/ignore: schema-invalid}"), 5, "no finding of `schema-invalid`"),
        (pod(annotations="{kube-audit.io/ignore.nope: x}"), 5, "no rule `nope`"),
        (pod(item="  # kube-audit: ignore[schema-invalid]\n"), 8, "no finding of `schema-invalid`"),
    ],
)
def test_silencers_that_do_nothing_are_told(text: str, line: int, words: str) -> None:
    ((found_line, message),) = complaints(text, "schema-invalid")
    assert found_line == line
    assert words in message


def test_silencers_for_rules_that_did_not_run_are_not_judged() -> None:
    assert complaints(pod(line="  # kube-audit: ignore[cpu-limit-missing]")) == []


@pytest.mark.parametrize(
    "text",
    [
        pod(annotations="{ignore-check.kube-linter.io/no-such-check: x, kube-score/ignore: nothing}"),
        pod(annotations="{checkov.io/skip1: CKV_K8S_8=no probe, polaris.fairwinds.com/hostIPCSet-exempt: 'true'}"),
        "# kube-audit ignores this, says the platform team\n" + pod(),
        "a: 1  # kube-audit: ignore[image-tag-latest] a values file, no object\n",
        pod(line=" # kube-audit: ignore[image-tag-latest]\n  }: cannot be read"),
    ],
)
def test_what_is_meant_for_others_is_no_complaint(text: str) -> None:
    assert complaints(text, "image-tag-latest") == []


def test_what_is_useless_is_told_with_the_object_that_it_is_about() -> None:
    text = pod(above="# kube-audit: ignore[schema-invalid]\n") + "---\n" + pod(line=" # kube-audit: ignore[nope]")
    found = audit_text(text, select=["schema-invalid", "suppression-unused"]).findings
    assert [(f.span.line, str(f.object)) for f in found] == [(1, "Pod web"), (22, "Pod web")]


def test_of_several_reasons_the_nearest_is_given() -> None:
    text = pod(
        above="# kube-audit: ignore[*] the pod\n",
        item="  # kube-audit: ignore[image-tag-latest] the container\n",
        line="  # kube-audit: ignore[image-tag-latest] the line",
    )
    assert silenced(text) == [("web", "the line"), ("other", "the pod")]


def test_many_comments_take_no_time() -> None:
    count = 20_000
    silencers = [
        Silencer("comment", "a.yaml", Span(n, 1, n, 9), frozenset({"rule"}), (n, n), str(n), "")
        for n in range(1, count + 1)
    ]
    findings = [Finding("rule", "error", "", "", "a.yaml", Span(n, 1, n, 2)) for n in range(1, count + 1)]
    started = time.process_time()
    found = apply(findings, silencers)
    assert time.process_time() - started < 10
    assert [f.suppressed and f.suppressed.reason for f in found] == [str(n) for n in range(1, count + 1)]


def test_a_comment_above_a_document_holds_for_that_object_only() -> None:
    text = pod(above="# kube-audit: ignore[image-tag-latest] first\n") + "---\n" + pod()
    assert len(silenced(text)) == 2


def some_override(tmp_path: Path, text: str) -> overrides.Overrides:
    (tmp_path / ".kube-audit.yaml").write_text("overrides:\n" + text)
    return overrides.Overrides(
        config.load(tmp_path / ".kube-audit.yaml").overrides, [], date(2026, 1, 15), Kustomizations()
    )


def one_finding(tmp_path: Path) -> Finding:
    found = audit_text(pod(), select=["image-tag-latest"]).findings[0]
    return found._replace(file=str(tmp_path / "apps" / "web.yaml"))


@pytest.mark.parametrize(
    ("conditions", "meant"),
    [
        ("paths: [apps/]", True),
        ("paths: ['*.yaml']", True),
        ("paths: [legacy/**]", False),
        ("kinds: [Pod]", True),
        ("kinds: [Cron*]", False),
        ("names: [we*]", True),
        ("namespaces: [default]", True),
        ("namespaces: [shop]", False),
        ("labels: {team: a}", False),
    ],
)
def test_overrides_hold_where_every_condition_does(tmp_path: Path, conditions: str, meant: bool) -> None:
    found = some_override(tmp_path, f"- {conditions}\n  rules: {{image-tag-latest: off}}\n  reason: old\n")
    assert (found.apply(one_finding(tmp_path)).suppressed is not None) == meant
    assert bool(list(found.unused("warning", {"image-tag-latest"}))) != meant


def test_the_last_override_wins_and_may_change_the_severity(tmp_path: Path) -> None:
    text = "- kinds: [Pod]\n  rules: {'*': off}\n  reason: one\n- kinds: [Pod]\n  rules: {'*': error}\n  reason: two\n"
    assert some_override(tmp_path, text).apply(one_finding(tmp_path)).severity == "error"


def test_expired_overrides_do_not_hold_and_are_told(tmp_path: Path) -> None:
    text = "- kinds: [Pod]\n  rules: {'*': off}\n  reason: soon\n  until: '2026-01-14'\n"
    found = some_override(tmp_path, text)
    assert found.apply(one_finding(tmp_path)).suppressed is None
    (told,) = found.unused("warning", set())
    assert "expired on 2026-01-14" in told.message


def test_overrides_hold_on_their_last_day(tmp_path: Path) -> None:
    text = "- kinds: [Pod]\n  rules: {'*': off}\n  reason: soon\n  until: 2026-01-15\n"
    assert some_override(tmp_path, text).apply(one_finding(tmp_path)).suppressed is not None


def audited(tmp_path: Path, files: dict[str, str], text: str, *arguments: str) -> list[dict[str, Any]]:
    """Return the findings of a real run with overrides."""
    for name, content in {**files, ".kube-audit.yaml": "overrides:\n" + text}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    rules = "image-tag-latest,rbac-cluster-admin-binding,suppression-unused"
    findings: list[dict[str, Any]] = report("--select", rules, *arguments, cwd=tmp_path)["findings"]
    return findings


BINDING = (
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: all}\n"
    "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n"
    "subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: jane}]\n"
)


@pytest.mark.parametrize(
    ("conditions", "silenced"),
    [
        ("labels: {team: bill*}", ["web.yaml"]),
        ("labels: {team: '*'}", ["web.yaml"]),
        ("labels: {team: billing, tier: web}", []),
        ("namespaces: [shop]", ["placed/web.yaml"]),
        ("namespaces: [default]", ["web.yaml"]),
        ("namespaces: ['*']", ["placed/web.yaml", "web.yaml"]),
        ("kinds: [ClusterRoleBinding], names: ['a?l']", ["binding.yaml"]),
        ("kinds: [Pod, ClusterRoleBinding], paths: ['/*.yaml']", ["binding.yaml", "web.yaml"]),
        ("paths: ['*', '!placed/']", ["binding.yaml", "web.yaml"]),
    ],
)
def test_overrides_by_what_objects_are(tmp_path: Path, conditions: str, silenced: list[str]) -> None:
    files = {
        "web.yaml": pod().replace("name: web", "name: web\n  labels: {team: billing}", 1),
        "placed/web.yaml": pod(),
        "placed/kustomization.yaml": "namespace: shop\nresources: [web.yaml]\n",
        "binding.yaml": BINDING,
    }
    findings = audited(tmp_path, files, f"- {{{conditions}, rules: {{'*': off}}, reason: why}}\n")
    assert sorted({f["file"] for f in findings if f["suppressed"]}) == silenced
    assert {f["suppressed"]["reason"] for f in findings if f["suppressed"]} <= {"why"}


def test_the_severity_of_what_is_useless_can_be_overridden_too(tmp_path: Path) -> None:
    text = "- {kinds: [Pod], rules: {suppression-unused: off}, reason: old ones}\n"
    idle = pod(line="  # kube-audit: ignore[rbac-cluster-admin-binding]")
    found = [f for f in audited(tmp_path, {"web.yaml": idle}, text) if f["rule"] == "suppression-unused"]
    assert [f["suppressed"]["reason"] for f in found] == ["old ones"]


@pytest.mark.parametrize(
    ("conditions", "arguments", "told"),
    [
        ("names: [gone]", (), "warning"),
        ("names: [gone]", (".",), "warning"),
        ("names: [gone]", ("a", "b"), "info"),
        ("names: [gone]", ("a/web.yaml",), "info"),
        ("paths: [/a/]", ("a",), "warning"),
        ("paths: [a/gone/*.yaml, 'a/w?b/']", ("a",), "warning"),
        ("paths: [a/gone.yaml]", ("a/web.yaml",), "info"),
        ("paths: [web/]", ("a",), "info"),
        ("paths: ['**/a/']", ("a",), "info"),
        ("names: [gone]", ("--tree", ".", "a"), None),
        ("names: [gone], rules: {naked-pod: off}", (), None),
    ],
)
def test_what_may_hold_elsewhere_is_not_called_useless(
    tmp_path: Path, conditions: str, arguments: tuple[str, ...], told: str | None
) -> None:
    files = {"a/web.yaml": pod().replace("nginx", "nginx:1"), "b/web.yaml": pod().replace("nginx", "nginx:1")}
    rules = "" if "rules" in conditions else ", rules: {'*': off}"
    findings = audited(tmp_path, files, f"- {{{conditions}{rules}, reason: why}}\n", *arguments)
    assert [f["severity"] for f in findings] == ([told] if told else [])
    assert {(f["file"], f["line"], f["column"]) for f in findings} <= {(".kube-audit.yaml", 2, 3)}
