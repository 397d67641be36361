"""The pages of the review app and the way between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.review.components import Back, literal

if TYPE_CHECKING:
    from streamlit.navigation.page import Page

_FOLDER = Path(__file__).resolve().parent / "pages"
INBOX = _FOLDER / "inbox.py"
RUN = _FOLDER / "run.py"
RUN_PARAMETER = "run"
_LONGEST = 80


def pages() -> list[Page]:
    """Every page, by absolute path, so that the app runs from a checkout and from an installed wheel alike.

    The run page needs a run, so it is reached from the inbox or by a deep link, not from the menu. ``/run?run=ID`` and
    ``/?run=ID`` are the same; the inbox links to the latter, which Streamlit loads without looking for itself below ``/run``.
    """
    return [
        st.Page(INBOX, title="Runs", default=True),
        st.Page(RUN, title="Run", url_path="run", visibility="hidden"),
    ]


def chosen_run() -> str | None:
    """The run that the address names, if any. What is longer than any id is cut, so that a message about it stays short."""
    return st.query_params.get(RUN_PARAMETER, "")[:_LONGEST] or None


def link_to_inbox() -> None:
    """A link back to all runs."""
    literal("back", Back("All runs"))
