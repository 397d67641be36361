"""Fairlearn's ``ThresholdOptimizer`` (Hardt et al. 2016) on scores, its answer as cutoffs with chances.

Fairlearn interpolates between two thresholds of a group and may replace the outcome by a constant; all of that is a draw among cutoffs, two of which
are "never" and "always". Stable API: ``drawn_rules``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.training.postprocessing import ALWAYS, NEVER, GroupRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rai_tune.recipe.mitigation import Constraint
    from rai_tune.training.mitigation.cutoff_search import Objective


def drawn_rules(
    scores: NDArray[np.float64],
    labels: NDArray[np.bool_],
    groups: Sequence[str],
    constraint: Constraint,
    objective: Objective,
    grid: int,
) -> dict[str, GroupRule]:
    """A rule for each group, from arrays of shape (rows,). Every group needs rows of both labels. Rows are not weighted: Fairlearn cannot."""
    fitted = optimizer(scores, labels, groups, constraint, objective, grid)
    return {str(group): _rule(each) for group, each in fitted.interpolated_thresholder_.interpolation_dict.items()}


def optimizer(
    scores: NDArray[np.float64],
    labels: NDArray[np.bool_],
    groups: Sequence[str],
    constraint: Constraint,
    objective: Objective,
    grid: int,
) -> Any:
    """Fairlearn's own object, fitted on the scores."""
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Scored(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        """A model whose only feature is its score."""

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def fit(self, features: Any, labels: Any) -> Any:
            del features, labels
            return self

        def predict(self, features: Any) -> Any:
            return np.asarray(features, dtype=np.float64)[:, 0]

    found = ThresholdOptimizer(
        estimator=Scored(),
        constraints=constraint,
        objective=f"{objective}_score",
        grid_size=grid,
        prefit=True,
        predict_method="predict",
    )
    return found.fit(scores[:, None], labels.astype(int), sensitive_features=np.asarray(groups, dtype=object))


def _rule(found: Any) -> GroupRule:
    """Chances by cutoff, the lowest cutoff first, so that a higher score never has a lower chance with the same draw."""
    ignored = min(1.0, max(0.0, float(found.get("p_ignore", 0.0))))
    constant = float(found.get("prediction_constant", 0.0))
    kept = 1.0 - ignored
    parts = [
        (_cutoff(found.operation0), kept * float(found.p0)),
        (_cutoff(found.operation1), kept * float(found.p1)),
        (ALWAYS, ignored * constant),
        (NEVER, ignored * (1.0 - constant)),
    ]
    chances: dict[float, float] = {}
    for cutoff, chance in parts:
        if chance > 0.0:
            chances[cutoff] = chances.get(cutoff, 0.0) + chance
    total = math.fsum(chances.values())
    ordered = sorted(chances)
    return GroupRule(tuple(ordered), tuple(chances[cutoff] / total for cutoff in ordered))


def _cutoff(operation: Any) -> float:
    """Fairlearn decides positive above a threshold, the rules here at or above a cutoff: the next number up."""
    assert operation.operator == ">"
    threshold = float(operation.threshold)
    if math.isinf(threshold):
        return NEVER if threshold > 0 else ALWAYS
    return math.nextafter(threshold, math.inf)
