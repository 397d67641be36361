"""The audit ``regression_gaps``: how predicted numbers and their errors differ between groups.

Reads ``value`` (the prediction) and ``target`` (the truth, optional) of the predictions, in the target's own unit. Per group:
``mean_prediction``, ``mean_residual`` (value minus target: above 0 where the group is overestimated) and
``mean_absolute_error``. Per ordered pair: ``<metric>_difference``. Stable: metric names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit
from rai_audits.fairness.describe import Describer
from rai_audits.fairness.grouped import Grouping, estimated, evaluated, grouping, left_out, smallest_group
from rai_audits.stats.means import Mean, difference_ends, has_interval, mean_ends, mean_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from rai_audits.core import Measurement
    from rai_audits.stats.interval import FloatArray, Side

NAME = "regression_gaps"
_T = "Student t"
_WELCH = "Welch t"
_NO_SPREAD = "values do not vary, or one row: no interval can be given"


def measure(context: AuditContext) -> AuditOutput:
    """Measure on the rows of ``context.eval_split``; rows without a target count for ``mean_prediction`` alone.

    Option ``min_group_rows`` (default 10, for pairs). Row weights are not used. Raises ``UsageError`` for a missing column, or a
    value or target that is no finite number, naming the row.
    """
    smallest = smallest_group(context, NAME)
    frame = evaluated(context, "value")
    describe = Describer(NAME, context, weighted=False)
    values = _numbers(frame, "value", missing_ok=False)
    measures = {"mean_prediction": values}
    if "target" in frame.columns:
        residual = values - _numbers(frame, "target", missing_ok=True)
        measures |= {"mean_residual": residual, "mean_absolute_error": np.abs(residual)}
    found: list[Measurement] = []
    for attribute in context.task.groups:
        groups = grouping(context, frame, attribute, smallest)
        for metric, each in measures.items():
            found += _one(describe, groups, metric, each)
    notes = ["Row weights are not used."] if "weight" in frame.columns else []
    return AuditOutput(tuple(found), facts={"rows": len(frame), "notes": notes})


AUDIT = audit(NAME, suite="fairness", ignores_weights=True)(measure)


def _numbers(frame: pd.DataFrame, column: str, *, missing_ok: bool) -> FloatArray:
    import pandas as pd

    missing = frame[column].isna().to_numpy()
    numbers = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~np.isfinite(numbers) & ~(missing & missing_ok))
    if wrong.size:
        at = int(wrong[0])
        row = frame["row_id"].iloc[at] if "row_id" in frame.columns else at
        raise UsageError(f"column {column!r} of the predictions: row {row} has {frame[column].iloc[at]!r}, no number")
    return np.asarray(numbers, dtype=np.float64)


def _one(describe: Describer, groups: Grouping, metric: str, values: FloatArray) -> Iterator[Measurement]:
    known = np.isfinite(values)
    means: dict[str, Mean] = {}
    floor = 0.0 if metric == "mean_absolute_error" else -np.inf
    for group in groups.names:
        inside = groups.rows(group) & known
        where: dict[str, Any] = {"attribute": groups.attribute, "group": group, "n": int(inside.sum())}
        if not inside.any():
            yield describe.gap(metric, "no rows with a value and a target", method=_T, **where)
            continue
        mean = means[group] = mean_of(values[inside])
        if not has_interval(mean):
            yield describe.gap(metric, _NO_SPREAD, method=_T, **where)
            continue

        def ends(alpha: float, side: Side, mean: Mean = mean) -> tuple[float, float]:
            found = mean_ends(mean, alpha, side)
            return max(found.low, floor), found.high

        yield _estimated(describe, metric, mean.mean, ends, _T, len(groups.names), where)
    yield from _pairs(describe, groups, metric, means)


def _pairs(describe: Describer, groups: Grouping, metric: str, means: dict[str, Mean]) -> Iterator[Measurement]:
    name = f"{metric}_difference"
    yield from left_out(describe, name, groups, method=_WELCH)
    family = max(len(groups.eligible) * (len(groups.eligible) - 1), 1)
    for group in groups.eligible:
        for reference in groups.eligible:
            if group == reference:
                continue
            n = sum(means[item].n for item in (group, reference) if item in means)
            where: dict[str, Any] = {"attribute": groups.attribute, "group": group, "reference": reference, "n": n}
            if group not in means or reference not in means or not has_interval(means[group], means[reference]):
                yield describe.gap(name, _NO_SPREAD, method=_WELCH, **where)
                continue
            pair = means[group], means[reference]

            def ends(alpha: float, side: Side, pair: tuple[Mean, Mean] = pair) -> tuple[float, float]:
                found = difference_ends(*pair, alpha, side)
                return found.low, found.high

            yield _estimated(describe, name, pair[0].mean - pair[1].mean, ends, _WELCH, family, where)


def _estimated(
    describe: Describer, metric: str, point: float, ends: Any, method: str, family: int, where: dict[str, Any]
) -> Measurement:
    return estimated(describe, metric, point, ends, method=method, family=max(family, 1), **where)
