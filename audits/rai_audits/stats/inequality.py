"""How unevenly a benefit falls: generalized entropy, Theil's index and differential fairness, from counts.

Use from the inequality audit. Stable API. Benefits are whole numbers 0, 1, 2, ... given by how many rows have each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rai_audits.stats.interval import FloatArray, divide

if TYPE_CHECKING:
    import numpy.typing as npt

ALPHA = 2.0
"""Sensitivity of the generalized entropy index: 2 is half the squared coefficient of variation."""


def entropy_index(values: FloatArray, counts: FloatArray, *, alpha: float) -> FloatArray:
    """Generalized entropy (Speicher et al. 2018, arXiv:1807.00787) over the last axis; ``alpha`` 1 is Theil's index.

    ``counts`` says how many rows have each of ``values``. NaN where there are no rows or all values are 0.
    """
    total = counts.sum(axis=-1)
    mean = divide((counts * values).sum(axis=-1), total, otherwise=np.nan)
    relative = divide(values, np.broadcast_to(mean[..., None], counts.shape), otherwise=np.nan)
    if alpha == 1.0:
        each = relative * np.log(np.where(relative > 0, relative, 1.0))
    else:
        each = (relative**alpha - 1) / (alpha * (alpha - 1))
    return np.asarray((counts * each).sum(axis=-1) / np.where(total > 0, total, np.nan), dtype=np.float64)


def benefit_entropy(counts: FloatArray, *, alpha: float) -> FloatArray:
    """Index over rows. ``counts`` has shape (..., groups, benefits)."""
    pooled = counts.sum(axis=-2)
    return entropy_index(np.arange(pooled.shape[-1], dtype=np.float64) + np.zeros_like(pooled), pooled, alpha=alpha)


def between_entropy(counts: FloatArray, *, alpha: float) -> FloatArray:
    """Between-group part: the index when every row has the mean benefit of its group. Groups without rows have no part."""
    sizes = counts.sum(axis=-1)
    benefit = np.arange(counts.shape[-1], dtype=np.float64)
    means = divide((counts * benefit).sum(axis=-1), sizes, otherwise=0.0)
    return entropy_index(means, sizes, alpha=alpha)


def smoothed_epsilon(successes: npt.ArrayLike, trials: npt.ArrayLike, *, concentration: float = 1.0) -> float:
    """Differential fairness epsilon of two outcomes (Foulds et al. 2020, ICDE, equation 7): largest absolute log ratio of rates.

    Rates are (k + concentration / 2) / (n + concentration), a symmetric Dirichlet prior. Raises ``ValueError`` for under two groups.
    """
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if k.size < 2:
        raise ValueError("epsilon needs two groups")
    rates = (k + concentration / 2) / (n + concentration)
    return float(max(np.ptp(np.log(rates)), np.ptp(np.log1p(-rates))))
