"""The audit ``score_fairness``: whether scores rank and mean the same in every group.

Per group: area under the ROC curve within the group (``subgroup_auc``), of the group's negatives against everyone else's positives
(``bpsn_auc``) and of its positives against everyone else's negatives (``bnsp_auc``), after Borkan et al. (2019), arXiv:1903.04561;
Brier score, mean score minus label rate, binned calibration error. Per ordered pair: differences of the subgroup AUC, the
Brier score and calibration-in-the-large. Needs two classes and a score. Stable: metric names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit
from rai_audits.fairness.describe import Describer
from rai_audits.fairness.grouped import Grouping, estimated, evaluated, grouping, left_out, smallest_group
from rai_audits.robustness.options import whole_number
from rai_audits.robustness.reliability import MIN_BIN_ROWS, reliability
from rai_audits.stats.auc import Auc, auc, auc_interval
from rai_audits.stats.interval import tail
from rai_audits.stats.means import Mean, difference_ends, mean_ends, mean_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import pandas as pd

    from rai_audits.core import Measurement
    from rai_audits.fairness.grouped import EndsOf
    from rai_audits.stats.interval import Side

NAME = "score_fairness"
_DELONG = "DeLong, logit scale"
_T = "Student t; Hoeffding where nothing varies"
_WELCH = "Welch t; Hoeffding where nothing varies"
_ECE = "equal-mass bins, debiased (Kumar et al. 2019); bounds from the non-central chi-square"
_AREAS = {
    "subgroup_auc": "within the group",
    "bpsn_auc": "of its negatives and the positives outside",
    "bnsp_auc": "of its positives and the negatives outside",
}


@dataclass(frozen=True)
class _Rows:
    """Scores of the positive class and truth, one entry per labelled row."""

    score: npt.NDArray[np.float64]
    truth: npt.NDArray[np.bool_]


def measure(context: AuditContext) -> AuditOutput:
    """Measure scores by group on the rows of ``context.eval_split`` that have a label.

    Options: ``calibration_bins`` (default 10), ``min_group_rows`` (default 10, for pairs). Row weights are not used. Raises
    ``UsageError`` for a missing column, a task without a positive class of two, or a score outside [0, 1], naming the row.
    """
    bins = whole_number(context.options, "calibration_bins", 10, at_least=2)
    smallest = smallest_group(context, NAME)
    if not context.task.binary or context.task.positive is None:
        raise UsageError(f"audit {NAME} needs two classes and a positive one")
    frame = evaluated(context, "label", "score")
    frame = frame[frame["label"].notna()]
    rows = _rows(context, frame)
    describe = Describer(NAME, context, weighted=False)
    found: list[Measurement] = []
    for attribute in context.task.groups:
        groups = grouping(context, frame, attribute, smallest)
        found += _areas(describe, groups, rows)
        found += _means(describe, groups, rows)
        found += _calibration(describe, groups, rows, bins)
    notes = ["Row weights are not used."] if "weight" in frame.columns else []
    return AuditOutput(tuple(found), facts={"score": f"probability of {context.task.positive!r}", "notes": notes})


AUDIT = audit(NAME, suite="fairness", ignores_weights=True)(measure)


def _rows(context: AuditContext, frame: pd.DataFrame) -> _Rows:
    score = frame["score"].to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~((score >= 0) & (score <= 1)))
    if wrong.size:
        row = frame["row_id"].iloc[int(wrong[0])] if "row_id" in frame.columns else int(wrong[0])
        raise UsageError(f"predictions: score of row {row} is {score[wrong[0]]}, not a probability")
    return _Rows(score, (frame["label"].astype(str) == context.task.positive).to_numpy())


def _areas(describe: Describer, groups: Grouping, rows: _Rows) -> Iterator[Measurement]:
    family = max(len(groups.names), 1)
    within: dict[str, Auc] = {}
    for group in groups.names:
        inside = groups.rows(group)
        for metric, of in _AREAS.items():
            positives = rows.score[rows.truth & (~inside if metric == "bpsn_auc" else inside)]
            negatives = rows.score[~rows.truth & (~inside if metric == "bnsp_auc" else inside)]
            area = auc(positives, negatives)
            where = _where(groups, group, positives.size, negatives.size)
            if math.isnan(area.estimate):
                empty = "positives" if not positives.size else "negatives"
                yield describe.gap(metric, f"no {empty} for the area {of}", method=_DELONG, **where)
                continue
            if metric == "subgroup_auc" and group in groups.eligible:
                within[group] = area
            yield estimated(describe, metric, area.estimate, _area_ends(area), method=_DELONG, family=family, **where)
    yield from _area_pairs(describe, groups, within)


def _area_ends(area: Auc) -> EndsOf:
    def ends(alpha: float, side: Side) -> tuple[float, float]:
        interval = auc_interval(area, alpha=alpha, side=side)
        return float(interval.low), float(interval.high)

    return ends


def _area_pairs(describe: Describer, groups: Grouping, within: dict[str, Auc]) -> Iterator[Measurement]:
    """Two groups are independent samples. Their intervals join by square-and-add, which keeps width where an area is 0 or 1."""
    method = "square-and-add of DeLong intervals"
    yield from left_out(describe, "subgroup_auc_difference", groups, method=method)
    family = max(len(within) * (len(within) - 1), 1)
    for group, reference in _pairs(groups.eligible):
        where = _pair(groups, group, reference)
        if group not in within or reference not in within:
            lacking = " and ".join(repr(item) for item in (group, reference) if item not in within)
            yield describe.gap("subgroup_auc_difference", f"no area in group {lacking}", method=method, **where)
            continue
        first, second = within[group], within[reference]
        point = first.estimate - second.estimate
        ends = _joined(first, second)
        yield estimated(describe, "subgroup_auc_difference", point, ends, method=method, family=family, **where)


def _joined(first: Auc, second: Auc) -> EndsOf:
    def ends(alpha: float, side: Side) -> tuple[float, float]:
        total = 2 * tail(alpha, side)
        one, two = auc_interval(first, alpha=total), auc_interval(second, alpha=total)
        point = first.estimate - second.estimate
        low = point - math.hypot(first.estimate - float(one.low), float(two.high) - second.estimate)
        high = point + math.hypot(float(one.high) - first.estimate, second.estimate - float(two.low))
        return (-1.0 if side == "upper" else max(low, -1.0)), (1.0 if side == "lower" else min(high, 1.0))

    return ends


def _means(describe: Describer, groups: Grouping, rows: _Rows) -> Iterator[Measurement]:
    truth = rows.truth.astype(np.float64)
    for metric, values, floor in (
        ("brier_score", (rows.score - truth) ** 2, 0.0),
        ("calibration_in_the_large", rows.score - truth, -1.0),
    ):
        means: dict[str, Mean] = {}
        for group in groups.names:
            inside = groups.rows(group)
            positives = int(rows.truth[inside].sum())
            where = _where(groups, group, positives, int(inside.sum()) - positives)
            if not inside.any():
                yield describe.gap(metric, "no labelled rows", method=_T, **where)
                continue
            mean = mean_of(values[inside], width=1.0 - floor)
            means[group] = mean
            yield estimated(
                describe, metric, mean.mean, _mean_ends(mean, floor), method=_T, family=len(groups.names), **where
            )
        yield from left_out(describe, f"{metric}_difference", groups, method=_WELCH)
        family = max(len(groups.eligible) * (len(groups.eligible) - 1), 1)
        for group, reference in _pairs(groups.eligible):
            pair = (means[group], means[reference])
            yield estimated(
                describe, f"{metric}_difference", pair[0].mean - pair[1].mean, _difference_ends(*pair, floor),
                method=_WELCH, family=family, **_pair(groups, group, reference),
            )  # fmt: skip


def _mean_ends(mean: Mean, floor: float) -> EndsOf:
    def ends(alpha: float, side: Side) -> tuple[float, float]:
        found = mean_ends(mean, alpha, side)
        return max(found.low, floor), min(found.high, 1.0)

    return ends


def _difference_ends(first: Mean, second: Mean, floor: float) -> EndsOf:
    limit = 1.0 - floor

    def ends(alpha: float, side: Side) -> tuple[float, float]:
        found = difference_ends(first, second, alpha, side)
        return max(found.low, -limit), min(found.high, limit)

    return ends


def _calibration(describe: Describer, groups: Grouping, rows: _Rows, bins: int) -> Iterator[Measurement]:
    metric = "expected_calibration_error"
    for group in groups.names:
        inside = groups.rows(group)
        size, positives = int(inside.sum()), int(rows.truth[inside].sum())
        where = _where(groups, group, positives, size - positives)
        if size < MIN_BIN_ROWS:
            yield describe.gap(metric, f"{size} labelled rows, and a bin needs {MIN_BIN_ROWS}", method=_ECE, **where)
            continue
        table = reliability(rows.score[inside], rows.truth[inside], bins)

        def ends(alpha: float, side: Side, table: Any = table) -> tuple[float, float]:
            found = table.error_ends(alpha, side)
            return found.low, found.high

        yield estimated(describe, metric, table.debiased_error(), ends, method=_ECE, family=len(groups.names), **where)


def _pairs(names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    yield from ((one, other) for one in names for other in names if one != other)


def _where(groups: Grouping, group: str, positives: int, negatives: int) -> dict[str, Any]:
    n = positives + negatives
    return {"attribute": groups.attribute, "group": group, "n": n, "n_pos": positives, "n_neg": negatives}


def _pair(groups: Grouping, group: str, reference: str) -> dict[str, Any]:
    n = groups.size(group) + groups.size(reference)
    return {"attribute": groups.attribute, "group": group, "reference": reference, "n": n}
