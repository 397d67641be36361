"""Where a run of a search comes from: its trial, its rule, what the choice flattered, and the way to the search. On the overview of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.promotion.statement import stored_json
from rai_tune.review.components import Cell, Heading, Links, Paragraph, Table, literal
from rai_tune.review.sections.cells import facts, number
from rai_tune.selection import TRIAL

if TYPE_CHECKING:
    from rai_tune.reporting.chosen import ChosenView
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace


def is_unchosen(page: RunPage, workspace: Workspace) -> bool:
    """Whether the run is a trial of a search that nobody chose."""
    return page.view.search is None and TRIAL in workspace.artifacts(page.view.run_id)


def show_chosen(page: RunPage, workspace: Workspace) -> None:
    """Nothing for a run that is no trial of a search."""
    told = page.view.search
    if told is not None:
        _show(told)
        return
    trial = stored_json(workspace, workspace.artifacts(page.view.run_id), TRIAL)
    if trial:
        search = str(trial["search"])
        said = f"This run is trial {int(trial['number'])} of a search. It was not chosen, so it has not seen the test rows and has no verdict."
        how = f"'raitune tune {search} --choose RULE' chooses one by a rule and carries it to a verdict."
        literal("trial", Heading(2, "A trial of a search"), Paragraph(said), Paragraph(how), _way(search))


def _show(told: ChosenView) -> None:
    literal("chosen", Heading(2, "Chosen from a search"), Paragraph(told.sentence), facts(told.facts))
    if told.rows:
        literal(
            "chosen-flattery",
            Table(
                "Validation beside test",
                {
                    "Objective": "wide",
                    "Validation": "number",
                    "Test": "number",
                    "Flattered by": "number",
                    "Expected": "number",
                },
                tuple(
                    (
                        Cell(row.name),
                        number(row.validation),
                        number(row.test),
                        number(row.flattered),
                        Cell(row.expected.text if row.expected is not None else "–"),
                    )
                    for row in told.rows
                ),
            ),
        )
    literal("chosen-search", _way(told.search.id))


def _way(search: str) -> Links:
    return Links((Cell("The search and its trials", page="search", query=(("search", search),)),))
