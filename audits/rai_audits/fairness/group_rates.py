"""The audit ``group_rates``: how often each group gets which decision, and how groups compare.

Per group and over all rows: selection rate, true and false positive rate, positive predictive value and accuracy with Wilson intervals,
and the number of rows. Per ordered pair of groups: impact ratio and differences of rates. Shown beside them: the impact
ratio to the highest group, the smallest gap that the rows could show, and the spreads. Stable: metric names, and the bounds that a gate reads.

"Every group at least t" is one claim about many groups: it passes when each group's uncorrected lower bound clears t, and fails when some
group's upper bound corrected for all groups of the attribute does not reach it. Pairs: see ``rai_audits.stats.pairs``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit
from rai_audits.fairness.counts import UNKNOWN, GroupCounts, count_partition
from rai_audits.fairness.describe import WILSON, Describer, bound
from rai_audits.fairness.detectable import detectable_gaps
from rai_audits.fairness.pair_measurements import (
    DIFFERENCES,
    Comparison,
    impact_ratios,
    rate_differences,
    ratios_to_highest,
)
from rai_audits.fairness.spread import spreads
from rai_audits.fairness.tallies import Tally, group_sizes, tallies
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_audits.core import Bound, Measurement
    from rai_audits.stats.interval import Interval, Side

NAME = "group_rates"
MIN_GROUP_ROWS = 10


@dataclass(frozen=True)
class _Groups:
    """All groups of an attribute: those declared in their order, then any other that the split holds."""

    attribute: str | None
    names: tuple[str | None, ...]
    rows: tuple[int, ...]
    effective_rows: tuple[float, ...]


def measure(context: AuditContext) -> AuditOutput:
    """Measure rates per group, pairs and spreads on the rows of ``context.eval_split``.

    Option ``min_group_rows`` (default 10): smallest group that is compared with others. Raises ``UsageError`` naming a missing
    column, an unknown class, or a wrong option.
    """
    return measure_counts(context, _counted(context))


def measure_counts(context: AuditContext, counts: GroupCounts) -> AuditOutput:
    """Measure the same from counts of the rows, such as those of a table that was counted part by part."""
    smallest = _min_group_rows(context)
    _check_classes(context)
    describe = Describer(audit=NAME, context=context, weighted=counts.weighted)
    everyone = _groups(counts, None, (None,))
    found = list(_each_group(describe, everyone, tallies(counts, None, everyone.names, context.task)))
    facts: dict[str, Any] = {"attributes": {}}
    effective: dict[str, Any] = {"overall": everyone.effective_rows[0], "attributes": {}}
    for attribute in context.task.groups:
        groups = _groups(counts, attribute, _names(counts, attribute, context.task.groups[attribute]))
        rates = tallies(counts, attribute, groups.names, context.task)
        comparison = _comparison(attribute, groups, smallest)
        found += _each_group(describe, groups, rates)
        found += _compared(describe, comparison, groups, rates)
        facts["attributes"][attribute] = _facts(comparison, groups)
        effective["attributes"][attribute] = dict(zip(groups.names, groups.effective_rows, strict=True))
    if counts.weighted:
        facts["effective_n"] = effective
    return AuditOutput(measurements=tuple(found), facts=facts)


AUDIT = audit(NAME, suite="fairness", from_counts=measure_counts)(measure)


def _min_group_rows(context: AuditContext) -> int:
    value = context.options.get("min_group_rows", MIN_GROUP_ROWS)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"option min_group_rows of audit {NAME} must be a whole number of 1 or more, got {value!r}")
    return value


def _check_classes(context: AuditContext) -> None:
    task = context.task
    for role, value in (("positive", task.positive), ("favourable", task.favourable)):
        if value is not None and value not in task.classes:
            raise UsageError(f"the {role} class {value!r} is none of the classes ({', '.join(task.classes)})")


def _counted(context: AuditContext) -> GroupCounts:
    task = context.task
    _check_classes(context)
    if "split" not in context.predictions.columns:
        raise UsageError("the predictions have no column 'split'")
    frame = context.predictions[context.predictions["split"] == context.eval_split]
    return count_partition(frame, tuple(task.groups), task.classes)


def _names(counts: GroupCounts, attribute: str, declared: Sequence[str]) -> tuple[str, ...]:
    seen = {key.group for key in counts.cells if key.attribute == attribute and key.group is not None}
    return tuple(dict.fromkeys([*declared, *sorted(seen)]))


def _groups(counts: GroupCounts, attribute: str | None, names: tuple[str | None, ...]) -> _Groups:
    rows, effective = group_sizes(counts, attribute, names)
    return _Groups(attribute, names, tuple(rows.tolist()), tuple(effective.tolist()))


def _comparison(attribute: str, groups: _Groups, smallest: int) -> Comparison:
    rows = {name: count for name, count in zip(groups.names, groups.rows, strict=True) if name not in (None, UNKNOWN)}
    sizes = {str(name): count for name, count in rows.items()}
    return Comparison(
        attribute=attribute,
        eligible=tuple(name for name, count in sizes.items() if count >= smallest),
        not_eligible={
            name: f"{_counted_rows(count)}, fewer than the {smallest} that"
            for name, count in sizes.items()
            if count < smallest
        },
        rows=sizes,
    )


def _counted_rows(count: int) -> str:
    return {0: "no rows", 1: "1 row"}.get(count, f"{count} rows")


def _facts(comparison: Comparison, groups: _Groups) -> dict[str, Any]:
    unknown = dict(zip(groups.names, groups.rows, strict=True)).get(UNKNOWN, 0)
    return {
        "eligible": list(comparison.eligible),
        "not_eligible": {group: f"{reason} a comparison needs" for group, reason in comparison.not_eligible.items()},
        "unknown_rows": unknown,
    }


def _each_group(describe: Describer, groups: _Groups, rates: dict[str, Tally]) -> Iterator[Measurement]:
    """Size of each group and each of its rates."""
    for name, rows in zip(groups.names, groups.rows, strict=True):
        where: dict[str, Any] = {"attribute": groups.attribute, "group": name, "n": rows}
        yield describe.number("group_size", rows, rows, rows, method="count", **where)
    for tally in rates.values():
        yield from _rate(describe, groups, tally)


def _rate(describe: Describer, groups: _Groups, tally: Tally) -> Iterator[Measurement]:
    method = describe.method(WILSON)
    two_sided = _wilson(tally, 1 - describe.context.confidence)
    competing = [
        place for place, name in enumerate(groups.names) if name not in (None, UNKNOWN) and tally.trials[place] > 0
    ]
    bounds = _rate_bounds(tally, describe.context.alphas, max(len(competing), 1), method)
    for place, name in enumerate(groups.names):
        trials, successes = int(tally.trials[place]), int(tally.successes[place])
        where: dict[str, Any] = {
            "attribute": groups.attribute,
            "group": name,
            "n": trials,
            "n_pos": successes,
            "n_neg": trials - successes,
        }
        if trials == 0:
            split = describe.context.eval_split
            reason = f"no rows in split {split!r}" if groups.rows[place] == 0 else f"no {tally.missing}"
            yield describe.gap(tally.metric, reason, method=method, **where)
            continue
        yield describe.number(
            tally.metric,
            tally.rate[place],
            two_sided.low[place],
            two_sided.high[place],
            method=method,
            bounds=tuple(item for item in bounds[place] if place in competing or item.correction == "none"),
            **where,
        )


def _rate_bounds(tally: Tally, alphas: tuple[float, ...], family: int, method: str) -> list[list[Bound]]:
    """Bounds of every group: lower and upper at each alpha, and the same corrected for the groups that compete."""
    result: list[list[Bound]] = [[] for _ in range(tally.trials.size)]
    for alpha in alphas:
        for correction in (None, family):
            lower = _wilson(tally, alpha / (correction or 1), "lower").low
            upper = _wilson(tally, alpha / (correction or 1), "upper").high
            for place, items in enumerate(result):
                items.append(bound("lower", alpha, lower[place], method, correction))
                items.append(bound("upper", alpha, upper[place], method, correction))
    return result


def _wilson(tally: Tally, alpha: float, side: Side = "two-sided") -> Interval:
    return wilson(tally.effective_successes, tally.effective_trials, alpha=alpha, side=side)


def _compared(
    describe: Describer, comparison: Comparison, groups: _Groups, rates: dict[str, Tally]
) -> Iterator[Measurement]:
    places = [groups.names.index(name) for name in comparison.eligible]
    among = {metric: tally.of(places) for metric, tally in rates.items()}
    if "selection_rate" in among:
        yield from impact_ratios(describe, comparison, among["selection_rate"])
        yield from ratios_to_highest(describe, comparison, among["selection_rate"])
        yield from detectable_gaps(describe, comparison, among["selection_rate"])
    for metric in DIFFERENCES:
        if metric in among:
            yield from rate_differences(describe, comparison, among[metric])
    yield from spreads(describe, comparison, among)
