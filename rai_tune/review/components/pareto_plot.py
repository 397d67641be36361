"""Trials of a search by two objectives. Shape and colour both say which are beaten by none; a sentence and a table always stand beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.review.components.dot_plot import BLUE, BLUE_ON_DARK, INK, INK_ON_DARK, ORANGE, ORANGE_ON_DARK, is_dark
from rai_tune.review.components.literal import Paragraph, literal

if TYPE_CHECKING:
    from rai_tune.reporting.search_view import ObjectiveHead, SearchView, TrialValue

MOST_POINTS = 500
_HEIGHT = 380
_LABELS = {
    "percent": "format(100 * datum.value, '.0f') + ' %'",
    "points": "format(100 * datum.value, '.1f') + ' pp'",
    "number": "format(datum.value, '.2~f')",
    "count": "format(datum.value, ',.0f')",
}
_SHAPES = {"chosen": "chosen", "front": "beaten by none", "": "others"}


def draw_pareto(key: str, view: SearchView) -> None:
    """The sentence and the chart; nothing is drawn where fewer than two trials have both numbers."""
    import streamlit as st

    literal(f"{key}-sentence", Paragraph(view.sentence))
    chart = pareto_chart(view, dark=is_dark())
    if chart is not None:
        st.altair_chart(chart, width="stretch", key=key, alt=view.sentence)


def pareto_chart(view: SearchView, *, dark: bool = False) -> Any | None:
    """The first objective across and the second up, with the intervals of those that none beats. No tooltips, no links."""
    import altair as alt

    table = _table(view)
    if len(table) < 2:
        return None
    ink = INK_ON_DARK if dark else INK
    across, up = view.objectives[0], view.objectives[1]
    x, y = (alt.X("x:Q", **_axis(across, ink)), alt.Y("y:Q", **_axis(up, ink)))
    colours = [ORANGE_ON_DARK if dark else ORANGE, BLUE_ON_DARK if dark else BLUE, ink]
    names = list(_SHAPES.values())
    legend = alt.Legend(title=None, labelColor=ink, labelFontSize=13, orient="top", symbolSize=130)
    points = alt.Chart(table).mark_point(size=130, filled=True, opacity=1, tooltip=None, aria=False)
    base = alt.Chart(table).transform_filter("datum.mark != 'others'")
    rule: dict[str, Any] = {"strokeWidth": 1.5, "opacity": 0.6, "tooltip": None, "aria": False, "color": ink}
    return alt.layer(
        base.mark_rule(**rule).encode(x=alt.X("x_low:Q", **_axis(across, ink)), x2="x_high:Q", y=y),
        base.mark_rule(**rule).encode(x=x, y=alt.Y("y_low:Q", **_axis(up, ink)), y2="y_high:Q"),
        points.encode(
            x=x,
            y=y,
            color=alt.Color("mark:N", scale=alt.Scale(domain=names, range=colours), legend=legend),
            shape=alt.Shape(
                "mark:N", scale=alt.Scale(domain=names, range=["diamond", "circle", "cross"]), legend=legend
            ),
        ),
    ).properties(height=_HEIGHT)


def _table(view: SearchView) -> Any:
    import pandas as pd

    rows = [
        {"mark": _SHAPES[row.mark], **_ends("x", row.values[0]), **_ends("y", row.values[1])}
        for row in view.rows[:MOST_POINTS]
        if len(row.values) > 1 and all(value.estimate is not None for value in row.values[:2])
    ]
    return pd.DataFrame(rows)


def _ends(axis: str, value: TrialValue) -> dict[str, float | None]:
    """The point and both ends of its interval, which are the point itself where there is none."""
    low = value.estimate if value.low is None else value.low
    high = value.estimate if value.high is None else value.high
    return {axis: value.estimate, f"{axis}_low": low, f"{axis}_high": high}


def _axis(head: ObjectiveHead, ink: str) -> dict[str, Any]:
    import altair as alt

    axis = alt.Axis(
        labelExpr=_LABELS.get(head.unit, _LABELS["number"]),
        tickCount=5,
        labelFontSize=12,
        labelColor=ink,
        titleColor=ink,
    )
    return {"title": f"{head.name} ({head.wanted})", "axis": axis, "scale": alt.Scale(zero=False)}
