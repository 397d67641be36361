"""Accuracy as an offline ``evaluate.Metric``. Stable API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_audits.quality.confusion import accuracy, confusion_table
from rai_audits.quality.metrics.base import LABELS, OfflineMetric, defined, label_codes, metric_info, row_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

_INPUTS = """
predictions: decided class of each row, names or whole numbers.
references: true class of each row, of the same kind.
sample_weight: optional weight of each row, above 0.
"""


class Accuracy(OfflineMetric):
    """Share of rows decided as labelled."""

    def _info(self) -> Any:
        return metric_info("Share of rows decided as labelled.", _INPUTS, LABELS)

    def _compute(
        self, predictions: Sequence[Any], references: Sequence[Any], sample_weight: Sequence[float] | None = None
    ) -> dict[str, float]:
        codes, classes = label_codes(references, predictions)
        table = confusion_table(codes[0], codes[1], classes, row_weights(sample_weight, codes.shape[1]))
        return defined("accuracy", float(accuracy(table)), "there are no rows")
