"""The audit of a choice among many trials: what the chosen one looks like on the rows it was chosen on, and what the test rows say.

The chosen one of many looks better on the rows of the choice than it is (the winner's curse). The option ``selection`` names what was looked for
(``wanted``: name -> ``chosen.Wanted``), by how much validation was expected to flatter before the test rows were opened (``expected``: name -> number), and
``facts`` about the search. Stable API: the audit's name, its metrics, and ``flattery``.

Metrics, one for each of what was looked for, which ``label`` names: ``chosen_on_validation``, ``chosen_on_test``, ``winners_curse`` (validation minus test,
signed so that above 0 means that validation flattered) and ``winners_curse_expected``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, AuditOutput, Measurement, UsageError, audit, undefined
from rai_audits.quality.chosen import measure_wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rai_audits.quality.chosen import Direction, Wanted

NAME = "selection"
SQUARE_AND_ADD = "square-and-add of both intervals (Zou and Donner 2008)"
HALVES = "choosing on random halves of the validation rows"
VALIDATION = "validation"


@dataclass(frozen=True)
class Flattery:
    """By how much validation flatters, with a two-sided interval at the level of the two that it was made of."""

    estimate: float
    low: float
    high: float


def flattery(validation: Measurement, test: Measurement, direction: Direction) -> Flattery:
    """Validation minus test, turned so that above 0 means that validation looked better. Both have numbers.

    The rows of the two differ, so the intervals are joined by square-and-add (Zou and Donner 2008).
    """
    one, other = (validation, test) if direction == "maximise" else (test, validation)
    estimate = one.value - other.value
    below = math.hypot(one.value - _end(one.low, one), _end(other.high, other) - other.value)
    above = math.hypot(_end(one.high, one) - one.value, other.value - _end(other.low, other))
    return Flattery(estimate, estimate - below, estimate + above)


def measure(context: AuditContext) -> AuditOutput:
    """Measure both sides of what was looked for. Raises ``UsageError`` where the run was not chosen from a search."""
    told = context.options.get("selection")
    if not told:
        raise UsageError(f"audit {NAME} is about a run that was chosen from a search, and this one was not")
    wanted: Mapping[str, Wanted] = told["wanted"]
    validation = measure_wanted(wanted, context, VALIDATION)
    test = measure_wanted(wanted, context, context.eval_split)
    measured: list[Measurement] = []
    for name, item in wanted.items():
        measured += _sides(context, name, item, validation[name], test[name])
        measured.append(_expected(context, name, told["expected"].get(name)))
    return AuditOutput(measurements=tuple(measured), facts=dict(told["facts"]))


def _sides(
    context: AuditContext, name: str, wanted: Wanted, validation: Measurement | str, test: Measurement | str
) -> Iterator[Measurement]:
    yield _relabelled(context, "chosen_on_validation", name, validation, VALIDATION)
    yield _relabelled(context, "chosen_on_test", name, test, context.eval_split)
    where = _where(context, "winners_curse", name, context.eval_split)
    for side, word in ((validation, VALIDATION), (test, context.eval_split)):
        if isinstance(side, str) or side.status != "ok":
            reason = side if isinstance(side, str) else str(side.reason)
            yield undefined("not_estimable", f"on {word} rows: {reason}", method=SQUARE_AND_ADD, n=0, **where)
            return
    assert not isinstance(validation, str)
    assert not isinstance(test, str)
    found = flattery(validation, test, wanted.direction)
    yield Measurement(
        estimate=found.estimate, low=found.low, high=found.high, method=SQUARE_AND_ADD, n=validation.n + test.n, **where
    )


def _relabelled(context: AuditContext, metric: str, name: str, item: Measurement | str, split: str) -> Measurement:
    """The measurement of an audit as one of this audit. Its one-sided bounds are left out: nothing is gated on a choice."""
    where = _where(context, metric, name, split)
    if isinstance(item, str):
        return undefined("not_estimable", item, method="none", n=0, **where)
    kept = {"estimate": item.estimate, "low": item.low, "high": item.high, "method": item.method, "n": item.n}
    return Measurement(**kept, status=item.status, reason=item.reason, n_pos=item.n_pos, n_neg=item.n_neg, **where)


def _expected(context: AuditContext, name: str, value: float | None) -> Measurement:
    where = _where(context, "winners_curse_expected", name, VALIDATION)
    if value is None:
        reason = "no half of the validation rows let a trial be chosen and measured"
        return undefined("not_estimable", reason, method=HALVES, n=0, **where)
    rows = int((context.predictions["split"] == VALIDATION).sum())
    return Measurement(estimate=value, low=value, high=value, method=HALVES, n=rows, **where)


def _where(context: AuditContext, metric: str, name: str, split: str) -> dict[str, Any]:
    return {
        "audit": NAME,
        "metric": metric,
        "label": name,
        "split": split,
        "threshold": context.task.stated_threshold,
        "positive": context.task.positive,
        "favourable": context.task.favourable,
        "confidence": context.confidence,
    }


def _end(value: float | str, item: Measurement) -> float:
    return item.value if isinstance(value, str) else float(value)


AUDIT = audit(NAME, suite="quality")(measure)
