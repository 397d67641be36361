"""The explained rows of a run as a list, and what is stored about one of them.

The list is the table ``documents`` (a few columns of a few thousand rows), kept by its digest. Words and columns, of which a run may have
hundreds of thousands, are read for the chosen row only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from rai_tune.core import IntegrityError
from rai_tune.reporting.decision_form import ReasonRow, given_reasons, stored_turned
from rai_tune.reporting.evidence import facts_of
from rai_tune.review.explained import ExplainedRow, explained_row, state_of
from rai_tune.review.rows import row_page, rows_by_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from rai_tune.review.explained import State
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace

DOCUMENTS, UNITS, ROWS = "explanations:documents", "explanations:attributions", "rows"
COUNTERFACTUALS, REASONS = "minimal_counterfactuals:counterfactuals", "adverse_action_reasons:reasons"
_MOST = 1_000_000
_MOST_REASONS = 4
_KEPT_LISTS, _KEPT_ROWS = 8, 64
_NEEDED = (
    "row_id",
    "label",
    "prediction",
    "target",
    "score",
    "completeness_error",
    "status",
    "reason",
    "tokens",
    "truncated",
)


@dataclass(frozen=True)
class Chosen:
    """What the list is narrowed to; None stands for everything."""

    prediction: str | None = None
    label: str | None = None
    state: State | None = None
    wrong: bool = False


@dataclass(frozen=True)
class Line:
    """One explained row of the list. ``score`` is None where none was recorded; ``wrong`` says that it was not decided as labelled."""

    row_id: str
    prediction: str
    label: str
    score: float | None
    state: State
    wrong: bool


@dataclass(frozen=True)
class Stored:
    """Everything that is stored about one explained decision. ``reasons`` is None where that audit did not run."""

    row: ExplainedRow
    turned: tuple[str, ...]
    reasons: tuple[ReasonRow, ...] | None


def explained_table(workspace: Workspace, run_id: str, verdict: str) -> pd.DataFrame | None:
    """Every explained row of a run with its state, in stored order; None where the run has none or gave them up.

    Raises ``IntegrityError`` for a table without the columns that every run of this program stores.
    """
    digest = held(workspace, run_id, DOCUMENTS)
    return None if digest is None else _listed(digest, verdict, workspace, run_id)


def held(workspace: Workspace, run_id: str, artifact: str) -> str | None:
    """The digest of an artifact that the run holds and did not give up."""
    ref = workspace.artifacts(run_id).get(artifact)
    if ref is None or any(ref.digest in gone.digests.values() for gone in workspace.deletions(run_id)):
        return None
    return ref.digest


def narrowed(table: pd.DataFrame, chosen: Chosen) -> pd.DataFrame:
    """The rows that a reader asked for, in their order."""
    keep = table["state"] == chosen.state if chosen.state is not None else table["state"].notna()
    if chosen.prediction is not None:
        keep &= table["prediction"].astype(str) == chosen.prediction
    if chosen.label is not None:
        keep &= table["label"].astype(str) == chosen.label
    if chosen.wrong:
        keep &= table["wrong"]
    return table[keep]


def lines(table: pd.DataFrame) -> tuple[Line, ...]:
    """The rows of one page of the list."""
    import pandas as pd

    return tuple(
        Line(
            row_id=str(row["row_id"]),
            prediction=str(row["prediction"]),
            label=str(row["label"]),
            score=None if pd.isna(row["score"]) else float(row["score"]),
            state=row["state"],
            wrong=bool(row["wrong"]),
        )
        for row in table.to_dict("records")
    )


def stored_row(workspace: Workspace, page: RunPage, table: pd.DataFrame, row_id: str) -> Stored | None:
    """One explained row with its text, its words and columns, reasons and counterfactual; None when it is not among them."""
    own = table[(table["row_id"].astype(str) == row_id).to_numpy()]
    if own.empty:
        return None
    run_id, verdict = page.view.run_id, page.view.explanations.verdict
    digests = tuple(held(workspace, run_id, name) or "" for name in (DOCUMENTS, UNITS, ROWS, COUNTERFACTUALS, REASONS))
    most = facts_of(page.inputs.results, "adverse_action_reasons").get("most_reasons", _MOST_REASONS)
    return _stored(digests, verdict, row_id, workspace, run_id, own.to_dict("records")[0], int(most))


@st.cache_resource(max_entries=_KEPT_LISTS, show_spinner=False)
def _listed(digest: str, verdict: str, _workspace: Workspace, _run_id: str) -> pd.DataFrame:  # noqa: ARG001  (the digest names the entry)
    table = row_page(_workspace, _run_id, DOCUMENTS, 0, _MOST)
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        raise IntegrityError(f"the table of explained rows has no column {missing[0]!r}")
    states = {status: state_of(str(status), verdict) for status in table["status"].unique()}
    wrong = table["label"].astype(str).to_numpy() != table["prediction"].astype(str).to_numpy()
    return table.assign(state=table["status"].map(states), wrong=wrong)


@st.cache_resource(max_entries=_KEPT_ROWS, show_spinner=False)
def _stored(
    digests: tuple[str, ...],
    verdict: str,
    row_id: str,
    _workspace: Workspace,
    _run_id: str,
    _document: Mapping[Any, Any],
    most: int,
) -> Stored:
    _, units, texts, counterfactuals, reasons = digests

    def own(artifact: str) -> pd.DataFrame:
        return rows_by_id(_workspace, _run_id, artifact, [row_id])

    text = own(ROWS).to_dict("records") if texts else []
    row = explained_row(
        {name: value for name, value in _document.items() if name not in {"state", "wrong"}},
        text[0] if text else None,
        own(UNITS).to_dict("records") if units else [],
        verdict,
    )
    weighed = row.state in {"trusted", "complete"}
    given = None
    if reasons:
        given = given_reasons(own(REASONS), most) if weighed else ()
    return Stored(row, stored_turned(own(COUNTERFACTUALS)) if counterfactuals else (), given)
