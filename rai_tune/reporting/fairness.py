"""The fairness part of the view: a table per attribute, pairs worst first, spreads that are shown and decide nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rai_tune.core import BY_GROUP, plain_attributes
from rai_tune.data.groups import CROSS
from rai_tune.reporting.evidence import GROUPS, measure_row, of_audit
from rai_tune.reporting.model import GroupRow, GroupTable, MeasureRow, PairRow, Shown
from rai_tune.reporting.numbers import show
from rai_tune.reporting.text import clean, named
from rai_tune.reporting.wording import SPREADS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.core import AuditResult, Measurement
    from rai_tune.recipe.schema import Recipe

UNKNOWN = "unknown"
EVERY_OTHER = "every other group"
_CELLS = (
    "selection_rate",
    "true_positive_rate",
    "false_positive_rate",
    "positive_predictive_value",
    "accuracy",
)


_SEEN: dict[bool | None, str] = {
    True: "The model reads this attribute.",
    False: "The model does not read this attribute's column.",
}


def basis_of(table: GroupTable) -> str:
    """What every rate of a table depends on, and whether the model reads the attribute."""
    return " ".join(filter(None, (table.basis, _SEEN.get(table.seen_by_model, ""))))


def group_tables(results: tuple[AuditResult, ...], recipe: Recipe) -> tuple[GroupTable, ...]:
    """One table per attribute, in the order in which the audit met them."""
    measured = [item for item in of_audit(results, GROUPS) if item.attribute is not None]
    attributes = dict.fromkeys(item.attribute or "" for item in measured)
    return tuple(_table(name, [item for item in measured if item.attribute == name], recipe) for name in attributes)


def _table(attribute: str, measured: Sequence[Measurement], recipe: Recipe) -> GroupTable:
    favourable, positive = _meant(measured, recipe)
    rows = _rows(measured)
    columns = {group.attribute: group.column for group in recipe.data.groups}
    return GroupTable(
        attribute=named(attribute),
        title=f"{favourable} by {named(attribute)}",
        rate_name=favourable,
        positive=positive,
        seen_by_model=_seen(
            columns.get(attribute), recipe, attribute, any(item.threshold == BY_GROUP for item in measured)
        ),
        basis=_basis(measured, favourable),
        rows=rows,
        pairs=_pairs(measured),
        to_highest=tuple(
            measure_row(item, name=named(item.group or ""))
            for item in measured
            if item.metric == "impact_ratio_to_highest" and item.group is not None
        ),
        detectable=tuple(
            measure_row(item, SPREADS, name=f"{named(item.group or '')} / {named(item.reference or '')}")
            for item in measured
            if item.metric == "smallest_detectable_gap" and item.group is not None
        ),
        spreads=_spreads(measured),
    )


def _meant(measured: Sequence[Measurement], recipe: Recipe) -> tuple[str, str]:
    favourable = next((item.favourable for item in measured if item.favourable), recipe.data.favourable)
    positive = next((item.positive for item in measured if item.positive), recipe.data.positive)
    return clean(favourable or "selected"), clean(positive or "positive")


def _seen(column: str | None, recipe: Recipe, attribute: str, by_group: bool) -> bool | None:
    """Whether the template shows the column to the model, or its groups have cutoffs; None for an intersection or free text."""
    if by_group and attribute in _cut_by(recipe):
        return True
    if column is None or recipe.data.template is None:
        return None
    return column in recipe.data.template


def _cut_by(recipe: Recipe) -> tuple[str, ...]:
    """Attributes whose groups the recipe's mitigation may give cutoffs, and those that they cross."""
    if recipe.mitigation is None:
        return ()
    declared = tuple(group.attribute for group in recipe.data.groups)
    named = recipe.mitigation.attributes or plain_attributes(declared)
    return tuple(part for name in named for part in (name, *name.split(CROSS)))


def _basis(measured: Sequence[Measurement], favourable: str) -> str:
    threshold = next((item.threshold for item in measured if item.threshold is not None), None)
    split = next((item.split for item in measured if item.split), "test")
    if threshold == BY_GROUP:
        decided = ", decided by a cutoff for each group"
    else:
        decided = f", decided at score {threshold:.3f}" if isinstance(threshold, float) else ""
    return f"Share decided '{favourable}' among the {clean(split)} rows of each group{decided}."


def _rows(measured: Sequence[Measurement]) -> tuple[GroupRow, ...]:
    groups = dict.fromkeys(item.group for item in measured if item.group is not None and item.reference is None)
    ordered = sorted(groups, key=lambda group: group == UNKNOWN)
    return tuple(_row(group, measured) for group in ordered)


def _row(group: str, measured: Sequence[Measurement]) -> GroupRow:
    own = {item.metric: show(item) for item in measured if item.group == group and item.reference is None}
    cells = {metric: own.get(metric) for metric in _CELLS}
    rate = cells["selection_rate"]
    return GroupRow(
        group=named(group),
        rows=own.get("group_size") or rate,
        **cells,
        note=_note(group, own),
        measured=rate is not None and rate.estimate is not None,
    )


def _note(group: str, own: dict[str, Shown]) -> str:
    reasons = dict.fromkeys(
        cell.reason for metric, cell in own.items() if metric in _CELLS and cell.reason and cell.status != "suppressed"
    )
    notes = [*(["group not known: counted, never compared"] if group == UNKNOWN else []), *reasons]
    return "; ".join(notes)


def _pairs(measured: Sequence[Measurement]) -> tuple[PairRow, ...]:
    ratios = [item for item in measured if item.metric == "impact_ratio" and item.group is not None]
    ratios.sort(key=lambda item: math.inf if isinstance(item.estimate, str) else item.estimate)
    by_pair: dict[tuple[str | None, str | None], list[Measurement]] = {}
    for item in measured:
        if item.reference is not None:
            by_pair.setdefault((item.group, item.reference), []).append(item)
    return tuple(_pair(item, by_pair.get((item.group, item.reference), ())) for item in ratios)


def _pair(ratio: Measurement, of_pair: Sequence[Measurement]) -> PairRow:
    same = {item.metric: show(item) for item in of_pair}
    return PairRow(
        group=named(ratio.group or ""),
        reference=named(ratio.reference) if ratio.reference is not None else EVERY_OTHER,
        ratio=show(ratio),
        difference=same.get("selection_rate_difference"),
        true_positive_rate_difference=same.get("true_positive_rate_difference"),
        false_positive_rate_difference=same.get("false_positive_rate_difference"),
    )


def _spreads(measured: Sequence[Measurement]) -> tuple[MeasureRow, ...]:
    return tuple(measure_row(item, SPREADS) for item in measured if item.group is None and item.reference is None)
