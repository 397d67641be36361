"""The pages of the review app, their addresses, and the ways between them.

Every view has an address that can be sent to somebody: a page's name and what it is about (``/fairness?run=ID``). Ways inside
the app never load the page anew, because a new load is a new session, in which no key is unlocked.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import streamlit as st

if TYPE_CHECKING:
    from streamlit.navigation.page import Page

_FOLDER = Path(__file__).resolve().parent / "pages"
_NAMES = (
    *("inbox", "new", "search", "compare", "ledger"),
    *("run", "fairness", "explanations", "policy", "signoff", "exports"),
)
PAGES: dict[str, Path] = {name: _FOLDER / f"{name}.py" for name in _NAMES}
"""Every page by its name, which is also its address; the inbox is at the root."""

MENU = {"inbox": "Inbox", "new": "New run", "search": "Searches", "compare": "Compare", "ledger": "Ledger"}
"""Pages in the menu. The others need a run and are reached from it, or by an address that names one."""

OF_A_RUN = {
    "run": "Overview",
    "fairness": "Fairness",
    "explanations": "Explanations",
    "compare": "Compare",
    "policy": "Policy",
    "signoff": "Sign-off",
    "exports": "Exports",
}
"""Pages about one run, in the order of their links."""

RUN_PARAMETER = "run"
_LONGEST = 80


def pages() -> list[Page]:
    """Every page, by absolute path, so that the app runs from a checkout and from an installed wheel alike."""
    return [
        st.Page(
            path,
            title=MENU.get(name) or OF_A_RUN[name],
            default=name == "inbox",
            url_path="" if name == "inbox" else name,
            visibility="visible" if name in MENU else "hidden",
        )
        for name, path in PAGES.items()
    ]


def go(name: str, **query: str) -> NoReturn:
    """Show another page in this session, as a click on its link does. ``query`` becomes the address's parameters."""
    st.switch_page(PAGES[name], query_params=query)
    raise AssertionError  # pragma: no cover  (switch_page never returns)


def page_link(name: str, label: str, **query: str) -> None:
    """A link to another page in this session. ``label`` is one of our own words: Streamlit reads it as Markdown."""
    st.page_link(PAGES[name], label=label, query_params=query or None)


def parameter(name: str) -> str | None:
    """A parameter of the address, if it is there. What is longer than any id is cut, so that a message about it stays short."""
    return st.query_params.get(name, "")[:_LONGEST] or None


def set_parameter(name: str, value: str | None) -> None:
    """Keep a choice in the address, so that it can be sent to somebody; None takes it out."""
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def chosen_run() -> str | None:
    """The run that the address names, if any."""
    return parameter(RUN_PARAMETER)
