"""A search in a terminal of 80 columns: best so far, the front as a chart of characters, and the trials as a table. Stable API: ``print_search``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from rai_tune.reporting.numbers import digits

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rai_tune.reporting.search_view import ObjectiveHead, SearchView, TrialRow

WIDTH = 80
_WIDE, _HIGH = 56, 12
_MARKS = {"chosen": "◆", "front": "●", "": "·"}
_WORDS = {"chosen": "◆ chosen", "front": "● front"}
MOST_ROWS = 20
_MOST_TOLD = 6


def print_search(view: SearchView, console: Console | None = None) -> None:
    """Print a search, 80 columns wide or less."""
    out = console or Console(width=WIDTH, highlight=False)
    out.print(search_text(view))


def search_text(view: SearchView) -> Group:
    """The whole as renderables; all text is literal."""
    parts: list[RenderableType] = [
        Text(f"Search {view.name} ({view.id})", style="bold"),
        Text(view.counts),
        Text(view.basis, style="dim"),
    ]
    parts += [Text(f"  best {head.name}: {head.best} ({head.wanted})") for head in view.objectives]
    if view.steered:
        parts.append(Text(f"Steered by {', '.join(view.steered)}"))
    chart = _chart(view)
    if chart:
        parts += [Text(""), *chart]
    parts += [Text(view.sentence), Text(""), _table(view)]
    if len(view.rows) > MOST_ROWS:
        parts.append(Text(f"{len(view.rows) - MOST_ROWS} more trials; --json has all of them."))
    return Group(*parts, *_details(view))


def _table(view: SearchView) -> Table:
    table = Table(box=box.SIMPLE_HEAD, width=WIDTH, padding=(0, 1), show_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("Trial", justify="right", no_wrap=True)
    for head in view.objectives:
        table.add_column(head.name, justify="right", min_width=16)
    for row in view.rows[:MOST_ROWS]:
        cells = [Text("\n".join(part for part in (cell.text, cell.interval) if part)) for cell in row.values]
        table.add_row(Text(_word(row)), Text(str(row.number)), *cells)
    return table


def _word(row: TrialRow) -> str:
    return _WORDS.get(row.mark) or ("·" if row.state == "complete" else row.state)


def _details(view: SearchView) -> list[RenderableType]:
    """What the chosen ones and the front tried, and why trials ended that did not complete."""
    marked, noted = [row for row in view.rows if row.mark], [row for row in view.rows if row.note]
    parts: list[RenderableType] = []
    for row in marked[:_MOST_TOLD]:
        told = ", ".join(f"{name} {value}" for name, value in row.settings)
        missed = f"; misses {', '.join(row.missed)}" if row.missed else ""
        run = f" (run {row.run_id})" if row.run_id else ""
        parts.append(Text(f"trial {row.number}{run}: {told}{missed}"))
    parts += [Text(f"trial {row.number}, {row.state}: {row.note}") for row in noted[:_MOST_TOLD]]
    more = max(len(marked) - _MOST_TOLD, 0) + max(len(noted) - _MOST_TOLD, 0)
    return [*parts, Text(f"{more} more; --json has all of them.")] if more else parts


def _chart(view: SearchView) -> list[RenderableType]:
    """The first objective across and the second up, better to the upper right; nothing where there are not two of them."""
    rows = [
        row for row in view.rows if len(row.values) > 1 and None not in (row.values[0].estimate, row.values[1].estimate)
    ]
    if len(view.objectives) < 2 or len(rows) < 2:
        return []
    across, up = view.objectives[0], view.objectives[1]
    left, right = _ends(rows, 0)
    low, high = _ends(rows, 1)
    cells = [[" "] * _WIDE for _ in range(_HIGH)]
    for row in sorted(rows, key=lambda row: ("", "front", "chosen").index(row.mark)):
        column = _place(row.values[0].estimate, left, right, _WIDE, flipped=across.wanted == "less is better")
        line = _place(row.values[1].estimate, low, high, _HIGH, flipped=up.wanted == "more is better")
        cells[line][column] = _MARKS[row.mark]
    top, bottom = (low, high) if up.wanted == "less is better" else (high, low)
    first, last = (right, left) if across.wanted == "less is better" else (left, right)
    labels = {0: digits(top, up.unit), _HIGH - 1: digits(bottom, up.unit)}
    width = max(map(len, labels.values()))
    lines = [Text(f"{labels.get(place, ''):>{width}} │{''.join(line)}") for place, line in enumerate(cells)]
    ends = digits(first, across.unit) + digits(last, across.unit).rjust(_WIDE - len(digits(first, across.unit)))
    return [
        Text(f"{up.name}, up; {across.name}, to the right; better to the upper right."),
        *lines,
        Text(f"{'':>{width}} └{'─' * _WIDE}"),
        Text(f"{'':>{width}}  {ends}"),
        Text(f"{'':>{width}}  ◆ chosen  ● beaten by none  · others", style="dim"),
    ]


def _ends(rows: list[TrialRow], place: int) -> tuple[float, float]:
    values = [value for row in rows if (value := row.values[place].estimate) is not None]
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _place(value: float | None, low: float, high: float, size: int, *, flipped: bool) -> int:
    share = ((value or 0.0) - low) / (high - low)
    return round((1 - share if flipped else share) * (size - 1))


def best_so_far(heads: tuple[ObjectiveHead, ...]) -> str:
    """The best of each objective in one line, for a progress display."""
    return ", ".join(f"{head.name} {head.best}" for head in heads)
