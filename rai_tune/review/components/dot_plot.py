"""A dot with an interval bar for each row: the one chart of the app. A sentence and a table always stand beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

BLUE = "#0072B2"
BLUE_ON_DARK = "#56B4E9"
INK = "#1c2126"
INK_ON_DARK = "#e8ebee"
MAX_DOTS = 40
_ROW_HEIGHT = 34
_AXIS_HEIGHT = 88
_NAME_LENGTH = 32


@dataclass(frozen=True)
class Dot:
    """One row, named with the rows behind it. ``low`` and ``high`` are None without an interval; all are shares, 0 to 1."""

    name: str
    n_text: str
    estimate: float
    low: float | None
    high: float | None


def dot_plot(key: str, dots: Sequence[Dot], *, axis: str, sentence: str) -> None:
    """Draw the first ``MAX_DOTS`` dots in their order. ``axis`` is our own word; ``sentence`` is the chart's text for a screen reader."""
    import streamlit as st

    if dots:
        st.altair_chart(dot_chart(dots[:MAX_DOTS], axis=axis, dark=_dark()), width="stretch", key=key, alt=sentence)


def dot_chart(dots: Sequence[Dot], *, axis: str, dark: bool = False) -> Any:
    """The Altair chart. No tooltips and no links: labels are drawn as text and nothing in them is ever fetched."""
    import altair as alt
    import pandas as pd

    table = pd.DataFrame(
        {
            "label": _unique([f"{clean(dot.name, _NAME_LENGTH)} (n = {dot.n_text})" for dot in dots]),
            "estimate": [dot.estimate for dot in dots],
            "low": [dot.estimate if dot.low is None else dot.low for dot in dots],
            "high": [dot.estimate if dot.high is None else dot.high for dot in dots],
        }
    )
    colour, ink = (BLUE_ON_DARK, INK_ON_DARK) if dark else (BLUE, INK)
    named = alt.Axis(
        labelLimit=360,
        labelFontSize=13,
        labelColor=ink,
        labelBaseline="middle",
        labelBound=False,
        ticks=False,
        domain=False,
    )
    measured = alt.Axis(format=".0%", tickCount=5, labelFontSize=12, labelColor=ink, titleColor=ink)
    rows = alt.Y("label:N", sort=None, title=None, axis=named)
    across = alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), title=axis, axis=measured)
    base = alt.Chart(table)
    bars = base.mark_rule(color=colour, strokeWidth=3, tooltip=None).encode(y=rows, x=across, x2="high:Q")
    points = base.mark_point(color=colour, filled=True, size=130, opacity=1, tooltip=None).encode(
        y=rows, x="estimate:Q"
    )
    return (bars + points).properties(height=_ROW_HEIGHT * len(dots) + _AXIS_HEIGHT)


def _unique(labels: Sequence[str]) -> list[str]:
    """Labels told apart: two names that are cut to the same text must not share a line."""
    told: dict[str, None] = {}
    for label in labels:
        tries = (label, *(f"{label} [{number}]" for number in range(2, len(labels) + 2)))
        told[next(each for each in tries if each not in told)] = None
    return list(told)


def _dark() -> bool:
    import streamlit as st

    return st.context.theme.type == "dark"
