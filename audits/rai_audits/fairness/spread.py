"""Spreads over groups, shown beside the pairs: differences and ratios of demographic parity, equalized odds, equal opportunity.

Use to show one number per attribute; gates read the pairs. Stable within this package. Point estimates are those of Fairlearn: the
largest minus the smallest rate, and for equalized odds the larger of the spreads of true and false positive rates. A ratio is
the smallest over the largest rate, for equalized odds the smaller of both; it is bounded the same way with the sides exchanged.

The interval is built from the pairs, since a spread is the largest of all ordered differences. Upper end: the largest of the pairs'
upper bounds, each at half the error; the pair that truly differs most is one of them, so no correction is due. Lower end: the largest
of the pairs' lower bounds, each at half the error divided by the number of pairs; all hold at once with that error
(Bonferroni), so under equality zero is excluded in at most half the error. A percentile bootstrap of the spread excludes zero
almost always when all groups are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_audits.stats.differences import difference_bound
from rai_audits.stats.pairs import ordered_pairs
from rai_audits.stats.ratios import ratio_bound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rai_audits.core import Measurement
    from rai_audits.fairness.describe import Describer
    from rai_audits.fairness.pair_measurements import Comparison
    from rai_audits.fairness.tallies import Tally

METHOD = "shown, not gated: pairwise bounds (lower end Bonferroni over all ordered pairs)"
RATIO_METHOD = "shown, not gated: pairwise bounds (upper end Bonferroni over all ordered pairs)"


@dataclass(frozen=True)
class Spread:
    """Largest of the spreads given, with its interval."""

    estimate: float
    low: float
    high: float


def spread(tallies: Sequence[Tally], confidence: float) -> Spread:
    """Largest spread over groups among several rates; each tally needs trials in every one of its two or more groups."""
    error = (1 - confidence) / 2
    pairs = [ordered_pairs(tally.trials.size) for tally in tallies]
    family = sum(over.size for over, _ in pairs)
    low, high, estimate = 0.0, 0.0, 0.0
    for tally, (over, reference) in zip(tallies, pairs, strict=True):
        k, n = tally.effective_successes, tally.effective_trials
        counts = (k[over], n[over], k[reference], n[reference])
        low = max(low, float(difference_bound(*counts, alpha=error / family, side="lower").low.max()))
        high = max(high, float(difference_bound(*counts, alpha=error, side="upper").high.max()))
        estimate = max(estimate, float(tally.rate.max() - tally.rate.min()))
    return Spread(estimate=estimate, low=low, high=high)


def ratio_spread(tallies: Sequence[Tally], confidence: float) -> Spread:
    """Smallest over largest rate, the smallest among several rates; each tally needs trials in all groups and some success."""
    error = (1 - confidence) / 2
    pairs = [ordered_pairs(tally.trials.size) for tally in tallies]
    family = sum(over.size for over, _ in pairs)
    low, high, estimate = 1.0, 1.0, 1.0
    for tally, (over, reference) in zip(tallies, pairs, strict=True):
        k, n = tally.effective_successes, tally.effective_trials
        counts = (k[over], n[over], k[reference], n[reference])
        low = min(low, float(ratio_bound(*counts, alpha=error, side="lower").low.min()))
        high = min(high, float(ratio_bound(*counts, alpha=error / family, side="upper").high.min()))
        estimate = min(estimate, float(tally.rate.min() / tally.rate.max()))
    return Spread(estimate=estimate, low=low, high=high)


def spreads(describe: Describer, comparison: Comparison, rates: Mapping[str, Tally]) -> Iterator[Measurement]:
    """Spreads of one attribute over its eligible groups; ``rates`` has one entry per eligible group."""
    if "selection_rate" in rates:
        selection = [rates["selection_rate"]]
        yield _measured(describe, comparison, "demographic_parity_difference", selection)
        yield _measured(describe, comparison, "demographic_parity_ratio", selection, ratio=True)
    if "true_positive_rate" in rates:
        odds = [rates["true_positive_rate"], rates["false_positive_rate"]]
        yield _measured(describe, comparison, "equalized_odds_difference", odds)
        yield _measured(describe, comparison, "equalized_odds_ratio", odds, ratio=True)
        yield _measured(describe, comparison, "equal_opportunity_difference", odds[:1])


def _measured(
    describe: Describer, comparison: Comparison, metric: str, tallies: list[Tally], *, ratio: bool = False
) -> Measurement:
    n = sum(int(tally.trials.sum()) for tally in tallies)
    where: dict[str, Any] = {"attribute": comparison.attribute, "n": n}
    method = describe.method(RATIO_METHOD if ratio else METHOD)
    if len(comparison.eligible) < 2:
        reason = f"a spread needs two groups with enough rows, and there is {'one' if comparison.eligible else 'none'}"
        return describe.gap(metric, reason, method=method, **where)
    for tally in tallies:
        for group, trials in zip(comparison.eligible, tally.trials, strict=True):
            if trials == 0:
                return describe.gap(metric, f"no {tally.missing} in group {group!r}", method=method, **where)
        if ratio and not tally.successes.any():
            return describe.gap(metric, f"{tally.metric} is 0 in every group", method=method, **where)
    found = (ratio_spread if ratio else spread)(tallies, describe.context.confidence)
    return describe.number(metric, found.estimate, found.low, found.high, method=method, **where)
