"""The audited run, readable top to bottom: prepare, train, predict, audit, decide.

A recipe goes in; a run with sealed evidence and a decision comes out. Every stage leaves its result in the workspace
before the next begins, so a killed run resumes where it was, and no stage can be skipped: without audits there is no
evidence, and without evidence the gate says so.

Stable API: ``plan``, ``start``, ``resume``, ``decide``, ``reaudit``, ``predict``, ``load_model``, ``RunOutcome``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.auditing import Progress, names_of, run_audits
from rai_tune.core import DivergedError, StorageError, UsageError
from rai_tune.data.preparing import prepare_frame
from rai_tune.planning import Plan, device_of, plan
from rai_tune.reaudit import reaudit
from rai_tune.reporting.stored import stored_decisions
from rai_tune.selection import check_chosen
from rai_tune.stages import create, describe, enter, mark_failed, run_context, train
from rai_tune.stored_rows import predict_and_store
from rai_tune.stored_run import (
    RunOutcome,
    check_trained,
    decide,
    load_model,
    same_inputs,
    stored_recipe,
    worst,
)
from rai_tune.training.checkpoints import says_disk_is_full
from rai_tune.training.predictions import predictions_table
from rai_tune.without_mitigation import keep_before, train_twin
from rai_tune.workspace.progress import ProgressLog

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from rai_tune.training.saved_model import LoadedModel
    from rai_tune.workspace import Workspace

__all__ = [
    "Plan",
    "Progress",
    "RunOutcome",
    "decide",
    "load_model",
    "plan",
    "predict",
    "reaudit",
    "resume",
    "start",
    "worst",
]


def start(
    planned: Plan,
    workspace: Workspace,
    progress: Progress,
    *,
    author_key: str | None = None,
    begun: Callable[[str], None] | None = None,
) -> RunOutcome:
    """Create a run, freeze its policies, and carry it through.

    ``author_key`` is the id of the author's key where it is not the one that ``RAITUNE_KEY`` names; ``begun`` is told the id of
    the run as soon as there is one.
    """
    context = run_context(planned, author_key)  # a key that is named and not there is found before a run is
    run = create(planned, workspace)
    with workspace.claim(run.id):
        if begun is not None:
            begun(run.id)
        describe(planned, workspace, run.id, context)
        return _carry_through(planned, workspace, run.id, progress, resuming=False)


def resume(
    run_id: str, workspace: Workspace, progress: Progress, *, choose: Callable[[], None] | None = None
) -> RunOutcome:
    """Go on with a run that was killed, interrupted or failed. Data, base and policies must be as they were.

    ``choose`` records that a trial was chosen. It is called when nothing else stands in the way, and before anything is opened.
    """
    run = workspace.run(run_id)
    if run.state == "completed":
        return RunOutcome(run.id, stored_decisions(workspace, run.id))
    if not run.resumable:
        raise UsageError(f"run {run.id} is {run.state} and cannot be resumed: {run.error or 'start a new run'}")
    check_trained(run, "goes on; start it again")
    if choose is None:
        check_chosen(workspace, run.id)
    for deletion in workspace.deletions(run.id):
        raise UsageError(f"texts and tables of run {run.id} were {deletion.sentence}; start a new run")
    with workspace.claim(run.id):
        planned = plan(stored_recipe(workspace, run))
        same_inputs(planned, run)
        if choose is not None:
            choose()
        return _carry_through(planned, workspace, run.id, progress, resuming=True)


def predict(run_id: str, workspace: Workspace, frame: pd.DataFrame, source: str, progress: Progress) -> pd.DataFrame:
    """Score new rows with the model of a run: the same template, label map and threshold, all hash-checked."""
    run = workspace.run(run_id)
    check_chosen(workspace, run.id)
    recipe = stored_recipe(workspace, run).recipe
    loaded = load_model(workspace, run)
    rows = prepare_frame(frame, recipe.data, source=source)
    table, _ = predictions_table(
        loaded,
        rows.rows,
        base_digest=run.base_digest or "",
        batch_size=recipe.training.eval_batch_size,
        device=device_of(recipe),
        progress=lambda done, total: progress("predicting", done, total),
    )
    return table


def _carry_through(
    planned: Plan, workspace: Workspace, run_id: str, progress: Progress, *, resuming: bool
) -> RunOutcome:
    """Run every stage that has no result yet; whatever stops it, the run's state says so."""
    log = ProgressLog(workspace.run_dir(run_id), progress)
    try:
        enter(workspace, run_id, "preparing", log)
        train(planned, workspace, run_id, log, resuming=resuming)
        train_twin(planned, workspace, run_id, log)
        loaded = load_model(workspace, workspace.run(run_id))
        predictions = _predict_splits(planned, workspace, run_id, loaded, log)
        keep_before(planned, workspace, run_id, loaded, predictions, log)
        _audit(planned, workspace, run_id, loaded, predictions, log)
        enter(workspace, run_id, "deciding", log)
        outcome = decide(run_id, workspace, planned.policies)
        workspace.update_run(run_id, verdict=outcome.outcome)
        enter(workspace, run_id, "completed", log)
        return outcome
    except DivergedError as error:
        workspace.set_state(run_id, "diverged", error=str(error))
        raise
    except KeyboardInterrupt:
        workspace.set_state(run_id, "interrupted", error="interrupted; --resume goes on from the last checkpoint")
        raise
    except Exception as error:
        mark_failed(workspace, run_id, error)
        if says_disk_is_full(error):
            raise StorageError(f"the disk is full; run {run_id} is kept and --resume goes on ({error})") from error
        raise


def _predict_splits(
    planned: Plan, workspace: Workspace, run_id: str, loaded: LoadedModel, log: ProgressLog
) -> pd.DataFrame:
    artifacts = workspace.artifacts(run_id)
    if "predictions" in artifacts:
        return workspace.read_table(artifacts["predictions"].digest)
    enter(workspace, run_id, "predicting", log)
    return predict_and_store(planned, workspace, run_id, loaded, log).predictions


def _audit(
    planned: Plan,
    workspace: Workspace,
    run_id: str,
    loaded: LoadedModel,
    predictions: pd.DataFrame,
    log: ProgressLog,
) -> None:
    enter(workspace, run_id, "auditing", log)
    names = names_of(planned, workspace, run_id)
    run_audits(names, planned, workspace, workspace.run(run_id), loaded, predictions, log)
