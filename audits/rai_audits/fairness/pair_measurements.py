"""Impact ratios and differences of rates for all ordered pairs of groups, as measurements.

Use from the group audit. Stable within this package. Only eligible groups are compared: known ones with enough rows. A declared group
that is not eligible gets one measurement without a number, so that its absence is seen and nothing passes over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.fairness.describe import EXACT, SCORE, Describer, bound, end_methods
from rai_audits.stats.pairs import OneSided, PairBounds, PairTable, ordered_pairs, pair_differences, pair_ratios

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rai_audits.core import Bound, Measurement
    from rai_audits.fairness.tallies import Tally

DIFFERENCES = (
    "selection_rate",
    "true_positive_rate",
    "false_positive_rate",
    "positive_predictive_value",
    "accuracy",
)
"""Rates whose pairwise differences are measured, each as ``<rate>_difference``."""

_EITHER = f"{SCORE} or {EXACT}"


@dataclass(frozen=True)
class Comparison:
    """The groups of one attribute: which are compared, in order, and why the others are not (with their rows)."""

    attribute: str
    eligible: tuple[str, ...]
    not_eligible: Mapping[str, str]
    rows: Mapping[str, int]


def impact_ratios(describe: Describer, comparison: Comparison, selection: Tally) -> Iterator[Measurement]:
    """Selection rate of the group over that of the reference. ``selection`` has one entry per eligible group.

    Bounds: lower and upper uncorrected, upper corrected for all ordered pairs.
    """
    yield from _left_out(describe, comparison, "impact_ratio", "a ratio")
    if len(comparison.eligible) < 2:
        return
    table = pair_ratios(
        selection.effective_successes,
        selection.effective_trials,
        alphas=describe.context.alphas,
        confidence=describe.context.confidence,
    )
    for place, (over, reference) in enumerate(zip(table.over.tolist(), table.reference.tolist(), strict=True)):
        where = pair_place(comparison, over, reference, selection)
        if selection.successes[reference] == 0:
            reason = (
                f"no favourable outcome among the {selection.trials[reference]} rows of group "
                f"{comparison.eligible[reference]!r}, so nothing can be divided by its rate"
            )
            yield describe.gap("impact_ratio", reason, method=describe.method(_EITHER), **where)
            continue
        bounds = tuple(item for each in table.bounds for item in _bounds(describe, each, place, lower_corrected=False))
        yield _pair(describe, "impact_ratio", table, place, bounds, where)


def rate_differences(describe: Describer, comparison: Comparison, tally: Tally) -> Iterator[Measurement]:
    """Rate of the group minus rate of the reference. ``tally`` has one entry per eligible group.

    Bounds: lower and upper, uncorrected and corrected for all ordered pairs that have numbers.
    """
    metric = f"{tally.metric}_difference"
    yield from _left_out(describe, comparison, metric, "a difference")
    some = [place for place in range(len(comparison.eligible)) if tally.trials[place] > 0]
    over_all, reference_all = ordered_pairs(len(comparison.eligible))
    for over, reference in zip(over_all.tolist(), reference_all.tolist(), strict=True):
        empty = [comparison.eligible[place] for place in (over, reference) if tally.trials[place] == 0]
        if empty:
            where = pair_place(comparison, over, reference, tally)
            groups = " and ".join(repr(group) for group in empty)
            yield describe.gap(
                metric, f"no {tally.missing} in group {groups}", method=describe.method(_EITHER), **where
            )
    if len(some) < 2:
        return
    table = pair_differences(
        tally.effective_successes[some],
        tally.effective_trials[some],
        alphas=describe.context.alphas,
        confidence=describe.context.confidence,
    )
    for place, (over, reference) in enumerate(zip(table.over.tolist(), table.reference.tolist(), strict=True)):
        where = pair_place(comparison, some[over], some[reference], tally)
        bounds = tuple(item for each in table.bounds for item in _bounds(describe, each, place, lower_corrected=True))
        yield _pair(describe, metric, table, place, bounds, where)


def ratios_to_highest(describe: Describer, comparison: Comparison, selection: Tally) -> Iterator[Measurement]:
    """Impact ratio of each eligible group to the group with the highest selection rate: shown, without bounds.

    The interval is that of the pair. It takes the reference as given, though it was picked from the same data, which makes it
    too narrow; some rules (29 CFR 1607.4 D, New York City local law 144) name this ratio, so it is shown.
    """
    if len(comparison.eligible) < 2:
        return
    rates = selection.rate
    highest = int(np.argmax(rates))
    table = pair_ratios(
        selection.effective_successes, selection.effective_trials, alphas=(), confidence=describe.context.confidence
    )
    for place, group in enumerate(comparison.eligible):
        where = pair_place(comparison, place, highest, selection)
        if rates[highest] == 0:
            reason = "no group has a favourable outcome"
            yield describe.gap("impact_ratio_to_highest", reason, method="shown, not gated", **where)
        elif place == highest:
            where = {**where, "n": comparison.rows[group]}
            yield describe.number(
                "impact_ratio_to_highest", 1.0, 1.0, 1.0, method="shown, not gated: the reference", **where
            )
        else:
            at = int(np.flatnonzero((table.over == place) & (table.reference == highest))[0])
            method = end_methods(bool(table.interval.low_exact[at]), bool(table.interval.high_exact[at]))
            yield describe.number(
                "impact_ratio_to_highest",
                table.estimate[at],
                table.interval.low[at],
                table.interval.high[at],
                method=f"shown, not gated: {describe.method(method)}, as if the reference had been named beforehand",
                **where,
            )


def _left_out(describe: Describer, comparison: Comparison, metric: str, needs: str) -> Iterator[Measurement]:
    method = describe.method(_EITHER)
    for group, reason in comparison.not_eligible.items():
        yield describe.gap(
            metric,
            f"{reason} {needs} needs",
            method=method,
            n=comparison.rows[group],
            attribute=comparison.attribute,
            group=group,
        )
    if len(comparison.eligible) == 1:
        group = comparison.eligible[0]
        yield describe.gap(
            metric,
            f"{needs} needs two groups with enough rows, and there is one",
            method=method,
            n=comparison.rows[group],
            attribute=comparison.attribute,
            group=group,
        )


def pair_place(comparison: Comparison, over: int, reference: int, tally: Tally) -> dict[str, Any]:
    """What a measurement of two groups says about them; counts are those of both."""
    both: Sequence[int] = [over, reference]
    trials, successes = int(tally.trials[both].sum()), int(tally.successes[both].sum())
    return {
        "attribute": comparison.attribute,
        "group": comparison.eligible[over],
        "reference": comparison.eligible[reference],
        "n": trials,
        "n_pos": successes,
        "n_neg": trials - successes,
    }


def _pair(
    describe: Describer, metric: str, table: PairTable, place: int, bounds: tuple[Bound, ...], where: dict[str, Any]
) -> Measurement:
    interval = table.interval
    method = end_methods(bool(interval.low_exact[place]), bool(interval.high_exact[place]))
    return describe.number(
        metric,
        table.estimate[place],
        interval.low[place],
        interval.high[place],
        method=describe.method(method),
        bounds=bounds,
        **where,
    )


def _bounds(describe: Describer, each: PairBounds, place: int, *, lower_corrected: bool) -> Iterator[Bound]:
    def named(item: OneSided) -> tuple[float, str]:
        return float(item.value[place]), describe.method(EXACT if item.exact[place] else SCORE)

    yield bound("lower", each.alpha, *named(each.lower))
    yield bound("upper", each.alpha, *named(each.upper))
    if lower_corrected:
        yield bound("lower", each.alpha, *named(each.lower_corrected), each.family)
    yield bound("upper", each.alpha, *named(each.upper_corrected), each.family)
