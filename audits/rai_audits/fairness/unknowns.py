"""The audit ``unknown_demographics``: how far each impact ratio could move if the rows of unknown group were known.

Per ordered pair: ``impact_ratio_lowest`` and ``impact_ratio_highest`` over every way to give the rows of group "unknown" to the
known groups. Use beside ``impact_ratio``, which leaves those rows out. Stable: metric names.

A rate rises with each selected row that its group gets and falls with each other row. So the ratio is highest when the group gets all
selected unknown rows and none of the others, and the reference the reverse; lowest the other way round. Both hold at once, so
the bounds are exact, with any number of groups. The interval is the sampling interval of the ratio in that case.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit, undefined
from rai_audits.fairness.counts import UNKNOWN
from rai_audits.fairness.describe import EXACT, SCORE, Describer
from rai_audits.fairness.grouped import Grouping, estimated, evaluated, grouping, left_out, smallest_group
from rai_audits.fairness.ratio_ends import RatioEnds

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from rai_audits.core import Measurement
    from rai_audits.fairness.grouped import EndsOf

NAME = "unknown_demographics"
_METHOD = f"all unknown rows given to the {{case}} case; {SCORE} or {EXACT}"
Counts = tuple[int, int, int, int]
"""Selected and all rows of a group, then of its reference."""


def lowest_case(group: tuple[int, int], reference: tuple[int, int], unknown: tuple[int, int]) -> Counts:
    """Counts under which the ratio is lowest. Each argument is (selected, all rows)."""
    selected, others = unknown[0], unknown[1] - unknown[0]
    return group[0], group[1] + others, reference[0] + selected, reference[1] + selected


def highest_case(group: tuple[int, int], reference: tuple[int, int], unknown: tuple[int, int]) -> Counts:
    """Counts under which the ratio is highest. Each argument is (selected, all rows)."""
    selected, others = unknown[0], unknown[1] - unknown[0]
    return group[0] + selected, group[1] + selected, reference[0], reference[1] + others


def measure(context: AuditContext) -> AuditOutput:
    """Measure on the rows of ``context.eval_split``.

    Option ``min_group_rows`` (default 10): smallest known group that is compared. Row weights are not used. Raises
    ``UsageError`` without a favourable class, or for a missing column.
    """
    smallest = smallest_group(context, NAME)
    if context.task.favourable is None:
        raise UsageError(f"audit {NAME} needs a favourable class")
    frame = evaluated(context, "prediction")
    won = (frame["prediction"].astype(str) == context.task.favourable).to_numpy()
    describe = Describer(NAME, context, weighted=False)
    found: list[Measurement] = []
    unknown_rows: dict[str, int] = {}
    for attribute in context.task.groups:
        groups = grouping(context, frame, attribute, smallest)
        unknown_rows[attribute] = groups.size(UNKNOWN)
        if unknown_rows[attribute]:
            found += _pairs(describe, groups, won)
        else:
            found.append(_nobody(describe, attribute, int(groups.times.sum())))
    notes = ["Row weights are not used."] if "weight" in frame.columns else []
    return AuditOutput(tuple(found), facts={"unknown_rows": unknown_rows, "notes": notes})


AUDIT = audit(NAME, suite="fairness", ignores_weights=True, reads_tallies=True)(measure)


def _nobody(describe: Describer, attribute: str, rows: int) -> Measurement:
    """Without rows of unknown group there is nothing to bound; the ratio itself is in ``group_rates``."""
    context = describe.context
    return undefined(
        "not_applicable",
        "no row of unknown group",
        audit=NAME,
        metric="impact_ratio_lowest",
        attribute=attribute,
        method="none",
        n=rows,
        confidence=context.confidence,
        split=context.eval_split,
        favourable=context.task.favourable,
    )


def _pairs(describe: Describer, groups: Grouping, won: npt.NDArray[np.bool_]) -> Iterator[Measurement]:
    def counts(group: str) -> tuple[int, int]:
        inside = groups.rows(group)
        return groups.count(inside & won), groups.count(inside)

    unknown = counts(UNKNOWN)
    pairs = list(permutations(groups.eligible, 2))
    each = {group: counts(group) for group in groups.eligible}
    for metric, case, allocate in (
        ("impact_ratio_lowest", "worst", lowest_case),
        ("impact_ratio_highest", "best", highest_case),
    ):
        method = _METHOD.format(case=case)
        yield from left_out(describe, metric, groups, method=method)
        cases = [allocate(each[group], each[reference], unknown) for group, reference in pairs]
        ends = RatioEnds(cases)
        for place, (group, reference) in enumerate(pairs):
            where = {"attribute": groups.attribute, "group": group, "reference": reference}
            yield _ratio(describe, metric, cases[place], ends.of(place), method=method, family=len(pairs), **where)


def _ratio(
    describe: Describer, metric: str, counts: Counts, ends: EndsOf, *, method: str, family: int, **where: Any
) -> Measurement:
    k, n, reference_k, reference_n = counts
    where |= {"n": n + reference_n, "n_pos": k + reference_k, "n_neg": n + reference_n - k - reference_k}
    if reference_k == 0:
        reason = "in this case the reference has no favourable outcome, so nothing can be divided by its rate"
        return describe.gap(metric, reason, method=method, **where)
    point = (k / n) / (reference_k / reference_n)
    return estimated(describe, metric, point, ends, method=method, family=family, **where)
