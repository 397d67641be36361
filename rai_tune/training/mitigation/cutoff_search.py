"""One cutoff a group, searched on validation rows: the largest quality less gap.

What is maximised is ``quality - gap``, both shares of 0 to 1. Quality is balanced accuracy (or accuracy) over the rows of all searched groups, gap the
largest difference of the equalised rates between two groups, as the audits measure it. To move one group's cutoff changes a true or false
positive rate of that group at least twice as much as it changes balanced accuracy over all, so a gap of odds goes down as far as the groups' curves
let it. A rate of all rows may move less than balanced accuracy where labels are rare, so some gap of decision rates may stay. The term of
quality keeps the search from the empty answer of deciding everybody alike. Ties go to the higher quality, then to the cutoffs
nearest to the best common one. Stable API: ``Curve``, ``Found``, ``curve_of``, ``search``, ``common_cutoff``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from rai_tune.training.postprocessing import ALWAYS, NEVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rai_tune.recipe.mitigation import Constraint

Objective = Literal["balanced_accuracy", "accuracy"]
_EXACT_PAIRS = 4_000_000
_STARTS = 20
_AIMS = 500
_ROUNDS = 100
_TIE = 1e-12


@dataclass(frozen=True)
class Curve:
    """What each cutoff that is tried does in one group: weights of rows decided positive, each array of shape (cutoffs,), from never to always."""

    cutoffs: NDArray[np.float64]
    true_positives: NDArray[np.float64]
    false_positives: NDArray[np.float64]
    positives: float
    negatives: float

    def rates(self, constraint: Constraint) -> NDArray[np.float64]:
        """The rates that are made alike, of shape (cutoffs, rates): by label, or of all rows."""
        if constraint == "demographic_parity":
            decided = self.true_positives + self.false_positives
            return (decided / (self.positives + self.negatives))[:, None]
        return np.stack([self.true_positives / self.positives, self.false_positives / self.negatives], axis=1)


@dataclass(frozen=True)
class Found:
    """Cutoffs of the groups in the order given, with what they do on the rows they were searched on."""

    cutoffs: tuple[float, ...]
    gap: float
    quality: float


def curve_of(scores: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.float64], grid: int) -> Curve:
    """The curve of one group; arrays of shape (rows,). Cutoffs lie halfway between neighbouring scores, at most ``grid`` of them by rank."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    above, below = ranked[last[:-1]], ranked[last[:-1] + 1]
    between = (above + below) / 2
    between = np.where(between > below, between, above)  # Two neighbouring floats have no number between them.
    cutoffs = np.concatenate([[NEVER], between, [ALWAYS]])
    hits = np.append(0.0, np.cumsum(weights[order] * labels[order])[last])
    wrong = np.append(0.0, np.cumsum(weights[order] * ~labels[order])[last])
    kept = np.unique(np.linspace(0, len(cutoffs) - 1, min(grid, len(cutoffs))).round().astype(int))
    return Curve(cutoffs[kept], hits[kept], wrong[kept], float(hits[-1]), float(wrong[-1]))


def common_cutoff(
    scores: NDArray[np.float64],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    grid: int,
    objective: Objective,
) -> float:
    """The one cutoff of the highest quality for all rows; the higher cutoff where two are equal."""
    curve = curve_of(scores, labels, weights, grid)
    return float(curve.cutoffs[int(_parts([curve], objective)[0].argmax())])


def search(curves: Sequence[Curve], constraint: Constraint, objective: Objective, near: float) -> Found:
    """The cutoffs of the largest quality less gap. Of two groups every pair is tried; of more, one group at a time from many starts.

    ``near`` is the common cutoff that ties are decided by.
    """
    problem = _Problem(
        rates=[curve.rates(constraint) for curve in curves],
        parts=_parts(curves, objective),
        far=[np.abs(curve.cutoffs - near) for curve in curves],
    )
    if len(curves) == 2 and len(curves[0].cutoffs) * len(curves[1].cutoffs) <= _EXACT_PAIRS:
        places = problem.every_pair()
    else:
        ends = [problem.climbed(start) for start in problem.starts(curves)]
        places = max(ends, key=problem.standing)
    gap, quality = problem.judged(places)
    cutoffs = tuple(float(curve.cutoffs[place]) for curve, place in zip(curves, places, strict=True))
    return Found(cutoffs, gap, quality)


def _parts(curves: Sequence[Curve], objective: Objective) -> list[NDArray[np.float64]]:
    """What each cutoff of a group adds to the quality over all groups."""
    positives, negatives = sum(curve.positives for curve in curves), sum(curve.negatives for curve in curves)
    if objective == "accuracy":
        yes = no = 1.0 / (positives + negatives)
    else:
        yes, no = 0.5 / positives, 0.5 / negatives
    return [yes * curve.true_positives + no * (curve.negatives - curve.false_positives) for curve in curves]


@dataclass(frozen=True)
class _Problem:
    """The groups' rates (cutoffs, rates), parts of the quality and distances from the common cutoff (cutoffs,)."""

    rates: list[NDArray[np.float64]]
    parts: list[NDArray[np.float64]]
    far: list[NDArray[np.float64]]

    def judged(self, places: Sequence[int]) -> tuple[float, float]:
        """Gap and quality."""
        at = np.stack([rates[place] for rates, place in zip(self.rates, places, strict=True)])
        quality = sum(float(part[place]) for part, place in zip(self.parts, places, strict=True))
        return float(np.ptp(at, axis=0).max()), quality

    def standing(self, places: Sequence[int]) -> tuple[float, float, float]:
        """What the larger of is the better answer."""
        gap, quality = self.judged(places)
        far = sum(float(each[place]) for each, place in zip(self.far, places, strict=True))
        return round(quality - gap, 12), round(quality, 12), -far

    def every_pair(self) -> tuple[int, ...]:
        quality = self.parts[0][:, None] + self.parts[1][None, :]
        gap = np.zeros_like(quality)
        for one, other in zip(self.rates[0].T, self.rates[1].T, strict=True):
            np.maximum(gap, np.abs(one[:, None] - other[None, :]), out=gap)
        best = _best(quality - gap, quality, self.far[0][:, None] + self.far[1][None, :])
        return tuple(int(place) for place in np.unravel_index(best, quality.shape))

    def climbed(self, start: Sequence[int]) -> tuple[int, ...]:
        """From a start, the best cutoff of one group after the other, until none is better."""
        places = list(start)
        for _round in range(_ROUNDS):
            before = self.standing(places)
            for group in range(len(places)):
                others = np.stack([self.rates[each][place] for each, place in enumerate(places) if each != group])
                low, high = np.minimum(self.rates[group], others.min(0)), np.maximum(self.rates[group], others.max(0))
                rest = sum(self.parts[each][place] for each, place in enumerate(places) if each != group)
                quality = self.parts[group] + rest
                places[group] = _best(quality - (high - low).max(axis=1), quality, self.far[group])
            if self.standing(places) <= before:
                break
        return tuple(places)

    def starts(self, curves: Sequence[Curve]) -> list[tuple[int, ...]]:
        """Where to climb from: all groups at one cutoff, and all groups at one rate; the best of them."""
        made: set[tuple[int, ...]] = set()
        for cutoff in np.unique(np.concatenate([curve.cutoffs for curve in curves])):
            made.add(tuple(int(np.abs(curve.cutoffs - cutoff).argmin()) for curve in curves))
        for rate in range(self.rates[0].shape[1]):
            for aim in np.linspace(0.0, 1.0, max(len(curve.cutoffs) for curve in curves)):
                made.add(tuple(int(np.abs(rates[:, rate] - aim).argmin()) for rates in self.rates))
        for aim in self._aims():
            made.add(tuple(int(np.abs(rates - aim).max(axis=1).argmin()) for rates in self.rates))
        return sorted(made, key=lambda places: (self.standing(places), places), reverse=True)[:_STARTS]

    def _aims(self) -> list[NDArray[np.float64]]:
        """Rates that all groups could share: the mean of the groups' curves, and the lowest of them, along the last rate."""
        along = np.linspace(0.0, 1.0, min(_AIMS, max(len(rates) for rates in self.rates)))
        # The first rate of each group where the last one is ``along``; both rise along a curve.
        first = np.stack([np.interp(along, rates[:, -1], rates[:, 0]) for rates in self.rates])
        return [
            np.append(height, at) if self.rates[0].shape[1] > 1 else np.array([at])
            for heights in (first.mean(axis=0), first.min(axis=0))
            for height, at in zip(heights, along, strict=True)
        ]


def _best(wanted: NDArray[np.float64], quality: NDArray[np.float64], far: NDArray[np.float64]) -> int:
    """Flat place of the largest ``wanted``; among equals of the largest ``quality``, then of the smallest ``far``."""
    tied = wanted >= wanted.max() - _TIE
    tied &= quality >= quality[tied].max() - _TIE
    return int(np.where(tied, far, np.inf).argmin())
