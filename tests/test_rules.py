"""Every rule holds its own examples, its examples notice a change, and none fails on real manifests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kube_audit.engine.testing import failures, survives_negation
from tests.corpus import CORPUS, needs_corpus
from tests.support import audit_paths, catalogue

ROOT = Path(__file__).resolve().parents[1]
RULE_IDS = tuple(catalogue().rules)
OPPOSITES = ({"cpu-limit-missing", "cpu-limit-forbidden"},)


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_examples_hold(rule_id: str) -> None:
    rule, content = catalogue().rules[rule_id], catalogue().content(rule_id)
    assert [f"example {f.example}: {f.reason}" for f in failures(rule, content, catalogue())] == []


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_examples_notice_a_negated_expression(rule_id: str) -> None:
    assert not survives_negation(catalogue().rules[rule_id], catalogue().content(rule_id), catalogue())


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_a_rule_lies_in_the_folder_of_its_category_and_a_default_rule_is_strict_too(rule_id: str) -> None:
    rule = catalogue().rules[rule_id]
    assert Path(rule.file).parent.name == rule.category
    assert "default" not in rule.profiles or "strict" in rule.profiles
    assert rule.supersedes <= set(RULE_IDS)


@pytest.mark.parametrize("profile", ["default", "strict", "pss-baseline", "pss-restricted", "cis"])
def test_opposite_rules_never_meet_in_a_profile(profile: str) -> None:
    chosen = {rule.id for rule in catalogue().choose(profile, [], [])}
    assert not any(opposites <= chosen for opposites in OPPOSITES)


@needs_corpus
def test_no_rule_fails_on_real_manifests() -> None:
    result = audit_paths(CORPUS, profile="all")
    assert [f"{f.file}:{f.span.line} {f.message}" for f in result.findings if f.rule == "rule-error"] == []


@needs_corpus
def test_every_finding_on_real_manifests_has_a_place_that_exists() -> None:
    result = audit_paths(CORPUS, profile="all")
    for finding in result.findings:
        text = result.source(finding.file)
        assert text is not None
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert 1 <= finding.span.line <= len(lines), finding
        line = lines[finding.span.line - 1]
        assert 1 <= finding.span.column <= len(line) + 1, finding
        assert line[finding.span.column - 1 : finding.span.column].strip(), finding


def test_rule_pages_are_fresh() -> None:
    command = [sys.executable, "scripts/generate_rule_docs.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""


def test_a_broken_rule_file_is_told_with_file_line_and_reason(tmp_path: Path) -> None:
    good = Path(catalogue().rules["image-tag-latest"].file).read_text()
    cases = {
        "field": (good.replace("severity: warning", "severity: fatal"), "fatal"),
        "syntax": (good.replace("category: images", "category: [images"), "yaml"),
        "cel": (good.replace("isImage(self.", "isImge(self."), "isImge"),
        "name": (good.replace("id: image-tag-latest", "id: other-id"), "other-id"),
    }
    (tmp_path / "m.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    for name, (content, said) in cases.items():
        folder = tmp_path / name
        folder.mkdir()
        renamed = content.replace("id: image-tag-latest", "id: my-rule")
        (folder / "my-rule.yaml").write_text(renamed)
        command = [sys.executable, "-m", "kube_audit", "check", "--rules", name, "m.yaml"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 2
        (first, *_) = done.stderr.splitlines()
        assert f"{name}/my-rule.yaml:" in first
        assert said in done.stderr.lower() or said in done.stderr or name == "syntax"
