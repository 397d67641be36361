"""Reliability of probabilities in bins of like score, with bounds that hold at small n.

Use from the calibration audit. Stable API: ``reliability``, ``Reliability``. Scores are taken as given and outcomes as drawn, so bins are
made from scores alone and every statement is about the binned probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from rai_audits.stats.interval import tail
from rai_audits.stats.ranked import bin_starts
from rai_audits.stats.rates import clopper_pearson, wilson

if TYPE_CHECKING:
    import numpy.typing as npt

    from rai_audits.stats.interval import FloatArray, Side

MIN_BIN_ROWS = 20
"""Fewest rows that a bin is made for; below it a bin's observed rate says next to nothing."""


@dataclass(frozen=True)
class Ends:
    """Lower and upper end of an interval; a one-sided bound leaves the other end at the limit of the range."""

    low: float
    high: float


@dataclass(frozen=True)
class Reliability:
    """Bins in order of score, arrays of shape (bins,): rows, outcomes that happened, mean score."""

    rows: FloatArray
    happened: FloatArray
    mean_score: FloatArray

    @property
    def share(self) -> FloatArray:
        """Share of all rows in each bin."""
        return np.asarray(self.rows / self.rows.sum(), dtype=np.float64)

    @property
    def rate(self) -> FloatArray:
        """Observed rate in each bin."""
        return self.happened / self.rows

    @property
    def gap(self) -> FloatArray:
        """Mean score minus observed rate: above 0 where the model is too sure that it happens."""
        return np.asarray(self.mean_score - self.rate, dtype=np.float64)

    @property
    def standard_error(self) -> FloatArray:
        """Of the observed rate, with half a row added to either side so that it is never 0."""
        return _binomial_error(self.happened, self.rows)

    @property
    def null_error(self) -> FloatArray:
        """Standard error of the observed rate if the scores are right: the one that a test of calibration stands on."""
        return _binomial_error(self.mean_score * self.rows, self.rows)

    def in_the_large(self) -> float:
        """Mean score minus observed rate over all rows (calibration-in-the-large)."""
        return float((self.share * self.gap).sum())

    def in_the_large_ends(self, alpha: float, side: Side) -> Ends:
        """Mean score minus Wilson's ends of the observed rate: at least the level, as unequal chances vary less than equal ones."""
        flipped: Side = {"two-sided": "two-sided", "lower": "upper", "upper": "lower"}[side]  # type: ignore[assignment]
        interval = wilson(self.happened.sum(), self.rows.sum(), alpha=alpha, side=flipped)
        score = float((self.share * self.mean_score).sum())
        return Ends(score - float(interval.high), score - float(interval.low))

    def error(self) -> float:
        """Plug-in expected calibration error: biased upward, since noise in each bin adds to its absolute gap."""
        return float((self.share * np.abs(self.gap)).sum())

    def debiased_error(self) -> float:
        """Expected calibration error less its bias, after Kumar, Liang and Ma (2019), at least 0.

        The bias of a bin is the mean of a folded normal around its gap minus that gap.
        """
        gap, spread = np.abs(self.gap), self.standard_error
        folded = spread * np.sqrt(2 / np.pi) * np.exp(-(gap**2) / (2 * spread**2)) + gap * (
            1 - 2 * stats.norm.cdf(-gap / spread)
        )
        return max(0.0, float((self.share * (2 * gap - folded)).sum()))

    def error_ends(self, alpha: float, side: Side) -> Ends:
        """Bounds of the expected calibration error, from the chi-square of the standardised gaps.

        Their sum of squares follows a non-central chi-square; its bound on the non-centrality limits the weighted sum of absolute gaps by
        Cauchy-Schwarz above and, below, by the case where one bin carries it all, or by the gap over all rows where that says more.
        A percentile bootstrap would exclude 0 when calibration is perfect.
        """
        each = tail(alpha, side)
        high, low = 1.0, 0.0
        if side != "lower":
            weight = self.share * self.standard_error
            statistic = float(((self.gap / self.standard_error) ** 2).sum())
            high = float(np.sqrt(_non_centrality(statistic, self.rows.size, each) * (weight**2).sum()))
        if side != "upper":
            weight = self.share * self.null_error
            statistic = float(((self.gap / self.null_error) ** 2).sum())
            single = float(weight.min() * np.sqrt(_non_centrality(statistic, self.rows.size, 1 - each / 2)))
            whole = self.in_the_large_ends(each, "two-sided")
            low = max(single, whole.low, -whole.high, 0.0)
        return Ends(min(low, 1.0), min(high, 1.0))

    def largest_gap(self) -> float:
        """Largest absolute gap of a bin (maximum calibration error)."""
        return float(np.abs(self.gap).max())

    def largest_gap_ends(self, alpha: float, side: Side) -> Ends:
        """Bounds of the largest gap from exact intervals that hold in all bins at once (Bonferroni)."""
        each = clopper_pearson(self.happened, self.rows, alpha=2 * tail(alpha, side) / self.rows.size)
        above, below = self.mean_score - each.low, each.high - self.mean_score
        far = np.maximum(above, below)
        near = np.maximum(0.0, -np.minimum(above, below))
        return Ends(0.0 if side == "upper" else float(near.max()), 1.0 if side == "lower" else float(far.max()))


def reliability(scores: npt.ArrayLike, happened: npt.ArrayLike, bins: int) -> Reliability:
    """Bins with about the same number of rows; equal scores share a bin, so fewer bins than asked may come back.

    ``scores`` are probabilities of what ``happened`` (truth values), one entry per row. No more bins are made than leave
    ``MIN_BIN_ROWS`` rows in each. The result does not depend on the order of rows. Raises ``ValueError`` without rows.
    """
    score, outcome = np.asarray(scores, dtype=np.float64), np.asarray(happened, dtype=bool)
    if score.size == 0:
        raise ValueError("there are no rows")
    order = np.lexsort((outcome, score))
    score, outcome = score[order], outcome[order]
    starts = bin_starts(score, bins, MIN_BIN_ROWS)
    rows = np.diff([*starts, score.size]).astype(np.float64)
    return Reliability(
        rows=rows,
        happened=np.add.reduceat(outcome.astype(np.float64), starts),
        mean_score=np.add.reduceat(score, starts) / rows,
    )


def _binomial_error(happened: FloatArray, rows: FloatArray) -> FloatArray:
    rate = (happened + 0.5) / (rows + 1)
    return np.asarray(np.sqrt(rate * (1 - rate) / rows), dtype=np.float64)


def _non_centrality(statistic: float, freedom: int, error: float) -> float:
    """Non-centrality under which a chi-square of these degrees of freedom stays at or below ``statistic`` with chance ``error``."""
    if stats.chi2.cdf(statistic, freedom) <= error:
        return 0.0
    from scipy.optimize import brentq

    high = statistic + 10 * np.sqrt(statistic + freedom) + 50
    while stats.ncx2.cdf(statistic, freedom, high) > error:
        high *= 2
    return float(brentq(lambda value: stats.ncx2.cdf(statistic, freedom, value) - error, 1e-9, high))
