"""What would have turned one decision: as it is stored, or searched now on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.review.components import Banner, Bullets, Heading, Paragraph, literal
from rai_tune.review.explain_now import Answer, explain_now
from rai_tune.review.explained import fresh_row, with_own_checks

if TYPE_CHECKING:
    from rai_tune.review.explained import ExplainedRow
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace

_ANSWERS = "explained-answers"
_KEPT = 20
_TIME = (
    "This loads the model, explains the row anew, checks that explanation by itself and tries up to a few hundred changed texts: 10 to 30 seconds for a "
    "small model on a processor, minutes for a large model or when a long table has to be read again. Nothing is stored; 'raitune explain RUN --row ID' does the same."
)


def answer_of(page: RunPage, row_id: str) -> Answer | None:
    """What this session was told about the row under this state of the evidence."""
    found = st.session_state.get(_ANSWERS, {}).get((page.key, row_id))
    return found if isinstance(found, Answer) else None


def with_answer(row: ExplainedRow | None, answer: Answer | None) -> ExplainedRow | None:
    """The row as stored, with the checks that were made on request; one that is not stored, as it was explained on request."""
    if answer is None or answer.form is None:
        return row
    return fresh_row(answer.form, answer.text, answer.segments) if row is None else with_own_checks(row, answer.form)


def show_asking(
    page: RunPage, workspace: Workspace, row_id: str, answer: Answer | None, *, stored: tuple[str, ...]
) -> None:
    """The nearest counterfactual, or a button that searches it. Errors are said here, where the reader asked."""
    told = answer.form.turned if answer is not None and answer.form is not None else stored
    literal("asked", Heading(3, "What would have turned the decision"), Bullets(told))
    if answer is not None and answer.problem:
        literal("asked-problem", Banner("fail", "✗", "The decision was not explained", answer.problem))
    elif answer is not None and answer.form is not None:
        if not told:
            literal("asked-nothing", Paragraph("No change could be tried: the model reads nothing of this text."))
        return
    literal("asked-time", Paragraph(_TIME, muted=True))
    label = "Explain this decision anew and check it by itself" if stored else "Find the nearest counterfactual"
    if st.button(label, key="asked-now"):
        _ask(page, workspace, row_id)
        st.rerun()


def _ask(page: RunPage, workspace: Workspace, row_id: str) -> None:
    bar = st.progress(0.0, "Loading the model")

    def progress(_what: str, done: int, total: int) -> None:
        bar.progress(min(1.0, done / total) if total else 0.0, "Explaining the decision")

    answer = explain_now(workspace, page.view.run_id, row_id, progress)
    bar.empty()
    answers = dict(st.session_state.get(_ANSWERS, {}))
    answers[(page.key, row_id)] = answer
    st.session_state[_ANSWERS] = dict(list(answers.items())[-_KEPT:])
