"""The audit ``intersections``: groups by two or more attributes at once, raw and partially pooled.

Per cell of each crossing: ``group_size``, ``selection_rate`` (raw, Wilson) and ``selection_rate_pooled`` (hierarchical Bayes, never
to be read as the raw rate). Per ordered pair of cells with enough rows: ``impact_ratio``. A cell's ``attribute`` and ``group`` join the
names by " x ". Stable: metric names.
"""

from __future__ import annotations

from itertools import combinations, permutations, product
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit, did_you_mean, plain_attributes
from rai_audits.fairness.counts import UNKNOWN
from rai_audits.fairness.describe import EXACT, SCORE, WILSON, Describer
from rai_audits.fairness.grouped import (
    Grouping,
    counted_groups,
    estimated,
    evaluated,
    grouping,
    left_out,
    smallest_group,
)
from rai_audits.fairness.ratio_ends import RatioEnds
from rai_audits.stats.rates import wilson
from rai_audits.stats.shrinkage import credible_interval, fit_pooling, pooled_rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from rai_audits.core import Measurement
    from rai_audits.fairness.grouped import EndsOf
    from rai_audits.stats.interval import Side

NAME = "intersections"
JOIN = " x "
MAX_CELLS = 200
_RATIO = f"{SCORE} or {EXACT}"
_POOLED = "shown, not gated: pooled towards the mean of all cells (hierarchical beta-binomial), credible interval"


def measure(context: AuditContext) -> AuditOutput:
    """Measure on the rows of ``context.eval_split``; rows unknown in a crossed attribute are counted in the facts.

    Options: ``cross``, tuples of attributes (default: every pair of those that cross no others); ``min_group_rows`` (default 10). Row weights
    are not used. Raises ``UsageError`` for an unknown attribute, more than 200 cells, or without a favourable class or two attributes.
    """
    smallest = smallest_group(context, NAME)
    if context.task.favourable is None:
        raise UsageError(f"audit {NAME} needs a favourable class")
    crossings = _crossings(context)
    frame = evaluated(context, "prediction")
    won = (frame["prediction"].astype(str) == context.task.favourable).to_numpy()
    each = {name: grouping(context, frame, name, smallest) for name in context.task.groups}
    describe = Describer(NAME, context, weighted=False)
    found: list[Measurement] = []
    facts: dict[str, Any] = {}
    for crossing in crossings:
        cells = crossed([each[name] for name in crossing], smallest)
        found += _rates(describe, cells, won)
        found += _ratios(describe, cells, won)
        facts[cells.attribute] = {"cells": len(cells.names), "unknown_rows": cells.size(UNKNOWN)}
    return AuditOutput(tuple(found), facts={"crossings": facts})


AUDIT = audit(NAME, suite="fairness", ignores_weights=True, reads_tallies=True)(measure)


def _crossings(context: AuditContext) -> list[tuple[str, ...]]:
    known = tuple(context.task.groups)
    asked = context.options.get("cross") or ()
    if isinstance(asked, str) or any(isinstance(one, str) for one in asked):
        raise UsageError(f"option 'cross' must be a list of lists of attributes, got {asked!r}")
    crossings = [tuple(one) for one in asked] or list(combinations(plain_attributes(known), 2))
    if not crossings:
        raise UsageError(f"audit {NAME} needs two group attributes")
    for one in crossings:
        for name in one:
            if name not in known:
                raise UsageError(f"option 'cross': {name!r} is no group attribute.{did_you_mean(str(name), known)}")
        if len(one) < 2 or len(set(one)) != len(one):
            raise UsageError(f"option 'cross': {one!r} must name two or more different attributes")
    return crossings


def crossed(parts: list[Grouping], smallest: int) -> Grouping:
    """One grouping by several attributes; a row unknown in any is unknown. Raises ``UsageError`` past ``MAX_CELLS`` cells."""
    names = tuple(JOIN.join(cell) for cell in product(*(part.names for part in parts)))
    attribute = JOIN.join(part.attribute for part in parts)
    if len(names) > MAX_CELLS:
        raise UsageError(f"the crossing {attribute!r} has {len(names)} cells, more than {MAX_CELLS}")
    unknown = np.any([part.values == UNKNOWN for part in parts], axis=0)
    joined = [JOIN.join(cell) for cell in zip(*(part.values for part in parts), strict=True)]
    values = np.where(unknown, UNKNOWN, np.asarray(joined, dtype=object)).astype(object)
    return counted_groups(attribute, values, names, parts[0].times, smallest)


def _counts(cells: Grouping, name: str, won: npt.NDArray[np.bool_]) -> tuple[int, int]:
    inside = cells.rows(name)
    return cells.count(inside & won), cells.count(inside)


def _rates(describe: Describer, cells: Grouping, won: npt.NDArray[np.bool_]) -> Iterator[Measurement]:
    table = np.asarray([_counts(cells, name, won) for name in cells.names], dtype=np.int64).reshape(-1, 2)
    family = max(int((table[:, 1] > 0).sum()), 1)
    pooled = list(_pooled(describe, table)) if family >= 3 else [None] * len(table)
    for name, (k, n), drawn in zip(cells.names, table.tolist(), pooled, strict=True):
        where: dict[str, Any] = {"attribute": cells.attribute, "group": name}
        counted = {**where, "n": n, "n_pos": k, "n_neg": n - k}
        yield describe.number("group_size", n, n, n, method="count", n=n, **where)
        if n == 0:
            for metric, method in (("selection_rate", WILSON), ("selection_rate_pooled", _POOLED)):
                yield describe.gap(metric, "no rows", method=method, **counted)
            continue
        yield estimated(describe, "selection_rate", k / n, _wilson(k, n), method=WILSON, family=family, **counted)
        if drawn is None:
            yield describe.gap("selection_rate_pooled", "needs three cells with rows", method=_POOLED, **counted)
            continue
        yield describe.number("selection_rate_pooled", *drawn, method=_POOLED, **counted)


def _pooled(describe: Describer, table: npt.NDArray[np.int64]) -> Iterator[tuple[float, float, float]]:
    """Estimate and ends of every cell."""
    k, n = table[:, 0], table[:, 1]
    pooling = fit_pooling(k, n)
    ends = credible_interval(k, n, pooling, confidence=describe.context.confidence)
    for point, low, high in zip(pooled_rates(k, n, pooling), ends.low, ends.high, strict=True):
        yield float(point), float(low), float(high)


def _wilson(k: int, n: int) -> EndsOf:
    def ends(alpha: float, side: Side) -> tuple[float, float]:
        found = wilson(k, n, alpha=alpha, side=side)
        return float(found.low), float(found.high)

    return ends


def _ratios(describe: Describer, cells: Grouping, won: npt.NDArray[np.bool_]) -> Iterator[Measurement]:
    yield from left_out(describe, "impact_ratio", cells, method=_RATIO)
    counts = {name: _counts(cells, name, won) for name in cells.eligible}
    pairs = list(permutations(cells.eligible, 2))
    ends = RatioEnds([(*counts[group], *counts[reference]) for group, reference in pairs])
    for place, (group, reference) in enumerate(pairs):
        (k, n), (reference_k, reference_n) = counts[group], counts[reference]
        where: dict[str, Any] = {"attribute": cells.attribute, "group": group, "reference": reference}
        where["n"] = n + reference_n
        if reference_k == 0:
            reason = f"no favourable outcome among the {reference_n} rows of {reference!r}"
            yield describe.gap("impact_ratio", reason, method=_RATIO, **where)
            continue
        point = (k / n) / (reference_k / reference_n)
        yield estimated(
            describe, "impact_ratio", point, ends.of(place), method=_RATIO, family=max(len(pairs), 1), **where
        )
