"""Which tables and lists of the audits of fairness are drawn, by which column, and in which order their rows stand. Internal."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rai_tune.reporting.charts import DotChart, grid_chart, pair_name, rows_chart
from rai_tune.reporting.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_tune.reporting.model import Grid, GridRow, MeasureRow

_DRAWN: dict[str, tuple[str, ...]] = {
    "intersections": ("selection_rate_pooled", "selection_rate"),
    "paired_swaps": ("swap_favourable_rate_change", "swap_score_shift"),
    "four_fifths": ("four_fifths_ratio",),
    "ll144": ("ll144_impact_ratio", "ll144_scoring_impact_ratio"),
    "base_vs_tuned": ("selection_rate_change",),
    "mitigation_effect": ("selection_rate_change", "true_positive_rate_change"),
    "score_fairness": ("subgroup_auc",),
    "simpson": ("selection_rate_difference_adjusted",),
}
"""Audit -> metrics worth a chart, the first one that a table has."""

_LOWEST_FIRST = {"intersections": ("selection_rate_pooled", "selection_rate"), "four_fifths": ("four_fifths_ratio",)}
"""Audit -> metrics by which its tables are sorted, the first that a row has a number for."""


@dataclass(frozen=True)
class Listed:
    """Measurements of one kind with a chart of their own, such as the slices of one outcome."""

    title: str
    rows: tuple[MeasureRow, ...]
    chart: DotChart


def _column(grid: Grid, metrics: Sequence[str]) -> int | None:
    """The column of the first of these metrics that has a number somewhere, else of the first that is there at all."""
    place: dict[str, int] = {}
    numbered: set[str] = set()
    for row in grid.rows:
        for column, cell in enumerate(row.cells):
            if cell is not None:
                place.setdefault(cell.ref.metric, column)
                if cell.estimate is not None:
                    numbered.add(cell.ref.metric)
    ordered = [
        *(metric for metric in metrics if metric in numbered),
        *(metric for metric in metrics if metric in place),
    ]
    return place[ordered[0]] if ordered else None


def laid_out(grid: Grid) -> Grid:
    """A table for the screen: sorted by what matters, with names that keep their order."""
    return _isolated(_sorted(grid))


def _sorted(grid: Grid) -> Grid:
    column = _column(grid, _LOWEST_FIRST.get(_audit_of(grid), ()))
    if column is None:
        return grid

    def rank(row: GridRow) -> float:
        cell = row.cells[column]
        return math.inf if cell is None or cell.estimate is None else cell.estimate

    return replace(grid, rows=tuple(sorted(grid.rows, key=rank)))


def _isolated(grid: Grid) -> Grid:
    """Names of pairs that are written from right to left keep their order."""
    rows = []
    for row in grid.rows:
        first = next((cell for cell in row.cells if cell is not None), None)
        rows.append(row if first is None else replace(row, name=pair_name(first, row.name)))
    return replace(grid, rows=tuple(rows))


def chart_of(grid: Grid, favourable: str) -> DotChart | None:
    """The chart of a table's most telling column; None for a table that needs none."""
    audit = _audit_of(grid)
    column = _column(grid, _DRAWN.get(audit, ()))
    return None if column is None else grid_chart(grid, column, _ends(audit, favourable))


def _audit_of(grid: Grid) -> str:
    return next((cell.ref.audit for row in grid.rows for cell in row.cells if cell is not None), "")


def _ends(audit: str, favourable: str) -> tuple[str, str]:
    return {
        "paired_swaps": (f"less often '{favourable}' after the swap", f"more often '{favourable}' after the swap"),
        "base_vs_tuned": (f"tuned: '{favourable}' less often", f"tuned: '{favourable}' more often"),
        "mitigation_effect": ("lower with mitigation", "higher with mitigation"),
        "simpson": ("the second group is ahead", "the first group is ahead"),
    }.get(audit, ("", ""))


_KINDS: dict[str, tuple[tuple[str, str], ...]] = {
    "slice_discovery": (
        ("slice_error_rate_difference", "Error rate, slice minus the rest"),
        ("slice_favourable_rate_difference", "Favourable rate, slice minus the rest"),
    ),
}


def listed_rows(audit: str, rows: Sequence[MeasureRow], favourable: str) -> Iterator[Listed]:
    """Measurements of the audit's list that are worth a chart, one for each kind."""
    ends = {
        "slice_error_rate_difference": ("fewer errors in the slice", "more errors in the slice"),
        "slice_favourable_rate_difference": (f"'{favourable}' less often", f"'{favourable}' more often in the slice"),
    }
    for metric, title in _KINDS.get(audit, ()):
        own = tuple(
            replace(row, name=clean(row.value.ref.label or row.name), meaning="")
            for row in rows
            if row.value.ref.metric == metric
        )
        chart = rows_chart(title, title, own, ends[metric])
        if chart is not None:
            yield Listed(title, own, chart)
