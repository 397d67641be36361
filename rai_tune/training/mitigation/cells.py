"""Rows counted by group and label: what weights, draws and losses by cell begin from. Rows of unknown group are in no cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_tune.training.mitigation.base import UNKNOWN_GROUP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rai_tune.training.mitigation.base import TrainingRows


@dataclass(frozen=True)
class Cells:
    """Sums by cell of group and label, shape (groups, labels), and the cell of each row, shape (rows,), -1 where the group is not known."""

    sums: NDArray[np.float64]
    of: NDArray[np.int64]


def cells_of(rows: TrainingRows, weights: NDArray[np.float64] | None = None) -> Cells:
    """Count rows by group and label, or add up ``weights`` (rows,)."""
    groups, labels = max(len(rows.group_names), 1), len(rows.classes)
    of = np.where(rows.groups == UNKNOWN_GROUP, -1, rows.groups * labels + rows.labels)
    known = of >= 0
    added = np.bincount(of[known], None if weights is None else weights[known], minlength=groups * labels)
    return Cells(added.astype(np.float64).reshape(groups, labels), of)


def cell_names(rows: TrainingRows) -> list[str]:
    """``group, label`` of each cell, in the order of ``Cells.of``."""
    return [f"{group}, {label}" for group in rows.group_names for label in rows.classes]
