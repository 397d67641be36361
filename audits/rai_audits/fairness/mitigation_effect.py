"""The audit of what mitigation did: the model's decisions against those of the same recipe without it, on the same rows.

Whoever provides ``AuditContext.before`` says in its facts where the plain model came from. Changes are with mitigation minus without: quality
(the cost), rates by group, gaps and spreads between groups, and who gains or loses the favourable outcome. Stable API: the audit's name
and its metrics.

Metrics: those of ``rai_audits.fairness.compared`` (``<rate>_change``, ``<rate>_gap_change``, ``roc_auc_change``), ``balanced_accuracy_change``,
``demographic_parity_difference_change`` and ``equalized_odds_difference_change`` (see ``spread_change``), the levels that they start from and
end at (``before_...`` and ``after_...``), ``favourable_gained_share`` and ``favourable_lost_share`` (of all rows of a group), and
``favourable_flip_p_value`` (McNemar's mid-p for as many gains as losses).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import AuditContext, AuditOutput, PlainDecisions, UsageError, audit
from rai_audits.fairness.before_after import flipped, levels, rate
from rai_audits.fairness.compared import compare
from rai_audits.fairness.describe import Describer
from rai_audits.fairness.grouped import estimated, evaluated, grouping, smallest_group, without_weights
from rai_audits.fairness.spread import METHOD as SPREAD
from rai_audits.fairness.spread import spread
from rai_audits.fairness.spread_change import METHOD as SPREAD_CHANGE
from rai_audits.fairness.spread_change import spread_change, spreads_by_name, total_for
from rai_audits.fairness.tallies import Tally
from rai_audits.stats.paired import Difference, PairedCounts, difference_of, paired_counts, tango
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt
    import pandas as pd

    from rai_audits.core import Measurement
    from rai_audits.fairness.spread_change import Rates
    from rai_audits.stats.interval import Side

    Mask = npt.NDArray[np.bool_]

NAME = "mitigation_effect"
_HALVES = "square-and-add of the two rates"
_WORDS = {
    "selection_rate": "rows",
    "true_positive_rate": "rows labelled positive",
    "false_positive_rate": "rows labelled negative",
}


def measure(context: AuditContext) -> AuditOutput:
    """Compare decisions with and without mitigation. Raises ``UsageError`` where there is nothing to compare with."""
    if context.before is None:
        raise UsageError(
            f"audit {NAME} compares a model with its twin without mitigation, and this one has no such twin"
        )
    smallest = smallest_group(context, NAME)
    after = evaluated(context, "row_id", "label", "prediction")
    twin = context.before()
    before = twin.predictions
    found = compare(
        before,
        after,
        context.task,
        confidence=context.confidence,
        min_group_rows=smallest,
        alphas=context.alphas,
        audit=NAME,
    )
    describe = Describer(NAME, context, weighted=False)
    unweighted = without_weights(after)
    outcomes = _outcomes(context, before, after)
    measured = [
        *levels(_describer_of(context, twin), "before", before, after, unweighted),
        *levels(describe, "after", after, after, unweighted),
        *_rates_by_label(describe, outcomes, after, unweighted),
        *_balanced_accuracy(describe, outcomes, unweighted),
        *(item for name in context.task.groups for item in _spreads(describe, outcomes, after, name, smallest)),
        *(item.model_copy(update={"split": context.eval_split}) for item in found.measurements),
        *(item for flip in found.flips for item in flipped(describe, flip, unweighted)),
    ]
    kept = context.artifacts.put_table("before_predictions", before.reset_index(drop=True))
    facts = {"before": dict(twin.facts), "rows": len(after), "row_weights": "not used" if unweighted else "none"}
    if context.task.positive is not None and not context.task.binary:
        # Ranking and rates by label are of one class here, where the audit of quality takes the mean over all.
        facts["one_against_rest"] = context.task.positive
    return AuditOutput(measurements=tuple(measured), artifacts={"before_predictions": kept}, facts=facts)


def _describer_of(context: AuditContext, twin: PlainDecisions) -> Describer:
    """Describes what the twin alone decided: by its own threshold, where the model has cutoffs by group or another one."""
    own = twin.facts.get("threshold")
    task = replace(context.task, threshold=own if isinstance(own, float) else None, by_group=None)
    return Describer(NAME, replace(context, task=task), weighted=False)


class _Outcome:
    """A rate as rows: which count, and which of them are successes before and after. All of shape (rows,)."""

    def __init__(self, before: Mask, after: Mask, trials: Mask) -> None:
        self.before, self.after, self.trials = before, after, trials

    def counts(self, rows: Mask) -> PairedCounts:
        mine = self.trials & rows
        return paired_counts(self.before[mine], self.after[mine])


def _outcomes(context: AuditContext, before: pd.DataFrame, after: pd.DataFrame) -> dict[str, _Outcome]:
    first, second = (table["prediction"].astype(str).to_numpy() for table in (before, after))
    label = after["label"].astype(str).to_numpy()
    every = np.ones(len(after), dtype=bool)
    found: dict[str, _Outcome] = {}
    if (wanted := context.task.favourable) is not None:
        found["selection_rate"] = _Outcome(first == wanted, second == wanted, every)
    if (named := context.task.positive) is not None:
        found["true_positive_rate"] = _Outcome(first == named, second == named, label == named)
        found["false_positive_rate"] = _Outcome(first == named, second == named, label != named)
    return found


def _rates_by_label(
    describe: Describer, outcomes: Mapping[str, _Outcome], after: pd.DataFrame, unweighted: str
) -> Iterator[Measurement]:
    """True and false positive rates of each group before and after."""
    for attribute, declared in describe.context.task.groups.items():
        cells = after[f"group:{attribute}"].astype(str).to_numpy()
        for group in sorted({*cells.tolist(), *declared}):
            for metric in ("true_positive_rate", "false_positive_rate"):
                if metric not in outcomes:
                    continue
                counts = outcomes[metric].counts(cells == group)
                for when, hits in (
                    ("before", counts.both + counts.first_only),
                    ("after", counts.both + counts.second_only),
                ):
                    yield rate(describe, f"{when}_{metric}", hits, counts.n, unweighted, attribute, group)


def _balanced_accuracy(describe: Describer, outcomes: Mapping[str, _Outcome], unweighted: str) -> Iterator[Measurement]:
    """Mean of true positive and true negative rate: half of one plus TPR minus FPR, whose rows are disjoint."""
    if "true_positive_rate" not in outcomes:
        return
    tpr, fpr = (outcomes[name] for name in ("true_positive_rate", "false_positive_rate"))
    one, other = tpr.counts(tpr.trials), fpr.counts(fpr.trials)
    n, method = one.n + other.n, _HALVES + unweighted
    names = ("before_balanced_accuracy", "after_balanced_accuracy", "balanced_accuracy_change")
    if min(one.n, other.n) == 0:
        for name in names:
            yield describe.gap(name, "only one class among the labels", method=method, n=n)
        return

    def level(counts: PairedCounts, after: bool, error: float) -> Difference:
        hits = counts.both + (counts.second_only if after else counts.first_only)
        ends = wilson(hits, counts.n, alpha=error)
        return Difference(hits / counts.n, float(ends.low), float(ends.high), counts.n)

    def change(counts: PairedCounts, error: float) -> Difference:
        ends = tango(counts, alpha=error)
        return Difference(counts.difference, float(ends.low), float(ends.high), counts.n)

    def at(place: int, error: float) -> Difference:
        if place == 2:
            return difference_of(change(one, error), change(other, error))
        return difference_of(level(one, place == 1, error), level(other, place == 1, error))

    for place, name in enumerate(names):
        shift = 0.0 if place == 2 else 1.0
        yield _number(describe, name, partial(at, place), method, n=n, shift=shift)


def _number(
    describe: Describer, metric: str, at: Callable[[float], Difference], method: str, *, n: int, shift: float
) -> Measurement:
    """Half of ``shift`` plus a difference whose interval is two-sided at a total error; one end of it errs half as often."""

    def ends(error: float, side: Side) -> tuple[float, float]:
        found = at(error if side == "two-sided" else 2 * error)
        return (shift + found.low) / 2, (shift + found.high) / 2

    return estimated(describe, metric, (shift + at(0.05).estimate) / 2, ends, method=method, n=n)


def _spreads(
    describe: Describer, outcomes: Mapping[str, _Outcome], after: pd.DataFrame, attribute: str, smallest: int
) -> Iterator[Measurement]:
    """Each spread before, after, and its change, over the groups with enough rows."""
    groups = grouping(describe.context, after, attribute, smallest)
    unweighted = without_weights(after)
    counted: dict[str, Rates] = {
        metric: tuple(outcome.counts(groups.rows(name)) for name in groups.eligible)
        for metric, outcome in outcomes.items()
    }
    for name, rates in spreads_by_name(counted).items():
        metrics = ["selection_rate"] if len(rates) == 1 else ["true_positive_rate", "false_positive_rate"]
        where: dict[str, Any] = {"attribute": attribute, "n": sum(counts.n for each in rates for counts in each)}
        reason = _missing(groups.eligible, metrics, rates)
        if reason:
            for metric, method in (
                (f"before_{name}", SPREAD),
                (f"after_{name}", SPREAD),
                (f"{name}_change", SPREAD_CHANGE),
            ):
                yield describe.gap(metric, reason, method=method + unweighted, **where)
            continue
        for when in ("before", "after"):
            tallies = [_tally(metric, each, when == "after") for metric, each in zip(metrics, rates, strict=True)]
            level = spread(tallies, describe.context.confidence)
            yield describe.number(
                f"{when}_{name}", level.estimate, level.low, level.high, method=SPREAD + unweighted, **where
            )
        yield _changed(describe, f"{name}_change", rates, SPREAD_CHANGE + unweighted, where)


def _changed(
    describe: Describer, metric: str, rates: Sequence[Rates], method: str, where: Mapping[str, Any]
) -> Measurement:
    def ends(error: float, side: Side) -> tuple[float, float]:
        found = spread_change(rates, alpha=error if side == "two-sided" else total_for(error))
        return found.low, found.high

    return estimated(describe, metric, spread_change(rates).estimate, ends, method=method, **where)


def _missing(eligible: Sequence[str], metrics: Sequence[str], rates: Sequence[Rates]) -> str:
    """Why a spread has no number; empty where it has one."""
    if len(eligible) < 2:
        return f"a spread needs two groups with enough rows, and there is {'one' if eligible else 'none'}"
    for metric, each in zip(metrics, rates, strict=True):
        for group, counts in zip(eligible, each, strict=True):
            if counts.n == 0:
                return f"no {_WORDS[metric]} in group {group!r}"
    return ""


def _tally(metric: str, counts: Rates, after: bool) -> Tally:
    hits = np.asarray([each.both + (each.second_only if after else each.first_only) for each in counts], dtype=np.int64)
    trials = np.asarray([each.n for each in counts], dtype=np.int64)
    return Tally(metric, _WORDS[metric], hits, trials, hits.astype(float), trials.astype(float))


AUDIT = audit(NAME, suite="fairness")(measure)
