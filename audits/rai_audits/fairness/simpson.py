"""The audit ``simpson``: whether a difference between groups holds, vanishes or turns round within the strata of another feature.

For each ordered pair of groups and each control: ``selection_rate_difference_marginal``, beside Mantel-Haenszel's common difference and
ratio within the control (``selection_rate_difference_adjusted``, ``impact_ratio_adjusted``) and ``simpson_reversal``, 1 where marginal and
adjusted difference have opposite signs. ``label`` of a measurement names the control. Shown, not gated: whether a control is a
fair reason for a difference is a judgement, and an adjusted number never replaces the marginal one. Stable: metric names.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit, did_you_mean, plain_attributes
from rai_audits.fairness.counts import GROUP_PREFIX, UNKNOWN
from rai_audits.fairness.describe import EXACT, SCORE, Describer
from rai_audits.fairness.grouped import Grouping, evaluated, grouping, smallest_group
from rai_audits.stats.differences import difference_bound
from rai_audits.stats.stratified import Strata, difference_ends, ratio_ends, risk_difference, risk_ratio, strata

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import pandas as pd

    from rai_audits.core import Measurement

NAME = "simpson"
_MARGINAL = f"shown, not gated: {SCORE} or {EXACT}"
_DIFFERENCE = "shown, not gated: Mantel-Haenszel, Sato's variance"
_RATIO = "shown, not gated: Mantel-Haenszel, Greenland-Robins variance"
_REVERSAL = "shown, not gated: 1 where the signs differ; the interval is 0 to 1 unless both differences exclude 0"


def measure(context: AuditContext) -> AuditOutput:
    """Measure on the rows of ``context.eval_split``.

    Options: ``control``, names of group attributes or columns of the predictions (default: every other attribute that crosses none);
    ``min_group_rows`` (default 10). Row weights are not used. Raises ``UsageError`` for an unknown control, or where there is
    neither a favourable class nor a control.
    """
    smallest = smallest_group(context, NAME)
    if context.task.favourable is None:
        raise UsageError(f"audit {NAME} needs a favourable class")
    frame = evaluated(context, "prediction")
    controls = _controls(context, frame)
    won = (frame["prediction"].astype(str) == context.task.favourable).to_numpy()
    describe = Describer(NAME, context, weighted=False)
    found: list[Measurement] = []
    for attribute in context.task.groups:
        groups = grouping(context, frame, attribute, smallest)
        for name, values in controls.items():
            if name != attribute:
                found += _pairs(describe, groups, won, name, values)
    reversed_pairs = [
        {
            "attribute": item.attribute,
            "group": item.group,
            "reference": item.reference,
            "control": item.label,
            "settled": item.low == 1.0,
        }
        for item in found
        if item.metric == "simpson_reversal" and item.status == "ok" and item.value == 1.0
    ]
    return AuditOutput(tuple(found), facts={"controls": list(controls), "reversals": reversed_pairs})


AUDIT = audit(NAME, suite="fairness", ignores_weights=True, reads_tallies=True)(measure)


def _controls(context: AuditContext, frame: pd.DataFrame) -> dict[str, npt.NDArray[np.object_]]:
    asked = context.options.get("control") or ()
    if isinstance(asked, str) or not all(isinstance(name, str) for name in asked):
        raise UsageError(f"option 'control' must be a list of names, got {asked!r}")
    plain = plain_attributes(context.task.groups)
    names = tuple(asked) or (plain if len(plain) > 1 else ())
    if not names:
        raise UsageError(f"audit {NAME} needs a control: option 'control', or a second group attribute")
    found = {}
    for name in names:
        column = GROUP_PREFIX + name if GROUP_PREFIX + name in frame.columns else name
        if column not in frame.columns:
            known = [item.removeprefix(GROUP_PREFIX) for item in frame.columns]
            raise UsageError(f"option 'control': the predictions have no column {name!r}.{did_you_mean(name, known)}")
        values = frame[column].astype(object)
        found[name] = values.where(frame[column].notna(), UNKNOWN).astype(str).to_numpy(dtype=object)
    return found


def _pairs(
    describe: Describer, groups: Grouping, won: npt.NDArray[np.bool_], control: str, values: npt.NDArray[np.object_]
) -> Iterator[Measurement]:
    levels = sorted(set(values.tolist()))
    table = {
        group: [
            (groups.count(won & rows), groups.count(rows))
            for rows in (groups.rows(group) & (values == x) for x in levels)
        ]
        for group in groups.eligible
    }
    for group in groups.eligible:
        for reference in groups.eligible:
            if group != reference:
                one, two = np.asarray(table[group]).T, np.asarray(table[reference]).T
                where = {"attribute": groups.attribute, "group": group, "reference": reference, "label": control}
                yield from _pair(describe, strata(*one, *two), (one.sum(axis=1), two.sum(axis=1)), where)


def _pair(describe: Describer, counts: Strata, sums: Any, where: dict[str, Any]) -> Iterator[Measurement]:
    (k1, n1), (k2, n2) = sums
    alpha = 1 - describe.context.confidence
    marginal = k1 / n1 - k2 / n2
    interval = difference_bound(k1, n1, k2, n2, alpha=alpha)
    ends = float(interval.low), float(interval.high)
    whole = {**where, "n": int(n1 + n2)}
    yield describe.number("selection_rate_difference_marginal", marginal, *ends, method=_MARGINAL, **whole)
    inside = {**where, "n": int(counts.total.sum())}
    difference, ratio = risk_difference(counts), risk_ratio(counts)
    if math.isnan(difference.estimate) or difference.variance == 0:
        reason = "no stratum holds both groups" if not counts.total.size else "decisions do not vary within the strata"
        for metric, method in (("selection_rate_difference_adjusted", _DIFFERENCE), ("simpson_reversal", _REVERSAL)):
            yield describe.gap(metric, reason, method=method, **inside)
    else:
        adjusted = difference_ends(difference, alpha, "two-sided")
        yield describe.number(
            "selection_rate_difference_adjusted", difference.estimate, *adjusted, method=_DIFFERENCE, **inside
        )
        turned = float(marginal * difference.estimate < 0)
        sure = (ends[0] > 0 or ends[1] < 0) and (adjusted[0] > 0 or adjusted[1] < 0)
        span = (turned, turned) if sure else (0.0, 1.0)
        yield describe.number("simpson_reversal", turned, *span, method=_REVERSAL, **inside)
    if math.isnan(ratio.estimate):
        yield describe.gap("impact_ratio_adjusted", "a group has no favourable outcome", method=_RATIO, **inside)
    else:
        found = ratio_ends(ratio, alpha, "two-sided")
        yield describe.number("impact_ratio_adjusted", ratio.estimate, *found, method=_RATIO, **inside)
