"""Confident learning: how many labels look wrong, and which, from out-of-sample probabilities.

After Northcutt, Jiang and Chuang (2021), JAIR 70, 1373-1411, written anew. Use from the label noise audit. Stable API:
``confident_joint``, ``noise_rates``, ``ConfidentJoint``. The estimate holds where a class's mean self-confidence separates right from wrong
labels; a weak model inflates it, so it names suspects to look at and proves nothing about a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from rai_audits.stats.interval import FloatArray

_ROUNDING = 1e-9


@dataclass(frozen=True)
class ConfidentJoint:
    """What the probabilities say of n rows with k classes.

    ``thresholds``: mean probability of class j over rows labelled j, shape (k,), NaN without such rows. ``believed``: the class
    that each row is confidently of, -1 where none, shape (n,). ``counts``: rows by given label and believed class, (k, k).
    ``margin``: probability of the given label minus that of the most probable other one, (n,); low is suspect.
    """

    thresholds: FloatArray
    believed: npt.NDArray[np.int64]
    counts: FloatArray
    margin: FloatArray


def confident_joint(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> ConfidentJoint:
    """``labels`` are codes of shape (n,), ``probabilities`` out-of-sample and of shape (n, k)."""
    given, chance = np.asarray(labels, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    classes = chance.shape[1]
    rows = np.bincount(given, minlength=classes)
    own = chance[np.arange(given.size), given]
    sums = np.bincount(given, weights=own, minlength=classes)
    thresholds = np.where(rows > 0, sums / np.maximum(rows, 1), np.nan)
    # The mean of equal numbers can come out above them by a rounding error.
    above = chance >= np.where(np.isnan(thresholds), np.inf, thresholds - _ROUNDING)
    believed = np.where(above.any(axis=1), np.where(above, chance, -1.0).argmax(axis=1), -1)
    counts = np.zeros((classes, classes))
    np.add.at(counts, (given[believed >= 0], believed[believed >= 0]), 1)
    others = chance.copy()
    others[np.arange(given.size), given] = -np.inf
    return ConfidentJoint(thresholds, believed, counts, own - others.max(axis=1))


def noise_rates(counts: FloatArray, rows: FloatArray) -> FloatArray:
    """Estimated share of each class's labels that are wrong, and over all rows last: shape (..., k + 1).

    ``counts`` has shape (..., k, k), the confident joint; ``rows`` shape (k,), rows of each label, to which each line of it
    is calibrated. NaN for a class of which no row is confidently anything.
    """
    per_label = counts.sum(axis=-1)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    wrong = np.where(per_label > 0, 1 - right / np.where(per_label > 0, per_label, 1.0), np.nan)
    known = np.where(np.isnan(wrong), 0.0, 1.0) * rows
    total = known.sum(axis=-1)
    overall = np.where(total > 0, (np.nan_to_num(wrong) * known).sum(axis=-1) / np.where(total > 0, total, 1.0), np.nan)
    return np.concatenate([wrong, overall[..., None]], axis=-1)
