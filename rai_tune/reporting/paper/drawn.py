"""Charts of a printed report, from the same chart values that the app draws. Internal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rai_tune.reporting.charts import group_chart, rows_chart
from rai_tune.reporting.model import MeasureRow
from rai_tune.reporting.numbers import digits, interval
from rai_tune.reporting.paper.blocks import Chart, Line, Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.reporting.charts import DotChart
    from rai_tune.reporting.model import DecisionView, GroupTable, LeanRow

MOST_GROUPS = 25
MOST_PAIRS = 12
MOST_LEANING = 14


def rates(table: GroupTable, decisions: Sequence[DecisionView]) -> tuple[Chart, ...]:
    """The favourable rate of every group."""
    kept = replace(table, rows=table.rows[:MOST_GROUPS])
    return _printed(group_chart(kept, "selection_rate", decisions), _only(len(table.rows), MOST_GROUPS, "first"))


def ratios(table: GroupTable, decisions: Sequence[DecisionView]) -> tuple[Chart, ...]:
    """Impact ratios of the pairs, each pair once, the lowest first."""
    numbered = [pair for pair in table.pairs if pair.ratio.estimate is not None]
    once = [pair for pair in numbered if (pair.ratio.estimate or 0.0) <= 1.0] or numbered
    if not once:
        return ()
    kept = replace(table, pairs=tuple(once[:MOST_PAIRS]))
    told = " Each pair once, the lower rate over the higher." if len(once) < len(numbered) else ""
    return _printed(
        group_chart(kept, "impact_ratio", decisions), told + _only(len(once), MOST_PAIRS, "lowest"), from_zero=True
    )


def leaning(rows: Sequence[LeanRow]) -> tuple[Chart, ...]:
    """Shares of the attribution by column, as bars."""
    measured = [
        MeasureRow(f"{row.name} (identity)" if row.identity else row.name, "", "", row.value)
        for row in rows
        if row.value is not None
    ]
    found = rows_chart("Share of the attribution by column", "Share", measured[:MOST_LEANING])
    if found is None:
        return ()
    words = " Columns marked (identity) hold a group attribute." if any(row.identity for row in rows) else ""
    return _printed(found, words + _only(len(measured), MOST_LEANING, "largest"), from_zero=True, bars=True)


def _only(there: int, most: int, which: str) -> str:
    return f" Drawn: the {which} {most} of {there:,}; the table has the others." if there > most else ""


def _printed(chart: DotChart, more: str = "", *, from_zero: bool = False, bars: bool = False) -> tuple[Chart, ...]:
    """The chart with a text beside every mark; nothing where no mark has a number."""
    if all(mark.estimate is None for mark in chart.marks):
        return ()
    marks = tuple(
        Mark(
            mark.name,
            mark.said if mark.estimate is None else digits(mark.estimate, chart.unit),
            ""
            if mark.estimate is None or mark.low is None
            else interval(mark.low, "unbounded" if mark.high is None else mark.high, chart.unit),
            mark.estimate,
            mark.low,
            mark.high,
        )
        for mark in chart.marks
    )
    equal = () if chart.equal is None else (Line(chart.equal, "equal"),)
    limits = tuple(Line(limit.value, limit.text) for limit in chart.limits)
    lines = "".join(f" Line: {limit.text}." for limit in chart.limits)
    sentence = chart.sentence.replace(", a dot for ", ", a bar for ") if bars else chart.sentence
    return (Chart(sentence + more + lines, chart.unit, marks, (*equal, *limits), from_zero, bars),)
