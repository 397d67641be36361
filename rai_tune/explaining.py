"""One decision of a stored run, explained: attributions, checks of this explanation, and what would have turned the decision.

Stable API: ``explain_row``. Nothing is stored: the run's own explanations are those of its audits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_audits.core.deciding import cutoffs_of
from rai_audits.explain.single import explain_one
from rai_tune.auditing import audit_context
from rai_tune.core import UsageError, did_you_mean
from rai_tune.planning import plan
from rai_tune.reporting.stored import stored_results
from rai_tune.selection import check_chosen
from rai_tune.stored_run import check_trained, load_model, same_inputs, stored_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from rai_audits.core import AuditContext
    from rai_audits.explain.single import One
    from rai_tune.auditing import Progress
    from rai_tune.workspace import Workspace


@dataclass(frozen=True)
class ExplainedDecision:
    """One decision with what its run says of explanations as a whole: ``verdict`` is that of the stored audit, or ``not_checked``."""

    run_id: str
    one: One
    split: str
    threshold: float | None
    positive: str | None
    verdict: str
    verdict_sentence: str


def explain_row(
    run_id: str, workspace: Workspace, row: str, progress: Progress, overrides: Sequence[str] = ()
) -> ExplainedDecision:
    """Explain the decision about one row of a completed run, of whatever split.

    Raises ``UsageError`` for a run without a model or one that did not complete, and for a row that it never decided, naming the nearest.
    """
    run = workspace.run(run_id)
    check_chosen(workspace, run.id)
    if run.state != "completed":
        raise UsageError(f"run {run.id} is {run.state}; only decisions of a completed run are explained")
    check_trained(run, "explains single rows; name the run that trained the model")
    planned = plan(stored_recipe(workspace, run, overrides))
    same_inputs(planned, run, policies=False)
    loaded = load_model(workspace, run)
    predictions = workspace.read_table(workspace.artifacts(run.id)["predictions"].digest)
    chosen = _row(predictions, row, run.id)
    context = audit_context(planned, workspace, loaded, chosen, "explain", {}, progress)
    split = str(chosen["split"].iloc[0])
    verdict, told = _verdict(workspace, run.id)
    return ExplainedDecision(
        run_id=run.id,
        one=explain_one(context, split),
        split=split,
        threshold=_decided_at(context),
        positive=context.task.positive,
        verdict=verdict,
        verdict_sentence=told,
    )


def _decided_at(context: AuditContext) -> float | None:
    """The threshold that this row was decided by: its own cutoff where the model decides by group."""
    cutoffs = cutoffs_of(context.task, context.predictions)
    return context.task.threshold if cutoffs is None else float(cutoffs[0])


def _row(predictions: pd.DataFrame, row: str, run_id: str) -> pd.DataFrame:
    ids = predictions["row_id"].astype(str)
    chosen = predictions[(ids == row).to_numpy()]
    if chosen.empty:
        near = did_you_mean(row, ids.tolist()) if len(ids) < 100_000 else ""
        hint = near if near.startswith(" Did") else f" Ids look like {', '.join(ids.head(3))}."
        raise UsageError(f"run {run_id} decided no row {row!r}.{hint}")
    return chosen


def _verdict(workspace: Workspace, run_id: str) -> tuple[str, str]:
    facts: dict[str, Any] = next(
        (item.facts for item in stored_results(workspace, run_id) if item.audit == "explanations"), {}
    )
    checks = facts.get("checks")
    if not isinstance(checks, dict):
        return "not_checked", "The run's explanations were not checked: raitune audit RUN --suite explain does it."
    return str(checks.get("outcome")), str(checks.get("sentence"))
