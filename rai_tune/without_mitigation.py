"""The plain twin of a run with mitigation: the same recipe, rows, base and seed without it, so that a report can show before and after.

Where methods act on decisions only, the twin is the same model without its post-processing. Else its decisions are those of a completed
run of exactly the plain recipe, or of the twin that such a run was compared with, on the same rows, base and machine; and where there is
none it is trained within the run, after the run's own model and before any test row is opened. Its weights are not kept: nobody is
decided by them, and the plain recipe makes the same bytes again. What stays is the artifact ``before`` (where it came from, cost, digests) and
``before_predictions``, what it decides about the test rows.

Stable API: ``train_twin``, ``keep_before``, ``stored_before``, ``BEFORE``, ``BEFORE_PREDICTIONS``.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_audits.core import PlainDecisions
from rai_tune.core import DivergedError, IntegrityError, sha256_json
from rai_tune.planning import device_of
from rai_tune.stored_run import JSON, PARQUET, attach
from rai_tune.tasks import load_task
from rai_tune.training.fit import fit
from rai_tune.training.mitigation.composing import acts_on_decisions_only
from rai_tune.training.predictions import predictions_table
from rai_tune.training.saved_model import load_saved

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from rai_tune.planning import Plan
    from rai_tune.recipe.schema import Recipe
    from rai_tune.training.saved_model import LoadedModel
    from rai_tune.workspace import RunRecord, Workspace
    from rai_tune.workspace.progress import ProgressLog

BEFORE, BEFORE_PREDICTIONS = "before", "before_predictions"
SCHEMA = "rai-tune/before/v1"
SAME_MODEL, TRAINED, OTHER_RUN = "same_model", "trained", "other_run"
_CHECKPOINTS = "before_checkpoints"
_FOLDER = "without_mitigation"
_COST = (
    "cpu_s",
    "duration_s",
    "steps",
    "epochs_done",
    "resumed_from",
    "best_step",
    "stopped_early",
    "threshold",
    "parameters",
    "history",
)


def train_twin(planned: Plan, workspace: Workspace, run_id: str, log: ProgressLog) -> None:
    """Find or train the plain twin of a run whose own model is there; nothing for a run without mitigation or with a known twin.

    A twin that diverges is recorded as such: the run goes on, and its audit of before and after says that there is no before.
    """
    if planned.recipe.mitigation is None or _is_ready(workspace, run_id):
        return
    plain = planned.recipe.model_copy(update={"mitigation": None})
    if acts_on_decisions_only(planned.recipe.mitigation):
        training = workspace.read_json(workspace.artifacts(run_id)["training"].digest)
        known: dict[str, Any] = {"source": SAME_MODEL, "threshold": training["threshold"]}
    else:
        run = workspace.run(run_id)
        known = _stored_twin(workspace, run, _digest(plain)) or _trained(planned, plain, workspace, run, log)
    attach(workspace, run_id, BEFORE, {"schema": SCHEMA, "status": "ok", "recipe_digest": _digest(plain), **known})


def keep_before(
    planned: Plan,
    workspace: Workspace,
    run_id: str,
    loaded: LoadedModel,
    predictions: pd.DataFrame,
    log: ProgressLog,
) -> None:
    """Store what the twin decides about the test rows, which the run has opened, unless that is done."""
    artifacts = workspace.artifacts(run_id)
    if BEFORE not in artifacts or BEFORE_PREDICTIONS in artifacts:
        return
    told = workspace.read_json(artifacts[BEFORE].digest)
    if told["status"] != "ok":
        return
    if told["source"] == SAME_MODEL:
        table = _without_cutoffs(loaded, predictions)
    elif told["source"] == OTHER_RUN:
        table = workspace.read_table(told["predictions"])
    else:
        try:
            table = _predicted(planned, told["files"], _folder(workspace, run_id), log)
        except DivergedError as error:
            # The run's own model is not the one that broke.
            attach(workspace, run_id, BEFORE, {**told, "status": "diverged", "reason": str(error)})
            return
    test = table[table["split"] == "test"].reset_index(drop=True)
    digest = workspace.put_table(test, {"name": BEFORE_PREDICTIONS})
    workspace.attach(run_id, BEFORE_PREDICTIONS, digest, PARQUET)
    shutil.rmtree(_folder(workspace, run_id), ignore_errors=True)


def stored_before(workspace: Workspace, run_id: str) -> PlainDecisions:
    """What the twin of a run decided. Raises ``DivergedError`` where it diverged, ``IntegrityError`` where the run has none."""
    artifacts = workspace.artifacts(run_id)
    if BEFORE not in artifacts:
        raise IntegrityError(f"run {run_id} has a mitigation and no twin without it was recorded")
    told = workspace.read_json(artifacts[BEFORE].digest)
    if told["status"] != "ok":
        raise DivergedError(
            f"the twin without mitigation diverged, so there is no before to compare with: {told['reason']}"
        )
    facts = {name: value for name, value in told.items() if name not in {"schema", "status", "files", "history"}}
    if facts.get("threshold"):
        facts |= {"threshold": facts["threshold"]["value"], "threshold_rule": facts["threshold"]["rule"]}
    return PlainDecisions(workspace.read_table(artifacts[BEFORE_PREDICTIONS].digest), facts)


def _digest(recipe: Recipe) -> str:
    return sha256_json(recipe.model_dump(mode="json"))


def _folder(workspace: Workspace, run_id: str) -> Path:
    return workspace.run_dir(run_id) / _FOLDER


def _is_ready(workspace: Workspace, run_id: str) -> bool:
    """Whether nothing is left to train: the twin is known, and where it was trained here its decisions or its model are there."""
    artifacts = workspace.artifacts(run_id)
    if BEFORE not in artifacts:
        return False
    told = workspace.read_json(artifacts[BEFORE].digest)
    if told["status"] != "ok" or told["source"] != TRAINED or BEFORE_PREDICTIONS in artifacts:
        return True
    return (_folder(workspace, run_id) / "model").is_dir()


def _trained(planned: Plan, plain: Recipe, workspace: Workspace, run: RunRecord, log: ProgressLog) -> dict[str, Any]:
    if run.state != "training":
        workspace.set_state(run.id, "training")
        log.enter("training")
    try:
        fitted = fit(
            plain,
            planned.data,
            planned.base,
            folder=_folder(workspace, run.id),
            checkpoints=_Checkpoints(workspace, run.id),
            recorder=_Recorder(log),
            resume=True,
        )
    except DivergedError as error:
        return {"source": TRAINED, "status": "diverged", "reason": str(error)}
    cost = {name: fitted.facts[name] for name in _COST if name in fitted.facts}
    return {"source": TRAINED, "model_digest": fitted.digest, "files": fitted.manifest, **cost}


def _stored_twin(workspace: Workspace, run: RunRecord, digest: str) -> dict[str, Any] | None:
    """The decisions of a completed run of the plain recipe, or of the twin of one with mitigation, made on the same machine."""
    gone = {item.run_id for item in workspace.deletions()}
    for other in workspace.runs():
        same = (other.data_digest, other.base_digest) == (run.data_digest, run.base_digest)
        if other.id == run.id or other.state != "completed" or other.parent is not None or not same or other.id in gone:
            continue
        found = _of_plain(workspace, other) if other.recipe_digest == digest else _of_twin(workspace, other, digest)
        if found is not None and _environment(workspace, other.id) == _environment(workspace, run.id):
            return {"source": OTHER_RUN, "run": other.id, **found}
    return None


def _of_plain(workspace: Workspace, run: RunRecord) -> dict[str, Any]:
    artifacts = workspace.artifacts(run.id)
    training = workspace.read_json(artifacts["training"].digest)
    cost = {name: training[name] for name in _COST if name in training}
    return {"predictions": artifacts["predictions"].digest, "model_digest": run.model_digest, **cost}


def _of_twin(workspace: Workspace, run: RunRecord, digest: str) -> dict[str, Any] | None:
    artifacts = workspace.artifacts(run.id)
    if BEFORE not in artifacts or BEFORE_PREDICTIONS not in artifacts:
        return None
    told = workspace.read_json(artifacts[BEFORE].digest)
    if told["source"] != TRAINED or told["recipe_digest"] != digest:
        return None
    cost = {name: told[name] for name in (*_COST, "model_digest") if name in told}
    return {"predictions": artifacts[BEFORE_PREDICTIONS].digest, "twin": True, **cost}


def _environment(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """Packages, processor and threads: with others the same recipe need not give the same bytes."""
    return dict(workspace.read_json(workspace.artifacts(run_id)["environment"].digest))


def _without_cutoffs(loaded: LoadedModel, predictions: pd.DataFrame) -> pd.DataFrame:
    """The same scores, decided by the one threshold of the recipe."""
    facts = loaded.facts
    probabilities = predictions[[f"score:{name}" for name in facts.classes]].to_numpy(dtype=float)
    decided = load_task(facts.task).decide(probabilities, facts.classes, facts.positive, facts.threshold)
    return predictions.drop(columns="cutoff", errors="ignore").assign(prediction=decided)


def _predicted(planned: Plan, files: Mapping[str, str], folder: Path, log: ProgressLog) -> pd.DataFrame:
    rows = planned.data.rows
    table, _ = predictions_table(
        load_saved(folder / "model", dict(files), planned.loaded.base_dir),
        rows[rows["split"] == "test"],
        base_digest=planned.base.digest,
        batch_size=planned.recipe.training.eval_batch_size,
        device=device_of(planned.recipe),
        progress=lambda done, total: log("predicting without mitigation", done, total),
    )
    return table


@dataclass(frozen=True)
class _Checkpoints:
    """Digests of the twin's own checkpoints, kept in the workspace beside those of the run."""

    workspace: Workspace
    run_id: str

    def add(self, step: int, manifest: dict[str, str]) -> None:
        known = {str(place): dict(files) for place, files in self.recorded().items()} | {str(step): manifest}
        self.workspace.attach(self.run_id, _CHECKPOINTS, self.workspace.put_json(known), JSON)

    def recorded(self) -> Mapping[int, Mapping[str, str]]:
        ref = self.workspace.artifacts(self.run_id).get(_CHECKPOINTS)
        return {int(step): files for step, files in self.workspace.read_json(ref.digest).items()} if ref else {}


@dataclass(frozen=True)
class _Recorder:
    """Progress to whoever watches; the run's metric history stays that of its own model."""

    log: ProgressLog

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        del step, epoch, values

    def progress(self, what: str, done: int, total: int) -> None:
        self.log(f"{what} without mitigation", done, total)
