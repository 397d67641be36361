"""The audit of what fine-tuning did: the tuned model against its own base, on the same rows.

An untrained base decides nothing by itself, so whoever provides ``AuditContext.base`` says in its facts how decisions were made of
it (a run puts a linear probe on the frozen base). Changes are tuned minus base: quality, rates by group, gaps between groups, and
who gains or loses the favourable outcome. Stable API: the audit's name and its metrics.

Metrics: those of ``rai_audits.fairness.compared`` (``<rate>_change``, ``<rate>_gap_change``, ``roc_auc_change``), the base's own
``base_accuracy``, ``base_selection_rate`` and ``base_roc_auc``, ``favourable_gained_share`` and ``favourable_lost_share`` (of all
rows of a group), and ``favourable_flip_p_value`` (McNemar's mid-p for as many gains as losses).
"""

from __future__ import annotations

from dataclasses import replace

from rai_audits.core import AuditContext, AuditOutput, BaseDecisions, UsageError, audit
from rai_audits.fairness.before_after import flipped, levels
from rai_audits.fairness.compared import compare
from rai_audits.fairness.describe import Describer
from rai_audits.fairness.grouped import evaluated, smallest_group, without_weights

NAME = "base_vs_tuned"


def measure(context: AuditContext) -> AuditOutput:
    """Compare the decisions of the tuned model with those of its base. Raises ``UsageError`` where the context has no base."""
    if context.base is None:
        raise UsageError(f"audit {NAME} compares a tuned model with its base, and there is no base model here")
    smallest = smallest_group(context, NAME)
    tuned = evaluated(context, "row_id", "label", "prediction")
    base = context.base()
    found = compare(
        base.predictions,
        tuned,
        context.task,
        confidence=context.confidence,
        min_group_rows=smallest,
        alphas=context.alphas,
        audit=NAME,
    )
    describe = Describer(NAME, context, weighted=False)
    unweighted = without_weights(tuned)
    measured = [
        *levels(_describer_of(context, base), "base", base.predictions, tuned, unweighted),
        *(item.model_copy(update={"split": context.eval_split}) for item in found.measurements),
        *(item for flip in found.flips for item in flipped(describe, flip, unweighted)),
    ]
    kept = context.artifacts.put_table("base_predictions", base.predictions.reset_index(drop=True))
    facts = {"base": dict(base.facts), "rows": len(tuned), "row_weights": "not used" if unweighted else "none"}
    return AuditOutput(measurements=tuple(measured), artifacts={"base_predictions": kept}, facts=facts)


def _describer_of(context: AuditContext, base: BaseDecisions) -> Describer:
    """Describes what the base alone decided: by its own threshold, where the tuned model has cutoffs by group."""
    if context.task.by_group is None:
        return Describer(NAME, context, weighted=False)
    own = base.facts.get("threshold")
    task = replace(context.task, threshold=own if isinstance(own, float) else None, by_group=None)
    return Describer(NAME, replace(context, task=task), weighted=False)


AUDIT = audit(NAME, suite="fairness", needs_model=True)(measure)
