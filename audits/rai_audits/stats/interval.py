"""The value that every interval function returns, and the checks that they share.

Stable API: ``Interval`` and ``Side``. Bounds are arrays of one shape, so that a whole table of groups is one call. This package
knows no "not estimable": a bound that the data cannot set is the end of the parameter's range (0, 1, -1 or ``math.inf``),
and an estimate without a denominator is NaN. The audits turn both into words before anything is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Callable

FloatArray: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Side: TypeAlias = Literal["two-sided", "lower", "upper"]

_MAX_STEPS = 200
_RELATIVE = 1e-14


@dataclass(frozen=True)
class Interval:
    """Lower and upper ends, arrays of one shape. A one-sided bound leaves the other end at the limit of the range."""

    low: FloatArray
    high: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", np.asarray(self.low, dtype=np.float64))
        object.__setattr__(self, "high", np.asarray(self.high, dtype=np.float64))


@dataclass(frozen=True)
class ChosenInterval:
    """An interval whose ends are each the better of two methods: where ``low_exact`` or ``high_exact`` is true, the exact one."""

    low: FloatArray
    high: FloatArray
    low_exact: BoolArray
    high_exact: BoolArray


def tail(alpha: float, side: Side) -> float:
    """Error that each bound may make: ``alpha`` for a one-sided bound, half of it for each end of a two-sided interval.

    Raises ``ValueError`` for an alpha outside (0, 1) or an unknown side.
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    if side not in ("two-sided", "lower", "upper"):
        raise ValueError(f"side must be 'two-sided', 'lower' or 'upper', got {side!r}")
    return alpha / 2 if side == "two-sided" else alpha


def normal_quantile(error: float) -> float:
    """Point that a standard normal exceeds with probability ``error``."""
    return float(-special.ndtri(error))


def as_counts(*pairs: npt.ArrayLike) -> tuple[FloatArray, ...]:
    """Broadcast successes and trials, alternating, to one float shape.

    Counts need not be whole: with row weights they are effective counts. Raises ``ValueError`` for a negative or
    non-finite count or for more successes than trials.
    """
    arrays = np.broadcast_arrays(*(np.asarray(item, dtype=np.float64) for item in pairs))
    for successes, trials in zip(arrays[::2], arrays[1::2], strict=True):
        if not (np.isfinite(successes).all() and np.isfinite(trials).all()):
            raise ValueError("counts must be finite")
        if (successes < 0).any() or (successes > trials).any():
            raise ValueError("successes must lie between 0 and the number of trials")
    return tuple(arrays)


def share(successes: FloatArray, trials: FloatArray) -> FloatArray:
    """Successes over trials, NaN where there are no trials."""
    return divide(successes, trials, otherwise=np.nan)


def divide(top: FloatArray, bottom: FloatArray, *, otherwise: float | FloatArray) -> FloatArray:
    """``top / bottom`` where the bottom is above 0, else ``otherwise``; no warning is raised for the rest."""
    some = bottom > 0
    return np.where(some, top / np.where(some, bottom, 1.0), otherwise)


def solve_decreasing(
    function: Callable[[FloatArray], FloatArray], target: float, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Where a function that falls from ``low`` to ``high`` crosses ``target``, element by element; an end if it never crosses.

    The bracketing method of Chandrupatla (1997): inverse quadratic steps where the last three points allow them, halving elsewhere, so
    that flat and steep stretches (score statistics near 0 and full counts) cost time but never the root.
    """
    best, other = low, high
    at_best, at_other = function(low) - target, function(high) - target
    outside = (at_best <= 0) | (at_other >= 0)
    end = np.where(at_best <= 0, low, high)
    step = np.full(low.shape, 0.5)
    for _ in range(_MAX_STEPS):
        point = best + step * (other - best)
        at_point = np.where(outside, 0.0, function(point) - target)
        same = np.sign(at_point) == np.sign(at_best)
        third, at_third = np.where(same, best, other), np.where(same, at_best, at_other)
        other, at_other = np.where(same, other, best), np.where(same, at_other, at_best)
        best, at_best = point, at_point
        narrow = divide(_RELATIVE * (np.abs(best) + _RELATIVE), np.abs(other - best), otherwise=1.0)
        if ((narrow > 0.5) | (at_best == 0)).all():
            break
        step = np.clip(_next_step((best, other, third), (at_best, at_other, at_third)), narrow, 1 - narrow)
        step = np.where(narrow > 0.5, 0.5, step)
    return np.where(outside, end, best)


def _next_step(points: tuple[FloatArray, ...], values: tuple[FloatArray, ...]) -> FloatArray:
    """Step as a share of the bracket: inverse quadratic interpolation where it is safe, else one half."""
    (a, b, c), (at_a, at_b, at_c) = points, values
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        xi, phi = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
        safe = (phi * phi < xi) & ((1 - phi) ** 2 < 1 - xi)
        quadratic = at_a / (at_b - at_a) * at_c / (at_b - at_c) + (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (
            at_c - at_b
        )
    return np.where(safe & np.isfinite(quadratic), quadratic, 0.5)
