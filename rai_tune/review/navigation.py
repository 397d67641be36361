"""The pages of the review app and the way between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from typing import NoReturn

    from streamlit.navigation.page import Page

_FOLDER = Path(__file__).resolve().parent / "pages"
INBOX = _FOLDER / "inbox.py"
RUN = _FOLDER / "run.py"
RUN_PARAMETER = "run"


def pages() -> list[Page]:
    """Every page, by absolute path, so that the app runs from a checkout and from an installed wheel alike.

    The run page needs a run, so it is reached from the inbox or by a deep link (``/run?run=ID``), not from the menu.
    """
    return [
        st.Page(INBOX, title="Runs", default=True),
        st.Page(RUN, title="Run", url_path="run", visibility="hidden"),
    ]


def open_run(run_id: str) -> NoReturn:
    """Go to the page of a run; the back button returns."""
    st.switch_page(RUN, query_params={RUN_PARAMETER: run_id})


def chosen_run() -> str | None:
    """The run that the address names, if any."""
    return st.query_params.get(RUN_PARAMETER) or None


def link_to_inbox() -> None:
    """A link back to all runs."""
    st.page_link(INBOX, label="All runs", icon=":material/arrow_back:")
