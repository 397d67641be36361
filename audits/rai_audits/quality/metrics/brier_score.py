"""Brier score as an offline ``evaluate.Metric``. Stable API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import UsageError
from rai_audits.quality.brier import are_probabilities, binary_losses, multiclass_losses
from rai_audits.quality.metrics.base import (
    CLASS_SCORES,
    SCORES,
    OfflineMetric,
    defined,
    metric_info,
    row_weights,
    score_rows,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_INPUTS = """
predictions: probability of the positive class of each row, or a list with a probability per class.
references: true class of each row: 0 or 1, or the position in the list of probabilities.
sample_weight: optional weight of each row, above 0.
pos_label: which reference is positive, for one probability per row (default 1).
"""


class BrierScore(OfflineMetric):
    """Mean squared error of probabilities: from 0 to 1 for one per row, from 0 to 2 for a list per row (Brier 1950)."""

    def _info(self) -> Any:
        return metric_info("Mean squared error of probabilities.", _INPUTS, [SCORES, CLASS_SCORES])

    def _compute(
        self,
        predictions: Sequence[Any],
        references: Sequence[int],
        sample_weight: Sequence[float] | None = None,
        pos_label: int = 1,
    ) -> dict[str, float]:
        scores, labels = score_rows(predictions, references)
        weights = row_weights(sample_weight, len(labels))
        if not are_probabilities(scores):
            raise UsageError("brier_score needs probabilities: numbers from 0 to 1 that sum to 1 over classes")
        losses = binary_losses(scores, labels == pos_label) if scores.ndim == 1 else multiclass_losses(scores, labels)
        value = float(np.average(losses, weights=weights)) if len(losses) else float("nan")
        return defined("brier_score", value, "there are no rows")
