"""The HTML report of a real run in a browser: what people see, click and type, and what they never notice."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.reports.samples import latest, result, written
from tests.reports.test_html import HOSTILE

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = Path(sys.prefix) / "screenshots"
"""Where a picture of each look is left, for whoever changes the page."""
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
SHOWN = "tbody.on"
CONTRASTS = """
() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
  };
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const low = [];
  let count = 0;
  while (words.nextNode()) {
    const element = words.currentNode.parentElement;
    const off = element.closest("[hidden], :disabled, option, script, title, .skip");
    if (off || !words.currentNode.data.trim() || !element.checkVisibility()) continue;
    const both = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    const contrast = (both[0] + 0.05) / (both[1] + 0.05);
    count += 1;
    if (contrast < 4.5) low.push([contrast.toFixed(2), element.className, words.currentNode.data.trim()]);
  }
  return { count, low };
}
"""

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=[*QUIET])
        yield started
        started.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("html") / "report.html"
    command = [sys.executable, "-m", "kube_audit", "check", "fixtures/demo", "-o", f"html={file}"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 1
    return file


@pytest.fixture
def show(browser: Browser) -> Iterator[Open]:
    """Return a function that opens a page without any network; nothing may be asked for or complained about."""
    asked: list[str] = []
    complaints: list[str] = []
    files: list[str] = []
    contexts = []

    def run(file: Path, width: int = 1280, scheme: Any = "light", script: bool = True) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script, offline=True
        )
        contexts.append(context)
        page: Page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        files.append(file.as_uri())
        page.goto(file.as_uri())
        return page

    yield run
    for context in contexts:
        context.close()
    assert (asked, complaints) == (files, [])


def severities(page: Page) -> list[str]:
    return [str(text) for text in page.locator(f"{SHOWN} .badge").all_inner_texts()]


def test_it_shows_every_finding_the_worst_first(show: Open, demo: Path) -> None:
    page = show(demo)
    total = page.locator("tbody").count()
    assert total > 30
    assert page.locator(SHOWN).count() == total
    assert page.locator("#shown").inner_text() == f"Findings 1 to {total} of {total}"
    order = ["error", "warning", "info"]
    assert severities(page) == sorted(severities(page), key=order.index)


def test_without_a_script_everything_can_be_read(show: Open, demo: Path) -> None:
    page = show(demo, script=False)
    rows = page.locator("tbody")
    assert all(rows.nth(number).is_visible() for number in range(rows.count()))
    assert not page.locator("form").is_visible()


def test_it_is_searched_by_words_severity_category_and_namespace(show: Open, demo: Path) -> None:
    page = show(demo)
    total = page.locator(SHOWN).count()
    page.get_by_label("Search").fill("redis_url cart")
    expect(page.locator(SHOWN)).to_have_count(1)
    assert page.locator("#shown").inner_text() == f"Findings 1 to 1 of 1 ({total} in all)"
    assert "REDIS_URL" in page.locator(SHOWN).inner_text()
    page.get_by_label("Search").fill("nothing says this")
    page.locator("#none").wait_for(state="visible")
    page.get_by_role("button", name="Reset").click()
    expect(page.locator(SHOWN)).to_have_count(total)
    page.locator("label.toggle.warning").click()
    page.locator("label.toggle.info").click()
    expect(page.locator(f"{SHOWN} .badge.warning")).to_have_count(0)
    assert set(severities(page)) == {"error"}
    page.get_by_role("combobox", name="Category").select_option(label="secrets")
    expect(page.locator(SHOWN)).to_have_count(2)
    page.get_by_label("Fixable only").check()
    page.locator("#none").wait_for(state="visible")


def test_a_bar_of_a_chart_shows_its_findings(show: Open, demo: Path) -> None:
    page = show(demo)
    bar = page.locator("#by-rule + ol li").filter(has_text="schema-invalid")
    bar.get_by_role("link").click()
    wanted = int(bar.locator(".count").inner_text())
    assert page.locator(SHOWN).count() == wanted
    assert set(page.locator(f"{SHOWN} .rule").all_inner_texts()) == {"schema-invalid"}


def test_columns_sort_and_say_so(show: Open, demo: Path) -> None:
    page = show(demo)
    page.get_by_role("button", name="Place").click()
    places = page.locator(f"{SHOWN} tr:first-child .place").all_inner_texts()
    files = [place.rpartition(":")[0] for place in places]
    assert files == sorted(files)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Place")
    page.get_by_role("button", name="Place").click()
    assert page.locator(f"{SHOWN} tr:first-child .place").all_inner_texts() == places[::-1]


def test_code_and_remedy_open_one_by_one_and_all_at_once(show: Open, demo: Path) -> None:
    page = show(demo)
    first = page.locator(f"{SHOWN} details").first
    assert not first.locator("pre").first.is_visible()
    first.locator("summary").click()
    assert first.locator("pre").first.is_visible()
    page.get_by_role("button", name="Open all").click()
    assert page.locator(f"{SHOWN} details:not([open])").count() == 0
    page.get_by_role("button", name="Close all").click()
    assert page.locator(f"{SHOWN} details[open]").count() == 0


def test_the_keyboard_alone_is_enough(show: Open, demo: Path) -> None:
    page = show(demo)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the findings"
    page.keyboard.press("Enter")
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "severity"
    outline = "getComputedStyle(document.activeElement.nextElementSibling).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Space")
    expect(page.locator(f"{SHOWN} .badge.error")).to_have_count(0)
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("limit")
    expect(page.locator(SHOWN).filter(has_not_text=re.compile("limit", re.IGNORECASE))).to_have_count(0)
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
        if page.evaluate("document.activeElement.matches('tbody.on summary')"):
            break
    assert {"SELECT", "INPUT", "BUTTON", "SUMMARY"} <= reached
    page.keyboard.press("Enter")
    assert page.locator(f"{SHOWN} details[open]").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 820, 1280])
def test_it_fits_and_can_be_read_in_each_width_and_scheme(show: Open, demo: Path, width: int, scheme: str) -> None:
    page = show(demo, width, scheme)
    page.get_by_role("button", name="Open all").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    texts = page.evaluate(CONTRASTS)
    assert texts["count"] > 200
    assert texts["low"] == []
    brightness = sum(map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))))
    assert (brightness < 3 * 128) == (scheme == "dark")
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=str(SCREENSHOTS / f"report-{width}-{scheme}.png"), full_page=True)


def test_hostile_text_is_text_and_many_findings_come_in_pages(show: Open, tmp_path: Path) -> None:
    findings = [latest(f"{HOSTILE}{line}", line, 1, message=HOSTILE) for line in range(1, 251)]
    file = tmp_path / "report.html"
    file.write_text(written("html", result(*findings)), "ascii")
    page = show(file)
    assert page.title() == "kube-audit: 250 warnings"
    assert page.locator("#shown").inner_text() == "Findings 1 to 100 of 250"
    assert page.locator(SHOWN).count() == 100
    for _ in range(2):
        page.get_by_role("button", name="Next").click()
    assert page.locator("#shown").inner_text() == "Findings 201 to 250 of 250"
    assert page.get_by_role("button", name="Next").is_disabled()
    assert page.locator("img, iframe, object").count() == 0
