"""Rates as functions of confusion counts: which rows are the trials of a rate, and which of those are successes.

Use ``tallies`` after counting to get successes and trials of every rate for a list of groups. Stable within this package.
``positive`` decides true and false positive rate and predictive value, ``favourable`` the selection rate; with more than two
classes each is one class against the rest. Rows without a label count only where no label is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from rai_audits.stats.interval import FloatArray, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_audits.core import TaskInfo
    from rai_audits.fairness.counts import Cell, GroupCounts

IntArray: TypeAlias = npt.NDArray[np.int64]
Asks: TypeAlias = Callable[[str | None, str], bool]


@dataclass(frozen=True)
class Tally:
    """One rate of several groups, arrays with one entry per group.

    ``successes`` and ``trials`` count rows. ``effective_successes`` and ``effective_trials`` are what intervals use: the same
    numbers without weights, else n = (sum w)^2 / sum w^2 of the trials (Kish 1965) and the weighted rate times n.
    ``missing`` says what a group without trials has none of.
    """

    metric: str
    missing: str
    successes: IntArray
    trials: IntArray
    effective_successes: FloatArray
    effective_trials: FloatArray

    @property
    def rate(self) -> FloatArray:
        """Weighted rate, NaN without trials."""
        return share(self.effective_successes, self.effective_trials)

    def of(self, places: Sequence[int]) -> Tally:
        """The same rate for some of the groups, by position."""
        at = list(places)
        return Tally(
            self.metric,
            self.missing,
            self.successes[at],
            self.trials[at],
            self.effective_successes[at],
            self.effective_trials[at],
        )


@dataclass(frozen=True)
class _Rate:
    metric: str
    missing: str
    trial: Asks
    success: Asks


def group_sizes(
    counts: GroupCounts, attribute: str | None, groups: Sequence[str | None]
) -> tuple[IntArray, FloatArray]:
    """Rows and effective rows of each group."""
    tally = _tally(_Rate("group_size", "rows", lambda *_: True, lambda *_: True), counts, attribute, groups)
    return tally.trials, tally.effective_trials


def tallies(
    counts: GroupCounts, attribute: str | None, groups: Sequence[str | None], task: TaskInfo
) -> dict[str, Tally]:
    """Every rate that the task defines, by metric name, for the groups in the order given."""
    return {rate.metric: _tally(rate, counts, attribute, groups) for rate in _rates(task)}


def _rates(task: TaskInfo) -> list[_Rate]:
    rates: list[_Rate] = []
    if task.favourable is not None:
        good = task.favourable
        rates.append(_Rate("selection_rate", "rows", lambda *_: True, lambda _, said: said == good))
    if task.positive is not None:
        yes = task.positive
        rates += [
            _Rate("true_positive_rate", "positives", lambda true, _: true == yes, lambda _, said: said == yes),
            _Rate(
                "false_positive_rate",
                "negatives",
                lambda true, _: true is not None and true != yes,
                lambda _, said: said == yes,
            ),
            _Rate(
                "positive_predictive_value",
                "positive predictions",
                lambda true, said: true is not None and said == yes,
                lambda true, _: true == yes,
            ),
        ]
    rates.append(_Rate("accuracy", "labelled rows", lambda true, _: true is not None, lambda true, said: true == said))
    return rates


def _tally(rate: _Rate, counts: GroupCounts, attribute: str | None, groups: Sequence[str | None]) -> Tally:
    position = {group: place for place, group in enumerate(groups)}
    trials: list[list[Cell]] = [[] for _ in groups]
    successes: list[list[Cell]] = [[] for _ in groups]
    for key, cell in counts.cells.items():
        if key.attribute != attribute or key.group not in position or not rate.trial(key.label, key.prediction):
            continue
        trials[position[key.group]].append(cell)
        if rate.success(key.label, key.prediction):
            successes[position[key.group]].append(cell)
    effective = [_effective(won, tried) for won, tried in zip(successes, trials, strict=True)]
    return Tally(
        metric=rate.metric,
        missing=rate.missing,
        successes=_rows(successes),
        trials=_rows(trials),
        effective_successes=np.asarray([pair[0] for pair in effective], dtype=np.float64),
        effective_trials=np.asarray([pair[1] for pair in effective], dtype=np.float64),
    )


def _rows(cells: Sequence[Sequence[Cell]]) -> IntArray:
    return np.asarray([sum(cell.rows for cell in group) for group in cells], dtype=np.int64)


def _effective(successes: Sequence[Cell], trials: Sequence[Cell]) -> tuple[float, float]:
    """Effective successes and trials, computed exactly and rounded once, so that equal weights give back the row counts."""
    if not trials:
        return 0.0, 0.0
    weight = sum((cell.weight for cell in trials), Fraction(0))
    square = sum((cell.square for cell in trials), Fraction(0))
    won = sum((cell.weight for cell in successes), Fraction(0))
    return float(won * weight / square), float(weight * weight / square)
