"""What a run and a trial of a search have in common: how one is created and described, and its training.

Stable API: ``create``, ``describe``, ``enter``, ``mark_failed``, ``train``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.core import StorageError
from rai_tune.stored_rows import data_facts
from rai_tune.stored_run import attach
from rai_tune.training.fit import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rai_tune.auditing import Progress
    from rai_tune.planning import Plan
    from rai_tune.training.trainer import Recorder
    from rai_tune.workspace import Workspace
    from rai_tune.workspace.progress import ProgressLog
    from rai_tune.workspace.records import ArtifactRef, RunRecord, RunState


def create(planned: Plan, workspace: Workspace, named: Sequence[ArtifactRef] = ()) -> RunRecord:
    """Create a run and freeze its policies. ``named`` are stored artifacts that it has from its first moment."""
    return workspace.create_run(
        name=planned.recipe.name,
        recipe=planned.recipe.model_dump(mode="json"),
        recipe_digest=planned.loaded.digest,
        policies={policy.policy.id: policy.digest for policy in planned.policies},
        named=named,
    )


def describe(planned: Plan, workspace: Workspace, run_id: str, context: Mapping[str, Any]) -> None:
    """Keep what the run is made of: where it began, its packs, its rows in numbers, and the digests of its inputs."""
    attach(workspace, run_id, "context", dict(context))
    for policy in planned.policies:
        # The text of the pack, so that what froze can be read, and decided by, years later.
        attach(
            workspace, run_id, f"policy:{policy.policy.id}", policy.policy.model_dump(mode="json", exclude_none=True)
        )
    attach(workspace, run_id, "data", data_facts(planned.data))
    workspace.update_run(
        run_id,
        data_digest=planned.data.data_digest,
        base_digest=planned.base.digest,
        test_digest=planned.data.test_digest,
    )


def run_context(planned: Plan, author_key: str | None) -> dict[str, Any]:
    """Where the recipe's relative paths begin, and whose key the author's is (its public half; nothing is signed yet)."""
    from rai_tune.promotion.identity import named_key_id

    context = {"base_dir": str(planned.loaded.base_dir)}
    author = author_key or named_key_id()
    return {**context, "author_key": author} if author else context


def enter(workspace: Workspace, run_id: str, state: RunState, log: ProgressLog) -> None:
    """A stage begins."""
    workspace.set_state(run_id, state)
    log.enter(state)


def mark_failed(workspace: Workspace, run_id: str, error: Exception) -> None:
    """Say in the run's state what stopped it."""
    try:
        workspace.set_state(run_id, "failed", error=f"{type(error).__name__}: {error}"[:2000])
    except StorageError:
        # A full disk cannot take the note; the run stays in its working state, from which it resumes all the same.
        return


def train(
    planned: Plan,
    workspace: Workspace,
    run_id: str,
    log: ProgressLog,
    *,
    resuming: bool,
    recorder: Recorder | None = None,
    on_evaluate: Callable[[NDArray[np.float64]], Mapping[str, float]] | None = None,
) -> None:
    """Train and store the model, unless the run has one.

    ``recorder`` takes metrics in place of the workspace; ``on_evaluate`` turns class probabilities of the validation rows, of shape
    (rows, classes), into further measures of an evaluation.
    """
    if "model" in workspace.artifacts(run_id):
        return
    enter(workspace, run_id, "training", log)
    fitted = fit(
        planned.recipe,
        planned.data,
        planned.base,
        folder=workspace.run_dir(run_id),
        checkpoints=_Checkpoints(workspace, run_id),
        recorder=recorder or MetricRecorder(workspace, run_id, log),
        resume=resuming,
        on_evaluate=on_evaluate,
    )
    folder = workspace.run_dir(run_id) / "model"
    for name in fitted.manifest:
        workspace.put_file(folder / name)
    attach(workspace, run_id, "training", fitted.facts)
    attach(workspace, run_id, "environment", fitted.environment)
    workspace.update_run(run_id, model_digest=fitted.digest)
    # Last, because its presence says that training is done.
    attach(workspace, run_id, "model", {"files": fitted.manifest, "digest": fitted.digest})


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
class MetricRecorder:
    """Training's metrics to the workspace, its progress to whoever watches."""

    workspace: Workspace
    run_id: str
    report: Progress

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        self.workspace.add_metrics(self.run_id, step, epoch, values)

    def progress(self, what: str, done: int, total: int) -> None:
        self.report(what, done, total)
