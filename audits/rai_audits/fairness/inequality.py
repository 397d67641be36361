"""The audit ``inequality``: how unevenly decisions benefit people, over rows and between groups.

Benefit of a row is decision - label + 1, each 1 where favourable (Speicher et al. 2018): 0 for a wrong denial, 2 for a wrong favour. Over
all rows: ``generalized_entropy_index`` (alpha 2), ``theil_index``. Per attribute: the ``between_group_`` parts of both, and
``differential_fairness_epsilon`` (Foulds et al. 2020) of decisions and ``label_differential_fairness_epsilon`` of labels. Shown,
not gated: no one-sided bounds. Stable: metric names.

A between-group part and epsilon are at least 0 and biased upward, as any spread is. A percentile interval would exclude 0 under
equality, so the lower end of a between-group part is the basic bootstrap's, and epsilon is bounded through the pairs of groups.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit
from rai_audits.fairness.describe import Describer
from rai_audits.fairness.grouped import Grouping, evaluated, grouping, multiplicity, smallest_group
from rai_audits.stats.inequality import ALPHA, benefit_entropy, between_entropy, smoothed_epsilon
from rai_audits.stats.pairs import ordered_pairs
from rai_audits.stats.ratios import ratio_bound
from rai_audits.stats.resample import replicate_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from rai_audits.core import Measurement
    from rai_audits.stats.interval import FloatArray

    Flags = npt.NDArray[np.bool_]

NAME = "inequality"
REPLICATES = 2000
_SMOOTHING = 0.5
_INDICES = (("generalized_entropy_index", ALPHA), ("theil_index", 1.0))
_OVERALL = "multinomial count bootstrap, percentile"
_BETWEEN = "multinomial count bootstrap, basic below and percentile above"
_EPSILON = "shown, not gated: Dirichlet-smoothed (concentration 1); pairwise ratio bounds (lower end Bonferroni)"


def measure(context: AuditContext) -> AuditOutput:
    """Measure on the rows of ``context.eval_split``. Rows without a label count for the epsilon of decisions alone.

    Option ``min_group_rows`` (default 10): smallest group that takes part. Row weights are not used. Raises ``UsageError`` without
    a favourable class, or for a missing column.
    """
    smallest = smallest_group(context, NAME)
    if context.task.favourable is None:
        raise UsageError(f"audit {NAME} needs a favourable class")
    frame = evaluated(context, "label", "prediction")
    labelled = frame["label"].notna().to_numpy()
    good = (frame["label"].astype(str) == context.task.favourable).to_numpy() & labelled
    won = (frame["prediction"].astype(str) == context.task.favourable).to_numpy()
    benefit = won.astype(np.int64) - good + 1
    describe = Describer(NAME, context, weighted=False)
    times = multiplicity(frame)
    everyone = np.bincount(benefit[labelled], times[labelled], minlength=3).astype(np.float64)[None, :]
    found = list(_indices(describe, "", everyone, benefit_entropy, _OVERALL, {}))
    for attribute in context.task.groups:
        groups = grouping(context, frame, attribute, smallest)
        table = np.asarray(
            [
                np.bincount(benefit[inside], times[inside], minlength=3)
                for inside in (labelled & groups.rows(name) for name in groups.eligible)
            ],
            dtype=np.float64,
        ).reshape(-1, 3)
        where = {"attribute": attribute}
        found += _indices(describe, "between_group_", table, between_entropy, _BETWEEN, where)
        found.append(_epsilon(describe, groups, "differential_fairness_epsilon", won, np.ones_like(won)))
        found.append(_epsilon(describe, groups, "label_differential_fairness_epsilon", good, labelled))
    notes = ["Row weights are not used."] if "weight" in frame.columns else []
    return AuditOutput(tuple(found), facts={"benefit": "decision - label + 1, favourable counted 1", "notes": notes})


AUDIT = audit(NAME, suite="fairness", ignores_weights=True, reads_tallies=True)(measure)


def _indices(
    describe: Describer,
    prefix: str,
    table: FloatArray,
    index: Callable[..., FloatArray],
    method: str,
    where: dict[str, Any],
) -> Iterator[Measurement]:
    n = int(table.sum())
    for name, alpha in _INDICES:
        metric = prefix + name
        if prefix and (len(table) < 2 or (table.sum(axis=-1) == 0).any()):
            yield describe.gap(metric, "needs two groups with enough labelled rows", method=method, n=n, **where)
            continue
        point = float(index(table, alpha=alpha))
        if math.isnan(point):
            reason = "no labelled rows" if n == 0 else "no row has any benefit"
            yield describe.gap(metric, reason, method=method, n=n, **where)
            continue
        values = replicate_counts(
            table, partial(index, alpha=alpha), REPLICATES, describe.context.seed, smoothing=_SMOOTHING
        )  # fmt: skip
        error = (1 - describe.context.confidence) / 2
        low, high = np.nanquantile(values, [error, 1 - error])
        if prefix:
            low = 2 * point - high
        yield describe.number(metric, point, min(max(low, 0.0), point), max(high, point), method=method, n=n, **where)


def _epsilon(describe: Describer, groups: Grouping, metric: str, yes: Flags, counted: Flags) -> Measurement:
    k = np.asarray([groups.count(yes & counted & groups.rows(name)) for name in groups.eligible], dtype=np.float64)
    n = np.asarray([groups.count(counted & groups.rows(name)) for name in groups.eligible], dtype=np.float64)
    where: dict[str, Any] = {"attribute": groups.attribute, "n": int(n.sum())}
    if k.size < 2 or (n == 0).any():
        return describe.gap(metric, "needs two groups with enough rows", method=_EPSILON, **where)
    point = smoothed_epsilon(k, n)
    error = (1 - describe.context.confidence) / 2
    over, reference = ordered_pairs(k.size)
    low, high = 0.0, 0.0
    for count in (k, n - k):
        pairs = (count[over], n[over], count[reference], n[reference])
        lower = ratio_bound(*pairs, alpha=error / (2 * over.size), side="lower").low.max()
        upper = ratio_bound(*pairs, alpha=error, side="upper").high.max()
        low = max(low, math.log(lower) if lower > 0 else 0.0)
        high = max(high, math.log(upper) if math.isfinite(upper) else math.inf)
    return describe.number(metric, point, min(low, point), max(high, point), method=_EPSILON, **where)
