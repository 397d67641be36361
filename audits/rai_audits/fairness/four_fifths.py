"""The audit ``four_fifths``: the agencies' rule of thumb beside a significance test, and where the two disagree.

Guidance, not law: 29 CFR 1607.4(D) of the Uniform Guidelines on Employee Selection Procedures (1978), read with the agencies' Questions and
Answers (44 FR 11996, 1979). Per attribute, each group's selection rate over that of the group with the highest rate, separately for
each attribute as the guidance asks. Stable: metric names and the facts ``attributes`` and ``disagreements``.

Nothing here has bounds for a gate: a reference picked from the data as the highest breaks their guarantee. A gate on four fifths reads
``impact_ratio`` of ``group_rates`` over all ordered pairs instead.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit, plain_attributes, undefined
from rai_audits.fairness.adverse_impact import AdverseImpact, adverse_impact
from rai_audits.fairness.counts import UNKNOWN, GroupCounts, count_partition
from rai_audits.fairness.describe import EXACT, SCORE, Describer, end_methods
from rai_audits.fairness.tallies import tallies
from rai_audits.stats.differences import difference_bound
from rai_audits.stats.multiplicity import holm
from rai_audits.stats.ratios import ratio_bound
from rai_audits.stats.two_rates import fisher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_audits.core import Measurement

NAME = "four_fifths"
SMALLEST_SHARE = Fraction(2, 100)
"""1607.15(A)(2) asks for no determination about a group under 2 % of the labour force or workforce; here the share of the rows stands in."""

_SHOWN = "shown, not gated: "
_AS_IF = ", as if the reference had been named beforehand"
_EITHER = f"{_SHOWN}{SCORE} or {EXACT}{_AS_IF}"
_P = f"{_SHOWN}Fisher's exact test, two-sided; a p-value has no interval of its own"
_P_HOLM = f"{_SHOWN}Fisher's exact test, two-sided, adjusted (Holm) for all pairs of groups of the attribute"
_DEVIATIONS = f"{_SHOWN}difference of rates in pooled standard deviations"
_DISAGREES = f"{_SHOWN}1 where the four-fifths rule and Fisher's test at 5 % point different ways"
_METRICS = {
    "four_fifths_ratio": _EITHER,
    "four_fifths_difference": _EITHER,
    "four_fifths_p_value": _P,
    "four_fifths_p_value_adjusted": _P_HOLM,
    "four_fifths_standard_deviations": _DEVIATIONS,
    "four_fifths_disagreement": _DISAGREES,
}


@dataclass(frozen=True)
class _Rates:
    """Selected and all rows of each known group of an attribute, declared groups first, and the rows of unknown group."""

    attribute: str
    selected: dict[str, int]
    rows: dict[str, int]
    unknown: int

    @property
    def total(self) -> int:
        return sum(self.rows.values())

    def share(self, group: str) -> Fraction:
        return Fraction(self.rows[group], self.total) if self.total else Fraction(0)

    def rate(self, group: str) -> Fraction:
        return Fraction(self.selected[group], self.rows[group])


def measure(context: AuditContext) -> AuditOutput:
    """Measure on the rows of ``context.eval_split``. Row weights are not used: the rule counts people.

    Raises ``UsageError`` naming a missing column, or without a favourable class or a group.
    """
    _check(context)
    if "split" not in context.predictions.columns:
        raise UsageError("the predictions have no column 'split'")
    frame = context.predictions[context.predictions["split"] == context.eval_split]
    return measure_counts(context, count_partition(frame, tuple(context.task.groups), context.task.classes))


def measure_counts(context: AuditContext, counts: GroupCounts) -> AuditOutput:
    """Measure the same from counts of the rows."""
    _check(context)
    describe = Describer(NAME, context, weighted=False)
    found: list[Measurement] = []
    attributes: dict[str, Any] = {}
    disagreements: list[dict[str, Any]] = []
    for attribute in plain_attributes(context.task.groups):
        rates = _rates(context, counts, attribute)
        compared = [group for group in rates.rows if rates.rows[group] and rates.share(group) >= SMALLEST_SHARE]
        small = [group for group in rates.rows if rates.rows[group] and group not in compared]
        found += _left_out(describe, rates, compared, small)
        told = {"unknown_rows": rates.unknown, "under_two_percent": [_listed(rates, group) for group in small]}
        if len(compared) >= 2:
            highest = max(compared, key=rates.rate)
            results = _against(rates, compared, highest)
            found += _measurements(describe, rates, highest, results)
            comparisons = [_told(rates, highest, group, *result) for group, result in results.items()]
            told |= {"highest": highest, "comparisons": comparisons}
            disagreements += [item for item in comparisons if item["disagreement"] is not None]
        attributes[attribute] = told
    notes = ["Row weights are not used: the rule counts people."] if counts.weighted else []
    facts = {"attributes": attributes, "disagreements": disagreements, "notes": notes}
    return AuditOutput(measurements=tuple(found), facts=facts)


AUDIT = audit(NAME, suite="fairness", ignores_weights=True, from_counts=measure_counts)(measure)


def _check(context: AuditContext) -> None:
    if context.task.favourable is None:
        raise UsageError(f"audit {NAME} needs a favourable class: the outcome that counts as selected")
    if not context.task.groups:
        raise UsageError(f"audit {NAME} needs a group attribute")


def _rates(context: AuditContext, counts: GroupCounts, attribute: str) -> _Rates:
    seen = {key.group for key in counts.cells if key.attribute == attribute and key.group is not None}
    names = tuple(dict.fromkeys([*context.task.groups[attribute], *sorted(seen)]))
    tally = tallies(counts, attribute, names, context.task)["selection_rate"]
    selected = dict(zip(names, tally.successes.tolist(), strict=True))
    rows = dict(zip(names, tally.trials.tolist(), strict=True))
    unknown = rows.pop(UNKNOWN, 0)
    selected.pop(UNKNOWN, None)
    return _Rates(attribute, selected, rows, unknown)


def _against(rates: _Rates, compared: list[str], highest: str) -> dict[str, tuple[AdverseImpact, float]]:
    """Each compared group but the highest: the comparison, and its p-value adjusted for all pairs, since the data chose the highest."""
    pairs = list(combinations(compared, 2))
    adjusted = holm([fisher(*_counts(rates, one), *_counts(rates, other)) for one, other in pairs])
    p_of = {frozenset(pair): float(p) for pair, p in zip(pairs, adjusted, strict=True)}
    return {
        group: (adverse_impact(*_counts(rates, group), *_counts(rates, highest)), p_of[frozenset((group, highest))])
        for group in compared
        if group != highest
    }


def _counts(rates: _Rates, group: str) -> tuple[int, int]:
    return rates.selected[group], rates.rows[group]


def _listed(rates: _Rates, group: str) -> dict[str, Any]:
    return {
        "group": group,
        "n": rates.rows[group],
        "selected": rates.selected[group],
        "share": float(rates.share(group)),
    }


def _told(rates: _Rates, highest: str, group: str, result: AdverseImpact, adjusted: float) -> dict[str, Any]:
    return {
        "attribute": rates.attribute,
        "reference": highest,
        **_listed(rates, group),
        **asdict(result),
        "p_value_adjusted": adjusted,
        "significant": result.significant,
        "disagreement": result.disagreement,
    }


def _left_out(describe: Describer, rates: _Rates, compared: list[str], small: list[str]) -> Iterator[Measurement]:
    """A measurement without a number for every group that the rule does not judge, so that its absence is seen."""
    for group, rows in rates.rows.items():
        where: dict[str, Any] = {"attribute": rates.attribute, "group": group, "n": rows}
        if rows == 0:
            yield describe.gap("four_fifths_ratio", "no rows", method=_EITHER, **where)
        elif group in small:
            share = f"{100 * float(rates.share(group)):.2g} % of the rows of known group, under 2 %"
            yield undefined(
                "not_applicable",
                f"{share}: the guidance (29 CFR 1607.15(A)(2)) asks for no determination about so small a group",
                audit=NAME,
                metric="four_fifths_ratio",
                method=_EITHER,
                confidence=describe.context.confidence,
                split=describe.context.eval_split,
                favourable=describe.context.task.favourable,
                **where,
            )
        elif len(compared) < 2:
            yield describe.gap("four_fifths_ratio", "a comparison needs two groups", method=_EITHER, **where)


def _measurements(
    describe: Describer, rates: _Rates, highest: str, results: dict[str, tuple[AdverseImpact, float]]
) -> Iterator[Measurement]:
    alpha = 1 - describe.context.confidence
    for group, (result, adjusted) in results.items():
        counts = (*_counts(rates, group), *_counts(rates, highest))
        n, k = counts[1] + counts[3], counts[0] + counts[2]
        where: dict[str, Any] = {"attribute": rates.attribute, "group": group, "reference": highest}
        where |= {"n": n, "n_pos": k, "n_neg": n - k}
        if result.ratio is None:
            for metric, method in _METRICS.items():
                yield describe.gap(metric, "no group has a favourable outcome", method=method, **where)
            continue
        ratio, gap = ratio_bound(*counts, alpha=alpha), difference_bound(*counts, alpha=alpha)
        points = (
            ("four_fifths_ratio", result.ratio, ratio),
            ("four_fifths_difference", counts[0] / counts[1] - counts[2] / counts[3], gap),
        )
        for metric, point, ends in points:
            method = f"{_SHOWN}{end_methods(bool(ends.low_exact), bool(ends.high_exact))}{_AS_IF}"
            yield describe.number(metric, point, float(ends.low), float(ends.high), method=method, **where)
        for metric, value in (
            ("four_fifths_p_value", result.p_value),
            ("four_fifths_p_value_adjusted", adjusted),
            ("four_fifths_standard_deviations", result.deviations),
            ("four_fifths_disagreement", float(result.disagreement is not None)),
        ):
            yield describe.number(metric, value, value, value, method=_METRICS[metric], **where)
