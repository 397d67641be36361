"""Table cells for what the view hands over: numbers with their interval, gaps with their words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.components import Cell, Facts, Paragraph, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.reporting.model import Fact, Grid, MeasureRow, Shown
    from rai_tune.review.components.literal import ColumnKind

NOTHING = Cell("–")


def number(shown: Shown | None) -> Cell:
    """The estimate with its interval below, or the words why there is none."""
    return NOTHING if shown is None else Cell(shown.text, shown.interval)


def rows_of(shown: Shown | None) -> Cell:
    """The number of rows behind a measurement."""
    return NOTHING if shown is None else Cell(shown.n_text)


def facts(rows: Sequence[Fact], *, code: bool = False, dense: bool = False) -> Facts:
    """Named texts side by side."""
    return Facts(tuple((fact.name, fact.text) for fact in rows), code=code, dense=dense)


def measures(caption: str, rows: Sequence[MeasureRow], *, head: str = "Measure") -> Table:
    """Measurements with interval, rows and meaning. ``head`` says what the first column names."""
    told = any(_meaning(row) for row in rows)
    columns: dict[str, ColumnKind] = {head: "", "Estimate and interval": "number", "Rows": "number", "Split": ""}
    return Table(
        caption,
        {**columns, **({"What it says": "wide"} if told else {})},
        tuple(
            (
                Cell(row.name),
                number(row.value),
                rows_of(row.value),
                Cell(row.split or "–"),
                *((Cell(_meaning(row)),) if told else ()),
            )
            for row in rows
        ),
    )


def side_by_side(grid: Grid) -> tuple[Table | Paragraph, ...]:
    """A table of measurements, one column a measure, and what the columns say."""
    heads: dict[str, ColumnKind] = {grid.head: "", "Rows": "number", **dict.fromkeys(grid.columns, "number")}
    rows = tuple((Cell(row.name), Cell(row.n_text), *map(number, row.cells)) for row in grid.rows)
    more = f" ({grid.left_out:,} more rows in the JSON)" if grid.left_out else ""
    legend = (Paragraph(grid.legend, muted=True),) if grid.legend else ()
    return (Table(grid.title + more, heads, rows), *legend)


def _meaning(row: MeasureRow) -> str:
    """What the measure means, and why it has no number where that is not already in its place."""
    reason = row.value.reason if row.value.reason != row.value.text else ""
    return ". ".join(filter(None, (row.meaning.rstrip("."), reason[:1].upper() + reason[1:])))
