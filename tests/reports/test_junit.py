"""JUnit XML: held against what Jenkins' schema, GitLab and Azure Pipelines want of it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.findings import Finding, Suppression
from tests.support import audit_texts

from .samples import SHOP, latest, result, span, written
from .test_reports import FINDINGS

# Attributes by element, required ones first: junit-10.xsd of Jenkins' xunit plugin, and `file`, which GitLab shows.
REQUIRED = {
    "testsuites": set(),
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name"},
    "failure": set(),
    "skipped": set(),
    "system-out": set(),
}
KNOWN = {
    "testsuites": {"name", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped"},
    "testcase": {"name", "classname", "file"},
    "failure": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "skipped", "system-out"},
}


def suites(*findings: Finding) -> list[ElementTree.Element]:
    """Write the report, hold it against the schema and its own counts, and return its suites."""
    return checked(written("junit", result(*findings)))


def checked(report: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(report)
    assert root.tag == "testsuites"
    for element in root.iter():
        assert REQUIRED[element.tag] <= element.attrib.keys() <= KNOWN[element.tag]
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
    for holder in [root, *root]:
        cases = list(holder.iter("testcase"))
        counts = {tag: sum(1 for case in cases if case.find(tag) is not None) for tag in ("failure", "skipped")}
        assert holder.get("tests") == str(len(cases))
        assert holder.get("failures") == str(counts["failure"])
        assert holder.get("skipped") == (None if holder is root else str(counts["skipped"]))
    return list(root)


def case(*findings: Finding) -> ElementTree.Element:
    (only,) = suites(*findings)[0]
    return only


def test_a_rule_that_an_object_breaks_is_a_failed_test_with_place_and_remedy() -> None:
    found = case(latest("web", 11, 12, suggestion="image: nginx:1.29.1"))
    assert found.attrib == {
        "name": "image-tag-latest: Image without a fixed version",
        "classname": "Deployment shop/web",
        "file": SHOP,
    }
    (failure,) = found
    assert failure.attrib == {
        "type": "warning",
        "message": "container web runs an image without a fixed version",
    }
    assert failure.text == (
        "deploy/shop.yaml:11:18: warning: Deployment shop/web, container web\n"
        "container web runs an image without a fixed version.\n"
        "Name the version that you tested.\n\n"
        "    image: nginx:1.29.1"
    )


def test_a_suite_is_a_file_and_a_test_all_that_one_rule_finds_on_one_object() -> None:
    found = suites(
        latest("web", 11, 12),
        latest("logs", 13, 14),
        Finding("naked-pod", "warning", "a pod", "", "b.yaml", span(1, 1, 3)),
    )
    assert [suite.get("name") for suite in found] == ["b.yaml", SHOP, "rules that found nothing"]
    (both,) = found[1]
    failure = both.find("failure")
    assert failure is not None
    assert failure.get("message", "").endswith("(and 1 more)")
    assert "shop.yaml:11:18" in (failure.text or "")
    assert "shop.yaml:13:18" in (failure.text or "")
    assert found[0][0].get("classname") == "the file itself"


def test_a_test_keeps_its_name_when_lines_move() -> None:
    assert case(latest("web", 11, 12)).attrib == case(latest("web", 99, 12, message="another")).attrib


def test_errors_and_warnings_fail_and_infos_are_output_of_a_test_that_passes() -> None:
    outcomes = {how: case(latest("web", 11, 12, severity=how))[0] for how in ("error", "warning", "info")}
    assert {how: (part.tag, part.get("type")) for how, part in outcomes.items()} == {
        "error": ("failure", "error"),
        "warning": ("failure", "warning"),
        "info": ("system-out", None),
    }


def test_suppressed_findings_are_skipped_tests_with_the_reason() -> None:
    (skipped,) = case(latest("web", 11, 12, suppressed=Suppression("comment", "until May")))
    assert (skipped.tag, skipped.get("message")) == ("skipped", "suppressed by comment: until May")


def test_rules_that_found_nothing_are_passed_tests() -> None:
    assert [(suite.get("name"), len(suite), suite.get("failures")) for suite in suites()] == [
        ("rules that found nothing", 4, "0")
    ]
    passed = [one.get("name", "").partition(":")[0] for one in suites(latest("web", 11, 12))[-1]]
    assert passed == ["naked-pod", "secret-literal-in-env", "yaml-syntax"]


def test_a_file_with_objects_and_no_finding_is_a_suite_with_one_passed_test() -> None:
    fine, values = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n", "replicas: 1\n"
    bare = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - {name: a, image: a}\n"
    audited = audit_texts({"c.yaml": fine, "b.yaml": bare, "a.yaml": fine.replace("shop", "b"), "v.yaml": values})
    found = checked(written("junit", audited))
    assert [suite.get("name") for suite in found[:-1]] == ["a.yaml", "b.yaml", "c.yaml"]
    (passed,) = found[0]
    assert passed.attrib == {"name": "no findings", "classname": "the file itself", "file": "a.yaml"}
    assert list(passed) == []
    assert "no findings" not in {case.get("name") for case in found[1]}


def test_a_file_that_was_only_read_for_the_sake_of_others_has_not_passed() -> None:
    fine = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n"
    audited = audit_texts({"a.yaml": fine, "b.yaml": fine.replace("shop", "b")})
    audited = audited._replace(judged=frozenset({"b.yaml"}))
    assert [suite.get("name") for suite in checked(written("junit", audited))[:-1]] == ["b.yaml"]


def test_a_file_whose_findings_are_only_hidden_has_not_passed() -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - {name: a, image: a}\n"
    audited = audit_texts({"a.yaml": text})
    audited = audited._replace(findings=[finding._replace(severity="info") for finding in audited.findings])
    assert "a.yaml" not in written("junit", audited, "warning")


def test_a_rule_whose_findings_are_only_hidden_has_not_passed() -> None:
    mild = Finding("naked-pod", "info", "a pod", "", SHOP, span(1, 1, 3))
    text = written("junit", result(mild), "warning")
    assert "naked-pod" not in text
    assert "image-tag-latest" in text


@pytest.mark.parametrize("hostile", ["</failure>&<", "\x00\x1b\ufffe", "]]>", "\"'", "\ud800"])
def test_signs_that_xml_knows_or_forbids_are_only_text(hostile: str) -> None:
    failure = case(latest("web", 11, 12, message=f"x{hostile}y"))[0]
    shown = failure.get("message", "")
    assert shown.startswith("x")
    assert shown.endswith("y")
    assert shown == f"x{hostile}y" or "\\" in shown


@given(st.lists(FINDINGS, max_size=5), st.sampled_from(["utf-8", "ascii", "latin-1"]))
def test_whatever_the_text_the_report_is_valid_and_ascii(findings: list[Finding], encoding: str) -> None:
    suites(*findings)
    assert written("junit", result(*findings), encoding=encoding).isascii()
