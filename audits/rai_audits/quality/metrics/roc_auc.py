"""Area under the ROC curve as an offline ``evaluate.Metric``. Stable API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_audits.quality.metrics.base import (
    CLASS_SCORES,
    SCORES,
    OfflineMetric,
    defined,
    metric_info,
    row_weights,
    score_rows,
)
from rai_audits.quality.one_vs_rest import one_vs_rest_auc
from rai_audits.stats.auc import auc

if TYPE_CHECKING:
    from collections.abc import Sequence

_INPUTS = """
predictions: score of the positive class of each row, or a list with a score per class.
references: true class of each row: 0 or 1, or the position in the list of scores.
sample_weight: optional weight of each row, above 0.
pos_label: which reference is positive, for one score per row (default 1).
"""


class RocAuc(OfflineMetric):
    """Chance that a random positive scores above a random negative, ties counted half.

    For a list of scores per row: every class that occurs against the rest, areas averaged with equal weight.
    """

    def _info(self) -> Any:
        return metric_info("Area under the ROC curve; one-vs-rest macro mean for several classes.", _INPUTS,
                           [SCORES, CLASS_SCORES])  # fmt: skip

    def _compute(
        self,
        predictions: Sequence[Any],
        references: Sequence[int],
        sample_weight: Sequence[float] | None = None,
        pos_label: int = 1,
    ) -> dict[str, float]:
        scores, labels = score_rows(predictions, references)
        weights = row_weights(sample_weight, len(labels))
        if scores.ndim == 2:
            value = one_vs_rest_auc(scores, labels, weights).estimate
        else:
            positive = labels == pos_label
            value = auc(
                scores[positive],
                scores[~positive],
                positive_weights=None if weights is None else weights[positive],
                negative_weights=None if weights is None else weights[~positive],
            ).estimate
        return defined("roc_auc", value, "it needs rows of at least two classes")
