"""What the pages of a run show, read from the store in one go, before anything is drawn.

Every named artifact of the run is verified first (see ``verified``), so that no verdict is shown over evidence that is not what
it was. The finished view is kept by what it was made from: the state of the run, its artifacts, decisions and the ledger's head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from rai_tune.promoting import today
from rai_tune.reported_run import reported, taken_back
from rai_tune.reporting import build_view
from rai_tune.reporting.stored import stored_decisions
from rai_tune.review.ledger_state import stored_digest
from rai_tune.review.verified import verified_path
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from rai_tune.reporting import ReportInputs, ReportView

_KEPT = 16
_KEPT_VERDICTS = 1_000


@dataclass(frozen=True)
class RunPage:
    """One run: the view that every page draws from, and what documents are made from. ``key`` names this state of the evidence."""

    view: ReportView
    inputs: ReportInputs
    key: str


def open_workspace() -> Workspace:
    """The workspace of ``RAITUNE_WORKSPACE``, else ``.raitune`` here. Raises ``WorkspaceError`` when there is none."""
    return Workspace.open(create=False)


def read_run(workspace: Workspace, run_id: str) -> RunPage:
    """Read a run in any state. Raises ``UsageError`` for an id that names none, ``IntegrityError`` for damaged evidence."""
    run_id = workspace.run(run_id).id
    check_evidence(workspace, run_id)
    return _read(str(workspace.root), run_id, state_of(workspace, run_id), workspace)


def check_evidence(workspace: Workspace, run_id: str) -> None:
    """Verify every named artifact of a run. Raises ``IntegrityError`` naming the first that is missing or changed.

    What the ledger says was deleted on purpose is left out. The model's own files are not named artifacts; they are hashed whenever the model is loaded.
    """
    gone = {digest for deletion in workspace.deletions(run_id) for digest in deletion.digests.values()}
    for ref in workspace.artifacts(run_id).values():
        if ref.digest not in gone:
            verified_path(workspace, ref.digest)


def state_of(workspace: Workspace, run_id: str) -> str:
    """A digest of all that a page about this run depends on, the day among it: waivers end and clauses begin on one.

    Raises ``IntegrityError`` when the ledger does not verify.
    """
    from rai_tune.core import sha256_json
    from rai_tune.promotion.ledger import Ledger

    found: dict[str, Any] = {
        "run": vars(workspace.run(run_id)),
        "artifacts": {name: ref.digest for name, ref in workspace.artifacts(run_id).items()},
        "deleted": [sorted(item.digests.values()) for item in workspace.deletions(run_id)],
        "decisions": workspace.decisions(run_id),
        "head": Ledger(workspace).head().root,
        # The root speaks of entries only: a signature may be changed under it.
        "ledger": stored_digest(workspace),
        "day": today().isoformat(),
    }
    return sha256_json(found)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _read(root: str, run_id: str, key: str, _workspace: Workspace) -> RunPage:  # noqa: ARG001  (root and key name the entry)
    inputs = reported(_workspace, run_id)
    return RunPage(build_view(inputs), inputs, key)


@st.cache_resource(max_entries=_KEPT_VERDICTS, show_spinner=False)
def _today(root: str, run_id: str, key: str, _workspace: Workspace) -> tuple[str, ...]:  # noqa: ARG001  (root and key name the entry)
    return taken_back(_workspace, _workspace.run(run_id), stored_decisions(_workspace, run_id))


def not_so_today(workspace: Workspace, run_id: str) -> tuple[str, ...]:
    """What deciding today takes back of a run's stored decisions; worked out once for each state of the evidence."""
    return _today(str(workspace.root), run_id, state_of(workspace, run_id), workspace)
