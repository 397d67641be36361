"""Bootstrap of any function of counts, without touching rows.

Use for metrics of a confusion matrix that have no interval of their own (F1, Matthews correlation, balanced accuracy). Not for a
spread such as max minus min: its bootstrap interval excludes zero almost always when all groups are equal. Stable API.

Drawing n rows with replacement and counting them is drawing once from a multinomial with the observed shares, so 100,000 rows cost as
much as 100. The same seed, counts and order of groups give the same interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from rai_audits.stats.interval import FloatArray

_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class BootstrapInterval:
    """Percentile interval. ``undefined`` is the share of replicates in which the statistic was NaN; they are left out of it."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    undefined: FloatArray


def bootstrap_counts(
    counts: npt.ArrayLike,
    statistic: Callable[[FloatArray], FloatArray],
    replicates: int = 2000,
    seed: int = 0,
    *,
    confidence: float = 0.95,
) -> BootstrapInterval:
    """Percentile interval (Efron 1979) of ``statistic`` by multinomial draws.

    ``counts`` has shape (..., k): k cells of one multinomial (say TP, FP, FN, TN) for each group in the leading axes, whose
    totals stay fixed. ``statistic`` maps an array (..., k) to any shape without the last axis, vectorised over a new
    first axis of replicates, and gives NaN where it is undefined. Raises ``ValueError`` for negative or fractional counts.
    """
    values = replicate_counts(counts, statistic, replicates, seed)
    low, high = percentiles(values, confidence)
    return BootstrapInterval(
        estimate=np.asarray(statistic(np.asarray(counts, dtype=np.float64)), dtype=np.float64),
        low=low,
        high=high,
        undefined=np.asarray(np.isnan(values).mean(axis=0), dtype=np.float64),
    )


def replicate_counts(
    counts: npt.ArrayLike,
    statistic: Callable[[FloatArray], FloatArray],
    replicates: int = 2000,
    seed: int = 0,
    *,
    smoothing: float = 0.0,
) -> FloatArray:
    """Bootstrap values of ``statistic`` themselves, replicates first, for bounds at several levels from one set of draws.

    Arguments and errors as for ``bootstrap_counts``. ``smoothing`` is added to every cell before shares are taken (not to the
    totals): with 0 a cell that was never seen is never drawn, so a perfect table would have an interval without width.
    Draws are made a block at a time, which bounds memory and does not change them.
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim == 0 or (table < 0).any() or (table != np.floor(table)).any():
        raise ValueError("counts must be whole numbers, 0 or more, with the cells on the last axis")
    if replicates < 1:
        raise ValueError("replicates must be at least 1")
    totals = table.sum(axis=-1)
    shares = np.where(totals[..., None] > 0, table + smoothing, 1.0)
    shares = shares / shares.sum(axis=-1, keepdims=True)
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS_AT_ONCE // max(1, table.size))
    pieces = []
    for done in range(0, replicates, block):
        size = (min(block, replicates - done), *totals.shape)
        drawn = rng.multinomial(totals.astype(np.int64), shares, size=size)
        pieces.append(np.asarray(statistic(drawn.astype(np.float64)), dtype=np.float64))
    return np.concatenate(pieces)


def percentiles(values: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray]:
    """Lower and upper percentile of replicates on the first axis, without those that are NaN; NaN where all are."""
    tail = (1 - confidence) / 2
    never = np.isnan(values).all(axis=0)
    ends = np.nanquantile(np.where(never, 0.0, values), [tail, 1 - tail], axis=0)
    low, high = np.where(never, np.nan, ends)
    return np.asarray(low), np.asarray(high)
