"""From a candidate to production with a keyboard alone, in a real browser: three people at three browsers unlock their keys, sign and promote."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

import signable as tools
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.serving import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_MOST_TABS = 150
_NAME = """
() => {
  const found = document.activeElement;
  if (!["A", "BUTTON", "INPUT", "SUMMARY", "TEXTAREA"].includes(found?.tagName)) return "";
  const label = found.labels?.[0]?.innerText;
  // The name of an icon is drawn as the icon.
  const drawn = found.querySelector("[data-testid=stIconMaterial]")?.innerText ?? "";
  return (found.getAttribute("aria-label") || label || found.innerText.replace(drawn, "")).trim();
}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tools.signable(tmp_path_factory.mktemp("signable"))


@pytest.fixture(scope="module")
def seats(watched: Any, store: Any) -> Iterator[dict[str, str]]:
    """Person -> address of the app under that person's own login, with nobody's key but theirs."""
    nowhere = str(store.root.parent / "nowhere")
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                watched.serving(store.root, RAITUNE_KEY=str(store.key(name)), XDG_CONFIG_HOME=nowhere)
            )
            for name in ("Ada", "Bo", "Dee")
        }


@pytest.fixture
def at(watched: Any, chromium: Any, seats: dict[str, str]) -> Iterator[Callable[..., Typist]]:
    """Somebody at their own browser, their key unlocked on a page about a run; what the page did wrong is asked for in the end."""
    opened = []

    def sit(person: str, address: str, **context: Any) -> Typist:
        found = watched.fresh_page(chromium, seats[person], **context)
        opened.append(found)
        found.open(address)
        hands = Typist(found)
        hands.unlock(person)
        return hands

    yield sit
    for found in opened:
        found.page.context.close()
    assert [found.complaints() for found in opened] == [[] for _ in opened]


class Typist:
    """Somebody without a mouse. ``to`` goes on with Tab until a control of that name has the focus."""

    def __init__(self, watched: Any) -> None:
        self.watched, self.page = watched, watched.page

    def to(self, name: str) -> Typist:
        for _ in range(_MOST_TABS):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(_NAME).startswith(name):
                return self
        pytest.fail(f"Tab never came to {name!r}")

    def press(self, *keys: str) -> Typist:
        for key in keys:
            self.page.keyboard.press(key)
        self.watched.settle()
        return self

    def type(self, text: str) -> Typist:
        self.page.keyboard.type(text)
        return self

    def unlock(self, person: str) -> None:
        self.to("Unlock a key").press("Enter")
        self.to("Passphrase").type(tools.PASSPHRASE)
        self.to("Unlock").press("Enter")
        self.page.get_by_text(f"{person} (").first.wait_for()
        self.watched.settle()

    def sign(self, reason: str) -> None:
        digest = self.page.locator("dl.code dd").first.inner_text()
        self.to("Why you sign").type(reason)
        self.to("First 8 characters").type(digest[:8])
        self.to("Sign").press("Enter")


def entered(page: Page, words: str) -> None:
    page.locator(".banner .why", has_text=words).first.wait_for()


def test_author_reviewer_and_approver_need_no_mouse(at: Any, store: Any) -> None:
    run = store.complete("small", quorum=2)
    address = f"/signoff?run={run}"
    author = at("Ada", address)
    author.sign("I trained this model.")
    entered(author.page, "Ada signed as author: ledger entry")
    reviewer, approver = at("Bo", address), at("Dee", address)
    reviewer.sign("I read the whole report.")
    entered(reviewer.page, "Bo signed as reviewer: ledger entry")
    # The approver looked before the reviewer signed, and is told so.
    approver.sign("I stand for this model.")
    approver.page.get_by_text("Not entered: this run changed since you looked").first.wait_for()
    approver.to("I have seen what changed").press("Enter")
    approver.to("staging").press("ArrowRight")
    approver.to("Promote").press("Enter")
    entered(approver.page, "Dee promoted this run to production: ledger entry")
    with store.open() as workspace:
        served = current(Ledger(workspace), "production")
        comments = [entry.predicate["comment"] for entry in Ledger(workspace).entries(("signoff",), run)]
    assert served is not None
    assert (served.run_id, served.person) == (run, "Dee")
    assert comments == ["I trained this model.", "I read the whole report."]


def test_a_double_click_signs_once(at: Any, store: Any) -> None:
    run = store.complete("clicked")
    hands = at("Ada", f"/signoff?run={run}")
    page = hands.page
    page.get_by_label("Why you sign").fill("I trained this model.")
    page.get_by_label("First 8 characters").fill(page.locator("dl.code dd").first.inner_text()[:8])
    page.get_by_role("button", name="Sign", exact=True).dblclick()
    page.locator(".banner .why", has_text="ledger entry").first.wait_for()
    hands.watched.settle(1000)
    with store.open() as workspace:
        assert len(Ledger(workspace).entries(("signoff",), run)) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["signoff", "policy"])
def test_axe_finds_nothing_on_the_forms(at: Any, store: Any, page: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    run = store.complete(f"axe {page} {scheme}", 0.7, 0.6, 0.75, attested=True)
    hands = at("Dee", f"/{page}?run={run}&control=T-2", color_scheme=scheme)
    found = axe.Axe().run(hands.page).response["violations"]
    assert [(item["id"], [node["target"] for node in item["nodes"]][:3]) for item in found] == []
