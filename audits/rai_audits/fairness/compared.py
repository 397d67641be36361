"""Two sets of decisions about the same rows: what changed, for whom, with paired intervals.

Use for a candidate against the model in production, or a tuned model against its base. Stable API: ``compare``.

Changes are second minus first. Rows are the same in both, so rates are compared by Tango's paired score interval, areas under
the curve by DeLong's covariance; a change of a gap between two groups joins the paired intervals of both by square-and-add. Every row
counts once: where the tables have weights, the method of each measurement says that they were not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import Measurement, UsageError, undefined
from rai_audits.fairness.describe import bound
from rai_audits.fairness.grouped import without_weights
from rai_audits.stats.paired import Difference, PairedCounts, difference_of, mcnemar, paired_auc, paired_counts, tango

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt
    import pandas as pd

    from rai_audits.core import Bound, TaskInfo

    Mask = npt.NDArray[np.bool_]

AUDIT_NAME = "paired_comparison"
UNKNOWN = "unknown"
_TANGO = "paired score (Tango)"
_GAP = "square-and-add of paired score intervals"
_DELONG = "paired DeLong"


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
    first: pd.DataFrame,
    second: pd.DataFrame,
    task: TaskInfo,
    *,
    confidence: float = 0.95,
    min_group_rows: int = 10,
    alphas: Sequence[float] = (),
    audit: str = AUDIT_NAME,
) -> Comparison:
    """Compare decisions of ``second`` with those of ``first``, row by row; groups and labels are those of ``second``.

    Both tables have the columns of ``AuditContext.predictions`` and the same row ids in the same order. Measurements are named for
    ``audit`` and carry one-sided bounds at every level of ``alphas``. Raises ``UsageError`` when ids or labels differ.
    """
    _same_rows(first, second)
    pair = _Pair(first, second, task, _Asked(audit, confidence, tuple(alphas), min_group_rows))
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


@dataclass(frozen=True)
class _Asked:
    """What the measurements are to carry, and the fewest rows of a group whose gap is compared."""

    audit: str
    confidence: float
    alphas: tuple[float, ...]
    min_rows: int


class _Pair:
    """The outcomes of both sides as arrays, and the measurements made of them."""

    def __init__(self, first: pd.DataFrame, second: pd.DataFrame, task: TaskInfo, asked: _Asked) -> None:
        self.task, self.asked = task, asked
        self.second = second
        self.unweighted = without_weights(second)
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
        shared = self.shared(f"{metric}_change", _TANGO, counts.n)
        if counts.n == 0:
            return undefined("not_estimable", f"no {word}", **shared, **where)
        changed = {"n_pos": counts.second_only, "n_neg": counts.first_only}
        return self.number(lambda error: _tango(counts, error), **shared, **changed, **where)

    def gaps(
        self, metric: str, attribute: str, known: Sequence[str], counts: dict[str, PairedCounts], word: str
    ) -> Iterator[Measurement]:
        """Change of the gap, group minus reference, each unordered pair once. Positive: the gap moved in the group's favour."""
        for place, group in enumerate(known):
            for reference in known[place + 1 :]:
                rows = counts[group].n + counts[reference].n
                shared = self.shared(f"{metric}_gap_change", _GAP, rows)
                shared |= {"attribute": attribute, "group": group, "reference": reference}
                small = [name for name in (group, reference) if counts[name].n < self.asked.min_rows]
                if small:
                    reason = f"fewer than {self.asked.min_rows} {word} in group {' and '.join(map(repr, small))}"
                    yield undefined("not_estimable", reason, **shared)
                    continue
                yield self.number(_between(counts[group], counts[reference]), **shared)

    def auc(self) -> Measurement:
        positive = self.label == self.task.positive
        shared = self.shared("roc_auc_change", _DELONG, positive.size)
        if min(positive.sum(), (~positive).sum()) < 2:
            return undefined("not_estimable", "a class with fewer than two rows", **shared)
        return self.number(lambda error: paired_auc(positive, *self.scores, alpha=error), **shared)

    def number(self, at: Callable[[float], Difference], **where: Any) -> Measurement:
        """``at`` gives the estimate with its two-sided interval at a total error; a one-sided bound is an end at twice the error."""
        found = at(1 - self.asked.confidence)
        bounds: list[Bound] = []
        for alpha in self.asked.alphas:
            ends = at(2 * alpha)
            bounds += [
                bound("lower", alpha, ends.low, where["method"]),
                bound("upper", alpha, ends.high, where["method"]),
            ]
        return Measurement(estimate=found.estimate, low=found.low, high=found.high, bounds=tuple(bounds), **where)

    def shared(self, metric: str, method: str, n: int) -> dict[str, Any]:
        return {
            "audit": self.asked.audit,
            "metric": metric,
            "method": method + self.unweighted,
            "n": n,
            "confidence": self.asked.confidence,
            "positive": self.task.positive,
            "favourable": self.task.favourable,
        }

    def flip(self, attribute: str | None, group: str | None, mask: Mask) -> Flip:
        one, two = (side[mask] == self.task.favourable for side in self.decisions)
        counts = paired_counts(one, two)
        return Flip(attribute, group, counts.n, counts.second_only, counts.first_only, mcnemar(counts).mid_p)


def _tango(counts: PairedCounts, error: float) -> Difference:
    interval = tango(counts, alpha=error)
    return Difference(counts.difference, float(interval.low), float(interval.high), counts.n)


def _between(group: PairedCounts, reference: PairedCounts) -> Callable[[float], Difference]:
    return lambda error: difference_of(_tango(group, error), _tango(reference, error))
