"""Point values of objectives on some of a trial's validation rows, fast enough to be taken thousands of times. Stable API: ``Points``.

The same numbers as the audits give (a test compares them), without intervals: for choosing on halves again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.stats.auc import auc

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from rai_tune.core import TaskInfo

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]
    Rows = NDArray[np.int64]

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Points:
    """The validation rows of one trial as arrays of shape (rows,); ``groups`` has the group of each row by attribute."""

    scores: Floats
    positive: Mask
    """Labelled positive."""
    decided: Mask
    """Decided positive."""
    favoured: Mask
    weights: Floats
    groups: dict[str, NDArray[np.str_]]

    @classmethod
    def of(cls, table: pd.DataFrame, task: TaskInfo) -> Points:
        """From a predictions table of two classes."""
        weights = table["weight"].to_numpy(dtype=float) if "weight" in table else np.ones(len(table))
        prediction = table["prediction"].astype(str).to_numpy()
        return cls(
            scores=table["score"].to_numpy(dtype=float),
            positive=table["label"].astype(str).to_numpy() == task.positive,
            decided=prediction == task.positive,
            favoured=prediction == task.favourable,
            weights=weights,
            groups={name: table[f"group:{name}"].to_numpy(dtype=np.str_) for name in task.groups},
        )

    def value(self, objective: str, rows: Rows) -> float | None:
        """The objective on these rows, None where it cannot be measured there or has no fast form."""
        found = _VALUES.get(objective)
        return found(self, rows) if found else None

    def _share(self, hit: Mask | Floats, rows: Rows) -> float | None:
        total = self.weights[rows].sum()
        return float((self.weights[rows] * hit[rows]).sum() / total) if total > 0 else None

    def area(self, rows: Rows) -> float | None:
        """Area under the ROC curve."""
        yes, no = rows[self.positive[rows]], rows[~self.positive[rows]]
        if not len(yes) or not len(no):
            return None
        weights = (self.weights[yes], self.weights[no])
        return auc(self.scores[yes], self.scores[no], positive_weights=weights[0], negative_weights=weights[1]).estimate

    def right(self, rows: Rows) -> float | None:
        """Share decided as labelled."""
        return self._share(self.positive == self.decided, rows)

    def balanced(self, rows: Rows) -> float | None:
        """Mean over the labels of the share decided as labelled."""
        parts = [
            self._share(self.positive == self.decided, rows[self.positive[rows] == side]) for side in (True, False)
        ]
        known = [part for part in parts if part is not None]
        return float(np.mean(known)) if known else None

    def brier(self, rows: Rows) -> float | None:
        """Mean squared error of the score."""
        return self._share(np.square(self.scores - self.positive), rows)

    def widest(self, *rates: Callable[[Points, Rows], float | None]) -> Callable[[Rows], float | None]:
        """The widest gap of any of these rates between two groups of an attribute."""

        def measure(rows: Rows) -> float | None:
            by = [self._by_group(rate, attribute, rows) for attribute in self.groups for rate in rates]
            if not by or any(found is None for found in by):
                return None
            return max(max(found) - min(found) for found in by if found is not None)

        return measure

    def smallest_ratio(self, rows: Rows) -> float | None:
        """The smallest ratio of two groups' favourable rates."""
        by = [self._by_group(Points.selected, attribute, rows) for attribute in self.groups]
        if not by or any(found is None or max(found) == 0 for found in by):
            return None
        return min(min(found) / max(found) for found in by if found is not None)

    def _by_group(self, rate: Callable[[Points, Rows], float | None], attribute: str, rows: Rows) -> list[float] | None:
        cells = self.groups[attribute]
        names = sorted(set(cells[rows].tolist()) - {UNKNOWN})
        found = [rate(self, rows[cells[rows] == name]) for name in names]
        return (
            None
            if len(found) < 2 or any(value is None for value in found)
            else [value for value in found if value is not None]
        )

    def selected(self, rows: Rows) -> float | None:
        """Rate of the favourable outcome."""
        return self._share(self.favoured, rows)

    def true_positives(self, rows: Rows) -> float | None:
        """True positive rate."""
        return self._share(self.decided, rows[self.positive[rows]])

    def false_positives(self, rows: Rows) -> float | None:
        """False positive rate."""
        return self._share(self.decided, rows[~self.positive[rows]])


_VALUES: dict[str, Callable[[Points, Rows], float | None]] = {
    "roc_auc": Points.area,
    "accuracy": Points.right,
    "balanced_accuracy": Points.balanced,
    "brier_score": Points.brier,
    "equalized_odds_difference": lambda each, rows: each.widest(Points.true_positives, Points.false_positives)(rows),
    "equal_opportunity_difference": lambda each, rows: each.widest(Points.true_positives)(rows),
    "demographic_parity_difference": lambda each, rows: each.widest(Points.selected)(rows),
    "impact_ratio": Points.smallest_ratio,
}
OF_SCORES = frozenset({"roc_auc", "brier_score"})
"""Objectives that read no decisions."""
FAST = frozenset(_VALUES)
"""Objectives that have a fast form."""
