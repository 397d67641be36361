"""Comprehensiveness and sufficiency by ERASER's definitions (DeYoung et al. 2020, arXiv 1911.03429), as plain functions of numbers.

Comprehensiveness: how far the probability of the predicted class falls when the top words are deleted (higher is better). Sufficiency: how far
it falls when only they are kept (lower is better). AOPC averages either over several fractions of the words. Stable API; no model is run here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

FRACTIONS = (0.01, 0.05, 0.10, 0.20, 0.50)
"""Shares of the words that count as the top, those of the paper."""


def top_counts(words: int, fractions: Sequence[float] = FRACTIONS) -> tuple[int, ...]:
    """How many of ``words`` are the top at each fraction: rounded up, so at least one. Short texts repeat a count, which then weighs more.

    Raises ``ValueError`` for a text without words or a fraction outside (0, 1].
    """
    if words < 1 or not all(0.0 < share <= 1.0 for share in fractions):
        raise ValueError("a text with words and fractions above 0 and at most 1 are needed")
    # The small number keeps 0.1 * 30 = 3.0000000000000004 from counting as 4.
    return tuple(max(1, math.ceil(share * words - 1e-9)) for share in fractions)


def ranking(values: Sequence[float], ties: np.random.Generator) -> tuple[int, ...]:
    """Places from the largest value to the smallest; equal values in an order drawn by ``ties``, so that position in the text is no advantage."""
    numbers = np.asarray(values, dtype=np.float64)
    return tuple(int(place) for place in np.lexsort((ties.random(len(numbers)), -numbers)))


def aopc(full: float, remaining: npt.ArrayLike) -> float:
    """Mean over the fractions of the probability at the whole text minus that at the changed text (``remaining``, one number a fraction).

    With texts less their top words this is comprehensiveness, with texts of nothing but their top words sufficiency.
    """
    left = np.asarray(remaining, dtype=np.float64)
    if left.ndim != 1 or not left.size:
        raise ValueError("one probability for each fraction is needed")
    return float(np.mean(full - left))


def softmax(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Probabilities of the last axis."""
    values = np.asarray(logits, dtype=np.float64)
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
