"""Brier score: squared error of probabilities, row by row, so that its mean has an ordinary interval.

Two classes: (p - y)^2 of the positive class, from 0 to 1. More classes: summed over classes as in Brier (1950), from 0 to 2.
Stable API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from rai_audits.stats.interval import FloatArray

_ROUNDING = 1e-6
_SUM_ROUNDING = 1e-3
"""Sums of half-precision probabilities are off by this much."""


def binary_losses(probabilities: FloatArray, positive: npt.NDArray[np.bool_]) -> FloatArray:
    """Loss of each row, shape (n,), from the probability of the positive class."""
    return np.asarray((probabilities - positive) ** 2, dtype=np.float64)


def multiclass_losses(probabilities: FloatArray, references: npt.NDArray[np.int64]) -> FloatArray:
    """Loss of each row, shape (n,), from probabilities of shape (n, classes) and labels as codes."""
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(references)), references] = 1.0
    return np.asarray(((probabilities - truth) ** 2).sum(axis=1), dtype=np.float64)


def are_probabilities(scores: FloatArray) -> bool:
    """True when all lie in [0, 1] and, for scores of shape (n, classes), rows sum to 1, each up to rounding."""
    if not np.isfinite(scores).all() or (scores < -_ROUNDING).any() or (scores > 1 + _ROUNDING).any():
        return False
    return scores.ndim == 1 or bool((np.abs(scores.sum(axis=1) - 1) <= _SUM_ROUNDING).all())
