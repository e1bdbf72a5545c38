"""The HTML page: one safe file with everything in it. In a browser it is tried by tests/integrations."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.findings import Finding, ObjectRef, RelatedPlace, Skipped, Suppression
from kube_audit.reports.plain import one_line

from .samples import DOCS, SHOP, SHOP_TEXT, latest, result, span, written
from .test_reports import FINDINGS, TEXTS

VOID = {"meta", "input", "path", "rect", "br"}
HOSTILE = "</style></script></title><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'`x`"


class Page(HTMLParser):
    """The elements of a page, with a check that each that is opened is closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[tuple[str, str]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def words(self) -> str:
        shown = (data for tag, data in self.text if tag not in ("style", "script"))
        return " ".join("".join(shown).split())


def safe(source: str) -> Page:
    """Read a page and make sure that nothing in it can run or load anything but its own style and script."""
    page = Page(source)
    assert source.isascii()
    assert len(page.all("script")) == len(page.all("style")) == 1
    for tag, attributes in page.elements:
        assert tag not in ("img", "iframe", "object", "embed", "link", "base", "frame")
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "action")]
        link = attributes.get("href")
        assert link is None or re.match(r"#|https?://", link), link
    return page


def test_it_is_one_file_that_may_run_its_own_style_and_script_and_nothing_else() -> None:
    source = written("html", result(latest("web", 11, 12)))
    page = safe(source)
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (code,) = re.findall(f"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_a_finding_has_its_code_remedy_suggestion_and_related_places() -> None:
    related = (RelatedPlace("b.yaml", span(3, 5, 2), "the `first`"),)
    source = written("html", result(latest("web", 11, 12, suggestion="image: nginx:1.29", related=related, fix="safe")))
    assert "<mark>nginx:latest</mark>" in source
    assert "<code>first</code>" in source
    words = safe(source).words()
    for part in (
        "container web runs an image without a fixed version",
        "Name the version that you tested.",
        "image: nginx:1.29",
        "b.yaml:3",
        "safe fix",
        "deploy/shop.yaml:11",
        "spec.template.spec.containers[0].image",
        "The tag latest moves.",
    ):
        assert part in words


def test_findings_are_there_without_a_script_and_the_worst_comes_first() -> None:
    findings = [latest("web", line, 1, severity=how) for line, how in enumerate(("info", "warning", "error"), 1)]
    rows = [row.get("data-severity") for row in safe(written("html", result(*findings))).all("tbody")]
    assert rows == ["0", "1", "2"]


def test_what_only_the_script_can_do_is_hidden_without_it() -> None:
    page = safe(written("html", result(latest("web", 11, 12))))
    assert [("hidden" in attributes) for attributes in page.all("form")] == [True]


def test_charts_count_by_category_rule_and_namespace() -> None:
    other = ObjectRef("v1", "Pod", None, "x")
    findings = [latest("web", 11, 12), latest("logs", 13, 2, severity="error"), latest("a", 1, 1, object=other)]
    source = written("html", result(*findings))
    page = safe(source)
    links = [(link["data-filter"], link["data-value"]) for link in page.all("a") if "data-filter" in link]
    assert links == [("category", "0"), ("rule", "0"), ("namespace", "1"), ("namespace", "0")]
    drawings = [svg["aria-label"] for svg in page.all("svg") if svg.get("role") == "img"]
    assert drawings == ["1 error, 2 warnings"] * 3 + ["1 error, 1 warning", "1 warning"]
    assert "(none given)" in page.words()


def test_long_charts_are_summed_up() -> None:
    findings = [latest("web", line, 1, object=ObjectRef("v1", "Pod", f"ns{line:02}", "x")) for line in range(1, 15)]
    assert "4 findings in 4 more namespaces" in safe(written("html", result(*findings))).words()


def test_every_control_has_a_name_and_every_header_a_scope() -> None:
    page = safe(written("html", result(latest("web", 11, 12, suppressed=Suppression("comment")), latest("a", 1, 1))))
    source = written("html", result(latest("web", 11, 12)))
    assert len(re.findall(r"<label[^>]*>(?:(?!</label>).)*<(?:input|select)", source, re.DOTALL)) == len(
        re.findall("<(?:input|select) ", source)
    )
    assert all(head.get("scope") == "col" for head in page.all("th"))
    assert page.all("html") == [{"lang": "en"}]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [attributes["aria-labelledby"] for _, attributes in page.elements if "aria-labelledby" in attributes]
    targets = [link["href"] for link in page.all("a") if str(link.get("href")).startswith("#")]
    assert {*named, *(str(target)[1:] for target in targets)} <= set(ids)


def test_suppressed_findings_are_marked_with_the_reason_and_not_counted() -> None:
    words = safe(written("html", result(latest("web", 11, 12, suppressed=Suppression("config", "until May"))))).words()
    assert "No findings." in words
    assert "Suppressed by config: until May" in words


def test_clean_and_empty_runs_say_so() -> None:
    assert "No findings." in safe(written("html", result())).words()
    empty = result(objects=0, skipped=[Skipped("b.yaml", "Helm template", 3), Skipped("a.yaml", "Helm template")])
    words = safe(written("html", empty)).words()
    assert "Nothing was audited" in words
    assert "Helm template" in words
    assert "a.yamlb.yaml:3" in words.replace(" ", "")


def test_secrets_are_masked_in_frames() -> None:
    text = SHOP_TEXT.replace("image: nginx:latest", "command: [--password=hunter2-tiger]")
    finding = latest("web", 11, 25, rule="secret-literal-in-env", span=span(11, 21, 24))
    source = written("html", result(finding, texts={SHOP: text}))
    assert "hunter2" not in source
    assert "*****" in source


def test_hostile_names_are_only_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DOCS, HOSTILE, DOCS["naked-pod"]._replace(id=HOSTILE, title=HOSTILE, category=HOSTILE))
    monkeypatch.setitem(
        DOCS,
        "naked-pod",
        DOCS["naked-pod"]._replace(rationale=f"{HOSTILE}\n\n- {HOSTILE}", references=("javascript:x",)),
    )
    finding = Finding(
        rule=HOSTILE,
        severity="warning",
        message=HOSTILE,
        remediation=f"```\n{HOSTILE}\n```",
        file=HOSTILE,
        span=span(1, 1, 9),
        path=(HOSTILE,),
        object=ObjectRef(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        container=HOSTILE,
        suggestion=HOSTILE,
        related=(RelatedPlace(HOSTILE, span(1, 1, 1), HOSTILE),),
        suppressed=Suppression("config", HOSTILE),
    )
    mild = Finding("naked-pod", "info", HOSTILE, "", SHOP, span(1, 1, 1))
    page = safe(
        written("html", result(finding, mild, texts={HOSTILE: HOSTILE * 20}, skipped=[Skipped(HOSTILE, HOSTILE)]))
    )
    assert page.words().count("document.title='owned'") > 12
    assert next(data for tag, data in page.text if tag == "title") == "kube-audit: 1 info"


@given(st.lists(FINDINGS, max_size=4), st.dictionaries(st.sampled_from(["a.yaml", "b.yaml"]), TEXTS))
def test_whatever_the_text_the_page_is_safe_and_lists_every_finding(
    findings: list[Finding], texts: dict[str, str]
) -> None:
    page = safe(written("html", result(*findings, texts=texts), encoding="ascii"))
    assert len(page.all("tbody")) == len(findings)
    words = page.words().replace("`", "")
    for finding in findings:
        if finding.object is not None:
            assert " ".join(one_line(str(finding.object)).split()).replace("`", "") in words


def test_the_same_result_gives_the_same_bytes() -> None:
    audited = [latest("web", 11, 12), latest("logs", 13, 14)]
    assert written("html", result(*audited, seconds=9.0)) == written("html", result(*reversed(audited), seconds=0.1))
