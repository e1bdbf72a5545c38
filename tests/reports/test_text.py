"""The text report as a person sees it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from kube_audit.findings import Finding, ObjectRef, RelatedPlace, Skipped, Suppression
from kube_audit.reports.terminal import columns

from .samples import SHOP, WEB, latest, result, span, written

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def pod(name: str, line: int = 1) -> ObjectRef:
    return ObjectRef("v1", "Pod", None, name)


def test_findings_are_shown_by_file_and_object_with_the_code_and_what_to_do() -> None:
    report = written("text", result(latest("web", 11, 12), latest("logs", 13, 14)), width=80)
    assert (
        report
        == """\
── deploy/shop.yaml ────────────────────────────────────────────── 2 warnings ──

Deployment shop/web

  deploy/shop.yaml:11:18
  10 │         - name: web
  11 │           image: nginx:latest
     │                  ^^^^^^^^^^^^
  warning  container web runs an image without a fixed version
           [image-tag-latest]
           → Name the version that you tested.

  deploy/shop.yaml:13:18
  12 │         - name: logs
  13 │           image: fluentd:latest
     │                  ^^^^^^^^^^^^^^
  warning  container logs runs an image without a fixed version
           [image-tag-latest, see line 11]

── 2 warnings ──────────────────────────────────────────────────────────────────
  Learn more  kube-audit rules show image-tag-latest
  Looked at   1 file; 1 object; Kubernetes 1.34, profile default with 4 rules;
              0.25s
"""
    )


def test_several_findings_at_one_place_share_its_code_and_the_worst_comes_first() -> None:
    first = latest(
        "web",
        11,
        12,
        suggestion="image: nginx:1.29.1",
        fix="unsafe",
        related=(RelatedPlace("base/web.yaml", span(3, 5, 2), "the same container has a version here"),),
    )
    second = latest("web", 11, 12, rule="image-is-evil", severity="error", message="the image is evil", fix="safe")
    report = written("text", result(first, second), width=100)
    assert (
        report
        == """\
── deploy/shop.yaml ────────────────────────────────────────────────────────── 1 error, 1 warning ──

Deployment shop/web

  deploy/shop.yaml:11:18
  10 │         - name: web
  11 │           image: nginx:latest
     │                  ^^^^^^^^^^^^
  error    the image is evil  [image-is-evil, fixable]
           → Name the version that you tested.

  warning  container web runs an image without a fixed version  [image-tag-latest, fixable, unsafe]
           → Name the version that you tested.
               image: nginx:1.29.1
           the same container has a version here
             at base/web.yaml:3:5

── 1 error, 1 warning ──────────────────────────────────────────────────────────────────────────────
  Most frequent    1 image-is-evil
                   1 image-tag-latest
  Fixable          1 finding
  Fixable, unsafe  1 finding, by changes that may alter behaviour
  Learn more       kube-audit rules show image-is-evil
  Looked at        1 file; 1 object; Kubernetes 1.34, profile default with 4 rules; 0.25s
"""
    )


def test_a_narrow_terminal_gets_narrow_lines() -> None:
    report = written("text", result(latest("web", 11, 12)), width=40)
    assert (
        report
        == """\
── deploy/shop.yaml ─────── 1 warning ──

Deployment shop/web

  deploy/shop.yaml:11:18
  10 │         - name: web
  11 │           image: nginx:latest
     │                  ^^^^^^^^^^^^
  warning  container web runs an image
    without a fixed version
    [image-tag-latest]
    → Name the version that you tested.

── 1 warning ───────────────────────────
  Learn more  kube-audit rules show
              image-tag-latest
  Looked at   1 file; 1 object;
              Kubernetes 1.34, profile
              default with 4 rules;
              0.25s
"""
    )


@pytest.mark.parametrize("width", [None, 10, 40, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int | None) -> None:
    findings = [latest("web", 11, 12, message="word " * 60, remediation="more words " * 40), latest("logs", 13, 14)]
    report = written("text", result(*findings), width=width)
    assert max(map(columns, report.splitlines())) <= max(width or 120, 40)


def test_colours_change_nothing_but_the_colour() -> None:
    audited = result(latest("web", 11, 12, severity="error"), latest("logs", 13, 14))
    plain, coloured = written("text", audited, width=80), written("text", audited, width=80, color=True)
    assert "\x1b" not in plain
    assert ESCAPES.sub("", coloured) == plain
    assert "\x1b[1;31merror\x1b[0m" in coloured
    assert "\x1b[1;33mwarning\x1b[0m" in coloured


def test_plain_output_does_not_import_rich() -> None:
    code = (
        "import sys, io\n"
        "from tests.reports.samples import latest, result, written\n"
        "written('text', result(latest('web', 11, 12)), color=True)\n"
        "print(sorted({'rich', 'click', 'jsonschema', 'kubernetes_validate'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_a_terminal_without_drawing_characters_gets_plain_ones() -> None:
    report = written("text", result(latest("wéb", 11, 12)), width=80, encoding="ascii")
    assert "  11 |           image: nginx:latest\n" in report
    assert "           > Name the version that you tested.\n" in report
    assert "container w\\xe9b runs" in report


def test_an_encoding_with_drawing_characters_and_not_much_else_does_not_end_the_run() -> None:
    assert "wéb \\U0001f600 runs" in written("text", result(latest("wéb 😀", 11, 12)), encoding="gbk")


class TestSeverity:
    findings = (latest("web", 11, 12), latest("logs", 13, 14, severity="info", rule="naked-pod"))

    def test_what_is_milder_is_hidden_and_said_to_be(self) -> None:
        report = written("text", result(*self.findings), width=80)
        assert "container logs" not in report
        assert "\n── 1 warning, 1 info ─" in report
        assert "  Hidden      1 info (--severity info shows it)\n" in report

    def test_it_is_shown_on_demand(self) -> None:
        report = written("text", result(*self.findings), severity="info", width=80)
        assert "  info     container logs" in report
        assert "Hidden" not in report

    def test_only_hidden_findings_are_no_problem(self) -> None:
        report = written("text", result(self.findings[1]), width=80)
        assert (
            report
            == """\
No errors or warnings found.
  Hidden     1 info (--severity info shows it)
  Looked at  1 file; 1 object; Kubernetes 1.34, profile default with 4 rules;
             0.25s
"""
        )


class TestSuppressed:
    silent = latest("logs", 13, 14, suppressed=Suppression("comment", "pinned by the mirror"))

    def test_it_is_counted_and_not_shown(self) -> None:
        report = written("text", result(latest("web", 11, 12), self.silent), width=80)
        assert "container logs" not in report
        assert "  Suppressed  1 finding (comment 1)\n" in report
        assert "\n── 1 warning ─" in report

    def test_it_is_shown_with_its_reason_on_demand(self) -> None:
        report = written("text", result(self.silent), width=80, show_suppressed=True)
        assert (
            "  warning  container logs runs an image without a fixed version\n"
            "           [image-tag-latest]\n"
            "           suppressed by a comment: pinned by the mirror\n"
        ) in report
        assert "No errors or warnings found." in report


class TestSummary:
    def test_a_clean_run_says_what_was_looked_at(self) -> None:
        assert (
            written("text", result(files=3, audited=2, objects=1200, seconds=1.5), severity="info")
            == """\
No problems found.
  Looked at  3 files, 2 of them audited; 1,200 objects; Kubernetes 1.34, profile default with 4
             rules; 1.50s
"""
        )

    @pytest.mark.parametrize(
        ("files", "reason"),
        [
            (0, "no file was found"),
            (1, "no Kubernetes object was found in 1 file"),
            (2, "no Kubernetes object was found in 2 files"),
        ],
    )
    def test_a_run_that_audited_nothing_is_not_called_clean(self, files: int, reason: str) -> None:
        report = written("text", result(files=files, audited=0, objects=0))
        assert report.startswith(f"warning: nothing was audited: {reason}\n")
        assert "found." not in report

    def test_what_was_skipped_is_grouped_by_reason(self) -> None:
        skipped = [Skipped(f"chart/templates/{name}.yaml", "Helm template") for name in "abcd"]
        skipped += [Skipped("all.yaml", "no kind", line=7), Skipped("all.yaml", "no kind", line=9)]
        report = written("text", result(files=5, audited=1, skipped=skipped, not_validated=2), width=80)
        assert report.endswith(
            """\
  Not validated  2 custom resources that no schema is known for
  Skipped        6 files and documents
        4  Helm template: chart/templates/a.yaml and 3 more
        2  no kind: all.yaml:7 and 1 more
"""
        )

    def test_an_example_that_does_not_fit_has_its_own_line(self) -> None:
        report = written("text", result(skipped=[Skipped("a/long/name/of/a/file.yaml", "no kind")]), width=40)
        assert report.endswith("        1  no kind:\n           a/long/name/of/a/file.yaml\n")

    def test_many_reasons_are_not_all_told(self) -> None:
        skipped = [Skipped("x.yaml", f"reason {number}") for number in range(20)]
        report = written("text", result(skipped=skipped))
        assert report.endswith("       15  for 15 other reasons (-o json lists them all)\n")


class TestLongReport:
    """From twenty findings on, advice that most findings of a rule share is told once, at the end."""

    findings = tuple(
        Finding(rule, "warning", f"{rule} {number}", f"advice for {rule}", f"{number:02}.yaml", span(1, 1, 1))
        for number in range(30)
        for rule in ("naked-pod", "image-tag-latest")
    )

    def test_shared_advice_comes_once(self) -> None:
        own = Finding("yaml-syntax", "error", "broken", "advice for this alone", "00.yaml", span(2, 1, 1))
        report = written("text", result(own, *self.findings, texts={}), width=80)
        assert report.count("advice for naked-pod") == 1
        assert "  error    broken  [yaml-syntax]\n           → advice for this alone\n" in report
        assert (
            """\
── What to do ──────────────────────────────────────────────────────────────────

  image-tag-latest  30 findings
    → advice for image-tag-latest

  naked-pod  30 findings
    → advice for naked-pod

── 1 error, 60 warnings ────────────────────────────────────────────────────────
  Most frequent  30 image-tag-latest
                 30 naked-pod
                  1 yaml-syntax
"""
            in report
        )

    def test_advice_for_a_few_of_a_rules_findings_stays_with_them(self) -> None:
        few = [Finding("yaml-syntax", "error", "broken", f"add {n % 3}", f"{n}.yaml", span(2, 1, 1)) for n in range(9)]
        report = written("text", result(*few, *self.findings, texts={}), width=80)
        assert report.count("  error    broken  [yaml-syntax]\n           → add 1\n") == 3
        assert "  yaml-syntax  9 findings" not in report

    def test_in_a_short_one_each_file_tells_it(self) -> None:
        report = written("text", result(*self.findings[:10], texts={}), width=80)
        assert report.count("advice for naked-pod") == 5
        assert "What to do" not in report


def test_findings_about_no_object_are_told_apart_from_those_of_one() -> None:
    first = Finding("naked-pod", "warning", "a pod", "", SHOP, span(1, 1, 3), object=pod("x"))
    second = Finding("yaml-syntax", "error", "broken", "", SHOP, span(5, 1, 3))
    third = Finding("naked-pod", "warning", "another", "", SHOP, span(6, 1, 3), object=WEB)
    titles = [
        line
        for line in written("text", result(first, second, third)).splitlines()
        if line and not line.startswith((" ", "─"))
    ]
    assert titles == ["Pod x", "The file itself", "Deployment shop/web"]
