"""The check ``bound``: a measured number is at least, or at most, a threshold, judged by its bounds and never by its point.

Pass: every reading's one-sided bound clears the threshold at level alpha; a claim about all of them needs no correction
(intersection-union: Berger 1982). Fail: some reading's opposite bound is on the wrong side, adjusted by Holm where several
readings compete to be the worst. Anything else is insufficient evidence, with the rows that would settle it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from rai_tune.gate.checks.base import Asked, Attributes, CheckKind, Gap, Name, Part, Verdict
from rai_tune.gate.checks.find import (
    UNKNOWN,
    declared_groups,
    listed,
    measurements_of,
    sound_result,
)
from rai_tune.gate.checks.reading import Judged, aside, judge_reading
from rai_tune.gate.decision import Threshold  # noqa: TC001  (pydantic reads it)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.core import Measurement
    from rai_tune.gate.decision import Evidence, Reading

Over = Literal["overall", "attributes", "groups", "pairs", "columns"]
_COMPETING = frozenset({"groups", "pairs", "columns"})
_DECLARED = frozenset({"attributes", "groups", "pairs"})
_UNDEFINED = frozenset({"not_estimable", "suppressed"})


class BoundCheck(Part):
    """Every reading of a metric is on the right side of a threshold."""

    kind: Literal["bound"]
    """``bound``."""

    audit: Name
    """Audit that measured the metric."""

    metric: Name
    """Metric to read."""

    direction: Literal["at_least", "at_most"]
    """Which side of the threshold is right; the threshold itself is right on both."""

    threshold: Threshold
    """The number, who set it, and where it comes from."""

    over: Over
    """One number for all rows (overall), one per group attribute (attributes), per group, per ordered pair of groups, or per column."""

    attributes: Attributes = "all"
    """Group attributes to read: all that the recipe declares, those that cross no others (plain), or these. Not used over overall and columns."""

    split: Name | None = "test"
    """Split that was measured; null for a measurement that belongs to none, such as an overlap between splits."""

    alpha: Annotated[float, Field(gt=0.0, lt=0.5, allow_inf_nan=False)] = 0.05
    """Error allowed to each decision; the one-sided bounds are read at exactly this level."""

    min_n: Annotated[int, Field(ge=1)] | None = None
    """Rows below which a reading decides nothing, whatever its bounds; none by default, since bounds already widen."""


def judge_bound(check: BoundCheck, evidence: Evidence, asked: Asked) -> Verdict:
    """Judge every reading and combine them: a shown failure first, then anything missing or open, then pass.

    Where the policy divides alpha by the runs that opened the test rows, the bounds are read at the divided level.
    """
    if asked.divisor <= 1:
        return _judge(check, evidence)
    verdict = _judge(check.model_copy(update={"alpha": check.alpha / asked.divisor}), evidence)
    why = f"alpha {check.alpha:g} is divided by the {asked.divisor} runs that opened the test rows"
    again = f"{verdict.settle}; run the audit {check.audit} again to measure at that level" if verdict.settle else None
    return replace(verdict, reason=f"{verdict.reason} ({why})", settle=again)


def _judge(check: BoundCheck, evidence: Evidence) -> Verdict:
    result = sound_result(evidence, check.audit)
    if isinstance(result, Gap):
        return result.verdict()
    groups: dict[str, tuple[str, ...]] = {}
    if check.over in _DECLARED:
        declared = declared_groups(evidence, check.attributes)
        if isinstance(declared, Gap):
            return declared.verdict()
        groups = declared
    found = [item for item in measurements_of(result, check.metric, check.split) if _belongs(item, check, groups)]
    if not found:
        where = f" on the {check.split} split" if check.split else ""
        return Gap(
            f"no measurement of {check.metric} ({check.over}){where} in the evidence",
            f"run the audit {check.audit} so that it measures {check.metric}",
        ).verdict()
    unknown = [aside(item) for item in found if _is_unknown(item)]
    deciding = [item for item in found if not _is_unknown(item)]
    judged = _judge_all(check, deciding)
    return _combine(check, judged, unknown, _missing(check, deciding, groups))


def _belongs(item: Measurement, check: BoundCheck, groups: dict[str, tuple[str, ...]]) -> bool:
    if check.over in _DECLARED:
        # An audit may cross attributes on its own; only groups that the recipe or the policy names are judged.
        chosen = item.attribute in groups
        if not chosen:
            return False
    else:
        chosen = item.attribute is None
    single = item.reference is None
    match check.over:
        case "overall":
            return chosen and item.group is None and single and item.label is None
        case "columns":
            return chosen and item.group is None and single and item.label is not None
        case "attributes":
            return item.group is None and single and item.label is None
        case "groups":
            return item.group is not None and single
        case "pairs":
            # A group that no pair may use is written once, without a reference and without a number.
            return item.group is not None and (not single or item.status != "ok")


def _is_unknown(item: Measurement) -> bool:
    return UNKNOWN in (item.group, item.reference)


def _judge_all(check: BoundCheck, deciding: Sequence[Measurement]) -> list[Judged]:
    numbers = [item for item in deciding if item.status == "ok"]
    adjusted = check.over in _COMPETING and len(numbers) > 1
    families = Counter(_family(item, check) for item in numbers)
    return [judge_reading(item, check, families[_family(item, check)] if adjusted else 0) for item in deciding]


def _family(item: Measurement, check: BoundCheck) -> tuple[str | None, str | None]:
    return (item.attribute, None if check.over == "columns" else item.label)


def _missing(check: BoundCheck, deciding: Sequence[Measurement], groups: dict[str, tuple[str, ...]]) -> list[str]:
    """Declared places that have no reading: attributes, groups, and ordered pairs of the groups that pairs may use."""
    if check.over == "attributes":
        read = {item.attribute for item in deciding}
        return [f"attribute {name!r}" for name in groups if name not in read]
    missing: list[str] = []
    for attribute, names in groups.items():
        here = [item for item in deciding if item.attribute == attribute]
        absent = _absent_groups(check, here, names)
        missing += [f"group {name!r} of {attribute!r}" for name in absent]
        if not names:
            missing.append(f"a known group of {attribute!r}")
        if check.over == "pairs":
            missing += [f"{pair} of {attribute!r}" for pair in _absent_pairs(here, names)]
    return missing


def _absent_groups(check: BoundCheck, here: Sequence[Measurement], names: Sequence[str]) -> list[str]:
    read = {item.group for item in here} | {item.reference for item in here}
    absent = [name for name in names if name not in read]
    if check.over == "pairs" and len(absent) == 1 and len(names) > 1:
        # When pairs may use none of the others, the last group has nobody to be compared with; the others are readings
        # of their own, without a number, so nothing passes by leaving it out here.
        alone = {item.group for item in here if item.reference is None and item.status in _UNDEFINED}
        if alone.issuperset(set(names) - set(absent)):
            return []
    return absent


def _absent_pairs(here: Sequence[Measurement], names: Sequence[str]) -> list[str]:
    alone = {item.group for item in here if item.reference is None}
    read = ({item.group for item in here} | {item.reference for item in here}) - alone
    pairs = {(item.group, item.reference) for item in here}
    usable = [name for name in names if name in read]
    return [
        f"group {one!r} against {other!r}"
        for one in usable
        for other in usable
        if one != other and (one, other) not in pairs
    ]


def _combine(check: BoundCheck, judged: list[Judged], unknown: list[Judged], missing: list[str]) -> Verdict:
    readings = tuple(item.reading for item in (*judged, *unknown))
    failed = [item for item in judged if item.outcome == "fail"]
    if failed:
        worst = min(failed, key=lambda item: _margin(item, check))
        return Verdict("fail", _with_more(worst, failed), readings)
    undecided = [item for item in judged if item.outcome == "insufficient_evidence"]
    if missing or undecided:
        return _insufficient(check, undecided, missing, readings)
    counted = [item for item in judged if item.outcome == "pass"]
    if not counted:
        reasons = sorted({item.reading.note for item in judged})
        if not reasons:
            return Gap(f"{check.metric} was measured for the unknown group only").verdict()
        return Verdict("not_applicable", "; ".join(reasons), readings)
    closest = min(counted, key=lambda item: _margin(item, check))
    aside_note = f"; {len(judged) - len(counted)} readings do not apply" if len(counted) < len(judged) else ""
    number = f"all {len(counted)} readings clear the threshold; the closest: " if len(counted) > 1 else ""
    return Verdict("pass", f"{number}{closest.sentence}{aside_note}", readings)


def _insufficient(
    check: BoundCheck, undecided: list[Judged], missing: list[str], readings: tuple[Reading, ...]
) -> Verdict:
    reasons, settles = [], []
    if missing:
        reasons.append(f"no measurement of {check.metric} for {listed(missing)}")
        settles.append(f"rows and a measurement of {check.metric} for {listed(missing)}")
    if undecided:
        # The reading that needs the most rows decides how much evidence the whole control needs.
        worst = max(undecided, key=lambda item: (item.rows is None, item.rows or 0))
        reasons.append(_with_more(worst, undecided))
        if worst.settle:
            settles.append(worst.settle)
    return Verdict("insufficient_evidence", "; ".join(reasons), readings, "; ".join(settles) or None)


def _with_more(worst: Judged, same: Sequence[Judged]) -> str:
    more = len(same) - 1
    return worst.sentence + (f"; {more} more reading{'s' if more > 1 else ''} likewise" if more else "")


def _margin(item: Judged, check: BoundCheck) -> float:
    """How far the deciding bound is on the right side; negative on the wrong one."""
    bound = item.reading.bound
    if not isinstance(bound, float):
        return 0.0
    return bound - check.threshold.value if check.direction == "at_least" else check.threshold.value - bound


KIND = CheckKind("bound", BoundCheck, judge_bound, ("pass", "fail", "insufficient_evidence"))
