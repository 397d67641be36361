"""Choose the decision threshold on validation rows, by the rule that the recipe states.

Every rate in a report depends on this number, so the rule, the rows it saw and the result are all recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rai_tune.recipe.schema import DecisionSpec


@dataclass(frozen=True)
class Threshold:
    """A chosen threshold: ``score >= value`` decides the positive class."""

    value: float
    rule: str
    split: str | None
    detail: str


def choose_threshold(
    spec: DecisionSpec,
    scores: NDArray[np.float64],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> Threshold:
    """Choose by ``spec.rule`` from scores and labels of shape (rows,). ``labels`` is true for the positive class."""
    if spec.rule == "fixed":
        return Threshold(spec.threshold, "fixed", None, "fixed in the recipe")
    weight = np.ones_like(scores) if weights is None else weights
    curve = _curve(scores, labels, weight)
    place = _PLACES[spec.rule](curve)
    value = float(curve.cuts[place])
    return Threshold(value, spec.rule, "validation", f"{_WORDS[spec.rule]}, on {len(scores)} validation rows")


@dataclass(frozen=True)
class _Curve:
    """Weighted counts decided positive at each distinct cut, from the highest score down."""

    cuts: NDArray[np.float64]
    true_positives: NDArray[np.float64]
    decided: NDArray[np.float64]
    positives: float
    total: float


def _curve(scores: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.float64]) -> _Curve:
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    return _Curve(
        cuts=ranked[last],
        true_positives=np.cumsum(weights[order] * labels[order])[last],
        decided=np.cumsum(weights[order])[last],
        positives=float(weights[labels].sum()),
        total=float(weights.sum()),
    )


def _match_base_rate(curve: _Curve) -> int:
    return int(np.abs(curve.decided - curve.positives).argmin())


def _max_f1(curve: _Curve) -> int:
    return int((2 * curve.true_positives / (curve.decided + curve.positives)).argmax())


def _max_youden(curve: _Curve) -> int:
    negatives = max(curve.total - curve.positives, 1e-12)
    false_positive_rate = (curve.decided - curve.true_positives) / negatives
    return int((curve.true_positives / max(curve.positives, 1e-12) - false_positive_rate).argmax())


def _max_accuracy(curve: _Curve) -> int:
    true_negatives = curve.total - curve.positives - (curve.decided - curve.true_positives)
    return int((curve.true_positives + true_negatives).argmax())


_PLACES: dict[str, Any] = {
    "match_base_rate": _match_base_rate,
    "max_f1": _max_f1,
    "max_youden": _max_youden,
    "max_accuracy": _max_accuracy,
}
_WORDS = {
    "match_base_rate": "decides as many positive as the labels have",
    "max_f1": "largest F1",
    "max_youden": "largest Youden's J",
    "max_accuracy": "largest accuracy",
}
