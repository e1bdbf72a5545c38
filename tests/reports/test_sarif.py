"""The SARIF report: valid, and what code scanning makes alerts of."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft202012Validator

from kube_audit import __version__
from kube_audit.findings import Finding, ObjectRef, RelatedPlace, Skipped, Span, Suppression
from kube_audit.reports import sarif_limits
from tests.support import audit_texts

from .samples import DOCS, SHOP, latest, result, span, written

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = Draft202012Validator(
    json.loads(Path(__file__).with_name("sarif-schema-2.1.0.json").read_text("utf-8")),
    format_checker=Draft202012Validator.FORMAT_CHECKER,
)


def run(*findings: Finding, options: dict[str, Any] | None = None, **audited: Any) -> dict[str, Any]:
    """Write the report, hold it against the schema, and return its run."""
    log = json.loads(written("sarif", result(*findings, **audited), **options or {}))
    assert [f"{error.json_path}: {error.message}" for error in SCHEMA.iter_errors(log)] == []
    assert log["version"] == "2.1.0"
    (only,) = log["runs"]
    return dict(only)


def location(finding: Finding, **audited: Any) -> dict[str, Any]:
    (only,) = run(finding, **audited)["results"][0]["locations"]
    return dict(only)


def test_the_schema_that_the_tests_hold_it_against_refuses_what_is_wrong() -> None:
    log = json.loads(written("sarif", result(latest("web", 11, 12))))
    log["runs"][0]["results"][0]["level"] = "warn"
    log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    assert len(list(SCHEMA.iter_errors(log))) == 2


def test_a_clean_run_has_an_empty_list_of_results_and_all_rules() -> None:
    clean = run()
    assert clean["results"] == []
    assert [rule["id"] for rule in clean["tool"]["driver"]["rules"]] == sorted(DOCS)


def test_the_run_names_the_tool_and_no_path_of_the_machine() -> None:
    whole = run(latest("web", 11, 12))
    assert whole["tool"]["driver"]["name"] == "kube-audit"
    assert whole["tool"]["driver"]["semanticVersion"] == __version__
    assert whole["automationDetails"] == {"id": "kube-audit/"}
    assert whole["columnKind"] == "unicodeCodePoints"
    assert list(whole["originalUriBaseIds"]) == ["%SRCROOT%"]
    assert whole["invocations"][0]["executionSuccessful"] is True
    assert "/repo" not in json.dumps(whole)


def test_a_rule_carries_its_help_level_and_score() -> None:
    rules = {rule["id"]: rule for rule in run()["tool"]["driver"]["rules"]}
    assert rules["secret-literal-in-env"] == {
        "id": "secret-literal-in-env",
        "name": "SecretLiteralInEnv",
        "shortDescription": {"text": "Credential in plain text"},
        "fullDescription": {"text": "Everybody who reads the manifest knows it."},
        "help": {
            "text": "Credential in plain text\n\nWhy\n\nEverybody who reads the manifest knows it.\n\n"
            "What to do\n\nMove it into a Secret.",
            "markdown": "# Credential in plain text\n\n## Why\n\nEverybody who reads the manifest knows it.\n\n"
            "## What to do\n\nMove it into a Secret.",
        },
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "tags": ["kubernetes", "secrets", "security"],
            "precision": "high",
            "problem.severity": "error",
            "security-severity": "8.0",
        },
    }
    image = rules["image-tag-latest"]
    assert image["helpUri"] == "https://kubernetes.io/docs/concepts/containers/images/"
    assert image["help"]["markdown"].endswith("## The same check elsewhere\n\n- kube-linter: latest-tag")
    assert "security-severity" not in image["properties"]
    assert rules["naked-pod"]["defaultConfiguration"] == {"level": "note"}


def test_a_result_says_what_is_wrong_where_and_what_to_do() -> None:
    whole = run(latest("web", 11, 12, suggestion="image: nginx:1.29.1", fix="safe"))
    (found,) = whole["results"]
    rule = whole["tool"]["driver"]["rules"][found["ruleIndex"]]
    assert rule["id"] == "image-tag-latest"
    text = "container web runs an image without a fixed version.\nName the version that you tested."
    assert found == {
        "ruleId": "image-tag-latest",
        "ruleIndex": 0,
        "level": "warning",
        "message": {"text": text, "markdown": f"{text}\n\n```yaml\nimage: nginx:1.29.1\n```"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "deploy/shop.yaml", "uriBaseId": "%SRCROOT%"},
                    "region": {
                        "startLine": 11,
                        "startColumn": 18,
                        "endLine": 11,
                        "endColumn": 30,
                        "snippet": {"text": "nginx:latest"},
                    },
                },
                "logicalLocations": [{"name": "web", "fullyQualifiedName": "shop/Deployment/web", "kind": "object"}],
            }
        ],
        "partialFingerprints": {"kubeAudit/v1": latest("web", 11, 12).fingerprint},
        "properties": {"fix": "safe", "container": "web"},
    }


def test_the_levels_are_those_of_sarif() -> None:
    findings = [
        latest("web", line, 2, severity=severity) for line, severity in enumerate(("error", "warning", "info"), 1)
    ]
    assert [found["level"] for found in run(*findings)["results"]] == ["error", "warning", "note"]


def test_related_places_are_linked_from_the_message() -> None:
    places = (
        RelatedPlace("base/a.yaml", span(3, 5, 2), "the first"),
        RelatedPlace("base/b.yaml", span(4, 5, 2), "a[0](1)"),
    )
    (found,) = run(latest("web", 11, 12, related=places))["results"]
    assert found["message"]["text"].endswith("tested.\n[the first](1)\n[a\\[0\\](1)](2)")
    assert [place["id"] for place in found["relatedLocations"]] == [1, 2]
    assert found["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "base/a.yaml"


class TestFingerprints:
    def names(self, *findings: Finding, **options: Any) -> list[str]:
        found = run(*findings, options=options)["results"]
        return [entry["partialFingerprints"]["kubeAudit/v1"] for entry in found]

    def test_findings_that_share_one_are_numbered(self) -> None:
        shared = latest("web", 11, 12).fingerprint
        assert self.names(*(latest("web", line, 12) for line in (11, 12, 13))) == [
            shared,
            f"{shared}:2",
            f"{shared}:3",
        ]

    def test_they_stay_when_files_are_edited_elsewhere(self) -> None:
        demo = {file.name: file.read_text("utf-8") for file in (ROOT / "fixtures" / "demo").iterdir()}
        before = self.of_files(demo)
        assert len(before) > 30
        moved = {name: f"# a comment\n\n{text}" for name, text in demo.items()}
        moved["cart.yaml"] = "\n---\n".join(reversed(demo["cart.yaml"].split("\n---\n")))
        moved["payments.yaml"] = moved["payments.yaml"].replace("name: payments\n", "name: payments # theirs\n")
        moved["more.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\ndata: {a: b}\n"
        assert moved["payments.yaml"].count("# theirs") > 3
        assert self.of_files(moved) == before
        assert self.of_files({**demo, "catalogue.yaml": demo["catalogue.yaml"].replace('"2"', "2")}) < before

    def of_files(self, texts: dict[str, str]) -> set[str]:
        log = json.loads(written("sarif", audit_texts(texts)))
        return {one["partialFingerprints"]["kubeAudit/v1"] for one in log["runs"][0]["results"]}

    def test_the_number_does_not_depend_on_what_is_hidden(self) -> None:
        mild, bad = latest("web", 11, 12, severity="info"), latest("web", 12, 12)
        assert self.names(mild, bad, severity="warning") == self.names(mild, bad)[1:]


class TestSuppressions:
    def suppressed(self, kind: Any, reason: str | None = None) -> Finding:
        return latest("logs", 13, 14, suppressed=Suppression(kind, reason))

    @pytest.mark.parametrize(
        ("kind", "name"),
        [("comment", "inSource"), ("annotation", "inSource"), ("config", "external"), ("baseline", "external")],
    )
    def test_they_tell_where_it_was_said(self, kind: str, name: str) -> None:
        (found,) = run(self.suppressed(kind))["results"]
        assert found["suppressions"] == [{"kind": name}]

    def test_with_one_every_result_tells_whether_it_is_suppressed(self) -> None:
        found = run(latest("web", 11, 12), self.suppressed("comment", "a mirror"))["results"]
        assert [entry["suppressions"] for entry in found] == [
            [],
            [{"kind": "inSource", "justification": "a mirror"}],
        ]
        assert "suppressions" not in run(latest("web", 11, 12))["results"][0]

    def test_they_can_be_left_out(self) -> None:
        assert run(self.suppressed("comment"), options={"carry_suppressed": False})["results"] == []


class TestLimits:
    """What code scanning takes: so many results, and so many bytes of the compressed log."""

    def cut(self, monkeypatch: pytest.MonkeyPatch, *findings: Finding, **limits: int) -> dict[str, Any]:
        for name, limit in limits.items():
            monkeypatch.setattr(sarif_limits, name, limit)
        return run(*findings)

    def test_they_are_those_that_github_documents(self) -> None:
        assert (sarif_limits.MOST_RESULTS, sarif_limits.MOST_BYTES) == (25_000, 10_000_000)

    def test_the_mildest_results_go_and_the_log_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        findings = [
            latest("web", line, 2, severity=severity, suppressed=suppressed)
            for line, (severity, suppressed) in enumerate(
                [("info", None), ("error", Suppression("config")), ("error", None), ("warning", None), ("info", None)],
                start=1,
            )
        ]
        whole = self.cut(monkeypatch, *findings, MOST_RESULTS=3)
        lines = [one["locations"][0]["physicalLocation"]["region"]["startLine"] for one in whole["results"]]
        assert lines == [1, 3, 4]
        (notification,) = whole["invocations"][0]["toolExecutionNotifications"]
        assert notification["level"] == "warning"
        assert notification["message"]["text"].startswith("2 of 5 results are left out, the mildest first: ")

    def test_a_log_that_is_too_large_is_cut_until_it_fits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        findings = [
            latest(
                "web",
                line,
                2,
                message=sha256(bytes([line])).hexdigest() * 5,
                severity="warning" if line % 2 else "info",
            )
            for line in range(1, 200)
        ]
        whole = self.cut(monkeypatch, *findings, MOST_BYTES=12_000)
        assert 20 < len(whole["results"]) < 199
        log = written("sarif", result(*findings))
        assert len(gzip.compress(log.encode())) < 12_500
        assert len(gzip.compress(log.encode())) > 9_000
        levels = [one["level"] for one in whole["results"]]
        assert "note" not in levels or levels.count("warning") == 100
        assert "are left out" in whole["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]

    def test_where_nothing_fits_nothing_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.cut(monkeypatch, latest("web", 11, 12), MOST_BYTES=1)["results"] == []

    def test_a_log_that_fits_is_whole(self) -> None:
        whole = run(*(latest("web", line, 2) for line in range(1, 200)))
        assert len(whole["results"]) == 199
        assert whole["invocations"][0]["toolExecutionNotifications"] == []


class TestFiles:
    @pytest.mark.parametrize(
        ("file", "uri"),
        [
            ("a.yaml", "a.yaml"),
            ("./deploy/../a.yaml", "a.yaml"),
            ("/repo/deploy/a.yaml", "deploy/a.yaml"),
            ("..a.yaml", "..a.yaml"),
            ("ai/vllm gpu#1%2F.yaml", "ai/vllm%20gpu%231%252F.yaml"),
            ("c:d.yaml", "c%3Ad.yaml"),
            ("\udcff.yaml", "%FF.yaml"),
            ("日.yaml", "%E6%97%A5.yaml"),
        ],
    )
    def test_below_the_root_they_are_relative_to_it(self, file: str, uri: str) -> None:
        place = location(latest("web", 11, 12, file=file))["physicalLocation"]
        assert place["artifactLocation"] == {"uri": uri, "uriBaseId": "%SRCROOT%"}

    @pytest.mark.parametrize(
        ("file", "uri"),
        [("../x/a b.yaml", "file:///x/a%20b.yaml"), ("/etc/a.yaml", "file:///etc/a.yaml")],
    )
    def test_outside_they_are_absolute(self, file: str, uri: str) -> None:
        place = location(latest("web", 11, 12, file=file))["physicalLocation"]
        assert place["artifactLocation"] == {"uri": uri}

    def test_standard_input_has_a_name_of_its_own(self) -> None:
        artifact = location(latest("web", 11, 12, file="<stdin>"))["physicalLocation"]["artifactLocation"]
        assert artifact["uri"] == "stdin"
        assert "uriBaseId" not in artifact

    def test_what_was_skipped_is_told(self) -> None:
        skipped = [Skipped("values.yaml", "Helm values"), Skipped("all.yaml", "no kind", 7)]
        first, second = run(skipped=skipped)["invocations"][0]["toolExecutionNotifications"]
        assert first["message"]["text"] == "Skipped: Helm values"
        assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "values.yaml"
        assert second["locations"][0]["physicalLocation"]["region"] == {"startLine": 7}


class TestSnippets:
    def snippet(self, text: str, where: Span, about: ObjectRef | None = None, rule: str = "yaml-syntax") -> str | None:
        finding = Finding(rule, "error", "it is broken", "", SHOP, where, object=about)
        region = location(finding, texts={SHOP: text})["physicalLocation"]["region"]
        return region["snippet"]["text"] if "snippet" in region else None

    def test_values_of_secrets_are_masked(self) -> None:
        about = ObjectRef("v1", "Secret", None, "db")
        assert self.snippet("kind: Secret\ndata:\n  p: aHVudGVyMg==", span(3, 6, 12), about) == "*****"

    def test_credentials_are_masked(self) -> None:
        text = "- name: DB_PASSWORD\n  value: correct-horse-1"
        assert self.snippet(text, span(2, 10, 15), rule="secret-literal-in-env") == "cor*****"

    def test_long_and_lost_ones_are_left_out(self) -> None:
        assert self.snippet("a: " + "x" * 600, span(1, 4, 600)) is None
        assert self.snippet("a: 1", span(9, 4, 1)) is None
        assert self.snippet("a:\n  b: 1", Span(1, 1, 2, 7)) is None


def test_a_suggestion_cannot_break_out_of_its_fence() -> None:
    (found,) = run(latest("web", 11, 12, suggestion="a: |\n  ```\n  ````"))["results"]
    assert found["message"]["markdown"].endswith("\n\n`````yaml\na: |\n  ```\n  ````\n`````")


def test_long_descriptions_are_cut_to_what_code_scanning_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DOCS, "naked-pod", DOCS["naked-pod"]._replace(rationale="x" * 2000))
    rule = next(rule for rule in run()["tool"]["driver"]["rules"] if rule["id"] == "naked-pod")
    assert len(rule["fullDescription"]["text"]) == 1024
    assert "x" * 2000 in rule["help"]["text"]


def test_uris_decode_to_the_names_of_the_files() -> None:
    name = "deploy/ä b+c&d=e?.yaml"
    place = location(latest("web", 11, 12, file=name))["physicalLocation"]
    assert unquote(place["artifactLocation"]["uri"]) == name
