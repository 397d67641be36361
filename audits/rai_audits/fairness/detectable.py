"""The smallest gap in selection rates that the rows could show, so that "no difference found" is read for what it is worth.

Use from the group audit. Stable within this package. Each eligible group is set against the largest other one: a reference chosen by its
rows alone, so that the rates cannot choose it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.fairness.pair_measurements import pair_place
from rai_audits.stats.power import smallest_detectable_gap
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_audits.core import Measurement
    from rai_audits.fairness.describe import Describer
    from rai_audits.fairness.pair_measurements import Comparison
    from rai_audits.fairness.tallies import Tally

METRIC = "smallest_detectable_gap"
POWER = 0.8
"""Customary chance to see a gap (Cohen 1988); a smaller gap goes unseen more often than once in five samples."""

METHOD = "shown, not gated: power of 80 % of the two-sided score test, at the reference's observed rate (interval: at its Wilson ends)"


def detectable_gaps(describe: Describer, comparison: Comparison, selection: Tally) -> Iterator[Measurement]:
    """By how much a group's selection rate must fall short of the reference's to be seen. ``selection`` has one entry per eligible group."""
    groups = len(comparison.eligible)
    if groups < 2:
        return
    largest = np.argsort(-selection.trials, kind="stable")
    for place in range(groups):
        reference = int(largest[0] if largest[0] != place else largest[1])
        yield _gap(describe, comparison, selection, place, reference)


def _gap(describe: Describer, comparison: Comparison, selection: Tally, place: int, reference: int) -> Measurement:
    where = pair_place(comparison, place, reference, selection)
    method = describe.method(METHOD)
    alpha = 1 - describe.context.confidence
    sizes = selection.effective_trials
    found = wilson(selection.effective_successes[reference], sizes[reference], alpha=alpha)

    def gap_at(rate: float) -> float:
        gap = smallest_detectable_gap(sizes[place], rate, sizes[reference], alpha=alpha, power=POWER)
        return math.inf if gap is None else gap

    point = gap_at(float(selection.rate[reference]))
    if math.isinf(point):
        reason = (
            f"too few rows, or too low a rate in group {comparison.eligible[reference]!r}: "
            "even a rate of 0 would be seen in fewer than 80 % of samples"
        )
        return describe.gap(METRIC, reason, method=method, **where)
    ends = (gap_at(float(found.low)), gap_at(float(found.high)))
    return describe.number(METRIC, point, min(*ends, point), max(*ends, point), method=method, **where)
