"""The review app in a real browser, watched: what every browser test shares. Loaded by path from ``conftest.py``.

``serving`` starts the app over a workspace, ``Watched`` is a page whose errors and requests to other machines are kept.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path(os.environ.get("RAITUNE_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
LOCAL = {"localhost", "127.0.0.1", "::1"}
WAIT_MS = 30_000
WIDTH, HEIGHT = 1280, 900

_LOOKING = re.compile(r"/[a-z-]+/_stcore/")
"""On an address of a page, Streamlit first looks for its server below that address, and then above it."""


@dataclass
class Watched:
    """A page, and what it did that it should not."""

    page: Page
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def watch(self) -> Watched:
        """Begin to keep what the page does."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._address(request.url))
        self.page.on("websocket", lambda opened: self._address(opened.url))
        self.page.on("dialog", lambda dialog: (self.errors.append(f"dialog {dialog.message}"), dialog.dismiss()))
        return self

    def settle(self, quiet_ms: int = 300) -> None:
        """Wait until the script has run and the page has stopped changing."""
        done = '[data-testid="stApp"][data-test-script-state="notRunning"][data-test-connection-state="CONNECTED"]'
        self.page.locator(done).wait_for()
        self.page.wait_for_function(_QUIET, arg=quiet_ms)

    def open(self, address: str) -> Page:
        """Load an address whole, and wait for it."""
        self.page.goto(address)
        self.settle()
        return self.page

    def complaints(self) -> list[str]:
        """Everything that it did and should not; an empty list is what a test asks for."""
        return [*self.errors, *(f"asked {url}" for url in self.outside)]

    def _console(self, message: Any) -> None:
        looking = _LOOKING.match(urlsplit(message.location.get("url", "")).path)
        if message.type == "error" and not looking:
            self.errors.append(f"{message.text} {message.location}")

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.hostname not in LOCAL:
            self.outside.append(url)


_QUIET = """
quiet => new Promise(resolve => {
  const seen = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(done, quiet); });
  const done = () => { seen.disconnect(); resolve(true); };
  let timer = setTimeout(done, quiet);
  seen.observe(document.body, {subtree: true, childList: true, characterData: true});
  setTimeout(done, 5000);
})
"""


@contextmanager
def launched() -> Iterator[Browser]:
    """Debian's Chromium, without a window. Nothing asynchronous may run in this thread meanwhile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        try:
            yield chromium
        finally:
            chromium.close()


def fresh_page(chromium: Browser, address: str, **context: Any) -> Watched:
    """A page of a fresh profile on the app at ``address``; ``context`` is Playwright's, such as ``color_scheme="dark"``."""
    found = chromium.new_context(base_url=address, **{"viewport": {"width": WIDTH, "height": HEIGHT}, **context})
    page = found.new_page()
    page.set_default_timeout(WAIT_MS)
    return Watched(page).watch()


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    root: Path, app: Path | str = "app.py", port: int | None = None, options: tuple[str, ...] = (), **environment: str
) -> Iterator[str]:
    """``streamlit run app.py`` over a workspace on a free port; gives its address and stops it in the end."""
    port = port or free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(app), "--server.port", str(port), *options],
        cwd=ROOT,
        env={**os.environ, "RAITUNE_WORKSPACE": str(root), **environment},
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
    raise AssertionError("streamlit did not answer")
