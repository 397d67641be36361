"""Bootstrap of score metrics: rows are sorted once, and every replicate is a weighting of the sorted rows.

Use for the AUC, calibration error and other metrics of scores where rows carry weights or where a metric has no interval of its own. Stable API.
For a plain AUC ``auc.auc_interval`` is closed form, and for a gate on calibration ``robustness.reliability`` has bounds that hold.

Rows are put in one canonical order (score, class, weight) before anything is drawn. Rows that share all three are exchangeable, so the same
rows in another order, or brought together from other parts, give the same replicates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.stats.resample import percentiles
from rai_audits.stats.weights import effective_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from rai_audits.stats.interval import BoolArray, FloatArray

_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Ranked:
    """Rows in canonical order, arrays of shape (n,): scores rising, class, weight. ``starts`` are the first rows of runs of equal scores."""

    scores: FloatArray
    positive: BoolArray
    weights: FloatArray
    starts: npt.NDArray[np.intp]

    @property
    def effective_n(self) -> float:
        """Kish's effective number of rows."""
        return effective_rows(self.weights)


@dataclass(frozen=True)
class RankedInterval:
    """Estimate and ends. ``undefined`` is the share of replicates without a value (a class was not drawn), left out of the interval."""

    estimate: float
    low: float
    high: float
    undefined: float
    effective_n: float


def ranked(scores: npt.ArrayLike, positive: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Ranked:
    """Rows in canonical order. Raises ``ValueError`` for arrays of unlike length, a score that is no number or a weight that is not above 0."""
    score, yes = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    each = np.ones(score.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if score.ndim != 1 or yes.shape != score.shape or each.shape != score.shape:
        raise ValueError("scores, classes and weights must be one-dimensional and of the same length")
    if not np.isfinite(score).all():
        raise ValueError("scores must be numbers")
    if not (np.isfinite(each) & (each > 0)).all():
        raise ValueError("weights must be above 0")
    order = np.lexsort((each, yes, score))
    score = score[order]
    first = np.append(True, score[1:] != score[:-1]) if score.size else np.zeros(0, dtype=bool)
    return Ranked(score, yes[order], each[order], np.flatnonzero(first))


def replicate_rows(
    rows: Ranked,
    statistic: Callable[[FloatArray], FloatArray],
    replicates: int = 1000,
    seed: int = 0,
    *,
    by_class: bool = False,
) -> FloatArray:
    """Values of ``statistic`` in samples of n rows drawn with replacement, replicates first.

    ``statistic`` takes (block, n) weights, how often each row of ``rows`` was drawn times its own weight, and gives (block, ...). With
    ``by_class`` the numbers of positives and negatives stay as they are. Raises ``ValueError`` without rows.
    """
    size = rows.scores.size
    if size == 0 or replicates < 1:
        raise ValueError("a bootstrap needs rows and at least 1 replicate")
    strata = [np.flatnonzero(rows.positive), np.flatnonzero(~rows.positive)] if by_class else [np.arange(size)]
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS_AT_ONCE // size)
    pieces = []
    for done in range(0, replicates, block):
        times = np.zeros((min(block, replicates - done), size))
        for taken in times:
            for places in strata:
                taken[places] = np.bincount(rng.integers(0, max(places.size, 1), places.size), minlength=places.size)
        pieces.append(np.asarray(statistic(times * rows.weights), dtype=np.float64))
    return np.concatenate(pieces)


def weighted_auc(rows: Ranked, weights: FloatArray) -> FloatArray:
    """Area under the ROC curve for weights (..., n) of the sorted rows, ties counted half; NaN where a class has no weight."""
    of_pos = np.add.reduceat(np.where(rows.positive, weights, 0.0), rows.starts, axis=-1)
    of_neg = np.add.reduceat(np.where(rows.positive, 0.0, weights), rows.starts, axis=-1)
    below = np.cumsum(of_neg, axis=-1) - of_neg / 2
    pairs = of_pos.sum(axis=-1) * of_neg.sum(axis=-1)
    found = np.divide((of_pos * below).sum(axis=-1), pairs, out=np.full(np.shape(pairs), np.nan), where=pairs > 0)
    return np.asarray(found, dtype=np.float64)


def bin_gaps(rows: Ranked, weights: FloatArray, bins: Sequence[int]) -> FloatArray:
    """Signed gap of score and outcome in each bin as a share of all weight, shape (..., bins), for weights (..., n).

    ``bins`` are the first rows of bins, as ``bin_starts`` gives them. The absolute values add up to the expected calibration error (plug-in).
    """
    gaps = np.add.reduceat(weights * (rows.scores - rows.positive), bins, axis=-1)
    return np.asarray(gaps / weights.sum(axis=-1)[..., None], dtype=np.float64)


def auc_bootstrap(rows: Ranked, replicates: int = 1000, seed: int = 0, *, confidence: float = 0.95) -> RankedInterval:
    """Percentile interval (Efron 1979) of the AUC. NaN throughout where a class is missing."""
    values = replicate_rows(rows, lambda drawn: weighted_auc(rows, drawn), replicates, seed)
    low, high = percentiles(values, confidence)
    estimate = float(weighted_auc(rows, rows.weights))
    return RankedInterval(estimate, float(low), float(high), float(np.isnan(values).mean()), rows.effective_n)


def calibration_bootstrap(
    rows: Ranked, bins: Sequence[int], replicates: int = 1000, seed: int = 0, *, confidence: float = 0.95
) -> RankedInterval:
    """Interval of the expected calibration error in given bins, within [0, 1].

    The plug-in error is biased upward and each replicate repeats the bias: percentile and basic intervals exclude 0 under perfect calibration (the
    basic one in 20 % of samples of 400 rows and 5 bins). So the lower end is the error less the upper percentile of the noise alone, the sum over
    bins of how far a replicate's gap moved: by the triangle inequality the error cannot be farther off. The upper end is the
    percentile, whose bias is on the careful side.
    """
    gaps = replicate_rows(rows, lambda drawn: bin_gaps(rows, drawn, bins), replicates, seed)
    found = bin_gaps(rows, rows.weights, bins)
    estimate = float(np.abs(found).sum())
    _, high = percentiles(np.abs(gaps).sum(axis=-1), confidence)
    _, noise = percentiles(np.abs(gaps - found).sum(axis=-1), confidence)
    low = max(0.0, estimate - float(noise))
    return RankedInterval(estimate, low, min(1.0, max(float(high), estimate)), 0.0, rows.effective_n)


def bin_starts(scores: FloatArray, bins: int, smallest: int) -> list[int]:
    """First rows of bins with about the same number of rows each, for rising scores; equal scores share a bin.

    No bin has fewer than ``smallest`` rows, unless there are fewer in all, so fewer bins than asked may come back.
    """
    wanted = max(1, min(bins, scores.size // smallest))
    starts = [0]
    for place in range(1, wanted):
        start = int(np.searchsorted(scores, scores[place * scores.size // wanted], side="left"))
        if start - starts[-1] >= smallest and scores.size - start >= smallest:
            starts.append(start)
    return starts
