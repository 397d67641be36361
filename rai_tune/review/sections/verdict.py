"""The verdict, why, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.reporting.view import NO_LONGER
from rai_tune.review.components import Bullets, Facts, Paragraph, literal
from rai_tune.review.exported import REPORT, export_file
from rai_tune.review.listing import minute

if TYPE_CHECKING:
    from rai_tune.reporting import ReportView
    from rai_tune.review.reading import RunPage


_HERE = "raitune ui"
"""The command that opened this app."""


def show_verdict(page: RunPage) -> None:
    """What else is to be known of the verdict, and which run this is."""
    view = page.view
    # What would not be given today stands below the verdict on every page of the run.
    literal("notices", Bullets(tuple(said for said in view.headline.notices if not said.startswith(NO_LONGER))))
    _identify(view)
    st.download_button(
        "Download the report (PDF)",
        data=lambda: export_file(view.run_id, REPORT),
        file_name=f"{view.run_id}.pdf",
        mime="application/pdf",
        icon=":material/download:",
        on_click="ignore",
        key="report",
    )


def _identify(view: ReportView) -> None:
    literal(
        "identity",
        Facts(
            (
                ("Run", view.run_id),
                ("State", view.state),
                ("Started", minute(view.created_at)),
                ("Purpose", view.purpose),
            )
        ),
    )


def show_next(view: ReportView) -> None:
    """Commands that can be pasted."""
    commands = [command for command in view.commands if command.line != _HERE]
    if not commands:
        return
    st.header("What to do next", anchor="next")
    for place, command in enumerate(commands):
        literal(f"next-{place}", Paragraph(f"{command.why[:1].upper()}{command.why[1:]}:"))
        st.code(command.line, language=None)
