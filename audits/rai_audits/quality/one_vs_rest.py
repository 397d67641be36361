"""Macro one-versus-rest AUC for more than two classes, with a variance.

Use where each row has a score per class. Every class that has rows is set against all others, and the areas are averaged with equal
weight. The areas share rows, so their covariance counts: the variance is that of the mean of per-row influence
values (the placement values of DeLong, DeLong and Clarke-Pearson 1988, summed over classes), not a mean of variances.
A row bootstrap would give the same width for far more work, and none at all at a perfect ranking. Stable API.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.stats.auc import Auc, share_below
from rai_audits.stats.weights import effective_rows

if TYPE_CHECKING:
    import numpy.typing as npt

    from rai_audits.stats.interval import FloatArray


@dataclass(frozen=True)
class _Area:
    """Area of one class against the rest and each row's influence on it."""

    estimate: float
    influence: FloatArray


def one_vs_rest_auc(scores: FloatArray, references: npt.NDArray[np.int64], weights: FloatArray | None = None) -> Auc:
    """Macro area for scores of shape (n, classes) and labels as codes.

    Classes without rows are left out; with fewer than two left the estimate is NaN. ``n_pos`` and ``n_neg`` (and their
    effective counts) are those of the smallest class and its rest, so that an interval that falls back on counts errs on the wide side.
    """
    each = np.ones(len(references)) if weights is None else weights
    present = np.unique(references)
    if len(present) < 2:
        return Auc(math.nan, math.nan, 0, len(references), 0.0, float(len(references)))
    areas = [_area(scores[:, code], references == code, each) for code in present]
    influence = np.mean([area.influence for area in areas], axis=0)
    variance = 0.0
    for code in present:
        own = influence[references == code]
        variance += float((own**2).sum()) * len(own) / (len(own) - 1) if len(own) > 1 else math.nan
    smallest = references == min(present, key=lambda code: each[references == code].sum())
    return Auc(
        estimate=float(np.mean([area.estimate for area in areas])),
        variance=variance,
        n_pos=int(smallest.sum()),
        n_neg=int((~smallest).sum()),
        effective_pos=effective_rows(each[smallest]),
        effective_neg=effective_rows(each[~smallest]),
    )


def _area(scores: FloatArray, positive: npt.NDArray[np.bool_], weights: FloatArray) -> _Area:
    """Area and influence: each row's placement less the area, times its share of its own side's weight."""
    pos, neg = weights[positive], weights[~positive]
    placement = np.empty(len(scores))
    placement[positive] = share_below(scores[positive], scores[~positive], neg)
    placement[~positive] = 1 - share_below(scores[~positive], scores[positive], pos)
    share = np.where(positive, weights / pos.sum(), weights / neg.sum())
    estimate = float((placement * share)[positive].sum())
    return _Area(estimate=estimate, influence=(placement - estimate) * share)
