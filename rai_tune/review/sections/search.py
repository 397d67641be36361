"""The page about searches: a list of them, and one with its chart, its trials and what was chosen from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.core import IntegrityError, UsageError
from rai_tune.reporting.search_view import SearchView, TrialRow, search_view
from rai_tune.reporting.text import clean, full_sentence
from rai_tune.review.components import Cell, Facts, Heading, Links, Paragraph, Table, literal, pager
from rai_tune.review.components.pareto_plot import draw_pareto
from rai_tune.review.navigation import parameter
from rai_tune.review.telling import without_folders

if TYPE_CHECKING:
    from rai_tune.review.components.literal import ColumnKind
    from rai_tune.search.result import SearchResult
    from rai_tune.workspace import Workspace

EMPTY = "There are no searches here yet. 'raitune tune recipe.yaml' begins one: it tries settings of a recipe and shows what they trade for what."
_MARKS = {"chosen": "◆ chosen", "front": "● beaten by none"}
AT_ONCE = 25


def show_searches(workspace: Workspace) -> None:
    """The search that the address names, else all of them, newest first."""
    from rai_tune.search.store import read_search, search_ids

    wanted = parameter("search")
    if wanted is not None:
        try:
            found = read_search(workspace, wanted)
        except (UsageError, IntegrityError) as error:
            literal("no-search", Heading(2, "No such search"), Paragraph(full_sentence(without_folders(error))), _all())
            return
        _show(found)
        return
    ids = search_ids(workspace)
    if not ids:
        literal("no-searches", Paragraph(EMPTY))
        return
    place = pager("searches", len(ids), AT_ONCE)
    rows = tuple(_line(workspace, each) for each in ids[place.start : place.stop])
    columns: dict[str, ColumnKind] = {"Search": "", "Trials": "wide", "Best": "wide", "Chosen": ""}
    literal("searches", Table("Newest first", columns, rows))


def view_of(found: SearchResult) -> SearchView:
    """A search as it is shown."""
    from rai_tune.search.pareto import front

    return search_view(found.to_json(), front(found.trials, found.directions))


def _line(workspace: Workspace, search_id: str) -> tuple[Cell, ...]:
    from rai_tune.search.store import read_search

    try:
        view = view_of(read_search(workspace, search_id))
    except IntegrityError:
        return (Cell(search_id), Cell("its record cannot be read"), Cell("–"), Cell("–"))
    best = ", ".join(f"{head.name} {head.best}" for head in view.objectives)
    return (
        Cell(view.name, view.id, page="search", query=(("search", view.id),)),
        Cell(view.counts),
        Cell(best),
        Cell(", ".join(view.chosen) or "–"),
    )


def _show(found: SearchResult) -> None:
    view = view_of(found)
    runs = tuple(Cell(run, run=run, page="run") for run in view.chosen)
    literal("search", Heading(2, view.name), _facts(view), *([Links(runs)] if runs else []), _all())
    literal("trade", Heading(2, "What is traded for what"))
    draw_pareto("trade-chart", view)
    literal("trials", Heading(2, "Trials"))
    place = pager("search-trials", len(view.rows), AT_ONCE)
    values: dict[str, ColumnKind] = {head.name: "number" for head in view.objectives}
    columns: dict[str, ColumnKind] = {"Trial": "", "State": "", **values, "Tried": "wide", "Run": ""}
    literal(
        "trials-table",
        Table(
            "The chosen first, then those beaten by none",
            columns,
            tuple(_trial(row) for row in view.rows[place.start : place.stop]),
        ),
    )
    literal("choose", Heading(2, "Choosing"), Paragraph(_how(view)))


def _facts(view: SearchView) -> Facts:
    steered = ", ".join(view.steered) or "no control of a policy"
    best = ", ".join(f"{head.name} {head.best} ({head.wanted})" for head in view.objectives)
    return Facts(
        (
            ("Id", view.id),
            ("Trials", view.counts),
            ("Measured", view.basis),
            ("Best so far", best),
            ("Steered by", steered),
            ("Chosen", ", ".join(view.chosen) or "none yet: no trial has seen the test rows"),
        )
    )


def _trial(row: TrialRow) -> tuple[Cell, ...]:
    state = _MARKS.get(row.mark) or row.state
    tried = ", ".join(f"{name} {value}" for name, value in row.settings)
    return (
        Cell(str(row.number)),
        Cell(state),
        *(Cell(value.text, value.interval) for value in row.values),
        Cell(clean(tried, 400), row.note),
        Cell(row.run_id or "–", run=row.run_id) if row.run_id else Cell("–"),
    )


def _how(view: SearchView) -> str:
    return (
        f'A trial is chosen on the command line: raitune tune {view.id} --choose "auc within 0.5 of best, smallest gap". Its run then opens the '
        "test rows, is audited and decided upon as any run, and says by how much the validation rows flattered it."
    )


def _all() -> Links:
    return Links((Cell("All searches", page="search"),))
