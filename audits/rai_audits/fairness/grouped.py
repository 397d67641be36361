"""The evaluated rows by group, and measurements whose ends are a function of the error.

Use from audits that need rows and not only counts. Stable within this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import AuditContext, UsageError
from rai_audits.core.plugins import UNWEIGHTED, has_weights
from rai_audits.fairness.counts import GROUP_PREFIX, UNKNOWN
from rai_audits.fairness.describe import Describer, bound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt
    import pandas as pd

    from rai_audits.core import Measurement
    from rai_audits.stats.interval import Side

    Mask = npt.NDArray[np.bool_]
    EndsOf = Callable[[float, Side], tuple[float, float]]


@dataclass(frozen=True)
class Grouping:
    """One attribute: group of every row, known groups (declared first, then others seen) and those with enough rows.

    ``times`` says how many people each row stands for, see ``multiplicity``.
    """

    attribute: str
    values: npt.NDArray[np.object_]
    names: tuple[str, ...]
    eligible: tuple[str, ...]
    times: npt.NDArray[np.int64]

    def rows(self, group: str) -> Mask:
        return np.asarray(self.values == group, dtype=np.bool_)

    def count(self, rows: Mask) -> int:
        """People in some of the rows."""
        return int(self.times[rows].sum())

    def size(self, group: str) -> int:
        return self.count(self.rows(group))


TIMES = "times"
"""Column of a tally: how many people a row stands for. A long table is read as its distinct rows with their number."""


def multiplicity(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """How many people each row stands for: one, unless the rows are a tally."""
    if TIMES in frame.columns:
        return frame[TIMES].to_numpy(dtype=np.int64)
    return np.ones(len(frame), dtype=np.int64)


def evaluated(context: AuditContext, *columns: str) -> pd.DataFrame:
    """Rows of the evaluated split. Raises ``UsageError`` naming a missing column."""
    for column in ("split", *columns, *(GROUP_PREFIX + name for name in context.task.groups)):
        if column not in context.predictions.columns:
            raise UsageError(f"the predictions have no column {column!r}")
    return context.predictions[context.predictions["split"].astype(str) == context.eval_split]


def without_weights(rows: pd.DataFrame) -> str:
    """End of the method of a measurement that counts every row once although the rows have weights; empty where they have none."""
    return UNWEIGHTED if has_weights(rows) else ""


def smallest_group(context: AuditContext, audit: str, default: int = 10) -> int:
    """Option ``min_group_rows``. Raises ``UsageError`` naming it."""
    value = context.options.get("min_group_rows", default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"option min_group_rows of audit {audit} must be a whole number of 1 or more, got {value!r}")
    return value


def grouping(context: AuditContext, frame: pd.DataFrame, attribute: str, smallest: int) -> Grouping:
    """Groups of one declared attribute."""
    column = frame[GROUP_PREFIX + attribute]
    values = column.astype(object).where(column.notna(), UNKNOWN).astype(str).to_numpy(dtype=object)
    seen = sorted(set(values.tolist()))
    names = tuple(name for name in dict.fromkeys([*context.task.groups[attribute], *seen]) if name != UNKNOWN)
    return counted_groups(attribute, values, names, multiplicity(frame), smallest)


def counted_groups(
    attribute: str,
    values: npt.NDArray[np.object_],
    names: tuple[str, ...],
    times: npt.NDArray[np.int64],
    smallest: int,
) -> Grouping:
    """A grouping in which groups of ``smallest`` people or more are eligible."""
    eligible = tuple(name for name in names if int(times[values == name].sum()) >= smallest)
    return Grouping(attribute, values, names, eligible, times)


def estimated(
    describe: Describer, metric: str, point: float, ends: EndsOf, *, method: str, family: int = 1, **where: Any
) -> Measurement:
    """A number with its interval and bounds at every alpha, uncorrected and for the most extreme of ``family`` comparisons."""
    low, high = ends(1 - describe.context.confidence, "two-sided")
    bounds = []
    for alpha in describe.context.alphas:
        for correction in (None, family):
            level = alpha / (correction or 1)
            bounds.append(bound("lower", alpha, ends(level, "lower")[0], method, correction))
            bounds.append(bound("upper", alpha, ends(level, "upper")[1], method, correction))
    return describe.number(metric, point, low, high, method=method, bounds=tuple(bounds), **where)


def left_out(describe: Describer, metric: str, groups: Grouping, *, method: str) -> Iterator[Measurement]:
    """A measurement without a number for each known group that has too few rows to be compared, so that its absence is seen."""
    for group in groups.names:
        if group not in groups.eligible:
            where: dict[str, Any] = {"attribute": groups.attribute, "group": group, "n": groups.size(group)}
            yield describe.gap(metric, "fewer rows than a comparison needs", method=method, **where)
    if len(groups.eligible) == 1:
        group = groups.eligible[0]
        where = {"attribute": groups.attribute, "group": group, "n": groups.size(group)}
        yield describe.gap(metric, "a comparison needs two groups with enough rows", method=method, **where)
