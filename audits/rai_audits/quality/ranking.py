"""Average precision of a ranking, for one set of row weights or for many at once.

Use for point estimates (weights of 1) and for bootstrap replicates (weights are how often each row was drawn). Stable API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from rai_audits.stats.interval import FloatArray


@dataclass(frozen=True)
class Ranking:
    """Rows from the highest score down. ``ties`` are positions of the last row of each run of equal scores."""

    order: npt.NDArray[np.intp]
    ties: npt.NDArray[np.intp]
    positive: npt.NDArray[np.bool_]


def rank(scores: FloatArray, positive: npt.NDArray[np.bool_]) -> Ranking:
    """Sort rows by score; ``positive`` says which are of the positive class. Both have shape (n,)."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(ranked[1:] != ranked[:-1], True) if len(ranked) else np.zeros(0, dtype=bool)
    return Ranking(order=order, ties=np.flatnonzero(last), positive=positive[order])


def average_precision(ranking: Ranking, weights: FloatArray) -> FloatArray:
    """Sum of precision times the rise in recall, over distinct scores: no interpolation, ties taken together.

    ``weights`` has shape (..., n), in the order of the rows given to ``rank``. NaN where no positive row has weight.
    """
    ranked = weights[..., ranking.order]
    decided = np.cumsum(ranked, axis=-1)[..., ranking.ties]
    hits = np.cumsum(np.where(ranking.positive, ranked, 0.0), axis=-1)[..., ranking.ties]
    precision = np.divide(hits, decided, out=np.zeros_like(hits), where=decided > 0)
    rise = np.diff(hits, axis=-1, prepend=0.0)
    total = hits[..., -1]
    mean = np.divide((precision * rise).sum(axis=-1), total, out=np.full(total.shape, np.nan), where=total > 0)
    return np.asarray(mean, dtype=np.float64)
