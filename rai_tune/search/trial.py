"""One trial: a run that is trained and measured on validation rows, and never sees the test rows. Runs in a process of its own.

The run is found again by its artifact ``trial``, so a trial that was killed goes on from its last checkpoint, and one that was finished is only told.
Stable API: ``TrialJob``, ``run_trial``, ``Outcome``.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rai_tune.core import DivergedError, PrunedError, RaiError, StorageError, TaskInfo, UsageError
from rai_tune.planning import Plan, device_of, plan
from rai_tune.search.constraints import constraints_of, missed
from rai_tune.search.objectives import ValidationView, load_objectives, measure
from rai_tune.search.pruning import Evaluations, Watch
from rai_tune.search.space import trial_recipe
from rai_tune.search.store import SearchRecord, changed_inputs, read_record
from rai_tune.stages import create, describe, enter, mark_failed, run_context, train
from rai_tune.stored_run import JSON, PARQUET, attach, load_model
from rai_tune.training.checkpoints import says_disk_is_full
from rai_tune.training.predictions import PREDICTIONS_SCHEMA, predictions_table
from rai_tune.workspace import Workspace
from rai_tune.workspace.progress import ProgressLog
from rai_tune.workspace.records import ArtifactRef

if TYPE_CHECKING:
    import pandas as pd

    from rai_tune.recipe import LoadedRecipe
    from rai_tune.workspace import RunRecord

TRIAL, VALIDATION, VALUES = "trial", "validation", "trial_values"
SCHEMA = "rai-tune/trial/v1"
_LET_GO_S, _POLL_S = 60.0, 0.1
"""A process whose parent was killed may hold its trial a moment longer."""


@dataclass(frozen=True)
class TrialJob:
    """What a worker is asked for. ``earlier`` holds the evaluations of trials that were finished when this one began, for pruning."""

    root: str
    search: str
    number: int
    settings: dict[str, Any]
    earlier: tuple[Evaluations, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of a trial, as JSON values: the form in which the study keeps it."""

    state: str
    run_id: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    constraints: dict[str, float | None] = field(default_factory=dict)
    cpu_s: float | None = None
    evaluations: list[list[float]] = field(default_factory=list)
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return vars(self).copy()


def run_trial(job: TrialJob) -> Outcome:
    """Carry a trial to its values. What goes wrong with it is an outcome; an interruption and a disk that refuses are raised."""
    with Workspace.open(Path(job.root), create=False) as workspace:
        record = read_record(workspace, job.search)
        try:
            loaded = _trial_recipe(record, job)
            planned = plan(loaded)
        except RaiError as error:
            return Outcome("failed", error=str(error))
        changed = changed_inputs(record, planned)
        if changed:
            return Outcome(
                "failed",
                error=f"{', '.join(changed)} changed since the search began, so this trial could not be compared; begin a new search",
            )
        run = _run_of(workspace, planned, record, job)
        _wait_until_free(workspace, run.id)
        with workspace.claim(run.id):
            return _carried(workspace, planned, record, workspace.run(run.id), job)


def _wait_until_free(workspace: Workspace, run_id: str) -> None:
    until = time.monotonic() + _LET_GO_S
    while workspace.is_alive(run_id) and time.monotonic() < until:
        time.sleep(_POLL_S)


def _trial_recipe(record: SearchRecord, job: TrialJob) -> LoadedRecipe:
    settings = {"training.threads": record.threads, **job.settings}
    return trial_recipe(record.loaded(), settings)


def _run_of(workspace: Workspace, planned: Plan, record: SearchRecord, job: TrialJob) -> RunRecord:
    """The run of a trial: the one that it has, or a new one."""
    marker = {"schema": SCHEMA, "search": record.id, "number": job.number, "settings": _plain(job.settings)}
    digest = workspace.put_json(marker)
    known = sorted(workspace.holders(digest))
    if known:
        return workspace.run(known[0])
    size = workspace.size_of(digest) or 0
    return create(planned, workspace, [ArtifactRef(TRIAL, digest, size, JSON)])


def _carried(workspace: Workspace, planned: Plan, record: SearchRecord, run: RunRecord, job: TrialJob) -> Outcome:
    artifacts = workspace.artifacts(run.id)
    if VALUES in artifacts and run.state in {"trained", "completed"}:
        return Outcome(**workspace.read_json(artifacts[VALUES].digest))
    if run.state in {"diverged", "pruned"}:
        return Outcome(run.state, run.id, error=run.error or "")
    log = ProgressLog(workspace.run_dir(run.id), lambda _what, _done, _total: None)
    try:
        # Written again where a killed process left it half done; the same values make the same artifacts.
        describe(planned, workspace, run.id, run_context(planned, record.author))
        enter(workspace, run.id, "preparing", log)
        watch = Watch(workspace, run.id, planned, record, job.earlier)
        train(planned, workspace, run.id, log, resuming=True, on_evaluate=watch.on_evaluate)
        outcome = _measured(workspace, planned, record, run.id, watch)
        attach(workspace, run.id, VALUES, outcome.to_json())
        if workspace.run(run.id).state == "preparing":
            enter(workspace, run.id, "training", log)
        enter(workspace, run.id, "trained", log)
    except PrunedError as error:
        workspace.set_state(run.id, "pruned", error=str(error))
        outcome = Outcome("pruned", run.id, evaluations=watch.evaluations, error=str(error))
    except DivergedError as error:
        workspace.set_state(run.id, "diverged", error=str(error))
        outcome = Outcome("diverged", run.id, error=str(error))
    except Exception as error:
        mark_failed(workspace, run.id, error)
        if says_disk_is_full(error):
            # Not the trial's fault: it goes on when there is room.
            raise StorageError(
                f"the disk is full; trial {job.number} is kept and --resume goes on ({error})"
            ) from error
        return Outcome(
            "failed", run.id, error=str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
        )
    # Its checkpoints are of no more use: it is trained, or never will be.
    shutil.rmtree(workspace.run_dir(run.id) / "checkpoints", ignore_errors=True)
    return outcome


def _measured(workspace: Workspace, planned: Plan, record: SearchRecord, run_id: str, watch: Watch) -> Outcome:
    """Score the validation rows, keep what the model says of them, and measure what is looked for."""
    table = _validation(workspace, planned, run_id)
    training = workspace.read_json(workspace.artifacts(run_id)["training"].digest)
    view = ValidationView(table, task_of(planned), training, planned.recipe)
    values = measure(load_objectives(record.objectives), view)
    return Outcome(
        "complete",
        run_id,
        {name: value.to_json() for name, value in values.items()},
        missed([item for item in constraints_of(planned) if item.name in record.constraints], view),
        training.get("cpu_s"),
        watch.evaluations,
    )


def _validation(workspace: Workspace, planned: Plan, run_id: str) -> pd.DataFrame:
    loaded = load_model(workspace, workspace.run(run_id))
    rows = planned.data.rows
    table, _ = predictions_table(
        loaded,
        rows[rows["split"] == "validation"],
        base_digest=planned.base.digest,
        batch_size=planned.recipe.training.eval_batch_size,
        device=device_of(planned.recipe),
    )
    digest = workspace.put_table(table, {"schema": PREDICTIONS_SCHEMA, "run": run_id})
    workspace.attach(run_id, VALIDATION, digest, PARQUET)
    return table


def task_of(planned: Plan) -> TaskInfo:
    """What labels, decisions and groups of a plan mean."""
    data = planned.data
    return TaskInfo(data.classes, data.positive, data.favourable, None, data.groups, data.seen_by_model)


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
