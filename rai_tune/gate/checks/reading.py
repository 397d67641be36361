"""One measurement held against a threshold: pass, fail, or how many rows would settle it.

The rows follow the square-root law: an interval shrinks with the root of its rows, so to bring a bound from where it is
to the threshold takes rows * ((bound - estimate) / (threshold - estimate))^2, if the estimate stays where it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.gate.checks.find import place, shown, storable
from rai_tune.gate.decision import Outcome, Reading

if TYPE_CHECKING:
    from rai_tune.core import Bound, Measurement
    from rai_tune.gate.checks.bound import BoundCheck

_MOST_ROWS = 10**9


@dataclass(frozen=True)
class Judged:
    """A reading with its outcome, a sentence, and what would settle it (``rows`` when that is a number of rows)."""

    reading: Reading
    sentence: str
    settle: str | None = None
    rows: int | None = None

    @property
    def outcome(self) -> Outcome:
        return self.reading.outcome


@dataclass(frozen=True)
class _Sides:
    """The direction of a check in words and signs."""

    clearing: str
    opposite: str
    sign: float
    right: str
    wrong: str


_AT_LEAST = _Sides("lower", "upper", 1.0, "at or above", "below")
_AT_MOST = _Sides("upper", "lower", -1.0, "at or below", "above")


def judge_reading(item: Measurement, check: BoundCheck, family: int) -> Judged:
    """Judge one measurement. ``family`` is how many readings compete to fail, 0 when only this one does."""
    if item.status == "not_applicable":
        return problem_reading(item, item.reason or "not applicable", outcome="not_applicable")
    if item.status != "ok" or isinstance(item.estimate, str):
        word = item.status.replace("_", " ")
        return problem_reading(
            item, f"{word}: {item.reason}", settle=f"more rows, so that {_named(item)} can be estimated"
        )
    if not math.isfinite(item.estimate):
        return problem_reading(item, "the estimate is not a finite number", settle="run the audit again")
    if check.min_n is not None and item.n < check.min_n:
        return problem_reading(
            item,
            f"it rests on {item.n} rows; this control asks for {check.min_n}",
            settle=f"at least {check.min_n} rows for {_named(item)} (now {item.n})",
            rows=check.min_n,
        )
    return _judge_number(item, check, family)


def aside(item: Measurement) -> Judged:
    """A reading of the unknown group: counted and shown, never judged."""
    return problem_reading(
        item, "people whose group is unknown are counted, and not judged as a group", outcome="not_applicable"
    )


def problem_reading(
    item: Measurement,
    note: str,
    *,
    outcome: Outcome = "insufficient_evidence",
    settle: str | None = None,
    rows: int | None = None,
) -> Judged:
    """A reading that no bound decided."""
    return Judged(_reading(item, outcome, None, note), f"{_named(item)}: {note}", settle, rows)


def _judge_number(item: Measurement, check: BoundCheck, family: int) -> Judged:
    sides = _AT_LEAST if check.direction == "at_least" else _AT_MOST
    clearing = item.bound(sides.clearing, check.alpha)
    opposite = item.bound(sides.opposite, check.alpha, "holm" if family else "none")
    limit = check.threshold.value
    passes = _beyond(clearing, limit, sides.sign) is True
    fails = _beyond(opposite, limit, sides.sign) is False
    ahead = sides.sign * (item.value - limit)
    if (passes and (fails or ahead < 0)) or (fails and ahead >= 0):
        return problem_reading(item, "its bounds and its estimate contradict each other", settle="run the audit again")
    if passes and clearing is not None:
        return _decided(item, "pass", clearing, f"{sides.right} {shown(limit)}", limit)
    if fails and opposite is not None:
        if opposite.family < family:
            note = f"its adjusted bound allows for {opposite.family} comparisons, and {family} readings compete"
            return problem_reading(item, note, settle=f"measure {item.metric} with bounds adjusted for all {family}")
        return _decided(item, "fail", opposite, f"{sides.wrong} {shown(limit)}", limit)
    return _open(item, check, sides, clearing, opposite, adjusted=bool(family))


def _beyond(bound: Bound | None, limit: float, sign: float) -> bool | None:
    """Whether a bound reaches the right side of the limit; None when it says nothing."""
    if bound is None or isinstance(bound.value, str) or not math.isfinite(bound.value):
        return None
    return sign * (bound.value - limit) >= 0


def _decided(item: Measurement, outcome: Outcome, bound: Bound, relation: str, limit: float) -> Judged:
    adjusted = f", adjusted for {bound.family} comparisons," if bound.correction != "none" else ""
    note = f"the {bound.side} bound {shown(bound.value, limit)}{adjusted} is {relation}"
    return Judged(_reading(item, outcome, bound, note), f"{_named(item)}: {note}")


def _open(
    item: Measurement,
    check: BoundCheck,
    sides: _Sides,
    clearing: Bound | None,
    opposite: Bound | None,
    *,
    adjusted: bool,
) -> Judged:
    """Neither side is shown: which bound stands in the way, and what would move it past the threshold."""
    limit = check.threshold.value
    distance = sides.sign * (item.value - limit)
    needed, side = (clearing, sides.clearing) if distance >= 0 else (opposite, sides.opposite)
    kind = f"{side} bound" + (" adjusted for many comparisons (holm)" if adjusted and distance < 0 else "")
    estimate = shown(item.value, limit)
    if needed is None:
        note = f"the one-sided {kind} at alpha {check.alpha:g} was not measured"
        return problem_reading(item, note, settle=f"measure {item.metric} with its {kind} at alpha {check.alpha:g}")
    value = needed.value
    if isinstance(value, str) or not math.isfinite(value):
        note = f"the data set no {side} bound, so nothing is shown about {shown(limit)}"
        return _left_open(item, needed, note, f"more rows for {_named(item)}; the present {item.n} set no {side} bound")
    if distance == 0:
        note = f"the estimate equals the threshold {shown(limit)}"
        return _left_open(item, needed, note, "more rows cannot settle it while the estimate equals the threshold")
    goal = f"confirm that it is {sides.wrong if distance < 0 else sides.right} {shown(limit)}"
    family = f" (adjusted for {needed.family} comparisons)" if needed.correction != "none" else ""
    note = f"the estimate is {estimate}, but the {side} bound {shown(value, limit)}{family} does not {goal}"
    rows = rows_to_settle(item.n, item.value, value, limit)
    if rows is None:
        return _left_open(item, needed, note, f"more than a billion rows for {_named(item)}: not settled at this rate")
    settle = f"about {rows:,} rows for {_named(item)} (now {item.n:,}) would {goal}, if the estimate stays"
    return _left_open(item, needed, note, settle, rows)


def _left_open(item: Measurement, bound: Bound, note: str, settle: str, rows: int | None = None) -> Judged:
    return Judged(_reading(item, "insufficient_evidence", bound, note), f"{_named(item)}: {note}", settle, rows)


def rows_to_settle(rows: int, estimate: float, bound: float, threshold: float) -> int | None:
    """Rows at which the bound would reach the threshold, rounded up to two digits; None past a billion.

    ``rows`` is the present number, at least 1; the estimate must differ from the threshold.
    """
    needed = max(rows, 1) * math.pow((bound - estimate) / (threshold - estimate), 2)
    if not needed <= _MOST_ROWS:
        return None
    whole = max(math.ceil(needed), rows + 1)
    step = int(math.pow(10, max(len(str(whole)) - 2, 0)))
    return -(-whole // step) * step


def _named(item: Measurement) -> str:
    where = place(item)
    return f"{item.metric} of {where}" if where else item.metric


def _reading(item: Measurement, outcome: Outcome, bound: Bound | None, note: str) -> Reading:
    return Reading(
        audit=item.audit,
        metric=item.metric,
        attribute=item.attribute,
        group=item.group,
        reference=item.reference,
        estimate=storable(item.estimate),
        low=storable(item.low),
        high=storable(item.high),
        n=item.n,
        status=item.status,
        bound=None if bound is None else storable(bound.value),
        outcome=outcome,
        note=note,
    )
