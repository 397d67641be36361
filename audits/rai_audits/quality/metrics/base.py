"""What the offline ``evaluate.Metric`` classes share: no hub, no cache folders, label codes and row weights.

``evaluate.load`` fetches code from a hub; these classes are that code, on this machine. Stable API.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import evaluate
import numpy as np

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from rai_audits.stats.interval import FloatArray

LABELS = [
    datasets.Features({"predictions": datasets.Value("string"), "references": datasets.Value("string")}),
    datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}),
]
"""Decided and true classes, as names or as whole numbers."""

SCORES = datasets.Features({"predictions": datasets.Value("float64"), "references": datasets.Value("int64")})
"""One score for the positive class per row."""

CLASS_SCORES = datasets.Features(
    {"predictions": datasets.List(datasets.Value("float64")), "references": datasets.Value("int64")}
)
"""One score per class and row; references are positions in that list."""


class OfflineMetric(evaluate.Metric):  # type: ignore[misc]
    """Base class. Keeps rows in memory unless several processes share one evaluation, and then makes no folder before that.

    ``compute(predictions=..., references=...)`` returns a dictionary with one number under the metric's name. Raises
    ``UsageError`` where the number does not exist, such as an AUC of one class: never 0 or NaN.
    """

    def __init__(
        self, config_name: str | None = None, keep_in_memory: bool | None = None, num_process: int = 1, **options: Any
    ) -> None:
        in_memory = num_process == 1 if keep_in_memory is None else keep_in_memory
        super().__init__(config_name=config_name, keep_in_memory=in_memory, num_process=num_process, **options)

    def _build_data_dir(self) -> str:
        if self.keep_in_memory:
            return str(Path(self._data_dir_root) / self.name / self.config_name)
        return str(super()._build_data_dir())


def metric_info(description: str, inputs: str, features: Any) -> Any:
    """Description of a metric in the form that ``evaluate`` wants."""
    return evaluate.MetricInfo(
        description=description,
        citation="",
        inputs_description=inputs,
        features=features,
    )


def label_codes(references: Sequence[Any], predictions: Sequence[Any]) -> tuple[npt.NDArray[np.int64], int]:
    """Codes of shape (2, n), references first, and the number of classes, in sorted order of the values."""
    values = np.stack([np.asarray(references), np.asarray(predictions)])
    names, codes = np.unique(values, return_inverse=True)
    return codes.reshape(values.shape).astype(np.int64), len(names)


def score_rows(predictions: Sequence[Any], references: Sequence[int]) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Scores of shape (n,) or (n, classes) and references of shape (n,).

    Raises ``UsageError`` for lists of unequal length and for a reference that is no position in a list of scores.
    """
    labels = np.asarray(references, dtype=np.int64)
    if len({len(row) for row in predictions if isinstance(row, list)}) > 1:
        raise UsageError("predictions: every row needs a score for every class")
    scores = np.asarray(predictions, dtype=np.float64)
    if scores.ndim == 2 and len(labels) and not 0 <= labels.min() <= labels.max() < scores.shape[1]:
        raise UsageError(f"references must be positions 0 to {scores.shape[1] - 1} in the list of scores")
    return scores, labels


def row_weights(sample_weight: Sequence[float] | None, rows: int) -> FloatArray | None:
    """Weights as an array of shape (rows,), or None. Raises ``UsageError`` for another length or a weight that is not above 0."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (rows,):
        raise UsageError(f"sample_weight must have one weight for each of {rows} rows, got shape {weights.shape}")
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise UsageError("sample_weight: every weight must be above 0")
    return weights


def defined(metric: str, value: float, reason: str) -> dict[str, float]:
    """The result of a metric, or ``UsageError`` with the reason when there is no number."""
    if not np.isfinite(value):
        raise UsageError(f"{metric} is not estimable: {reason}")
    return {metric: float(value)}
