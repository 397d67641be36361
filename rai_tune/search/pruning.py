"""Stopping a trial early: only when it is worse than the median of earlier trials in quality and in the gap, at the same evaluation.

Optuna prunes on one number alone, so the rule is ours. A trial is compared with those that were finished when it began. Stable API: ``Evaluations``,
``worse_in_both``, ``Watch``.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.core import PrunedError, TaskInfo
from rai_tune.search.objectives import load_objective
from rai_tune.search.points import FAST, Points
from rai_tune.training.mitigation.composing import decides
from rai_tune.training.threshold import choose_threshold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from rai_tune.planning import Plan
    from rai_tune.search.store import SearchRecord
    from rai_tune.workspace import Workspace

Evaluations = tuple[tuple[float, float], ...]
"""What one trial showed at each of its evaluations: a cost of quality and a cost of the gap, both better when smaller."""

FEWEST = 5
"""Earlier trials with a value at an evaluation before it is compared."""

_QUALITY, _GAP = "search_quality_cost", "search_gap_cost"


def worse_in_both(own: tuple[float, float], place: int, earlier: Sequence[Evaluations]) -> bool:
    """Whether a trial at its evaluation ``place`` (from 0) is above the median of the earlier ones in both costs."""
    there = [each[place] for each in earlier if len(each) > place]
    if len(there) < FEWEST:
        return False
    return all(own[side] > median(each[side] for each in there) for side in (0, 1))


class Watch:
    """Measures a trial at each evaluation of the Trainer, and raises ``PrunedError`` where it is to stop."""

    def __init__(
        self, workspace: Workspace, run_id: str, planned: Plan, record: SearchRecord, earlier: Sequence[Evaluations]
    ) -> None:
        named = [load_objective(name) for name in record.objectives if name in FAST]
        self._quality = next((item for item in named if not item.groups), None)
        self._gap = next((item for item in named if item.groups), None)
        self._planned = planned
        mitigation = planned.recipe.mitigation
        # Such a method changes what is decided after training: the gap that is seen here is not the one the trial will have.
        self._prune = record.prune and not (mitigation is not None and decides(mitigation))
        self._earlier = earlier
        self.evaluations: list[list[float]] = _logged(workspace, run_id)

    def on_evaluate(self, probabilities: NDArray[np.float64]) -> Mapping[str, float]:
        """Costs of quality and gap on validation rows; probabilities have shape (rows, classes)."""
        data = self._planned.data
        if self._quality is None or self._gap is None or len(data.classes) != 2 or data.positive is None:
            return {}
        points = self._points(probabilities[:, data.classes.index(data.positive)])
        rows = np.arange(len(probabilities))
        costs: list[float] = []
        for item in (self._quality, self._gap):
            value = points.value(item.name, rows)
            if value is None:
                return {}
            costs.append(-value if item.direction == "maximise" else value)
        self.evaluations.append(costs)
        if self._prune and worse_in_both((costs[0], costs[1]), len(self.evaluations) - 1, self._earlier):
            raise PrunedError(
                f"stopped at evaluation {len(self.evaluations)}: below the median of earlier trials in {self._quality.name} and above it in {self._gap.name}"
            )
        return {_QUALITY: costs[0], _GAP: costs[1]}

    def _points(self, scores: NDArray[np.float64]) -> Points:
        data, recipe = self._planned.data, self._planned.recipe
        table: pd.DataFrame = data.rows[data.rows["split"] == "validation"]
        labelled = np.asarray(table["label"] == data.positive)
        weights = table["weight"].to_numpy(dtype=float) if "weight" in table else None
        cut = choose_threshold(recipe.decision, scores, labelled, weights).value
        other = next(name for name in data.classes if name != data.positive)
        decided = table.assign(score=scores, prediction=np.where(scores >= cut, str(data.positive), other))
        return Points.of(decided, TaskInfo(data.classes, data.positive, data.favourable, cut, data.groups))


def _logged(workspace: Workspace, run_id: str) -> list[list[float]]:
    """The evaluations that a trial had before it was killed, of those its checkpoints still hold."""
    last = max((record.step for record in workspace.checkpoints(run_id)), default=-1)
    points: list[Any] = [point for point in workspace.metrics(run_id) if point.step <= last]
    names = (f"eval_{_QUALITY}", f"eval_{_GAP}")
    return [[point.values[name] for name in names] for point in points if all(name in point.values for name in names)]
