"""Ends of the intervals of many ratios, worked out for all of them at once. Stable within this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rai_audits.stats.ratios import ratio_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_audits.fairness.grouped import EndsOf
    from rai_audits.stats.interval import FloatArray, Side


class RatioEnds:
    """``ratio_bound`` of a list of pairs: each level and side is computed once, for every pair, when it is first asked for.

    ``counts`` holds selected and all rows of a group, then of its reference. One search over 12,000 pairs takes a fraction of a second;
    12,000 searches take a minute.
    """

    def __init__(self, counts: Sequence[tuple[int, int, int, int]]) -> None:
        self._counts = np.asarray(counts, dtype=np.float64).reshape(-1, 4).T
        self._known: dict[tuple[float, Side], tuple[FloatArray, FloatArray]] = {}

    def of(self, place: int) -> EndsOf:
        """Ends of the pair at ``place``, as ``grouped.estimated`` asks for them."""

        def ends(alpha: float, side: Side) -> tuple[float, float]:
            low, high = self._all(alpha, side)
            return float(low[place]), float(high[place])

        return ends

    def _all(self, alpha: float, side: Side) -> tuple[FloatArray, FloatArray]:
        if (alpha, side) not in self._known:
            found = ratio_bound(*self._counts, alpha=alpha, side=side)
            self._known[alpha, side] = found.low, found.high
        return self._known[alpha, side]
