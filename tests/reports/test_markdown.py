"""The Markdown report: tables that stay tables, links that lead to the line, and a length that services take."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.findings import Finding, Skipped, Suppression

from .samples import DOCS, latest, result, written
from .test_reports import FINDINGS

CELL_END = re.compile(r"(?<!\\)(?:\\\\)*\|")
"""A pipe behind an even number of backslashes: the first of each two escapes the second."""


@pytest.fixture(autouse=True)
def _no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_SERVER_URL", "CI_PROJECT_URL", "GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)


def row(finding: Finding) -> list[str]:
    """Return the cells of the only finding's row."""
    lines = written("markdown", result(finding), "info").splitlines()
    (line,) = lines[lines.index("| Where | Object | What is wrong | Rule |") + 2 :][:1]
    return [cell.strip() for cell in CELL_END.split(line)[1:-1]]


def test_the_head_counts_what_was_found_and_says_what_is_not_listed() -> None:
    mild = latest("web", 1, 1, severity="info")
    text = written(
        "markdown",
        result(latest("web", 11, 12, fix="safe"), mild, latest("x", 2, 1, suppressed=Suppression("comment"))),
    )
    assert text.startswith(
        "## kube-audit\n\n**1 warning** from 1 object in 1 file, for Kubernetes 1.34, profile `default`.\n\n"
        "Not listed: 1 milder, 1 suppressed.\n\n"
        "| Severity | Findings | Rules | Files | Fixable |\n| :-- | --: | --: | --: | --: |\n"
        "| ⚠️ warning | 1 | 1 | 1 | 1 |\n"
    )


def test_a_finding_is_a_row_with_a_link_to_its_line() -> None:
    assert row(latest("web", 11, 12)) == [
        "[`deploy/shop.yaml:11`](deploy/shop.yaml#L11)",
        "`Deployment shop/web` `web`",
        "container web runs an image without a fixed version",
        "`image-tag-latest`",
    ]


def test_links_lead_to_the_commit_where_the_service_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as github:
        for name, value in {"SERVER_URL": "https://github.com", "REPOSITORY": "o/r", "SHA": "abc"}.items():
            github.setenv(f"GITHUB_{name}", value)
        assert "(https://github.com/o/r/blob/abc/deploy/shop.yaml#L11)" in row(latest("web", 11, 12))[0]
    monkeypatch.setenv("CI_PROJECT_URL", "https://gitlab.com/o/r")
    monkeypatch.setenv("CI_COMMIT_SHA", "abc")
    assert "(https://gitlab.com/o/r/-/blob/abc/deploy/shop.yaml#L11)" in row(latest("web", 11, 12))[0]


def test_standard_input_and_files_outside_of_the_checkout_have_no_link() -> None:
    assert row(latest("web", 11, 12, file="<stdin>"))[0] == "`stdin:11`"
    assert row(latest("web", 11, 12, file="../x.yaml"))[0] == "`/x.yaml:11`"


def test_names_of_files_are_encoded_in_links() -> None:
    assert row(latest("web", 11, 12, file="a b)(.yaml"))[0] == "[`a b)(.yaml:11`](a%20b%29%28.yaml#L11)"


@pytest.mark.parametrize(
    ("message", "cell"),
    [
        ("a `b|c` d", r"a `b\|c` d"),
        ("<img src=x> [a](http://b)", r"\<img src\=x\> \[a\]\(http\://b\)"),
        ("| **x** `", r"\| \*\*x\*\* \`"),
        ("ask @root about #1 and !2", r"ask @<!-- -->root about \#<!-- -->1 and !<!-- -->2"),
        ("www.example.com :smile:", r"www\.example.com \:smile:"),
        ("one\n\n# two", r"one \# two"),
        ("`` a`b ``", "``a`b``"),
        (r"`a\|b`", r"`a\\\|b`"),
    ],
)
def test_code_stays_code_and_nothing_else_in_a_message_is_markup(message: str, cell: str) -> None:
    assert row(latest("web", 11, 12, message=message))[2] == cell


def test_advice_is_given_once_for_each_rule_with_the_suggestion() -> None:
    findings = [latest("web", 11, 12, suggestion="a: ```"), latest("logs", 13, 14, suggestion="a: ```")]
    text = written("markdown", result(*findings))
    assert text.count("Name the version that you tested.") == 1
    assert text.endswith(
        "<summary><code>image-tag-latest</code> Image without a fixed version (2 findings)</summary>\n\n"
        "Name the version that you tested.\n\n````yaml\na: ```\n````\n\n"
        "<https://kubernetes.io/docs/concepts/containers/images/>\n\n</details>\n"
    )


def test_advice_that_differs_names_the_place_of_each() -> None:
    text = written("markdown", result(latest("web", 11, 12), latest("logs", 13, 14, remediation="Write 2.")))
    assert "- `deploy/shop.yaml:11` Name the version that you tested.\n- `deploy/shop.yaml:13` Write 2.\n" in text


def test_many_findings_of_a_severity_are_folded() -> None:
    few, many = ([latest("web", line, 1) for line in range(1, count + 1)] for count in (20, 21))
    assert "Show the" not in written("markdown", result(*few))
    assert "<summary>Show the 21 warnings</summary>" in written("markdown", result(*many))


def test_clean_and_empty_runs_say_so() -> None:
    assert "**No findings** from 1 object" in written("markdown", result())
    assert "**Nothing was audited** from 0 objects" in written(
        "markdown", result(objects=0, skipped=[Skipped("a", "b")])
    )


def test_it_is_cut_at_one_mebibyte_and_says_how_much_is_missing() -> None:
    findings = [latest("web", line, 1, message=f"ä{line} " + "x" * 1000) for line in range(1, 1501)]
    text = written("markdown", result(*findings))
    assert 1_000_000 < len(text.encode()) <= 1024 * 1024
    listed = text.count("| [`deploy/")
    assert f"**Cut here.** {1500 - listed:,} of 1,500 findings did not fit" in text
    assert text.count("<details>") == text.count("</details>")
    assert text.index("</details>") < text.index("**Cut here.**")


def test_a_title_that_is_markup_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        DOCS, "image-tag-latest", DOCS["image-tag-latest"]._replace(title="<b>x", references=("javascript:1",))
    )
    text = written("markdown", result(latest("web", 11, 12)))
    assert "</code> &lt;b&gt;x (1 finding)" in text
    assert "javascript" not in text


@given(st.lists(FINDINGS, max_size=5), st.sampled_from(["utf-8", "ascii"]))
def test_whatever_the_text_each_finding_is_one_row_of_four_cells(findings: list[Finding], encoding: str) -> None:
    active = [finding for finding in findings if finding.suppressed is None]
    text = written("markdown", result(*findings), "info", encoding)
    lines = text.split("\n")
    assert all(line.isprintable() for line in lines)
    rows = [line for line in lines if re.match(r"\| \[?`", line)]
    assert [len(CELL_END.findall(one)) for one in rows] == [5] * len(active)
