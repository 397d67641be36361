"""One split of the predictions as arrays, checked, in a fixed order. Stable within this package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.core import UsageError
from rai_audits.quality.confusion import confusion_table
from rai_audits.stats.weights import effective_rows

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from rai_audits.core import AuditContext
    from rai_audits.stats.interval import FloatArray


@dataclass(frozen=True)
class SplitRows:
    """Rows of one split, sorted by row id so that sums and draws repeat whatever the order of the table.

    ``truth`` and ``decided`` are codes into ``classes``. ``positive`` is a code or None. ``scores`` has shape (n,), the score of
    the positive class; ``class_scores`` has shape (n, classes). Either is None when the predictions do not carry it.
    """

    classes: tuple[str, ...]
    positive: int | None
    truth: npt.NDArray[np.int64]
    decided: npt.NDArray[np.int64]
    weights: FloatArray | None
    scores: FloatArray | None
    class_scores: FloatArray | None

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def binary(self) -> bool:
        return len(self.classes) == 2

    @property
    def each(self) -> FloatArray:
        """Weight of each row, 1 where there are none."""
        return np.ones(len(self)) if self.weights is None else self.weights

    @property
    def effective(self) -> float:
        """Kish's effective number of rows."""
        return effective_rows(self.each)

    @property
    def counts(self) -> FloatArray:
        """Confusion matrix of row counts, weights left aside."""
        return confusion_table(self.truth, self.decided, len(self.classes))

    @property
    def present(self) -> npt.NDArray[np.int64]:
        """Codes of the classes that have rows."""
        return np.unique(self.truth)


def read_rows(context: AuditContext, split: str) -> SplitRows:
    """Rows of ``split``. Raises ``UsageError`` for a missing column and for a label, decision, score or weight that cannot be."""
    table, task = context.predictions, context.task
    for column in ("row_id", "split", "label", "prediction"):
        if column not in table.columns:
            raise UsageError(f"predictions have no column {column!r}")
    rows = table[table["split"] == split].sort_values("row_id", kind="stable")
    class_columns = [f"score:{name}" for name in task.classes]
    weights = _numbers(rows, "weight") if "weight" in rows.columns else None
    if weights is not None and (weights <= 0).any():
        raise UsageError(f"predictions: weight of row_id {_row_id(rows, weights <= 0)} must be above 0")
    return SplitRows(
        classes=task.classes,
        positive=task.classes.index(task.positive) if task.positive in task.classes else None,
        truth=_codes(rows, "label", task.classes),
        decided=_codes(rows, "prediction", task.classes),
        weights=weights,
        scores=_numbers(rows, "score") if "score" in rows.columns else None,
        class_scores=(
            np.column_stack([_numbers(rows, column) for column in class_columns])
            if set(class_columns) <= set(rows.columns)
            else None
        ),
    )


def _codes(rows: pd.DataFrame, column: str, classes: tuple[str, ...]) -> npt.NDArray[np.int64]:
    codes = rows[column].astype(str).map({name: code for code, name in enumerate(classes)})
    strange = codes.isna().to_numpy(dtype=bool)
    if strange.any():
        value = rows[column].iloc[int(strange.argmax())]
        raise UsageError(
            f"predictions: {column} {value!r} of row_id {_row_id(rows, strange)} is none of the classes {list(classes)}"
        )
    return np.asarray(codes, dtype=np.int64)


def _numbers(rows: pd.DataFrame, column: str) -> FloatArray:
    try:
        values = rows[column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise UsageError(f"predictions: column {column!r} must hold numbers") from None
    strange = ~np.isfinite(values)
    if strange.any():
        raise UsageError(f"predictions: {column} of row_id {_row_id(rows, strange)} is not a finite number")
    return values


def _row_id(rows: pd.DataFrame, where: npt.NDArray[np.bool_]) -> str:
    return repr(str(rows["row_id"].iloc[int(where.argmax())]))
