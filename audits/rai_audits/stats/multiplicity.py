"""Adjusted p-values for many tests at once: Holm, Benjamini-Hochberg and Benjamini-Yekutieli.

Use Holm where a single wrong rejection matters (gates), the other two for screening (slices, words). Stable API. All take a
one-dimensional array and give one in the same order; compare an adjusted value with the level directly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from rai_audits.stats.interval import FloatArray


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Holm (1979): bounds the chance of any wrong rejection under every dependence."""
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(p.size, 0, -1)
    return _back(np.maximum.accumulate(steps), order)


def benjamini_hochberg(p_values: npt.ArrayLike) -> FloatArray:
    """Benjamini and Hochberg (1995): bounds the expected share of wrong rejections when tests are independent or positively dependent."""
    p = _checked(p_values)
    return _step_up(p, factor=float(p.size))


def benjamini_yekutieli(p_values: npt.ArrayLike) -> FloatArray:
    """Benjamini and Yekutieli (2001): as Benjamini-Hochberg under every dependence, at the cost of a factor of about ln m."""
    p = _checked(p_values)
    return _step_up(p, factor=float(p.size * np.sum(1.0 / np.arange(1, p.size + 1))))


def _step_up(p: FloatArray, factor: float) -> FloatArray:
    order = np.argsort(p, kind="stable")
    steps = p[order] * factor / np.arange(1, p.size + 1)
    return _back(np.minimum.accumulate(steps[::-1])[::-1], order)


def _back(sorted_values: FloatArray, order: npt.NDArray[np.intp]) -> FloatArray:
    result = np.empty_like(sorted_values)
    result[order] = np.minimum(sorted_values, 1.0)
    return result


def _checked(p_values: npt.ArrayLike) -> FloatArray:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise ValueError("p-values must be a one-dimensional array")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values must lie between 0 and 1")
    return p
