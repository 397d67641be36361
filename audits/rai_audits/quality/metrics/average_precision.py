"""Average precision as an offline ``evaluate.Metric``. Stable API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.quality.metrics.base import SCORES, OfflineMetric, defined, metric_info, row_weights, score_rows
from rai_audits.quality.ranking import average_precision, rank

if TYPE_CHECKING:
    from collections.abc import Sequence

_INPUTS = """
predictions: score of the positive class of each row.
references: true class of each row, as whole numbers.
sample_weight: optional weight of each row, above 0.
pos_label: which reference is positive (default 1).
"""


class AveragePrecision(OfflineMetric):
    """Area under the precision-recall curve as a step function: no interpolation, ties taken together."""

    def _info(self) -> Any:
        return metric_info("Average precision of the positive class.", _INPUTS, SCORES)

    def _compute(
        self,
        predictions: Sequence[Any],
        references: Sequence[int],
        sample_weight: Sequence[float] | None = None,
        pos_label: int = 1,
    ) -> dict[str, float]:
        scores, labels = score_rows(predictions, references)
        positive = labels == pos_label
        weights = row_weights(sample_weight, len(positive))
        ranking = rank(scores, positive)
        value = average_precision(ranking, np.ones(len(positive)) if weights is None else weights)
        return defined("average_precision", float(value), f"no row has the label {pos_label}")
