"""Two sets of decisions about the same rows: what changed, for whom, with paired intervals.

Use for a candidate against the model in production, or a tuned model against its base. Stable API: ``compare``.

Changes are second minus first. Rows are the same in both, so rates are compared by Tango's paired score interval, areas under
the curve by DeLong's covariance; a change of a gap between two groups joins the paired intervals of both by square-and-add.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import Measurement, UsageError, undefined
from rai_audits.stats.paired import Difference, PairedCounts, difference_of, mcnemar, paired_auc, paired_counts, tango

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import pandas as pd

    from rai_audits.core import TaskInfo

    Mask = npt.NDArray[np.bool_]

AUDIT_NAME = "paired_comparison"
UNKNOWN = "unknown"
_TANGO = "paired score (Tango)"
_GAP = "square-and-add of paired score intervals"


@dataclass(frozen=True)
class Flip:
    """Rows of one group whose decision changed: who gained the favourable outcome and who lost it.

    ``p_value`` is McNemar's mid-p for as many gains as losses. ``attribute`` and ``group`` are None for all rows.
    """

    attribute: str | None
    group: str | None
    n: int
    gained: int
    lost: int
    p_value: float


@dataclass(frozen=True)
class Comparison:
    """Everything that ``compare`` found. ``measurements`` carry intervals; ``flips`` the counts behind them."""

    measurements: tuple[Measurement, ...]
    flips: tuple[Flip, ...]


def compare(
    first: pd.DataFrame, second: pd.DataFrame, task: TaskInfo, *, confidence: float = 0.95, min_group_rows: int = 10
) -> Comparison:
    """Compare decisions of ``second`` with those of ``first``, row by row; groups and labels are those of ``second``.

    Both tables have the columns of ``AuditContext.predictions`` and the same row ids in the same order. Raises ``UsageError``
    when ids or labels differ.
    """
    _same_rows(first, second)
    pair = _Pair(first, second, task, confidence, min_group_rows)
    measured = [*pair.overall()]
    flips = [pair.flip(None, None, np.ones(len(second), dtype=bool))] if task.favourable else []
    for attribute in task.groups:
        if f"group:{attribute}" not in second:
            continue
        members = pair.members(attribute)
        measured += pair.by_group(attribute, members)
        if task.favourable:
            flips += [pair.flip(attribute, group, mask) for group, mask in members.items()]
    return Comparison(tuple(measured), tuple(flips))


def _same_rows(first: pd.DataFrame, second: pd.DataFrame) -> None:
    if first["row_id"].astype(str).tolist() != second["row_id"].astype(str).tolist():
        raise UsageError("the two tables do not hold the same rows in the same order")
    differ = first["label"].astype(str).to_numpy() != second["label"].astype(str).to_numpy()
    if differ.any():
        row = str(second["row_id"].iloc[int(np.flatnonzero(differ)[0])])
        raise UsageError(f"{int(differ.sum())} rows carry another label in the two tables, row {row!r} first")


class _Pair:
    """The outcomes of both sides as arrays, and the measurements made of them."""

    def __init__(
        self, first: pd.DataFrame, second: pd.DataFrame, task: TaskInfo, confidence: float, min_rows: int
    ) -> None:
        self.task, self.confidence, self.min_rows = task, confidence, min_rows
        self.second = second
        self.label = second["label"].astype(str).to_numpy()
        self.decisions = tuple(table["prediction"].astype(str).to_numpy() for table in (first, second))
        self.scores = tuple(table["score"].to_numpy(dtype=float) for table in (first, second) if "score" in table)

    def members(self, attribute: str) -> dict[str, Mask]:
        cells = self.second[f"group:{attribute}"].astype(str).to_numpy()
        names = sorted({*map(str, cells), *self.task.groups[attribute]})
        return {name: cells == name for name in names}

    def outcomes(self) -> Iterator[tuple[str, tuple[Mask, Mask], Mask, str]]:
        """Metric, outcome on both sides, the rows it speaks of, and the word for those rows."""
        one, two = self.decisions
        every = np.ones(one.size, dtype=bool)
        yield "accuracy", (one == self.label, two == self.label), every, "rows"
        if self.task.favourable is not None:
            wanted = self.task.favourable
            yield "selection_rate", (one == wanted, two == wanted), every, "rows"
        if self.task.positive is not None:
            named = self.task.positive
            truly, found = self.label == named, (one == named, two == named)
            yield "true_positive_rate", found, truly, "rows labelled positive"
            yield "false_positive_rate", found, ~truly, "rows labelled negative"

    def overall(self) -> Iterator[Measurement]:
        for metric, sides, rows, word in self.outcomes():
            yield self.change(metric, paired_counts(sides[0][rows], sides[1][rows]), word)
        if self.task.positive is not None and len(self.scores) == 2:
            yield self.auc()

    def by_group(self, attribute: str, members: dict[str, Mask]) -> Iterator[Measurement]:
        for metric, sides, rows, word in self.outcomes():
            counts = {
                name: paired_counts(sides[0][rows & mask], sides[1][rows & mask]) for name, mask in members.items()
            }
            for name, count in counts.items():
                yield self.change(metric, count, word, attribute=attribute, group=name)
            known = [name for name in counts if name != UNKNOWN]
            yield from self.gaps(metric, attribute, known, counts, word)

    def change(self, metric: str, counts: PairedCounts, word: str, **where: Any) -> Measurement:
        shared: dict[str, Any] = {"audit": AUDIT_NAME, "metric": f"{metric}_change", "method": _TANGO, "n": counts.n}
        if counts.n == 0:
            return undefined("not_estimable", f"no {word}", **shared, **self.meant(), **where)
        found = self.difference(counts)
        changed = {"n_pos": counts.second_only, "n_neg": counts.first_only}
        return self.number(found, **shared, **changed, **where)

    def gaps(
        self, metric: str, attribute: str, known: Sequence[str], counts: dict[str, PairedCounts], word: str
    ) -> Iterator[Measurement]:
        """Change of the gap, group minus reference, each unordered pair once. Positive: the gap moved in the group's favour."""
        for place, group in enumerate(known):
            for reference in known[place + 1 :]:
                shared: dict[str, Any] = {
                    "audit": AUDIT_NAME,
                    "metric": f"{metric}_gap_change",
                    "method": _GAP,
                    "n": counts[group].n + counts[reference].n,
                    "attribute": attribute,
                    "group": group,
                    "reference": reference,
                }
                small = [name for name in (group, reference) if counts[name].n < self.min_rows]
                if small:
                    reason = f"fewer than {self.min_rows} {word} in group {' and '.join(map(repr, small))}"
                    yield undefined("not_estimable", reason, **shared, **self.meant())
                    continue
                found = difference_of(self.difference(counts[group]), self.difference(counts[reference]))
                yield self.number(found, **shared)

    def auc(self) -> Measurement:
        found = paired_auc(self.label == self.task.positive, *self.scores, alpha=1 - self.confidence)
        shared: dict[str, Any] = {
            "audit": AUDIT_NAME,
            "metric": "roc_auc_change",
            "method": "paired DeLong",
            "n": found.n,
        }
        if math.isnan(found.estimate):
            return undefined("not_estimable", "a class with fewer than two rows", **shared, **self.meant())
        return self.number(found, **shared)

    def difference(self, counts: PairedCounts) -> Difference:
        interval = tango(counts, alpha=1 - self.confidence)
        return Difference(counts.difference, float(interval.low), float(interval.high), counts.n)

    def number(self, found: Difference, **where: Any) -> Measurement:
        return Measurement(estimate=found.estimate, low=found.low, high=found.high, **where, **self.meant())

    def meant(self) -> dict[str, Any]:
        return {
            "confidence": self.confidence,
            "positive": self.task.positive,
            "favourable": self.task.favourable,
        }

    def flip(self, attribute: str | None, group: str | None, mask: Mask) -> Flip:
        one, two = (side[mask] == self.task.favourable for side in self.decisions)
        counts = paired_counts(one, two)
        return Flip(attribute, group, counts.n, counts.second_only, counts.first_only, mcnemar(counts).mid_p)
