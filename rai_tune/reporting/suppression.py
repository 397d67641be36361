"""Small cells, hidden before anything is shown or exported.

A cell is a measurement about a group of people. With fewer than k rows behind it (``audits.suppress_below``) its numbers
could be about recognisable persons, so the view and the exports see a measurement with status ``suppressed``, ``n`` 0 and
a reason in its place. The gate reads the real numbers. A cell with no rows at all keeps its ``not_estimable``: there is
nobody to protect. Once a group has fewer than k rows, every cell of it is hidden, also as one half of a pair.

This protects cells one by one. It does not hide what follows by subtraction from totals when one group alone is small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rai_tune.core import AuditResult, Measurement
    from rai_tune.gate.decision import ControlOutcome, Decision, Reading

Cell = tuple[str, str]
_SIZES = frozenset({"group_size", "selection_rate", "selection_rate_change"})
_CLAUSE = "; "
_COUNTED_BY_N_POS = frozenset({"representation"})


def suppressed_reason(k: int) -> str:
    """The words shown in place of a small cell."""
    return f"suppressed (n < {k})"


def small_groups(results: Iterable[AuditResult], k: int) -> frozenset[Cell]:
    """(attribute, group) of every group with 1 to k - 1 evaluated rows."""
    cells = set()
    for result in results:
        for item in result.measurements:
            if item.attribute is None or item.group is None or item.reference is not None:
                continue
            if item.metric in _SIZES and 0 < item.n < k:
                cells.add((item.attribute, item.group))
    return frozenset(cells)


def small_groups_read(decisions: Iterable[Decision], k: int) -> frozenset[Cell]:
    """The same as far as decisions alone tell: from the group sizes and rates that their controls read."""
    return frozenset(
        (item.attribute, item.group)
        for decision in decisions
        for control in decision.controls
        for item in control.readings
        if item.attribute and item.group and item.reference is None and item.metric in _SIZES and 0 < item.n < k
    )


def is_hidden(measurement: Measurement, k: int, small: frozenset[Cell]) -> bool:
    """Whether a measurement is a small cell, or belongs to a small group."""
    if measurement.attribute is None or measurement.group is None:
        return False
    named = {(measurement.attribute, measurement.group), (measurement.attribute, measurement.reference or "")}
    if named & small:
        return True
    rows = measurement.n_pos if measurement.metric in _COUNTED_BY_N_POS else measurement.n
    return rows is not None and 0 < rows < k


def hide_small_cells(results: tuple[AuditResult, ...], k: int) -> tuple[AuditResult, ...]:
    """The same results with small cells replaced. ``k`` of 0 or 1 hides nothing."""
    small = small_groups(results, k)
    return tuple(
        result.model_copy(
            update={
                "measurements": tuple(
                    _blank(item, k) if is_hidden(item, k, small) else item for item in result.measurements
                )
            }
        )
        for result in results
    )


def reading_is_hidden(reading: Reading, k: int, small: frozenset[Cell]) -> bool:
    """The same rule for what a control read."""
    if reading.attribute is None or reading.group is None:
        return False
    named = {(reading.attribute, reading.group), (reading.attribute, reading.reference or "")}
    return bool(named & small) or 0 < reading.n < k


def hide_small_readings(decision: Decision, k: int, small: frozenset[Cell]) -> Decision:
    """The same decision with small readings blanked, and without the clauses that give numbers of a small group.

    Outcomes stay: only the numbers behind them are hidden.
    """
    controls = tuple(_hide_in_control(control, k, small) for control in decision.controls)
    return decision.model_copy(update={"controls": controls})


def _hide_in_control(control: ControlOutcome, k: int, small: frozenset[Cell]) -> ControlOutcome:
    hidden = [item for item in control.readings if reading_is_hidden(item, k, small)]
    if not hidden:
        return control
    names = {name for item in hidden for name in _small_names(item, small)}
    update: dict[str, object] = {
        "readings": tuple(_blank_reading(item, k) if item in hidden else item for item in control.readings)
    }
    quoted = ", ".join(repr(name) for name in sorted(names))
    told = f"numbers of {quoted} rest on fewer than {k} rows and are not shown"
    update["reason"] = _without(control.reason, names, told)
    if control.settle:
        update["settle"] = _without(control.settle, names, f"more rows of {quoted}")
    return control.model_copy(update=update)


def _small_names(item: Reading, small: frozenset[Cell]) -> list[str]:
    """The small groups of a hidden reading, or its own group when the reading alone is small."""
    names = [name for name in (item.group, item.reference) if name and (item.attribute or "", name) in small]
    return names or [item.group or ""]


def _without(text: str, names: set[str], instead: str) -> str:
    """Drop the clauses that name one of the groups, as it is or escaped as the gate quotes it, and say ``instead``.

    A name that holds the separator itself cannot be told from two clauses, so then nothing of the text is kept.
    """
    spellings = {spelling for name in names for spelling in (name, repr(name)[1:-1])}
    if not any(spelling in text for spelling in spellings):
        return text
    if any(_CLAUSE.strip() in spelling for spelling in spellings):
        return instead
    kept, dropped = [], False
    for clause in text.split(_CLAUSE):
        if any(spelling in clause for spelling in spellings):
            dropped = True
        elif not dropped or "group " in clause:
            # After a dropped clause, one that names no group of its own may still speak of the hidden one.
            kept.append(clause)
    return _CLAUSE.join([*kept, instead])


def _blank(item: Measurement, k: int) -> Measurement:
    return item.model_copy(
        update={
            "estimate": "suppressed",
            "low": "suppressed",
            "high": "suppressed",
            "n": 0,
            "n_pos": None,
            "n_neg": None,
            "status": "suppressed",
            "reason": suppressed_reason(k),
            "bounds": (),
        }
    )


def _blank_reading(item: Reading, k: int) -> Reading:
    return item.model_copy(
        update={
            "estimate": "suppressed",
            "low": "suppressed",
            "high": "suppressed",
            "n": 0,
            "status": "suppressed",
            "bound": None,
            "note": suppressed_reason(k),
        }
    )
