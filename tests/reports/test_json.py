"""The JSON report: what scripts rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from kube_audit import __version__
from kube_audit.findings import Finding, RelatedPlace, Skipped, Suppression

from .samples import SHOP, latest, result, span, written

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "schemas" / "report.schema.json").read_text("utf-8"))
FULL = result(
    latest(
        "web",
        11,
        12,
        fix="safe",
        suggestion="image: nginx:1.29.1",
        related=(RelatedPlace("base/web.yaml", span(3, 5, 2), "another"),),
    ),
    latest("logs", 13, 14, suppressed=Suppression("config")),
    Finding("naked-pod", "info", "a pod", "", SHOP, span(1, 1, 3)),
    files=4,
    audited=2,
    objects=3,
    not_validated=1,
    skipped=[Skipped("z.yaml", "no kind", 3), Skipped("b.yaml", "Helm template")],
)


def report(*args: Any, **options: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(written("json", *args, **options))
    return data


def closed(schema: Any) -> Any:
    """The same schema, but no object may have a key that is not described."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    extra = {"additionalProperties": False} if "properties" in schema and "type" in schema else {}
    return {key: closed(value) for key, value in schema.items()} | extra


def test_every_key_is_described_by_the_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    strict = Draft202012Validator(closed(SCHEMA))
    for audited in (FULL, result(), result(latest("web", 11, 12), texts={})):
        assert [error.message for error in strict.iter_errors(report(audited))] == []
    broken = report(FULL)
    broken["findings"][0]["surprise"] = 1
    assert len(list(strict.iter_errors(broken))) == 1


def test_every_field_of_the_schema_has_a_description() -> None:
    def undescribed(schema: Any, where: str) -> list[str]:
        found = [
            f"{where}.{name}" for name, field in schema.get("properties", {}).items() if "description" not in field
        ]
        for name, field in [*schema.get("properties", {}).items(), *schema.get("$defs", {}).items()]:
            found += undescribed(field, f"{where}.{name}")
            found += undescribed(field.get("items", {}), f"{where}.{name}[]")
        return found

    assert undescribed(SCHEMA, "") == []


def test_a_finding_has_the_keys_of_the_contract_in_its_order() -> None:
    finding = report(FULL)["findings"][1]
    assert list(finding.items()) == [
        ("rule", "image-tag-latest"),
        ("severity", "warning"),
        ("message", "container web runs an image without a fixed version"),
        ("remediation", "Name the version that you tested."),
        ("file", "deploy/shop.yaml"),
        ("line", 11),
        ("column", 18),
        ("endLine", 11),
        ("endColumn", 30),
        ("path", "spec.template.spec.containers[0].image"),
        ("object", {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web"}),
        ("container", "web"),
        ("suggestion", "image: nginx:1.29.1"),
        ("fix", "safe"),
        (
            "related",
            [
                {
                    "message": "another",
                    "file": "base/web.yaml",
                    "line": 3,
                    "column": 5,
                    "endLine": 3,
                    "endColumn": 7,
                }
            ],
        ),
        ("fingerprint", FULL.findings[1].fingerprint),
        ("suppressed", None),
    ]


def test_what_is_not_there_is_null() -> None:
    finding = report(FULL)["findings"][0]
    assert {key for key, value in finding.items() if value is None} == {
        "object",
        "container",
        "suggestion",
        "fix",
        "suppressed",
    }


def test_suppressed_findings_go_along_with_their_reason_unless_they_are_to_be_left_out() -> None:
    assert report(FULL)["findings"][2]["suppressed"] == {"kind": "config", "reason": None}
    without = report(FULL, carry_suppressed=False)
    assert [finding["container"] for finding in without["findings"]] == [None, "web"]
    assert without["summary"]["suppressed"] == 1


def test_the_head_tells_about_tool_run_and_rules() -> None:
    data = report(FULL)
    assert data["version"] == "1"
    assert data["tool"] == {"name": "kube-audit", "version": __version__}
    assert (data["kubernetesVersion"], data["profile"]) == ("1.34", "default")
    assert data["summary"] == {
        "files": 4,
        "audited": 2,
        "objects": 3,
        "error": 0,
        "warning": 1,
        "info": 1,
        "suppressed": 1,
        "hidden": 0,
        "notValidated": 1,
        "skipped": [
            {"file": "b.yaml", "line": None, "reason": "Helm template"},
            {"file": "z.yaml", "line": 3, "reason": "no kind"},
        ],
    }
    assert list(data["rules"]) == ["image-tag-latest", "naked-pod"]
    assert data["rules"]["image-tag-latest"]["references"] == ["https://kubernetes.io/docs/concepts/containers/images/"]


def test_what_severity_hides_is_left_out_and_counted() -> None:
    data = report(FULL, severity="warning")
    assert {finding["severity"] for finding in data["findings"]} == {"warning"}
    assert (data["summary"]["info"], data["summary"]["hidden"]) == (1, 1)


def test_the_same_input_gives_the_same_bytes_however_long_it_took() -> None:
    slow, fast = result(latest("web", 11, 12), seconds=9.0), result(latest("web", 11, 12), seconds=0.1)
    assert written("json", slow) == written("json", fast)


def test_a_rule_that_is_not_in_the_catalogue_is_no_obstacle() -> None:
    data = report(result(latest("web", 11, 12, rule="mine")))
    assert data["rules"]["mine"]["title"] == "mine"


def test_it_is_ascii_so_that_no_stream_or_terminal_trips_over_it() -> None:
    evil = "é😀\x1b[2J\x7f\x9b\u202e\udcff"
    text = written("json", result(latest("web", 11, 12, message=evil, file="\udcff.yaml")), encoding="ascii")
    assert text.replace("\n", "").isprintable()
    finding = json.loads(text)["findings"][0]
    assert finding["message"] == "é😀\x1b[2J\x7f\x9b\u202e\\udcff"
    assert finding["file"] == "\\udcff.yaml"


def test_there_is_one_finding_a_line() -> None:
    lines = written("json", FULL).splitlines()
    findings = lines[lines.index('"findings": [') + 1 : lines.index("]")]
    assert [json.loads(line.rstrip(","))["line"] for line in findings] == [1, 11, 13]
    assert written("json", result()).endswith('"findings": []\n}\n')
