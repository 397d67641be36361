"""Slice discovery: where the model errs or favours differently, found on one half of the rows and tested on the other.

Registered as ``slice_discovery``. Slices are one or two conditions on groups, source columns and common words. The half is picked by a
hash of the row id, so row order does not matter. On the first half slices are ranked; the best ``slices`` for each outcome are tested on
the second by Fisher's exact test against all other rows, with Benjamini and Hochberg's correction over everything that was tested.
Stable metrics, one for each confirmed slice (its conditions as label): ``slice_error_rate_difference`` and
``slice_favourable_rate_difference``, slice minus the rest, on the second half only. Their intervals are widened for having been
selected (false coverage rate of Benjamini and Yekutieli 2005). Leaves the table ``slices`` with all that was tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit
from rai_audits.fairness.conditions import Conditions, make_conditions
from rai_audits.fairness.describe import EXACT, SCORE, Describer, bound, end_methods
from rai_audits.stats.differences import difference_bound
from rai_audits.stats.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from rai_audits.core import Measurement
    from rai_audits.stats.interval import Side

NAME = "slice_discovery"
ERROR = "slice_error_rate_difference"
FAVOURABLE = "slice_favourable_rate_difference"
LEVEL = 0.05
"""Share of false discoveries that is accepted among the confirmed slices, on average."""

_SAME = 0.99
"""Slices that agree, or disagree, on this share of the rows are one comparison."""

_DEFAULTS = {"slices": 20, "slice_min_rows": 20, "slice_words": 20}


@dataclass(frozen=True)
class Tested:
    """A slice that was found on the first half, with its counts on the second: ``k`` of ``n`` in it, ``rest_k`` of ``rest_n`` outside."""

    metric: str
    words: str
    conditions: int
    found_difference: float
    k: int
    n: int
    rest_k: int
    rest_n: int
    p_value: float
    q_value: float = 1.0

    @property
    def confirmed(self) -> bool:
        return self.q_value <= LEVEL


@dataclass(frozen=True)
class _Candidate:
    """Positions of one or two conditions, with the difference seen and how many standard errors it is."""

    parts: tuple[int, ...]
    difference: float
    strength: float


@audit(NAME, suite="fairness", ignores_weights=True)
def _slice_discovery(context: AuditContext) -> AuditOutput:
    options = {name: _option(context.options, name, default) for name, default in _DEFAULTS.items()}
    table = _table(context)
    conditions = make_conditions(table, words=options["slice_words"])
    first = first_half(table["row_id"].astype(str).tolist(), context.seed)
    tested = discover(
        conditions, _outcomes(context, table), first, most=options["slices"], min_rows=options["slice_min_rows"]
    )
    facts = {
        "rows_to_find": int(first.sum()),
        "rows_to_test": int((~first).sum()),
        "conditions": len(conditions.items),
        "tested": len(tested),
        "confirmed": sum(item.confirmed for item in tested),
        "false_discovery_rate": LEVEL,
        "left_out": list(conditions.left_out),
        "columns_read": context.rows is not None,
    }
    kept = {"slices": context.artifacts.put_table("slices", _listing(tested))} if tested else {}
    return AuditOutput(measurements=tuple(_measurements(context, tested)), artifacts=kept, facts=facts)


AUDIT = _slice_discovery


def first_half(row_ids: Sequence[str], seed: int) -> npt.NDArray[np.bool_]:
    """Which rows are used to find slices: a fair coin for each row, tossed by its id and the seed."""
    return np.array([sha256(f"{seed}\nhalf\n{row_id}".encode()).digest()[0] % 2 == 0 for row_id in row_ids], dtype=bool)


def discover(
    conditions: Conditions,
    outcomes: Mapping[str, npt.NDArray[np.bool_]],
    first: npt.NDArray[np.bool_],
    *,
    most: int,
    min_rows: int,
) -> tuple[Tested, ...]:
    """Find up to ``most`` slices for each outcome on the rows ``first``, test them on the others.

    ``outcomes`` maps a metric to truth values, one per row. A slice and the rest of the rows both have at least ``min_rows``
    rows of the first half.
    """
    tested: list[Tested] = []
    for metric, outcome in outcomes.items():
        found = _candidates(conditions, outcome[first], conditions.meets[:, first], min_rows)
        chosen = _different(found, conditions.meets[:, first], most)
        tested += [item for each in chosen if (item := _test(conditions, metric, outcome, ~first, each)) is not None]
    adjusted = benjamini_hochberg([item.p_value for item in tested]).tolist() if tested else []
    with_q = [Tested(**{**vars(item), "q_value": q}) for item, q in zip(tested, adjusted, strict=True)]
    return tuple(sorted(with_q, key=lambda item: (item.q_value, item.p_value, item.metric, item.words)))


def _option(options: Mapping[str, Any], name: str, default: int) -> int:
    value, least = options.get(name, default), 0 if name == "slice_words" else 1
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"option {name!r} must be a whole number of at least {least}, got {value!r}")
    return value


def _table(context: AuditContext) -> pd.DataFrame:
    """Rows of the evaluated split in order of their id, with text and source columns where they were given."""
    predictions = context.predictions
    table = predictions[predictions["split"].astype(str) == context.eval_split]
    if context.rows is not None:
        more = [name for name in map(str, context.rows.columns) if name == "text" or name.startswith("col:")]
        table = table.merge(context.rows[["row_id", *more]], on="row_id", how="left", validate="one_to_one")
    return table.sort_values("row_id", key=lambda ids: ids.astype(str), kind="stable").reset_index(drop=True)


def _outcomes(context: AuditContext, table: pd.DataFrame) -> dict[str, npt.NDArray[np.bool_]]:
    decided = table["prediction"].astype(str).to_numpy()
    outcomes = {}
    if "label" in table and not table["label"].isna().any():
        outcomes[ERROR] = decided != table["label"].astype(str).to_numpy()
    if context.task.favourable is not None:
        outcomes[FAVOURABLE] = decided == context.task.favourable
    return outcomes


def _candidates(
    conditions: Conditions, outcome: npt.NDArray[np.bool_], meets: npt.NDArray[np.bool_], min_rows: int
) -> list[_Candidate]:
    """Slices by strength of their difference, strongest first; a pair only where it is stronger than both of its conditions."""
    count = len(conditions.items)
    if not count:
        return []
    table = meets.astype(np.float64)
    sizes, happened = table @ table.T, (table * outcome) @ table.T
    total, total_happened = float(outcome.size), float(outcome.sum())
    rest = total - sizes
    allowed = (sizes >= min_rows) & (rest >= min_rows)
    safe, safe_rest = np.where(allowed, sizes, 1.0), np.where(allowed, rest, 1.0)
    difference = happened / safe - (total_happened - happened) / safe_rest
    pooled = total_happened / total if total else 0.0
    spread = np.sqrt(pooled * (1 - pooled) * (1 / safe + 1 / safe_rest))
    strength = np.where(allowed & (spread > 0), np.abs(difference) / np.where(spread > 0, spread, 1.0), 0.0)
    features = np.array([item.feature for item in conditions.items])
    single = np.diag(strength)
    pairs = np.triu(features[:, None] != features[None, :], 1)
    pairs |= np.triu(np.outer(features == "text", features == "text"), 1)
    better = pairs & (strength > np.maximum(single[:, None], single[None, :]) + 1e-9)
    found = [
        _Candidate((at,), float(difference[at, at]), float(single[at])) for at in np.flatnonzero(single > 0).tolist()
    ]
    found += [
        _Candidate((int(one), int(two)), float(difference[one, two]), float(strength[one, two]))
        for one, two in np.argwhere(better)
    ]
    return sorted(found, key=lambda item: (-item.strength, item.parts))


def _different(found: Sequence[_Candidate], meets: npt.NDArray[np.bool_], most: int) -> tuple[_Candidate, ...]:
    """The first ``most`` that part the rows differently: the two halves of a two-valued column are one comparison."""
    chosen: list[_Candidate] = []
    parted: list[npt.NDArray[np.bool_]] = []
    for each in found:
        if len(chosen) == most:
            break
        inside: npt.NDArray[np.bool_] = np.asarray(meets[list(each.parts)].all(axis=0))
        agreement = [float((inside == other).mean()) for other in parted]
        if all(1 - _SAME < share < _SAME for share in agreement):
            chosen.append(each)
            parted.append(inside)
    return tuple(chosen)


def _test(
    conditions: Conditions, metric: str, outcome: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], each: _Candidate
) -> Tested | None:
    """Fisher's exact test, two-sided, on the second half; None where slice or rest has no rows there."""
    from scipy import stats

    inside = conditions.meets[list(each.parts)].all(axis=0)
    k, n = int((outcome & inside & second).sum()), int((inside & second).sum())
    rest_k, rest_n = int((outcome & ~inside & second).sum()), int((~inside & second).sum())
    if not n or not rest_n:
        return None
    p_value = float(stats.fisher_exact([[k, n - k], [rest_k, rest_n - rest_k]]).pvalue)
    words = " and ".join(conditions.items[at].words for at in each.parts)
    return Tested(metric, words, len(each.parts), each.difference, k, n, rest_k, rest_n, min(1.0, max(0.0, p_value)))


def _measurements(context: AuditContext, tested: Sequence[Tested]) -> Iterator[Measurement]:
    describe = Describer(NAME, context, weighted=False)
    confirmed = [item for item in tested if item.confirmed]
    # Intervals of selected slices hold on average at this share of the error (false coverage rate).
    keep = len(confirmed) / max(1, len(tested))
    for item in confirmed:
        counts = (item.k, item.n, item.rest_k, item.rest_n)

        def ends(alpha: float, side: Side, counts: tuple[int, int, int, int] = counts) -> tuple[float, float, str]:
            found = difference_bound(*counts, alpha=alpha * keep, side=side)
            low_exact, high_exact = bool(found.low_exact), bool(found.high_exact)
            name = end_methods(low_exact, high_exact)
            if side != "two-sided":
                name = EXACT if (low_exact if side == "lower" else high_exact) else SCORE
            return float(found.low), float(found.high), f"{name}, adjusted for selection"

        low, high, method = ends(1 - context.confidence, "two-sided")
        bounds = []
        for alpha in context.alphas:
            lower, upper = ends(alpha, "lower"), ends(alpha, "upper")
            bounds += [bound("lower", alpha, lower[0], lower[2]), bound("upper", alpha, upper[1], upper[2])]
        yield describe.number(
            item.metric, item.k / item.n - item.rest_k / item.rest_n, low, high, method=method, bounds=tuple(bounds),
            n=item.n, n_pos=item.k, n_neg=item.n - item.k, label=item.words,
        )  # fmt: skip


def _listing(tested: Sequence[Tested]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "metric": item.metric,
                "slice": item.words,
                "difference_when_found": item.found_difference,
                "difference_when_tested": item.k / item.n - item.rest_k / item.rest_n,
                "rows": item.n,
                "rest_rows": item.rest_n,
                "p_value": item.p_value,
                "q_value": item.q_value,
                "confirmed": item.confirmed,
            }
            for item in tested
        ]
    )
