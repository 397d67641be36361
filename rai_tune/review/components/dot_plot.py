"""A dot with an interval bar for each row: the one chart of the app. A sentence and a table always stand beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.charts import MOST_MARKS
from rai_tune.reporting.text import clean
from rai_tune.review.components.literal import Bullets, Paragraph, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.reporting.charts import DotChart, Mark, Unit

BLUE = "#0072B2"
BLUE_ON_DARK = "#56B4E9"
ORANGE = "#D55E00"
ORANGE_ON_DARK = "#E69F00"
INK = "#1c2126"
INK_ON_DARK = "#e8ebee"
MAX_DOTS = MOST_MARKS
_ROW_HEIGHT = 34
_AXIS_HEIGHT = 88
_ENDS_HEIGHT = 36
_NAME_LENGTH = 40
_END_LENGTH = 60
_BETWEEN = " / "
NO_COUNT = "–"
_ISOLATED = "\u2068{}\u2069"
"""First strong isolate: a name that is written from right to left does not turn round what stands beside it."""

_PLACES: dict[float | None, str] = {None: "width / 3", 0.0: "12", 1.0: "width / 2"}
"""Where words stand in place of a dot: off the line where both sides are alike, and off the end that means 0."""

_LABELS: dict[str, str] = {
    "percent": "format(100 * datum.value, '.0f') + ' %'",
    "points": "format(100 * datum.value, '.0f') + ' pp'",
    "number": "format(datum.value, '.2~f')",
}


@dataclass(frozen=True)
class Scale:
    """What lies behind the dots: the unit, a line where both sides are alike with words for either side, and dashed limits."""

    unit: Unit = "percent"
    equal: float | None = None
    ends: tuple[str, str] = ("", "")
    limits: tuple[float, ...] = ()


def draw_chart(key: str, chart: DotChart) -> None:
    """The sentence of a chart, the chart, and where its limits come from."""
    literal(f"{key}-sentence", Paragraph(chart.sentence))
    scale = Scale(chart.unit, chart.equal, chart.ends, tuple(limit.value for limit in chart.limits))
    _draw(key, chart.marks, chart.axis, chart.sentence, scale)
    if chart.limits:
        literal(f"{key}-limits", Bullets(tuple(f"Dashed line: {limit.text}." for limit in chart.limits)))


def _draw(key: str, dots: Sequence[Mark], axis: str, sentence: str, scale: Scale) -> None:
    import streamlit as st

    if dots:
        drawn = dot_chart(dots[:MAX_DOTS], axis=axis, dark=is_dark(), scale=scale)
        st.altair_chart(drawn, width="stretch", key=key, alt=sentence)


def dot_chart(dots: Sequence[Mark], *, axis: str, dark: bool = False, scale: Scale | None = None) -> Any:
    """The Altair chart. No tooltips and no links: labels are drawn as text and nothing in them is ever fetched."""
    import altair as alt

    scale = scale or Scale()
    low, high = _domain(dots, scale)
    table = _table(dots, high)
    ink = INK_ON_DARK if dark else INK
    rows = alt.Y("label:N", sort=table["label"].tolist(), title=None, axis=_names(ink))
    across = alt.X(
        "low:Q", scale=alt.Scale(domain=[low, high], clamp=True), title=axis, axis=_measures(ink, scale.unit)
    )
    base = alt.Chart(table)
    layers = [
        *_behind(base, scale, dark=dark),
        *_dots(base, rows, across, dark=dark),
        *_words(base, rows, ink, scale.equal),
    ]
    layers += _ends(base, scale.ends, ink)
    return alt.layer(*layers).properties(
        height=_ROW_HEIGHT * len(dots) + _AXIS_HEIGHT + (_ENDS_HEIGHT if any(scale.ends) else 0)
    )


def _table(dots: Sequence[Mark], edge: float) -> Any:
    import pandas as pd

    return pd.DataFrame(
        {
            "place": range(len(dots)),
            "label": told_apart([_label(dot) for dot in dots]),
            "estimate": [dot.estimate for dot in dots],
            "low": [dot.estimate if dot.low is None else dot.low for dot in dots],
            "high": [_high(dot, edge) for dot in dots],
            "open": [dot.unbounded or (dot.high is not None and dot.high > edge) for dot in dots],
            "said": [clean(dot.said) if dot.estimate is None else "" for dot in dots],
        }
    )


def _label(dot: Mark) -> str:
    rows = "n not shown" if dot.n_text == NO_COUNT else f"n = {dot.n_text}"
    name = _cut(dot.name)
    # A pair of names is isolated name by name: around both, the first name alone would turn their order.
    return f"{name if _ISOLATED[0] in name else _ISOLATED.format(name)} ({rows})"


def _cut(name: str) -> str:
    """At most ``_NAME_LENGTH`` characters. Of a pair of names both keep their beginning: the second tells rows apart as often as the first."""
    if len(name) <= _NAME_LENGTH:
        return name
    sides = name.split(_BETWEEN)
    if len(sides) != 2:
        return _shortened(name, _NAME_LENGTH)
    room = _NAME_LENGTH - len(_BETWEEN)
    longest = max(room // 2, room - min(map(len, sides)))
    return _BETWEEN.join(_shortened(side, longest) for side in sides)


def _shortened(name: str, length: int) -> str:
    """The beginning of a name, with every isolate closed that was open where it was cut."""
    if len(name) <= length:
        return name
    kept = name[: length - 1].rstrip() + "…"
    return kept + "\u2069" * (kept.count("\u2068") - kept.count("\u2069"))


def _high(dot: Mark, edge: float) -> float | None:
    if dot.unbounded:
        return edge
    return dot.estimate if dot.high is None else min(dot.high, edge)


def _dots(base: Any, rows: Any, across: Any, *, dark: bool) -> list[Any]:
    """Bars, dots, and an arrow where the interval goes on."""
    colour = BLUE_ON_DARK if dark else BLUE
    drawn = base.transform_filter("isValid(datum.estimate)")
    beyond = base.transform_filter("isValid(datum.estimate) && datum.open")
    point = {"color": colour, "filled": True, "opacity": 1, "tooltip": None, "aria": False}
    return [
        drawn.mark_rule(color=colour, strokeWidth=3, tooltip=None, aria=False).encode(y=rows, x=across, x2="high:Q"),
        drawn.mark_point(size=130, **point).encode(y=rows, x="estimate:Q"),
        beyond.mark_point(size=90, shape="triangle-right", **point).encode(y=rows, x="high:Q"),
    ]


def _words(base: Any, rows: Any, ink: str, equal: float | None) -> list[Any]:
    """A hollow sign and the words where there is no number to draw, away from the axis, so that they are never read as a value."""
    import altair as alt

    place = alt.value({"expr": _PLACES[equal]})
    missing = base.transform_filter("datum.said != ''")
    sign = missing.mark_point(
        shape="diamond", filled=False, size=110, color=ink, strokeWidth=1.8, tooltip=None, aria=False
    )
    words = missing.mark_text(align="left", baseline="middle", dx=12, fontSize=12, color=ink, tooltip=None, aria=False)
    return [sign.encode(y=rows, x=place), words.encode(y=rows, x=place, text="said:N")]


def _behind(base: Any, scale: Scale, *, dark: bool) -> list[Any]:
    """Lines: solid where both sides are alike, dashed for a limit."""
    import altair as alt

    once = base.transform_filter("datum.place == 0")
    ink, orange = (INK_ON_DARK, ORANGE_ON_DARK) if dark else (INK, ORANGE)
    lines = [] if scale.equal is None else [(scale.equal, ink, [1, 0], 1.5)]
    lines += [(limit, orange, [6, 4], 2) for limit in scale.limits]
    return [
        once.mark_rule(color=colour, strokeDash=dash, strokeWidth=width, tooltip=None, aria=False).encode(
            x=alt.datum(value)
        )
        for value, colour, dash, width in lines
    ]


def _ends(base: Any, ends: tuple[str, str], ink: str) -> list[Any]:
    """What the left and the right side mean, one line each above the plot, so that long words never meet."""
    import altair as alt

    if not any(ends):
        return []
    once = base.transform_filter("datum.place == 0")
    left, right = (clean(end, _END_LENGTH) for end in ends)
    text = {"fontSize": 12, "color": ink, "tooltip": None, "aria": False, "baseline": "bottom"}
    return [
        once.mark_text(align="left", **text).encode(x=alt.value(0), y=alt.value(-20), text=alt.value(f"← {left}")),
        once.mark_text(align="right", **text).encode(
            x=alt.value({"expr": "width"}), y=alt.value(-4), text=alt.value(f"{right} →")
        ),
    ]


def _names(ink: str) -> Any:
    import altair as alt

    return alt.Axis(
        labelLimit=360,
        labelFontSize=13,
        labelColor=ink,
        labelBaseline="middle",
        labelBound=False,
        ticks=False,
        domain=False,
    )


def _measures(ink: str, unit: Unit) -> Any:
    import altair as alt

    return alt.Axis(labelExpr=_LABELS[unit], grid=True, tickCount=5, labelFontSize=12, labelColor=ink, titleColor=ink)


def _domain(dots: Sequence[Mark], scale: Scale) -> tuple[float, float]:
    """Shares, and numbers that are like them, go from 0 to 1; differences as far to both sides; ratios from 0 to a little over the largest."""
    estimates = [dot.estimate for dot in dots if dot.estimate is not None]
    reached = [abs(end) for dot in dots for end in (dot.estimate, dot.low, dot.high) if end is not None]
    if scale.equal == 0:
        far = max([*reached, *map(abs, scale.limits), 0.02])
        far = math.ceil(far * 20) / 20 if far > 0.1 else math.ceil(far * 50) / 50
        return -far, far
    lows = [dot.low if dot.low is not None else dot.estimate for dot in dots]
    least = min([0.0, *(low for low in lows if low is not None)])
    if scale.unit == "percent" or (scale.equal is None and least == 0 and max(reached, default=0.0) <= 1):
        return 0.0, 1.0
    far = max([*(1.5 * value for value in estimates), *(1.2 * limit for limit in scale.limits), 1.2])
    return least, far


def told_apart(labels: Sequence[str]) -> list[str]:
    """The labels, a number behind each that is there already: names that are cut to the same text must not share a line."""
    told: dict[str, None] = {}
    for label in labels:
        tries = (label, *(f"{label} [{number}]" for number in range(2, len(labels) + 2)))
        told[next(each for each in tries if each not in told)] = None
    return list(told)


def is_dark() -> bool:
    """Whether the reader's theme is dark."""
    import streamlit as st

    return st.context.theme.type == "dark"
