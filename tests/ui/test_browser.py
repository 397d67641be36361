"""The ways through the app in a real browser: links, history, deep links, a download; and that nothing is asked of another machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_from_the_inbox_to_the_run_and_back(browser: Any, hostile_run: Any) -> None:
    page = browser.open("/")
    inbox = page.get_by_role("heading", name="Inbox", level=1)
    inbox.wait_for()
    run = page.get_by_role("heading", name=hostile_run.name, level=1)
    link = page.get_by_role("link", name=hostile_run.name)
    link.focus()
    page.keyboard.press("Enter")
    run.wait_for()
    browser.settle()
    assert page.url.endswith(f"/run?run={hostile_run.run_id}")
    assert page.locator(".banner .word").first.inner_text() == hostile_run.verdict
    page.go_back()
    inbox.wait_for()
    assert "run=" not in page.url
    page.go_forward()
    run.wait_for()
    page.locator(".literal").get_by_role("link", name="Inbox").click()
    inbox.wait_for()
    page.go_back()
    run.wait_for()
    assert browser.complaints() == []


def test_the_report_is_a_pdf_made_on_click(browser: Any, hostile_run: Any, tmp_path: Path) -> None:
    page = browser.open(f"/?run={hostile_run.run_id}")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the report (PDF)").click()
    assert waiting.value.suggested_filename == f"{hostile_run.run_id}.pdf"
    waiting.value.save_as(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert browser.complaints() == []


def test_an_unknown_run_is_a_sentence_with_a_way_back(browser: Any) -> None:
    page = browser.open("/?run=<img src=https://evil.example/x onerror=alert(1)>")
    page.get_by_role("heading", name="Nothing to show").wait_for()
    assert "<img src=https://evil.example/x" in page.locator(".literal h1 + p").inner_text()
    page.locator(".literal").get_by_role("link", name="Inbox").click()
    page.get_by_role("heading", name="Inbox", level=1).wait_for()
    assert browser.complaints() == []
