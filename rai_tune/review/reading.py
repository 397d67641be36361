"""What the run page shows, read from the store in one go, before anything is drawn.

Every named artifact of the run is re-hashed first, so that no verdict is shown over evidence that is not what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.reported_run import reported
from rai_tune.reporting import build_view, render_report
from rai_tune.review.explained import ExplainedRow, explained_rows
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from rai_tune.reporting import ReportInputs, ReportView

ROWS = "rows"
_KEPT_REPORTS = 16


@dataclass(frozen=True)
class RunPage:
    """All that the run page shows: the one view, and the explained rows with their texts."""

    view: ReportView
    inputs: ReportInputs
    explained: tuple[ExplainedRow, ...]


def open_workspace() -> Workspace:
    """The workspace of ``RAITUNE_WORKSPACE``, else ``.raitune`` here. Raises ``WorkspaceError`` when there is none."""
    return Workspace.open(create=False)


def read_run(workspace: Workspace, run_id: str) -> RunPage:
    """Read a run in any state. Raises ``UsageError`` for an id that names none, ``IntegrityError`` for damaged evidence."""
    run_id = workspace.run(run_id).id
    check_evidence(workspace, run_id)
    inputs = reported(workspace, run_id)
    view, texts = build_view(inputs), _explained_texts(workspace, run_id, inputs)
    return RunPage(
        view=view,
        inputs=inputs,
        explained=explained_rows(inputs.documents, inputs.attributions, texts, view.explanations.verdict),
    )


def check_evidence(workspace: Workspace, run_id: str) -> None:
    """Re-hash every named artifact of a run. Raises ``IntegrityError`` naming the first that is missing or changed.

    What the ledger says was deleted on purpose is left out. The model's own files are not named artifacts; they are re-hashed whenever the model is loaded.
    """
    gone = {digest for deletion in workspace.deletions(run_id) for digest in deletion.digests.values()}
    for ref in workspace.artifacts(run_id).values():
        if ref.digest not in gone:
            workspace.path_of(ref.digest)


@st.cache_resource(max_entries=_KEPT_REPORTS, show_spinner=False)
def _rendered(run_id: str, evidence_digest: str, head: str, _inputs: ReportInputs) -> bytes:  # noqa: ARG001  # these name the entry
    return render_report(_inputs)


def report_file(page: RunPage) -> bytes:
    """The PDF of a run. The same evidence under the same head of the ledger is rendered once in the life of the server."""
    return _rendered(page.view.run_id, page.view.evidence_digest, page.view.ledger.root, page.inputs)


def _explained_texts(workspace: Workspace, run_id: str, inputs: ReportInputs) -> pd.DataFrame | None:
    """The stored texts of the explained rows only."""
    ref = workspace.artifacts(run_id).get(ROWS)
    if ref is None or inputs.documents is None:
        return None
    rows = workspace.read_table(ref.digest)
    return rows[rows["row_id"].isin(inputs.documents["row_id"])]
