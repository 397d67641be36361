"""Intervals over explained documents: of a mean share, and of a median."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special, stats

from rai_audits.core import Bound

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 2_000
MIN_DOCUMENTS = 5
"""Fewest documents a bootstrap interval is drawn from; below it resampling repeats the same few values."""

MEAN_METHOD = "mean over the drawn documents; expanded percentile bootstrap over documents (Hesterberg 2015)"
MEDIAN_METHOD = "median over documents; exact order-statistic interval"
_CELLS = 4_000_000


@dataclass(frozen=True)
class Estimate:
    """A number with its two-sided interval and the one-sided bounds that a gate may read."""

    value: float
    low: float
    high: float | Literal["unbounded"]
    bounds: tuple[Bound, ...]


def mean_of_shares(shares: Sequence[float], *, confidence: float, alphas: Sequence[float], seed: int) -> Estimate:
    """Mean of at least ``MIN_DOCUMENTS`` shares in [0, 1], by resampling documents.

    Percentiles are read further out than their nominal level, so that the interval is as wide as Student's rather than
    too narrow by sqrt((n - 1) / n) and more in small samples. Where half of the shares or more are one and the same value, resampling
    hardly sees the others that there may be: each end then also allows for one more document at 0, or at 1. ``shares`` in one fixed
    order give one result.
    """
    values = np.asarray(shares, dtype=np.float64)
    tied = 2 * int(np.unique(values, return_counts=True)[1].max()) >= len(values)
    low_means = _resampled_means(np.append(values, 0.0) if tied else values, seed)
    high_means = _resampled_means(np.append(values, 1.0), seed) if tied else low_means

    def quantile(error: float) -> float:
        """Point below which the mean lies with probability ``error`` at most."""
        reach = math.sqrt(len(values) / (len(values) - 1)) * float(stats.t.ppf(error, len(values) - 1))
        return float(np.quantile(low_means if error < 0.5 else high_means, float(special.ndtr(reach))))

    tail = (1 - confidence) / 2
    bounds: list[Bound] = []
    for alpha in alphas:
        bounds.append(Bound(side="lower", alpha=alpha, value=quantile(alpha), method=MEAN_METHOD))
        bounds.append(Bound(side="upper", alpha=alpha, value=quantile(1 - alpha), method=MEAN_METHOD))
    return Estimate(float(values.mean()), quantile(tail), quantile(1 - tail), tuple(bounds))


def median_of_errors(errors: Sequence[float], *, confidence: float, alphas: Sequence[float]) -> Estimate:
    """Median of at least one number that cannot be negative, with ends that are themselves observed values.

    The interval covers the median whatever the distribution. Few values set no upper limit: that end is ``unbounded``.
    """
    ordered = sorted(errors)
    tail = (1 - confidence) / 2
    bounds: list[Bound] = []
    for alpha in alphas:
        low, high = _median_low(ordered, alpha), _median_high(ordered, alpha)
        bounds.append(Bound(side="lower", alpha=alpha, value=low, method=MEDIAN_METHOD))
        bounds.append(Bound(side="upper", alpha=alpha, value=high, method=MEDIAN_METHOD))
    return Estimate(float(np.median(ordered)), _median_low(ordered, tail), _median_high(ordered, tail), tuple(bounds))


def _resampled_means(values: np.ndarray, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    at_once = max(1, _CELLS // len(values))
    pieces = [
        values[generator.integers(0, len(values), size=(min(at_once, RESAMPLES - done), len(values)))].mean(axis=1)
        for done in range(0, RESAMPLES, at_once)
    ]
    return np.concatenate(pieces)


def _rank(count: int, error: float) -> int:
    """Largest k with P(Binomial(count, 1/2) < k) at most ``error``; 0 when there is none."""
    return int(np.searchsorted(stats.binom.cdf(np.arange(count), count, 0.5), error, side="right"))


def _median_low(ordered: Sequence[float], error: float) -> float:
    rank = _rank(len(ordered), error)
    return ordered[rank - 1] if rank else 0.0


def _median_high(ordered: Sequence[float], error: float) -> float | Literal["unbounded"]:
    rank = _rank(len(ordered), error)
    return ordered[len(ordered) - rank] if rank else "unbounded"
