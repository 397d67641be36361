"""The inbox: candidates, newest first, each with its verdict, what it serves and what waits for whoever looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.components import Cell, Heading, Links, Paragraph, Table, literal, pager
from rai_tune.review.identity import identity
from rai_tune.review.listing import RunLine, list_runs
from rai_tune.review.tones import tone_of
from rai_tune.selection import unchosen_trials

if TYPE_CHECKING:
    from rai_tune.workspace import Workspace

AT_ONCE = 25
EMPTY = (
    "There are no runs here yet. 'New run' in the menu starts one from a table; so does 'raitune run recipe.yaml', and "
    "'raitune demo lending' shows one on example data."
)
WAITING = "What waits for you"


def show_inbox(workspace: Workspace) -> None:
    """A table of runs; those with something to do for the person who is signed in come first in a table of their own."""
    trials = unchosen_trials(workspace)
    runs = [run for run in workspace.runs() if run.id not in trials]
    if trials:
        one = len(trials) == 1
        said = f"{len(trials):,} {'run is a trial of a search and is' if one else 'runs are trials of searches and are'} not listed here."
        literal("trials", Paragraph(said), Links((Cell("Searches", page="search"),)))
    if not runs and trials:
        return
    if not runs:
        literal("empty", Paragraph(EMPTY))
        return
    place = pager("inbox", len(runs), AT_ONCE)
    who = identity(workspace)
    lines = list_runs(workspace, runs[place.start : place.stop], who.signer if who else None)
    waiting = tuple(_asked(line) for line in lines if line.waits)
    if waiting:
        literal("waiting", Heading(2, WAITING), Table(WAITING, {"Run": "", "Verdict": "", "To do": "wide"}, waiting))
    literal(
        "runs",
        Heading(2, "All runs"),
        Table(
            "Newest first",
            {"Run": "", "Verdict": "", "State": "", "Serves": "", "Started": "", "Id": ""},
            tuple(_row(line) for line in lines),
        ),
    )


def _asked(line: RunLine) -> tuple[Cell, ...]:
    return (Cell(line.name, run=line.id, page="signoff"), _verdict(line), Cell("; ".join(line.waits)))


def _row(line: RunLine) -> tuple[Cell, ...]:
    return (
        Cell(line.name, run=line.id),
        _verdict(line),
        Cell(line.state),
        Cell(", ".join(line.serves) or "–"),
        Cell(line.age, line.created_at),
        Cell(line.id),
    )


def _verdict(line: RunLine) -> Cell:
    return Cell(f"{line.icon} {line.word}", tone=tone_of(line.outcome))
