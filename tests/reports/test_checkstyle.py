"""Checkstyle XML: the elements and attributes that its readers take."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from kube_audit.findings import Finding, Suppression

from .samples import SHOP, latest, result, written
from .test_reports import FINDINGS


def files(*findings: Finding, encoding: str = "utf-8") -> dict[str, list[dict[str, str]]]:
    """Write the report, hold it against the format, and return the errors' attributes by file."""
    root = ElementTree.fromstring(written("checkstyle", result(*findings), encoding=encoding))
    assert (root.tag, root.attrib) == ("checkstyle", {"version": "4.3"})
    for file in root:
        assert (file.tag, set(file.attrib)) == ("file", {"name"})
        for error in file:
            assert (error.tag, len(error)) == ("error", 0)
            assert error.attrib.keys() == {"line", "column", "severity", "message", "source"}
            assert error.attrib["severity"] in ("ignore", "info", "warning", "error")
            assert int(error.attrib["line"]) > 0
    return {file.attrib["name"]: [dict(error.attrib) for error in file] for file in root}


def test_a_finding_is_an_error_of_its_file() -> None:
    assert files(latest("web", 11, 12)) == {
        SHOP: [
            {
                "line": "11",
                "column": "18",
                "severity": "warning",
                "message": "Deployment shop/web, container web: container web runs an image without a fixed version. "
                "Name the version that you tested.",
                "source": "kube-audit.images.image-tag-latest",
            }
        ]
    }


def test_each_file_comes_once_with_all_its_findings() -> None:
    found = files(latest("web", 11, 12), latest("logs", 13, 14), latest("web", 1, 1, file="b.yaml", severity="error"))
    assert {name: [error["severity"] for error in errors] for name, errors in found.items()} == {
        "b.yaml": ["error"],
        SHOP: ["warning", "warning"],
    }


def test_a_clean_run_and_suppressed_findings_give_no_file() -> None:
    assert files() == files(latest("web", 11, 12, suppressed=Suppression("baseline"))) == {}


@given(st.lists(FINDINGS, max_size=5), st.sampled_from(["utf-8", "ascii", "latin-1"]))
def test_whatever_the_text_the_report_is_valid(findings: list[Finding], encoding: str) -> None:
    text = written("checkstyle", result(*findings), encoding=encoding)
    assert text.isascii()
    assert text.count("<error ") == sum(1 for finding in findings if finding.suppressed is None)
    files(*findings, encoding=encoding)
