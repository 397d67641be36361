"""Every page of the app in a real browser, visited once: axe in both themes, hostile text, requests, console, deep links, history, keyboard.

The pages are those of ``navigation.PAGES``, so that a new one is visited without an edit here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from rai_tune.review.navigation import MENU, OF_A_RUN, PAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GRAVE = {"serious", "critical"}
OF_STREAMLIT: dict[tuple[str, str], str] = {}
"""(rule, part of the selector) -> why nothing here can change it. Only what axe objects to inside Streamlit's own widgets."""

LIVE = """
() => {
  const found = [];
  const visit = root => {
    for (const element of root.querySelectorAll("*")) {
      for (const name of ["src", "href", "srcset", "action", "data", "style", "xlink:href"])
        if ((element.getAttribute(name) || "").includes("evil.example")) found.push(`${element.tagName} ${name}`);
      for (const attribute of element.attributes)
        if (attribute.name.startsWith("on")) found.push(`${element.tagName} ${attribute.name}`);
      if (element.tagName === "SCRIPT" && element.textContent.includes("owned")) found.push("SCRIPT");
      if (element.classList.contains("katex")) found.push("formula");
      if (element.tagName === "B" && element.textContent === "x") found.push("B");
      if (element.shadowRoot) visit(element.shadowRoot);
    }
  };
  visit(document);
  const text = document.body.innerText;
  if (/[\\u202a-\\u202e]/.test(text)) found.push("a mark that overrides the order of text");
  if (document.title.includes("owned")) found.push("the title");
  return found;
}
"""
FOCUS = """
() => {
  let element = document.activeElement;
  while (element && element.shadowRoot && element.shadowRoot.activeElement) element = element.shadowRoot.activeElement;
  if (!element || element === document.body) return null;
  const drawn = () => {
    const found = [];
    for (let node = element, steps = 0; node && steps < 5; node = node.parentElement, steps++) {
      const style = getComputedStyle(node);
      found.push([style.outline, style.boxShadow, style.borderColor, style.backgroundColor, style.color].join());
    }
    return found.join();
  };
  const box = element.getBoundingClientRect();
  const still = document.head.appendChild(document.createElement("style"));
  still.textContent = "* { transition: none !important; }";
  const focused = drawn();
  element.blur();
  const seen = drawn() !== focused;
  element.focus();
  still.remove();
  return {name: (element.getAttribute("aria-label") || element.innerText || element.tagName).slice(0, 60).trim(),
          frame: !element.closest(".literal"), tag: element.tagName, seen, place: `${Math.round(box.x)},${Math.round(box.y + window.scrollY)}`};
}
"""


def address(name: str, world: Any) -> str:
    """The deep link of a page, with all that it can be about."""
    path = "/" if name == "inbox" else f"/{name}"
    asked = {"run": world.run_id} if name in OF_A_RUN else {"search": world.search} if name == "search" else {}
    if name == "compare":
        asked["with"] = world.promoted
    return path + ("?" + "&".join(f"{key}={value}" for key, value in asked.items()) if asked else "")


@pytest.fixture(scope="module")
def tab(watched: ModuleType, chromium: object, server: str) -> Iterator[Any]:
    """One tab for all tests here, so that what the app is made of is loaded once."""
    page = watched.fresh_page(chromium, server)
    yield page
    page.page.context.close()


@pytest.fixture
def browser(tab: Any) -> Any:
    """The tab, in the light theme and with nothing kept from the test before."""
    tab.page.emulate_media(color_scheme="light")
    tab.errors.clear()
    tab.outside.clear()
    return tab


def opened(browser: Any, where: str) -> Page:
    """A page with everything on it unfolded."""
    page = browser.open(where)
    page.locator("h1").first.wait_for()
    closed = page.locator("details:not([open]) > summary")
    for _ in range(60):
        if not closed.count():
            break
        closed.first.click()
    browser.settle()
    return page


def objections(page: Page) -> list[str]:
    """What axe finds serious or critical, outside of what is Streamlit's own."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = []
    for item in axe.Axe().run(page).response["violations"]:
        for node in item["nodes"]:
            target = str(node["target"])
            known = any(item["id"] == rule and part in target for rule, part in OF_STREAMLIT)
            if item["impact"] in GRAVE and not known:
                found.append(f"{item['id']}: {target} {node['html'][:160]}")
    return found


@pytest.mark.parametrize("name", [*PAGES, "entry"])
def test_every_page_by_its_address_in_both_themes(browser: Any, hostile_world: Any, name: str) -> None:
    where = f"/ledger?entry={hostile_world.entry}" if name == "entry" else address(name, hostile_world)
    page = opened(browser, where)
    paper = page.evaluate("() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert page.evaluate(LIVE) == []
    body = page.locator("body").inner_text()
    assert "Traceback" not in body
    assert "This page cannot be shown" not in body
    light = objections(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "was => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor !== was", arg=paper
    )
    browser.settle()
    dark = objections(page)
    assert {"light": light, "dark": dark} == {"light": [], "dark": []}
    assert browser.complaints() == []


@pytest.mark.parametrize("name", [name for name in PAGES if name not in MENU])
def test_the_way_to_a_page_of_a_run_and_back(browser: Any, hostile_world: Any, name: str) -> None:
    page = browser.page
    start = address("run" if name != "run" else "exports", hostile_world)
    if not page.url.endswith(start):
        browser.open(start)
    links = page.get_by_test_id("stMain").get_by_role("link", name=OF_A_RUN[name], exact=True)
    links.first.click()
    page.wait_for_url(f"**/{name}?*run={hostile_world.run_id}*")
    browser.settle()
    assert page.locator("h1").first.inner_text() == hostile_world.name
    page.go_back()
    page.wait_for_url(f"**{start}")
    browser.settle()
    assert page.locator("h1").first.inner_text() == hostile_world.name
    assert browser.complaints() == []


@pytest.mark.parametrize("name", MENU)
def test_the_way_to_a_page_of_the_menu_and_back(browser: Any, hostile_world: Any, name: str) -> None:
    page = browser.page
    start = address("exports", hostile_world)
    if not page.url.endswith(start):
        browser.open(start)
    page.get_by_test_id("stHeader").get_by_role("link", name=MENU[name], exact=True).click()
    page.get_by_role("heading", level=1, name=MENU[name]).wait_for()
    assert urlsplit(page.url).path == ("/" if name == "inbox" else f"/{name}")
    page.go_back()
    page.get_by_role("heading", level=1, name=hostile_world.name).wait_for()
    assert page.url.endswith(start)
    assert browser.complaints() == []


def tab_to(page: Page, name: str, most: int = 90) -> dict[str, Any]:
    """Press Tab until what has the focus is called this; the focus can be seen at every stop of the page, and is never caught.

    Only what our own components draw is measured: Streamlit's widgets mark the focus after the fact, in ways not measured here.
    """
    stops: list[str] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS)
        if found is None:
            continue
        assert found["seen"] or found["frame"], f"the focus cannot be seen on {found}"
        stops.append(found["name"])
        if found["name"].split("\n")[-1].startswith(name):
            return dict(found)
    raise AssertionError(f"no Tab leads to {name!r}, only to {stops}")


def test_the_ledger_with_the_keyboard_alone(browser: Any, hostile_world: Any) -> None:
    page = browser.open("/ledger")
    tab_to(page, "A head that was kept elsewhere")
    page.keyboard.type("0" * 64)
    page.keyboard.press("Enter")
    page.get_by_text("Does not hold", exact=True).wait_for()
    tab_to(page, "Kind")
    page.keyboard.type("Promo")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ledger?kind=promotion")
    browser.settle()
    table = page.get_by_role("region", name="Newest first")
    assert table.locator("tbody tr").count() == 1
    tab_to(page, "Newest first")
    entry = table.locator("tbody a").first.inner_text()
    tab_to(page, entry)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=f"Entry {entry}: Promotion").wait_for()
    assert page.url.endswith(f"/ledger?entry={entry}")
    page.go_back()
    page.wait_for_url("**/ledger?kind=promotion")
    browser.settle()
    assert table.locator("tbody tr").count() == 1
    assert browser.complaints() == []


def test_the_exports_with_the_keyboard_alone(browser: Any, hostile_world: Any, tmp_path: Path) -> None:
    page = browser.open(address("exports", hostile_world))
    for label, ending in (("Download measurements", "measurements.csv"), ("Download OSCAL", "oscal.json")):
        tab_to(page, label)
        with page.expect_download() as waiting:
            page.keyboard.press("Enter")
        assert waiting.value.suggested_filename == f"{hostile_world.run_id}-{ending}"
        waiting.value.save_as(tmp_path / ending)
    assert (tmp_path / "measurements.csv").read_bytes().startswith(b'"run","audit","metric"')
    assert b"oscal" in (tmp_path / "oscal.json").read_bytes()
    assert browser.complaints() == []
