"""The app in a real browser: links, history, hostile text, and that nothing is asked of another machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path(os.environ.get("RAITUNE_CHROMIUM", "/usr/bin/chromium"))
LOCAL = {"localhost", "127.0.0.1", "::1"}
WAIT_MS = 30_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}; set RAITUNE_CHROMIUM"),
]


@dataclass
class Watched:
    """A page, and what it did that it should not."""

    page: Page
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def watch(self) -> Watched:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._address(request.url))
        self.page.on("websocket", lambda opened: self._address(opened.url))
        self.page.on("dialog", lambda dialog: (self.errors.append(f"dialog {dialog.message}"), dialog.dismiss()))
        return self

    def _console(self, message: Any) -> None:
        # On an address of a page, Streamlit first looks for its server below that address, and then above it.
        looking = "/run/_stcore/" in message.location.get("url", "")
        if message.type == "error" and not looking:
            self.errors.append(f"{message.text} {message.location}")

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.hostname not in LOCAL:
            self.outside.append(url)


@pytest.fixture(scope="module")
def server(hostile_run: Any) -> Iterator[str]:
    """``streamlit run app.py`` on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
        cwd=ROOT,
        env={**os.environ, "RAITUNE_WORKSPACE": str(hostile_run.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://localhost:{port}"
        _until_it_answers(f"{address}/_stcore/health", process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _until_it_answers(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, "streamlit ended"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail("streamlit did not answer")


@pytest.fixture
def browser(server: str) -> Iterator[Watched]:
    """A fresh page of a fresh profile."""
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        page = chromium.new_context(base_url=server, viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(WAIT_MS)
        yield Watched(page).watch()
        chromium.close()


def settled(page: Page) -> None:
    """Wait until the whole run page is there: its last header, and the heatmap's text."""
    page.get_by_role("heading", name="Behind the numbers").wait_for()
    page.locator(".heatmap .piece").first.wait_for()
    page.wait_for_timeout(1000)


def test_from_the_inbox_to_the_run_and_back(browser: Watched, hostile_run: Any) -> None:
    page = browser.page
    page.goto("/")
    page.get_by_role("heading", name="Runs", level=1).wait_for()
    link = page.locator(".literal a")
    assert link.inner_text() == hostile_run.name
    link.focus()
    page.keyboard.press("Enter")
    settled(page)
    assert page.url.endswith(f"/?run={hostile_run.run_id}")
    assert page.locator(".banner .word").first.inner_text() == hostile_run.verdict
    assert page.locator("h1").inner_text() == hostile_run.name
    page.go_back()
    page.get_by_role("heading", name="Runs", level=1).wait_for()
    assert "run=" not in page.url
    page.go_forward()
    settled(page)
    page.get_by_role("link", name="All runs").click()
    page.get_by_role("heading", name="Runs", level=1).wait_for()
    page.go_back()
    settled(page)
    assert browser.errors == []
    assert browser.outside == []


@pytest.mark.parametrize("address", ["/run?run={}", "/?run={}"])
def test_a_deep_link_shows_the_run_and_its_texts_literally(browser: Watched, hostile_run: Any, address: str) -> None:
    page = browser.page
    page.goto(address.format(hostile_run.run_id))
    settled(page)
    for words in ("Columns", "Words"):
        page.get_by_text(words, exact=True).click()
        page.wait_for_timeout(800)
        text = page.locator(".heatmap .text").evaluate("element => element.textContent")
        assert "<script>document.title='owned'</script> $x$ fair" in text
        assert "[U+202E]gnorw[U+202C]" in text
        assert page.locator(".heatmap .text *").evaluate_all("all => [...new Set(all.map(e => e.tagName))]") == ["SPAN"]
    assert page.locator(".heatmap .piece[title]").count() > 3
    for expander in page.locator("summary").all():
        expander.click()
    page.wait_for_timeout(1500)
    assert page.title() != "owned"
    assert page.locator("[src*='evil.example'], [href*='evil.example']").count() == 0
    assert "![pixel](" in page.locator("body").inner_text()  # the label of a chart
    for text in hostile_run.texts:
        assert page.get_by_text(text, exact=False).count() > 0
    page.get_by_role("link", name="All runs").click()
    page.get_by_role("heading", name="Runs", level=1).wait_for()
    assert browser.errors == []
    assert browser.outside == []


def test_the_report_is_a_pdf_made_on_click(browser: Watched, hostile_run: Any, tmp_path: Path) -> None:
    page = browser.page
    page.goto(f"/?run={hostile_run.run_id}")
    settled(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the report (PDF)").click()
    assert waiting.value.suggested_filename == f"{hostile_run.run_id}.pdf"
    waiting.value.save_as(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert browser.errors == []
    assert browser.outside == []


def test_an_unknown_run_is_a_sentence_with_a_way_back(browser: Watched) -> None:
    page = browser.page
    page.goto("/?run=<img src=https://evil.example/x onerror=alert(1)>")
    page.get_by_role("heading", name="Nothing to show").wait_for()
    assert "<img src=https://evil.example/x" in page.locator(".literal h1 + p").inner_text()
    page.get_by_role("link", name="All runs").click()
    page.get_by_role("heading", name="Runs", level=1).wait_for()
    assert browser.errors == []
    assert browser.outside == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_object_to(browser: Watched, hostile_run: Any, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = browser.page
    page.emulate_media(color_scheme=scheme)
    page.goto(f"/?run={hostile_run.run_id}")
    settled(page)
    for expander in page.locator("summary").all():
        expander.click()
    page.wait_for_timeout(1500)
    found = axe.Axe().run(page).response["violations"]
    assert [(item["id"], [node["target"] for node in item["nodes"]][:3]) for item in found] == []
