"""The audited run, readable top to bottom: prepare, train, predict, audit, decide.

A recipe goes in; a run with sealed evidence and a decision comes out. Every stage leaves its result in the workspace
before the next begins, so a killed run resumes where it was, and no stage can be skipped: without audits there is no
evidence, and without evidence the gate says so.

Stable API: ``plan``, ``start``, ``resume``, ``decide``, ``reaudit``, ``predict``, ``load_model``, ``RunOutcome``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.auditing import Progress, run_audits
from rai_tune.core import DivergedError, StorageError, UsageError
from rai_tune.data.preparing import prepare_frame
from rai_tune.planning import Plan, device_of, plan
from rai_tune.reaudit import reaudit
from rai_tune.reporting.stored import stored_decisions
from rai_tune.stored_rows import data_facts, predict_and_store
from rai_tune.stored_run import (
    RunOutcome,
    attach,
    check_trained,
    decide,
    load_model,
    same_inputs,
    stored_recipe,
    worst,
)
from rai_tune.training.checkpoints import says_disk_is_full
from rai_tune.training.fit import fit
from rai_tune.training.predictions import predictions_table
from rai_tune.workspace.progress import ProgressLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from rai_tune.training.saved_model import LoadedModel
    from rai_tune.workspace import Workspace
    from rai_tune.workspace.records import RunState

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
    context = _context(planned, author_key)  # a key that is named and not there is found before a run is
    run = workspace.create_run(
        name=planned.recipe.name,
        recipe=planned.recipe.model_dump(mode="json"),
        recipe_digest=planned.loaded.digest,
        policies={policy.policy.id: policy.digest for policy in planned.policies},
    )
    with workspace.claim(run.id):
        if begun is not None:
            begun(run.id)
        attach(workspace, run.id, "context", context)
        for policy in planned.policies:
            # The text of the pack, so that what froze can be read, and decided by, years later.
            attach(
                workspace,
                run.id,
                f"policy:{policy.policy.id}",
                policy.policy.model_dump(mode="json", exclude_none=True),
            )
        attach(workspace, run.id, "data", data_facts(planned.data))
        workspace.update_run(
            run.id,
            data_digest=planned.data.data_digest,
            base_digest=planned.base.digest,
            test_digest=planned.data.test_digest,
        )
        return _carry_through(planned, workspace, run.id, progress, resuming=False)


def resume(run_id: str, workspace: Workspace, progress: Progress) -> RunOutcome:
    """Go on with a run that was killed, interrupted or failed. Data, base and policies must be as they were."""
    run = workspace.run(run_id)
    if run.state == "completed":
        return RunOutcome(run.id, stored_decisions(workspace, run.id))
    if not run.resumable:
        raise UsageError(f"run {run.id} is {run.state} and cannot be resumed: {run.error or 'start a new run'}")
    check_trained(run, "goes on; start it again")
    for deletion in workspace.deletions(run.id):
        raise UsageError(f"texts and tables of run {run.id} were {deletion.sentence}; start a new run")
    with workspace.claim(run.id):
        planned = plan(stored_recipe(workspace, run))
        same_inputs(planned, run)
        return _carry_through(planned, workspace, run.id, progress, resuming=True)


def predict(run_id: str, workspace: Workspace, frame: pd.DataFrame, source: str, progress: Progress) -> pd.DataFrame:
    """Score new rows with the model of a run: the same template, label map and threshold, all hash-checked."""
    run = workspace.run(run_id)
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
        _enter(workspace, run_id, "preparing", log)
        _train(planned, workspace, run_id, log, resuming=resuming)
        loaded = load_model(workspace, workspace.run(run_id))
        predictions = _predict_splits(planned, workspace, run_id, loaded, log)
        _audit(planned, workspace, run_id, loaded, predictions, log)
        _enter(workspace, run_id, "deciding", log)
        outcome = decide(run_id, workspace, planned.policies)
        workspace.update_run(run_id, verdict=outcome.outcome)
        _enter(workspace, run_id, "completed", log)
        return outcome
    except DivergedError as error:
        workspace.set_state(run_id, "diverged", error=str(error))
        raise
    except KeyboardInterrupt:
        workspace.set_state(run_id, "interrupted", error="interrupted; --resume goes on from the last checkpoint")
        raise
    except Exception as error:
        _mark_failed(workspace, run_id, error)
        if says_disk_is_full(error):
            raise StorageError(f"the disk is full; run {run_id} is kept and --resume goes on ({error})") from error
        raise


def _enter(workspace: Workspace, run_id: str, state: RunState, log: ProgressLog) -> None:
    workspace.set_state(run_id, state)
    log.enter(state)


def _mark_failed(workspace: Workspace, run_id: str, error: Exception) -> None:
    try:
        workspace.set_state(run_id, "failed", error=f"{type(error).__name__}: {error}"[:2000])
    except StorageError:
        # A full disk cannot take the note; the run stays in its working state, from which it resumes all the same.
        return


def _train(planned: Plan, workspace: Workspace, run_id: str, log: ProgressLog, *, resuming: bool) -> None:
    if "model" in workspace.artifacts(run_id):
        return
    _enter(workspace, run_id, "training", log)
    fitted = fit(
        planned.recipe,
        planned.data,
        planned.base,
        folder=workspace.run_dir(run_id),
        checkpoints=_Checkpoints(workspace, run_id),
        recorder=_Recorder(workspace, run_id, log),
        resume=resuming,
    )
    folder = workspace.run_dir(run_id) / "model"
    for name in fitted.manifest:
        workspace.put_file(folder / name)
    attach(workspace, run_id, "training", fitted.facts)
    attach(workspace, run_id, "environment", fitted.environment)
    workspace.update_run(run_id, model_digest=fitted.digest)
    # Last, because its presence says that training is done.
    attach(workspace, run_id, "model", {"files": fitted.manifest, "digest": fitted.digest})


def _predict_splits(
    planned: Plan, workspace: Workspace, run_id: str, loaded: LoadedModel, log: ProgressLog
) -> pd.DataFrame:
    artifacts = workspace.artifacts(run_id)
    if "predictions" in artifacts:
        return workspace.read_table(artifacts["predictions"].digest)
    _enter(workspace, run_id, "predicting", log)
    return predict_and_store(planned, workspace, run_id, loaded, log).predictions


def _audit(
    planned: Plan,
    workspace: Workspace,
    run_id: str,
    loaded: LoadedModel,
    predictions: pd.DataFrame,
    log: ProgressLog,
) -> None:
    _enter(workspace, run_id, "auditing", log)
    names = planned.recipe.audits.names
    run_audits(names, planned, workspace, workspace.run(run_id), loaded, predictions, log)


@dataclass(frozen=True)
class _Checkpoints:
    """Checkpoint digests, kept in the workspace."""

    workspace: Workspace
    run_id: str

    def add(self, step: int, manifest: dict[str, str]) -> None:
        self.workspace.add_checkpoint(self.run_id, step, manifest)

    def recorded(self) -> Mapping[int, Mapping[str, str]]:
        return {record.step: record.manifest for record in self.workspace.checkpoints(self.run_id)}


@dataclass(frozen=True)
class _Recorder:
    """Training's metrics to the workspace, its progress to whoever watches."""

    workspace: Workspace
    run_id: str
    report: Progress

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        self.workspace.add_metrics(self.run_id, step, epoch, values)

    def progress(self, what: str, done: int, total: int) -> None:
        self.report(what, done, total)


def _context(planned: Plan, author_key: str | None) -> dict[str, Any]:
    """Where the recipe's relative paths begin, and whose key the author's is (its public half; nothing is signed yet)."""
    from rai_tune.promotion.identity import named_key_id

    context = {"base_dir": str(planned.loaded.base_dir)}
    author = author_key or named_key_id()
    return {**context, "author_key": author} if author else context
