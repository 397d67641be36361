"""Area under the ROC curve: estimate, DeLong variance and an interval that stays inside [0, 1].

Use for every AUC (overall, subgroup, cross-group): give scores of the two classes that are compared. Stable API. Where one class is
absent the estimate is NaN and the interval [0, 1]; audits store that as ``not_estimable``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.stats.interval import FloatArray, Interval, Side, normal_quantile, tail
from rai_audits.stats.weights import effective_rows

if TYPE_CHECKING:
    import numpy.typing as npt

_HALVINGS = 64


@dataclass(frozen=True)
class Auc:
    """Area under the curve. ``variance`` is NaN where it cannot be estimated (a class with fewer than two rows).

    With weights ``effective_pos`` and ``effective_neg`` are (sum w)^2 / sum w^2; without, the numbers of rows.
    """

    estimate: float
    variance: float
    n_pos: int
    n_neg: int
    effective_pos: float
    effective_neg: float


def auc(
    positive_scores: npt.ArrayLike,
    negative_scores: npt.ArrayLike,
    *,
    positive_weights: npt.ArrayLike | None = None,
    negative_weights: npt.ArrayLike | None = None,
) -> Auc:
    """Chance that a random positive scores above a random negative, ties counted half.

    Variance by the placement values of DeLong, DeLong and Clarke-Pearson (1988), in n log n; with weights, the same
    linearisation with weighted placements. Raises ``ValueError`` for a score that is no number or a weight that is not above 0.
    """
    pos, pos_weights = _sample(positive_scores, positive_weights)
    neg, neg_weights = _sample(negative_scores, negative_weights)
    effective = [effective_rows(pos_weights), effective_rows(neg_weights)]
    if not pos.size or not neg.size:
        return Auc(math.nan, math.nan, pos.size, neg.size, *effective)
    of_pos = share_below(pos, neg, neg_weights)
    of_neg = 1 - share_below(neg, pos, pos_weights)
    estimate = float(np.clip(np.average(of_pos, weights=pos_weights), 0.0, 1.0))
    variance = _variance_of_mean(of_pos, pos_weights) + _variance_of_mean(of_neg, neg_weights)
    return Auc(estimate, variance, pos.size, neg.size, *effective)


def auc_interval(result: Auc, *, alpha: float = 0.05, side: Side = "two-sided") -> Interval:
    """Interval on the logit scale (Pepe 2003), mapped back. ``alpha`` is the total error.

    At an estimate of 0 or 1, or without a usable variance, DeLong's interval would have no width or not exist. There the score
    interval of Newcombe (2006, Statistics in Medicine 25, method 5) stands instead: all areas from which the estimate lies
    within z standard errors by Hanley and McNeil's variance.
    """
    z = normal_quantile(tail(alpha, side))
    if math.isnan(result.estimate):
        low, high = 0.0, 1.0
    elif 0.0 < result.estimate < 1.0 and result.variance > 0.0:
        low, high = _logit_ends(result.estimate, math.sqrt(result.variance), z)
    else:
        low, high = _score_ends(result, z)
    return Interval(np.asarray(0.0 if side == "upper" else low), np.asarray(1.0 if side == "lower" else high))


def _sample(scores: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    values = np.asarray(scores, dtype=np.float64)
    each = np.ones_like(values) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.ndim != 1 or each.shape != values.shape:
        raise ValueError("scores and weights must be one-dimensional and of the same length")
    if np.isnan(values).any():
        raise ValueError("scores must be numbers")
    if not (np.isfinite(each) & (each > 0)).all():
        raise ValueError("weights must be above 0")
    return values, each


def share_below(values: FloatArray, others: FloatArray, weights: FloatArray) -> FloatArray:
    """Weighted share of ``others`` below each value, equal ones counted half."""
    order = np.argsort(others, kind="stable")
    ranked = others[order]
    cumulative = np.concatenate([[0.0], np.cumsum(weights[order])])
    below = cumulative[np.searchsorted(ranked, values, side="left")]
    up_to = cumulative[np.searchsorted(ranked, values, side="right")]
    return np.asarray((below + up_to) / (2 * cumulative[-1]), dtype=np.float64)


def _variance_of_mean(placements: FloatArray, weights: FloatArray) -> float:
    """Variance of a weighted mean; with equal weights, the sample variance over n. NaN for a single row."""
    if placements.size < 2:
        return math.nan
    mean = np.average(placements, weights=weights)
    shares = weights / weights.sum()
    return float((shares**2 * (placements - mean) ** 2).sum() * placements.size / (placements.size - 1))


def _logit_ends(estimate: float, error: float, z: float) -> tuple[float, float]:
    middle = math.log(estimate / (1 - estimate))
    half = z * error / (estimate * (1 - estimate))
    ends = np.clip([middle - half, middle + half], -700.0, 700.0)
    low, high = 1 / (1 + np.exp(-ends))
    return float(low), float(high)


def _score_ends(result: Auc, z: float) -> tuple[float, float]:
    return (
        _score_end(result, z, beyond=0.0) if result.estimate > 0 else 0.0,
        _score_end(result, z, beyond=1.0) if result.estimate < 1 else 1.0,
    )


def _score_end(result: Auc, z: float, beyond: float) -> float:
    """Farthest area towards ``beyond`` that the estimate does not reject, by bisection."""
    inside, outside = result.estimate, beyond
    for _ in range(_HALVINGS):
        area = (inside + outside) / 2
        if abs(area - result.estimate) <= z * math.sqrt(_hanley_mcneil(area, result)):
            inside = area
        else:
            outside = area
    return (inside + outside) / 2


def _hanley_mcneil(area: float, result: Auc) -> float:
    """Variance of an area under exponential scores (Hanley and McNeil 1982) with Newcombe's symmetric N* = (m + n) / 2."""
    m, n = result.effective_pos, result.effective_neg
    others = (m + n) / 2 - 1
    return area * (1 - area) * (1 + others * (1 - area) / (2 - area) + others * area / (1 + area)) / (m * n)
