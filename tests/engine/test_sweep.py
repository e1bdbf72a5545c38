"""Asking about a whole object at once: the answer is that of looking at its elements one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kube_audit import audit
from kube_audit.engine import catalogue, cel
from kube_audit.engine.model import with_params
from kube_audit.engine.sweep import derived
from kube_audit.findings import Finding
from kube_audit.validation.definitions import newest_version

RULES = catalogue.load()
HOSTILE = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - name: null
    ports: {name: x}
    env: text
    securityContext: [1]
  - text
  - image: nginx
    livenessProbe: []
    resources: {limits: [], requests: {cpu: {}}}
  initContainers: {name: x}
  volumes: [null, text, {name: x, hostPath: text}]
  securityContext: text
"""


def manifests() -> list[tuple[str, bytes]]:
    """Return the examples of all rules, each in a folder of its own, and a broken pod."""
    examples = [
        (f"{rule_id}-{number}/example.yaml", str(example.get("passes") or example.get("fails")).encode())
        for rule_id in RULES.rules
        for number, example in enumerate(RULES.content(rule_id)["examples"])
    ]
    return [
        *examples,
        ("hostile/pod.yaml", HOSTILE.encode()),
        ("hostile/service.yaml", b"kind: Service\napiVersion: v1\nspec: 3"),
    ]


def found() -> list[Finding]:
    rules = [rule for rule in RULES.rules.values() if "optional" not in rule.profiles]
    return audit.run(audit.Request(manifests(), rules, newest_version(), profile="all"), RULES).findings


def test_a_sweep_passes_over_no_finding_and_adds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = found()
    monkeypatch.setattr(cel.Program, "holds", lambda program, values: False)
    assert len(swept) > 1000
    assert swept == found()


@pytest.mark.parametrize("rule_id", [rule_id for rule_id in RULES.rules if RULES.rules[rule_id].stage is None])
def test_every_rule_of_cel_has_a_sweep_that_compiles(rule_id: str) -> None:
    rule = RULES.rules[rule_id]
    swept = derived(with_params(rule, rule.params)).sweep
    assert rule.sweep == swept
    assert (swept is None) == (rule.expression is None)
    if swept is not None:
        cel.compile(swept)


def test_most_rules_are_content_with_a_sound_application(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "fixtures" / "demo").glob("**/*.yaml")
    asked: list[bool] = []
    holds = cel.Program.holds

    def counted(program: cel.Program, values: Any) -> bool:
        asked.append(holds(program, values))
        return asked[-1]

    monkeypatch.setattr(cel.Program, "holds", counted)
    sources = [(str(file), file.read_bytes()) for file in text]
    audit.run(audit.Request(sources, RULES.choose("default", (), ()), newest_version()), RULES)
    assert sum(asked) > 0.7 * len(asked)
