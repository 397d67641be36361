"""Confusion matrices and the metrics that are functions of one.

Use for point estimates and for bootstrap replicates alike: every metric works on the last two axes of an array
(..., classes, classes) whose rows are true labels and whose columns are decisions. Stable API. Undefined values are NaN here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from rai_audits.stats.interval import FloatArray


def confusion_table(
    references: npt.NDArray[np.int64],
    predictions: npt.NDArray[np.int64],
    classes: int,
    weights: FloatArray | None = None,
) -> FloatArray:
    """Rows (or their weights) per true class and decided class; codes run from 0 to ``classes`` - 1."""
    cells = np.bincount(references * classes + predictions, weights=weights, minlength=classes * classes)
    return cells.astype(np.float64).reshape(classes, classes)


def accuracy(table: FloatArray) -> FloatArray:
    """Share of rows decided as labelled; NaN for an empty table."""
    return _ratio(_hits(table).sum(axis=-1), table.sum(axis=(-2, -1)))


def balanced_accuracy(table: FloatArray) -> FloatArray:
    """Mean recall over the classes that have rows (Brodersen et al. 2010), not adjusted for chance."""
    return _mean_of_known(_ratio(_hits(table), table.sum(axis=-1)))


def macro_f1(table: FloatArray) -> FloatArray:
    """Mean of per-class F1 over the classes that occur as a label or a decision.

    The mean of F1 scores, not the F1 of mean precision and recall (Opitz and Burst 2019 on why the two differ).
    """
    return _mean_of_known(_ratio(2 * _hits(table), table.sum(axis=-1) + table.sum(axis=-2)))


def _hits(table: FloatArray) -> FloatArray:
    return np.diagonal(table, axis1=-2, axis2=-1)


def _ratio(over: FloatArray, under: FloatArray) -> FloatArray:
    quotient = np.divide(over, under, out=np.full(np.shape(under), np.nan), where=np.asarray(under) > 0)
    return np.asarray(quotient, dtype=np.float64)


def _mean_of_known(values: FloatArray) -> FloatArray:
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))
