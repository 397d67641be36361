"""What every page has around it: who signs here, the way back, the verdict of the run, and links to its other pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.review.components import Back, Banner, Bullets, Heading, Paragraph, literal
from rai_tune.review.guard import guarded
from rai_tune.review.identity import show_identity
from rai_tune.review.listing import NOT_YET
from rai_tune.review.navigation import OF_A_RUN, chosen_run, page_link
from rai_tune.review.reading import open_workspace, read_run
from rai_tune.review.sections.identity import admit
from rai_tune.review.telling import without_folders
from rai_tune.review.tones import tone_of
from rai_tune.workspace.records import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace


def run_page(name: str, draw: Callable[[RunPage, Workspace], None]) -> None:
    """The whole of a page about the run that the address names. Nothing is drawn before the run's evidence was checked."""
    guarded(lambda: _run_page(name, draw))


def workspace_page(title: str, draw: Callable[[Workspace], None]) -> None:
    """The whole of a page about the workspace."""
    guarded(lambda: _workspace_page(title, draw))


def _run_page(name: str, draw: Callable[[RunPage, Workspace], None]) -> None:
    admit()
    run_id = chosen_run()
    if run_id is None:
        _way_back()
        literal(
            "no-run",
            Heading(1, "No run is chosen"),
            Paragraph("This page is about one run. Open one from the inbox, or use an address that names it: ?run=ID."),
        )
        return
    with open_workspace() as workspace:
        show_identity(workspace)
        _way_back()
        page = read_run(workspace, run_id)
        _head(name, page, at_work=workspace.run(run_id).state in UNFINISHED)
        draw(page, workspace)


def _workspace_page(title: str, draw: Callable[[Workspace], None]) -> None:
    admit()
    with open_workspace() as workspace:
        show_identity(workspace)
        literal("title", Heading(1, title))
        draw(workspace)


def _taken_back(page: RunPage) -> tuple[Banner, Bullets]:
    said = "The verdict above is the stored one, and would not be given today. A promotion decides anew; the page Policy says why."
    return (Banner("fail", "!", "No longer so today", said), Bullets(page.inputs.taken_back))


def _way_back() -> None:
    literal("back", Back("Inbox"))


def _head(name: str, page: RunPage, *, at_work: bool) -> None:
    """The verdict comes first on every page of a run; only the overview says it at length. A run at work has none yet."""
    view, verdict = page.view, page.view.headline
    banner = Banner(tone_of(verdict.outcome), verdict.icon, verdict.word, verdict.sentence)
    if at_work:
        banner = Banner("none", "…", NOT_YET, "The verdict comes when training, audits and policies are done.")
    literal(
        "name",
        Heading(1, view.run_name),
        replace(banner, sentence=without_folders(banner.sentence) if name == "run" else ""),
        *(_taken_back(page) if page.inputs.taken_back and not at_work else ()),
    )
    run_links(view.run_id)


def run_links(run_id: str) -> None:
    """Links between the pages about one run."""
    with st.container(horizontal=True, gap="small", key="pages-of-the-run"):
        for page, label in OF_A_RUN.items():
            page_link(page, label, run=run_id)
