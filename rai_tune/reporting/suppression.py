"""Small cells, hidden before anything is shown or exported, and with them what would give them away.

A cell is a measurement about a group of people. With fewer than k rows behind it (``audits.suppress_below``) its numbers
could be about recognisable persons, so the view and the exports see a measurement with status ``suppressed``, ``n`` 0 and
a reason in its place. The gate reads the real numbers. A cell with no rows at all keeps its ``not_estimable``: there is
nobody to protect.

Cells that would let a reader work a hidden count out by subtraction are hidden as well (complementary suppression): what the report
publishes leaves every hidden count of people a range of at least k, see ``hiding``. Nothing says which cells were small and which
complementary. Three layers: ``groups`` show nothing, in any audit or split; ``labels`` show nothing that tells of true labels;
``parts`` show nothing of one audit, such as one that looked at a sample. Numbers that pool the groups of an attribute go with the hidden ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.published import UNKNOWN, Names, read_counts
from rai_tune.reporting.suppressed_text import suppressed_reason, without

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rai_tune.core import AuditResult, Measurement
    from rai_tune.gate.decision import ControlOutcome, Decision, Reading
    from rai_tune.reporting.inputs import ReportInputs

Cell = tuple[str, str]

_LABEL_FREE = frozenset(
    {
        "group_size",
        "representation",
        "unknown_share",
        "selection_rate",
        "selection_rate_pooled",
        "selection_rate_difference",
        "selection_rate_change",
        "selection_rate_gap_change",
        "selection_rate_difference_marginal",
        "selection_rate_difference_adjusted",
        "simpson_reversal",
        "impact_ratio",
        "impact_ratio_adjusted",
        "impact_ratio_to_highest",
        "smallest_detectable_gap",
        "impact_ratio_lowest",
        "impact_ratio_highest",
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "differential_fairness",
        "base_selection_rate",
        "before_selection_rate",
        "after_selection_rate",
        "before_demographic_parity_difference",
        "after_demographic_parity_difference",
        "demographic_parity_difference_change",
        "favourable_gained_share",
        "favourable_lost_share",
        "favourable_flip_p_value",
    }
)
_SAMPLED = frozenset(
    {
        "paired_swaps",
        "harmless_edits",
        "explanations",
        "identity_reliance",
        "global_attributions",
        "adverse_action_reasons",
        "minimal_counterfactuals",
        "plausibility",
    }
)
"""Audits of a sample: their numbers over all groups of an attribute tell nothing about how large a group is."""

_LABEL_FREE_AUDITS = frozenset({"four_fifths", "ll144"}) | _SAMPLED

_ALL_GROUPS = frozenset({"selection_rate_pooled", "four_fifths_p_value_adjusted"})
"""Numbers of one group that depend on the counts of every other."""

_OF_ALL_ATTRIBUTES = frozenset(
    {
        "equalized_odds_difference",
        "equal_opportunity_difference",
        "demographic_parity_difference",
        "impact_ratio",
    }
)
"""What a search looks for that is the worst over the groups of every attribute."""

_OF_UNKNOWN = frozenset({"unknown_share", "ll144_unknown_rows"})
_COUNTED_BY_N_POS = frozenset({"representation"})


@dataclass(frozen=True)
class Hidden:
    """What a report does not show. Attributes and groups are spelt as in the measurements."""

    k: int
    groups: frozenset[Cell] = frozenset()
    labels: frozenset[Cell] = frozenset()
    parts: frozenset[tuple[str, str, str]] = frozenset()
    crossings: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def touches(self, attribute: str, layer: frozenset[Cell]) -> bool:
        """Whether a group of the attribute, or of a crossing with it, is in the layer."""
        return any(attribute == name or attribute in dict(self.crossings).get(name, ()) for name, _ in layer)


def hidden_cells(results: Iterable[AuditResult], k: int) -> Hidden:
    """What to hide of these results. ``k`` of 0 or 1 hides nothing."""
    from rai_tune.reporting.hiding import choose

    measured = tuple(item for result in results for item in result.measurements)
    if k < 2 or not any(item.group is not None for item in measured):
        return Hidden(k)
    names = Names(measured)
    choice = choose(read_counts(measured, names), k)
    cells = {
        (item.attribute, group)
        for item in measured
        if item.attribute is not None
        for group in (item.group, item.reference, UNKNOWN)
        if group is not None
    }
    lines = {cell: names.line(*cell) for cell in cells}
    crossings = {attribute: names.parts(attribute) for attribute, _ in cells}
    found = Hidden(
        k,
        groups=frozenset(cell for cell, line in lines.items() if line in choice.hidden),
        labels=frozenset(cell for cell, line in lines.items() if line in choice.unlabelled),
        crossings=tuple(sorted((name, parts) for name, parts in crossings.items() if len(parts) > 1)),
    )
    return Hidden(k, found.groups, found.labels, frozenset(_parts(measured, found)), found.crossings)


def hidden_readings(decisions: Iterable[Decision], k: int) -> Hidden:
    """What to hide where only decisions are known: every group of an attribute in which a reading rests on 1 to k - 1 rows."""
    read = [item for decision in decisions for control in decision.controls for item in control.readings]
    small = {item.attribute for item in read if item.attribute and item.group and 0 < item.n < k}
    names = (
        (item.attribute, name) for item in read for name in (item.group, item.reference) if item.attribute in small
    )
    return Hidden(k, groups=frozenset((attribute, name) for attribute, name in names if attribute and name))


def shown(inputs: ReportInputs) -> ReportInputs:
    """The inputs of a report with everything replaced or left out that is not to be shown."""
    hidden = hidden_cells(inputs.results, inputs.recipe.audits.suppress_below)
    table = inputs.table
    return replace(
        inputs,
        results=hide_small_cells(inputs.results, hidden),
        decisions=tuple(hide_small_readings(decision, hidden) for decision in inputs.decisions),
        data=hide_in_data(inputs.data, hidden),
        selection=hide_in_selection(inputs.selection, hidden),
        table=replace(table, notes=tuple(keep_notes(table.notes, hidden))) if table is not None else None,
    )


def is_hidden(item: Measurement | Reading, hidden: Hidden) -> bool:
    """Whether a measurement or a reading of it tells what is not to be shown."""
    attribute, group = item.attribute, UNKNOWN if item.metric in _OF_UNKNOWN else item.group
    if attribute is None and item.audit == "selection":
        return getattr(item, "label", None) in _OF_ALL_ATTRIBUTES and bool(hidden.groups | hidden.labels)
    if attribute is None:
        return item.audit == "slice_discovery" and _slice_is_hidden(item, hidden)
    labels = hidden.labels if _tells_labels(item) else frozenset()
    if group is None:
        dark = hidden.groups | labels
        return item.audit not in _SAMPLED and any(name == attribute for name, _ in dark)
    cells = {(attribute, name) for name in (group, item.reference) if name is not None}
    if cells & hidden.groups or cells & labels or any((item.audit, *cell) in hidden.parts for cell in cells):
        return True
    if item.metric in _ALL_GROUPS and any(name == attribute for name, _ in hidden.groups):
        return True
    if item.audit == "unknown_demographics" and (attribute, UNKNOWN) in hidden.groups:
        return True
    if item.audit == "simpson" and hidden.groups:
        return any(
            hidden.touches(name, hidden.groups) for name in (attribute, getattr(item, "label", None) or attribute)
        )
    return 0 < _rows(item) < hidden.k


def hide_small_cells(results: tuple[AuditResult, ...], hidden: Hidden) -> tuple[AuditResult, ...]:
    """The same results with cells replaced that are small or would give a small one away."""
    return tuple(
        result.model_copy(
            update={
                "measurements": tuple(
                    _blank(item, hidden.k) if is_hidden(item, hidden) else item for item in result.measurements
                )
            }
        )
        for result in results
    )


def hide_small_readings(decision: Decision, hidden: Hidden) -> Decision:
    """The same decision with hidden readings blanked, and without the clauses that give numbers of a hidden group.

    Outcomes stay: only the numbers behind them are hidden.
    """
    controls = tuple(_hide_in_control(control, hidden) for control in decision.controls)
    return decision.model_copy(update={"controls": controls})


def hide_in_data(data: Mapping[str, object], hidden: Hidden) -> dict[str, object]:
    """The stored facts about a run's data without counts by group of an attribute that has a hidden group, and without notes that give one."""
    shown = dict(data)
    counts = shown.get("counts")
    if isinstance(counts, dict):
        dark = {name for name, _ in hidden.groups}
        shown["counts"] = {
            key: {name: "suppressed" if name in dark else value for name, value in told.items()}
            if key in {"groups", "unknown"} and isinstance(told, dict)
            else told
            for key, told in counts.items()
        }
    notes = shown.get("notes")
    if isinstance(notes, list | tuple):
        shown["notes"] = keep_notes([str(note) for note in notes], hidden)
    return shown


def hide_in_selection(selection: Mapping[str, Any], hidden: Hidden) -> dict[str, Any]:
    """A choice from a search without numbers about groups, where any group is hidden: each is the worst over all attributes."""
    if not selection or not (hidden.groups | hidden.labels):
        return dict(selection)
    search = selection["search"]
    blank = {"estimate": None, "low": None, "high": None, "n": 0, "status": "suppressed"}
    trials = [
        {
            **trial,
            # How far a control of a policy is missed is such a number too; whether all are met stays.
            "constraints": {},
            "values": {
                name: {**blank, "reason": suppressed_reason(hidden.k)} if name in _OF_ALL_ATTRIBUTES else value
                for name, value in trial["values"].items()
            },
        }
        for trial in search["trials"]
    ]
    expected = {name: value for name, value in selection["expected"].items() if name not in _OF_ALL_ATTRIBUTES}
    return {**selection, "search": {**search, "trials": trials}, "expected": expected}


def keep_notes(notes: Sequence[str], hidden: Hidden) -> list[str]:
    """Notes without those that count the rows of a group, of an attribute that has a hidden group."""
    dark = {name for name, _ in hidden.groups | hidden.labels}
    return [
        note
        for note in notes
        if not any(note.startswith(f"{name}: ") or repr(name) in note or (" no match in " in note) for name in dark)
    ]


def _tells_labels(item: Measurement | Reading) -> bool:
    return item.metric not in _LABEL_FREE and item.audit not in _LABEL_FREE_AUDITS


def _rows(item: Measurement | Reading) -> int:
    if item.metric in _COUNTED_BY_N_POS:
        return getattr(item, "n_pos", None) or 0
    return item.n


def _slice_is_hidden(item: Measurement | Reading, hidden: Hidden) -> bool:
    """A slice is small, or its description speaks of an attribute that has a hidden group."""
    told = getattr(item, "label", None) or ""
    return 0 < item.n < hidden.k or any(name in told for name, _ in hidden.groups | hidden.labels)


def _parts(measured: Sequence[Measurement], hidden: Hidden) -> Iterator[tuple[str, str, str]]:
    """Groups to hide in single audits: those with few rows there, and more until what is hidden holds k rows in two groups or more."""
    families: dict[tuple[str, ...], dict[str, int]] = {}
    for item in measured:
        if item.attribute is None or item.group is None or item.reference is not None or _rows(item) == 0:
            continue
        key = item.audit, item.metric, item.attribute, item.split or "", item.label or ""
        families.setdefault(key, {}).setdefault(item.group, _rows(item))
    for (audit, metric, attribute, *_), rows in families.items():
        layer = hidden.groups if metric in _LABEL_FREE or audit in _LABEL_FREE_AUDITS else hidden.groups | hidden.labels
        dark = {group for group in rows if (attribute, group) in layer}
        small = {group for group, n in rows.items() if n < hidden.k} - dark
        if not small:
            continue
        dark |= small
        for group in sorted(rows, key=rows.__getitem__):
            if len(dark) > 1 and sum(rows[each] for each in dark) >= hidden.k:
                break
            dark.add(group)
        yield from ((audit, attribute, group) for group in dark)


def _hide_in_control(control: ControlOutcome, hidden: Hidden) -> ControlOutcome:
    dark = [item for item in control.readings if is_hidden(item, hidden)]
    if not dark:
        return control
    names = {name for item in dark for name in _names(item, hidden)}
    update: dict[str, object] = {
        "readings": tuple(_blank_reading(item, hidden.k) if item in dark else item for item in control.readings)
    }
    quoted = ", ".join(repr(name) for name in sorted(names))
    told = f"numbers of {quoted} are not shown, for they rest on fewer than {hidden.k} rows or would give such numbers away"
    update["reason"] = without(control.reason, names, told)
    if control.settle:
        update["settle"] = without(control.settle, names, f"more rows of {quoted}")
    return control.model_copy(update=update)


def _names(item: Reading, hidden: Hidden) -> list[str]:
    """The hidden groups of a reading, else its own group, else its attribute."""
    dark = hidden.groups | (hidden.labels if _tells_labels(item) else frozenset())
    names = [name for name in (item.group, item.reference) if name and (item.attribute or "", name) in dark]
    return names or [item.group or item.attribute or item.metric]


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
