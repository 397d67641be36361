"""The audit of what fine-tuning did: the tuned model against its own base, on the same rows.

An untrained base decides nothing by itself, so whoever provides ``AuditContext.base`` says in its facts how decisions were made of
it (a run puts a linear probe on the frozen base). Changes are tuned minus base: quality, rates by group, gaps between groups, and
who gains or loses the favourable outcome. Stable API: the audit's name and its metrics.

Metrics: those of ``rai_audits.fairness.compared`` (``<rate>_change``, ``<rate>_gap_change``, ``roc_auc_change``), the base's own
``base_accuracy``, ``base_selection_rate`` and ``base_roc_auc``, ``favourable_gained_share`` and ``favourable_lost_share`` (of all
rows of a group), and ``favourable_flip_p_value`` (McNemar's mid-p for as many gains as losses).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit
from rai_audits.fairness.compared import compare
from rai_audits.fairness.describe import WILSON, Describer
from rai_audits.fairness.grouped import estimated, evaluated, smallest_group, without_weights
from rai_audits.stats.auc import auc, auc_interval
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import pandas as pd

    from rai_audits.core import Measurement
    from rai_audits.fairness.compared import Flip
    from rai_audits.stats.interval import Side

    Mask = npt.NDArray[np.bool_]

NAME = "base_vs_tuned"
_MCNEMAR = "McNemar, mid-p"
_LOGIT_DELONG = "logit of DeLong"


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
        *_levels(describe, base.predictions, tuned, unweighted),
        *(item.model_copy(update={"split": context.eval_split}) for item in found.measurements),
        *(item for flip in found.flips for item in _flipped(describe, flip, unweighted)),
    ]
    kept = context.artifacts.put_table("base_predictions", base.predictions.reset_index(drop=True))
    facts = {"base": dict(base.facts), "rows": len(tuned), "row_weights": "not used" if unweighted else "none"}
    return AuditOutput(measurements=tuple(measured), artifacts={"base_predictions": kept}, facts=facts)


def _levels(describe: Describer, base: pd.DataFrame, tuned: pd.DataFrame, unweighted: str) -> Iterator[Measurement]:
    """The base's own accuracy, selection rate and AUC: what the changes start from."""
    task = describe.context.task
    decided = base["prediction"].astype(str).to_numpy()
    label = tuned["label"].astype(str).to_numpy()
    outcomes: dict[str, Mask] = {"base_accuracy": decided == label}
    if task.favourable is not None:
        outcomes["base_selection_rate"] = decided == task.favourable
    everyone: list[tuple[str | None, str | None, Mask]] = [(None, None, np.ones(len(tuned), dtype=bool))]
    for attribute, declared in task.groups.items():
        cells = tuned[f"group:{attribute}"].astype(str).to_numpy()
        everyone += [(attribute, name, cells == name) for name in sorted({*cells.tolist(), *declared})]
    for metric, hit in outcomes.items():
        for of, group, rows in everyone:
            yield _rate(describe, metric, int(hit[rows].sum()), int(rows.sum()), unweighted, of, group)
    if task.positive is not None and "score" in base:
        yield _area(describe, base["score"].to_numpy(dtype=float), label == task.positive, unweighted)


def _rate(
    describe: Describer,
    metric: str,
    hits: int,
    n: int,
    unweighted: str,
    attribute: str | None,
    group: str | None,
) -> Measurement:
    method = WILSON + unweighted
    where: dict[str, Any] = {"attribute": attribute, "group": group, "n": n}
    if n == 0:
        return describe.gap(metric, "no rows", method=method, **where)

    def ends(error: float, side: Side) -> tuple[float, float]:
        interval = wilson(hits, n, alpha=error, side=side)
        return float(interval.low), float(interval.high)

    return estimated(describe, metric, hits / n, ends, method=method, n_pos=hits, n_neg=n - hits, **where)


def _area(describe: Describer, scores: npt.NDArray[np.float64], positive: Mask, unweighted: str) -> Measurement:
    counts: dict[str, Any] = {"n": int(positive.size), "n_pos": int(positive.sum()), "n_neg": int((~positive).sum())}
    method = _LOGIT_DELONG + unweighted
    if min(counts["n_pos"], counts["n_neg"]) == 0:
        return describe.gap("base_roc_auc", "only one class among the labels", method=method, **counts)
    area = auc(scores[positive], scores[~positive])

    def ends(error: float, side: Side) -> tuple[float, float]:
        interval = auc_interval(area, alpha=error, side=side)
        return float(interval.low), float(interval.high)

    return estimated(describe, "base_roc_auc", area.estimate, ends, method=method, **counts)


def _flipped(describe: Describer, flip: Flip, unweighted: str) -> Iterator[Measurement]:
    """Shares of a group's rows that gained and that lost the favourable outcome, and whether one outweighs the other by chance."""
    for metric, count in (("favourable_gained_share", flip.gained), ("favourable_lost_share", flip.lost)):
        yield _rate(describe, metric, count, flip.n, unweighted, flip.attribute, flip.group)
    where: dict[str, Any] = {"attribute": flip.attribute, "group": flip.group, "n": flip.n}
    where |= {"n_pos": flip.gained, "n_neg": flip.lost}
    method = _MCNEMAR + unweighted
    if flip.gained + flip.lost == 0:
        yield describe.gap("favourable_flip_p_value", "no decision changed", method=method, **where)
        return
    yield describe.number("favourable_flip_p_value", flip.p_value, flip.p_value, flip.p_value, method=method, **where)


AUDIT = audit(NAME, suite="fairness", needs_model=True)(measure)
