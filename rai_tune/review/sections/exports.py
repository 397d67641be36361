"""The exports page: each file with what it is for, and a button that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.review.components import Facts, Heading, Paragraph, literal
from rai_tune.review.exported import maker, shelves_of
from rai_tune.review.identity import only_reads

if TYPE_CHECKING:
    from rai_tune.review.exported import Export
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace

_INTRODUCTION = (
    "Each file is made when you ask for it, from the evidence as it then stands and after it was checked. Small groups are hidden in "
    "all of them but the bundle. No file holds the text of a row; the JSON and the measurements name single words where the model was "
    "found to lean on them."
)
_FORMULAS = (
    "In these tables, a text that a spreadsheet would read as a formula (it begins with = + - or @, also after spaces, quotes or a "
    "semicolon) has an apostrophe before it; take that out to have the text as it was. Numbers are as measured."
)
_PROBLEMS = "exports-problems"
_WORDS_WIDE = 640
"""Pixels: some seventy characters."""


def show_exports(page: RunPage, workspace: Workspace) -> None:
    """Every shelf; a file that cannot be made of this run says why in place of its button."""
    literal(
        "exports",
        Heading(2, "Exports"),
        Paragraph(_INTRODUCTION),
        Facts((("Evidence digest", page.view.evidence_digest),), code=True),
    )
    why_not = only_reads(workspace)
    problems: dict[str, str] = st.session_state.setdefault(f"{_PROBLEMS}-{page.view.run_id}", {})
    for place, shelf in enumerate(shelves_of(page)):
        literal(f"shelf-{place}", Heading(2, shelf.title))
        for export in shelf.exports:
            # It enters something in the ledger, and holds what the reports hide.
            _offer(page, export, problems, why_not if export.name == "bundle" else None)
        if any(export.name.startswith("csv-") for export in shelf.exports):
            literal(f"shelf-{place}-note", Paragraph(_FORMULAS, muted=True))


def _offer(page: RunPage, export: Export, problems: dict[str, str], why_not: str | None) -> None:
    run_id = page.view.run_id
    refusal = why_not or export.refusal(page)
    # The button stands beside the words where there is room, and below them where there is not.
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container(width=_WORDS_WIDE):
            literal(f"export-{export.name}", Heading(3, export.title), Paragraph(export.what))
            if refusal is not None:
                literal(f"export-{export.name}-not", Paragraph(refusal, muted=True))
            elif export.name in problems:
                literal(f"export-{export.name}-not", Paragraph(f"It could not be made: {problems[export.name]}"))
        if refusal is None:
            st.download_button(
                f"Download {export.label}",
                data=maker(run_id, export, problems),
                file_name=export.file_name(run_id),
                mime=export.mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"export-{export.name}-file",
            )
