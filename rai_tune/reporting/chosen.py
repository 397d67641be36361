"""What a report says of a run that was chosen from a search: lineage, what the choice flattered, and the trials. Stable API: ``chosen_view``, ``ChosenView``.

The trials are those of the artifact ``selection``, which was written before the test rows were opened; validation and test beside each other are
measurements of the audit ``selection``. Small cells are hidden before this module looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.model import Fact
from rai_tune.reporting.numbers import show
from rai_tune.reporting.search_view import SearchView, objective_name, search_view
from rai_tune.reporting.text import clean, sentence
from rai_tune.selection import SELECTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rai_tune.core import AuditResult, Measurement
    from rai_tune.reporting.model import Shown
    from rai_tune.reporting.search_view import TrialRow

MOST_TRIALS = 40
"""Trials in a table of a report; the JSON has all of them."""


@dataclass(frozen=True)
class FlatteryRow:
    """One objective of the chosen trial: on validation rows, on test rows, by how much validation flattered, and how much was expected."""

    name: str
    validation: Shown | None
    test: Shown | None
    flattered: Shown | None
    expected: Shown | None


@dataclass(frozen=True)
class ChosenView:
    """The choice. ``search`` is the search as it stood then; ``left_out`` counts trials that are only in the JSON."""

    sentence: str
    facts: tuple[Fact, ...]
    rows: tuple[FlatteryRow, ...]
    search: SearchView
    left_out: int


def chosen_view(told: Mapping[str, Any], results: tuple[AuditResult, ...], run_id: str) -> ChosenView | None:
    """None for a run that was not chosen from a search. ``told`` is the artifact ``selection``."""
    if not told:
        return None
    search: Mapping[str, Any] = told["search"]
    directions = {name: search["directions"][name] for name in told["objectives"]}
    # Others may have been chosen before; in this report the chosen one is this run.
    view = search_view({**search, "directions": directions, "chosen": [run_id]}, told["front"])
    result = next((each for each in results if each.audit == SELECTION), None)
    return ChosenView(
        sentence=_sentence(result),
        facts=tuple(_facts(told, view, run_id)),
        rows=tuple(_rows(result, told["objectives"])) if result is not None else (),
        search=view,
        left_out=max(0, len(view.rows) - MOST_TRIALS),
    )


def _sentence(result: AuditResult | None) -> str:
    begun = "This run was chosen among trials by validation rows, where the chosen one of many looks better than it is"
    if result is None:
        return f"{begun}. By how much was not measured."
    if result.status != "ok":
        reason = sentence(result.reason or "no reason recorded").rstrip(".")
        return f"{begun}. By how much was not measured: {reason}."
    return (
        f"{begun}. Flattered by is validation against test, above 0 where validation looked better; what was expected was said before the test "
        "rows were opened."
    )


def _facts(told: Mapping[str, Any], view: SearchView, run_id: str) -> Iterator[Fact]:
    yield Fact("Search", view.id)
    yield Fact("Trial", f"{int(told['number'])}")
    yield Fact("Rule", clean(told["rule"]))
    yield Fact("Kept by the rule", f"{len(told['kept'])} of {int(told['among'])} trials that could be chosen")
    yield Fact("Trials when it was chosen", view.counts)
    if view.steered:
        unmet = "" if told["feasible"] else "; no trial met them, so any that was measured could be chosen"
        yield Fact("Steered by", f"{', '.join(view.steered)}{unmet}")
    row = next((row for row in view.rows if row.mark == "chosen"), None)
    if row is not None and row.settings:
        yield Fact("What it tried", tried(row))
    if row is not None and row.note:
        yield Fact("To be said of it", row.note)
    unknown = told.get("not_expected", ())
    if unknown:
        names = ", ".join(objective_name(name) for name in unknown)
        yield Fact(
            "Nothing was expected of", f"{names}: cutoffs by group were fitted on the validation rows themselves"
        )
    before = [clean(run) for run in told["search"].get("chosen", ()) if run != run_id]
    if before:
        yield Fact("Chosen before from the same search", ", ".join(before))


def tried(row: TrialRow) -> str:
    """The settings of a trial in one text."""
    return ", ".join(f"{name} {value}" for name, value in row.settings)


def _rows(result: AuditResult, objectives: Sequence[str]) -> Iterator[FlatteryRow]:
    found: dict[tuple[str, str], Measurement] = {(item.metric, item.label or ""): item for item in result.measurements}

    def shown(metric: str, name: str) -> Shown | None:
        item = found.get((metric, name))
        return None if item is None else show(item)

    measured = {name for _, name in found}
    for name in [name for name in objectives if name in measured]:
        yield FlatteryRow(
            objective_name(name),
            shown("chosen_on_validation", name),
            shown("chosen_on_test", name),
            shown("winners_curse", name),
            shown("winners_curse_expected", name),
        )
