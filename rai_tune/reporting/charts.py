"""Dot charts as plain values: what is drawn, the words where nothing can be, the limits of policies, and the sentence beside it.

A renderer draws a ``DotChart`` and decides nothing. What has no number is a mark with words in place of a dot, never a dot at 0.
Stable API: ``DotChart``, ``group_chart``, ``grid_chart``, ``rows_chart``.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from rai_tune.reporting.numbers import unit_of
from rai_tune.reporting.text import clean, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_tune.reporting.model import DecisionView, Grid, GroupTable, MeasureRow, Shown

MOST_MARKS = 40
"""What a page draws at once; the table beside a chart has every row."""

Unit = Literal["percent", "points", "number"]
_NAMED = 6
_WITHOUT_NUMBER = 8
"""Places that rows without a number keep in a chart that cannot hold all."""

_FROM_RIGHT = frozenset({"R", "AL", "AN"})
_RATES: dict[str, str] = {
    "selection_rate": "Rate of '{favourable}'",
    "true_positive_rate": "True positive rate",
    "false_positive_rate": "False positive rate",
    "positive_predictive_value": "Positive predictive value",
    "accuracy": "Accuracy",
}
_PAIRS: dict[str, tuple[str, str]] = {
    "impact_ratio": ("ratio", "Impact ratio"),
    "selection_rate_difference": ("difference", "Difference in the rate of '{favourable}'"),
    "true_positive_rate_difference": ("true_positive_rate_difference", "Difference in the true positive rate"),
    "false_positive_rate_difference": ("false_positive_rate_difference", "Difference in the false positive rate"),
}
PAIR_METRICS = tuple(_PAIRS)
GROUP_METRICS = (*_RATES, *PAIR_METRICS)
"""Metrics that ``group_chart`` draws, the rates of groups first and then the comparisons of pairs."""


@dataclass(frozen=True)
class Mark:
    """One row of a chart. Without an estimate ``said`` stands in place of the dot; ``unbounded`` means no upper end."""

    name: str
    n_text: str
    estimate: float | None
    low: float | None
    high: float | None
    unbounded: bool = False
    said: str = ""


@dataclass(frozen=True)
class Limit:
    """The threshold of a policy's control, in the unit of the chart. ``text`` says where it comes from."""

    value: float
    text: str


@dataclass(frozen=True)
class DotChart:
    """Marks in their order, with the sentence that says what they show.

    ``equal`` is where both sides are alike, 0 for a difference and 1 for a ratio, with ``ends`` as words for the left and the right of
    it; ``left_out`` counts rows that only the table has.
    """

    title: str
    axis: str
    unit: Unit
    marks: tuple[Mark, ...]
    sentence: str
    limits: tuple[Limit, ...] = ()
    equal: float | None = None
    ends: tuple[str, str] = ("", "")
    left_out: int = 0


def isolated(name: str) -> str:
    """A finished name that does not turn round what stands beside it: one written from right to left is put between isolates.

    Without them "A, -5 pp" reads as "5- A", and "A / B" as its opposite.
    """
    if any(unicodedata.bidirectional(character) in _FROM_RIGHT for character in name):
        return f"\u2068{name}\u2069"
    return name


def pair_name(value: Shown, name: str) -> str:
    """``group / reference`` with each of the two isolated, else ``name`` isolated."""
    ref = value.ref
    if ref.group is None or ref.reference is None or " / " not in name:
        return isolated(name)
    return f"{isolated(named(ref.group))} / {isolated(named(ref.reference))}"


def metrics_of(table: GroupTable) -> dict[str, str]:
    """Metric -> its name, for every metric of which the table has a value or the words why there is none."""
    return {metric: metric_name(table, metric) for metric in GROUP_METRICS if any(_shown(table, metric))}


def metric_name(table: GroupTable, metric: str) -> str:
    """``Rate of 'approved'``: a metric of ``GROUP_METRICS`` in words."""
    words = _RATES[metric] if metric in _RATES else _PAIRS[metric][1]
    return words.replace("{favourable}", table.rate_name)


def group_chart(table: GroupTable, metric: str, decisions: Sequence[DecisionView] = ()) -> DotChart:
    """One metric of every group, or of every pair of groups, with the limits that policies set for it."""
    name = metric_name(table, metric)
    pairs = metric in _PAIRS
    shown = list(_named(table, metric))
    attribute = next((value.ref.attribute for _, value in shown if value.ref.attribute is not None), None)
    each = "a dot for each pair of groups, the first against the second" if pairs else "a dot for each group"
    return _chart(
        f"{name} by {table.attribute}",
        f"{name}, {each}, with its interval",
        shown,
        name,
        limits=tuple(_limits(decisions, metric, attribute)),
        ends=_pair_ends(metric, table.rate_name),
    )


def grid_chart(grid: Grid, column: int, ends: tuple[str, str] = ("", "")) -> DotChart | None:
    """One column of a table of an audit; None where it holds nothing at all."""
    # The rows of the table, not those of both sides of a ratio.
    shown = [
        (pair_name(value, row.name), replace(value, n_text=row.n_text))
        for row in grid.rows
        if (value := row.cells[column]) is not None
    ]
    if not shown:
        return None
    name = grid.columns[column]
    return _chart(
        f"{grid.title}: {name}", f"{name} ({grid.title}), a dot for each row of the table", shown, name, ends=ends
    )


def rows_chart(title: str, axis: str, rows: Sequence[MeasureRow], ends: tuple[str, str] = ("", "")) -> DotChart | None:
    """Measurements of one unit, each named by its row; None without any."""
    shown = [(isolated(row.name), row.value) for row in rows]
    return _chart(title, f"{title}, a dot for each row of the table", shown, axis, ends=ends) if shown else None


def _chart(
    title: str,
    what: str,
    shown: Sequence[tuple[str, Shown]],
    axis: str,
    *,
    limits: tuple[Limit, ...] = (),
    ends: tuple[str, str] = ("", ""),
) -> DotChart:
    metric = shown[0][1].ref.metric if shown else ""
    unit = _unit(metric)
    equal = _equal(metric, unit)
    drawn = _most_telling(shown, by_size=equal == 0)
    return DotChart(
        title=clean(title, 200),
        axis=axis,
        unit=unit,
        marks=tuple(_mark(name, value) for name, value in drawn),
        sentence=_sentence(what, shown, drawn, by_size=equal == 0),
        limits=limits,
        equal=equal,
        ends=ends,
        left_out=len(shown) - len(drawn),
    )


def _mark(name: str, value: Shown) -> Mark:
    return Mark(
        name=name,
        n_text=value.n_text,
        estimate=value.estimate,
        low=value.low,
        high=value.high,
        unbounded=value.estimate is not None and value.low is not None and value.high is None,
        said=value.text if value.estimate is None else "",
    )


def _most_telling(shown: Sequence[tuple[str, Shown]], *, by_size: bool) -> list[tuple[str, Shown]]:
    """All in their order; of more than fit, the lowest (differences: the largest), and last some of those without a number."""
    if len(shown) <= MOST_MARKS:
        return list(shown)
    without = [item for item in shown if item[1].estimate is None]
    numbered = [(value.estimate, name, value) for name, value in shown if value.estimate is not None]
    numbered.sort(key=lambda item: -abs(item[0]) if by_size else item[0])
    kept = without[: max(_WITHOUT_NUMBER, MOST_MARKS - len(numbered))]
    return [*((name, value) for _, name, value in numbered[: MOST_MARKS - len(kept)]), *kept]


def _sentence(
    what: str, shown: Sequence[tuple[str, Shown]], drawn_rows: Sequence[tuple[str, Shown]], *, by_size: bool
) -> str:
    """What is drawn, the lowest and the highest, and what has no number and why."""
    words = f"{what}. "
    drawn = [(value.estimate, name, value) for name, value in shown if value.estimate is not None]
    if drawn:
        low, high = min(drawn, key=lambda item: item[0]), max(drawn, key=lambda item: item[0])
        words += _extremes(low, high, len(drawn))
    else:
        words += "None has a number that can be drawn."
    missing = [f"{name} ({value.text})" for name, value in shown if value.estimate is None]
    if missing:
        more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
        words += f" Marked in place of a dot: {', '.join(missing[:_NAMED])}{more}."
    if len(drawn_rows) < len(shown):
        numbered = sum(value.estimate is not None for _, value in drawn_rows)
        rest = f" and {len(drawn_rows) - numbered} without a number" if numbered < len(drawn_rows) else ""
        words += (
            f" Drawn: the {numbered} {'largest' if by_size else 'lowest'} of {len(shown):,}{rest}; the table has all."
        )
    return words


def _extremes(low: tuple[float, str, Shown], high: tuple[float, str, Shown], count: int) -> str:
    if count == 1:
        return f"{low[1]}: {_with_interval(low[2])}."
    if low[0] == high[0]:
        return f"All alike: {low[2].text}."
    return f"Lowest: {low[1]}, {_with_interval(low[2])}. Highest: {high[1]}, {_with_interval(high[2])}."


def _with_interval(shown: Shown) -> str:
    return f"{shown.text} ({shown.interval})" if shown.interval else shown.text


def _shown(table: GroupTable, metric: str) -> Iterator[Shown]:
    return (value for _, value in _named(table, metric))


def _named(table: GroupTable, metric: str) -> Iterator[tuple[str, Shown]]:
    if metric in _RATES:
        for row in table.rows:
            value = getattr(row, metric)
            if value is not None:
                yield isolated(row.group), value
        return
    field = _PAIRS[metric][0]
    for pair in table.pairs:
        value = getattr(pair, field)
        if value is not None:
            yield f"{isolated(pair.group)} / {isolated(pair.reference)}", value


def _limits(decisions: Sequence[DecisionView], metric: str, attribute: str | None) -> Iterator[Limit]:
    """Thresholds of controls that read this metric of this attribute; each once, with the clause and who set it."""
    told: set[tuple[float, str]] = set()
    for decision in decisions:
        for control in decision.controls:
            if control.limit is None or control.outcome == "not_applicable":
                continue
            read = [reading.value.ref for reading in control.readings if reading.value.ref.metric == metric]
            # Beyond the readings that the view keeps, a control may have read other attributes.
            if not read or (not control.readings_left_out and all(ref.attribute != attribute for ref in read)):
                continue
            text = f"{control.threshold} ({control.id}, {control.origin})"
            if (control.limit, text) not in told:
                told.add((control.limit, text))
                yield Limit(control.limit, text)


def _unit(metric: str) -> Unit:
    unit = unit_of(metric)
    return "points" if unit == "points" else "percent" if unit in {"percent", "fine"} else "number"


def _equal(metric: str, unit: Unit) -> float | None:
    if "impact_ratio" in metric or metric == "four_fifths_ratio":
        return 1.0
    return 0.0 if unit == "points" or metric.endswith(("_shift", "_change", "_difference")) else None


def _pair_ends(metric: str, favourable: str) -> tuple[str, str]:
    """Words for both ends of a comparison of two groups."""
    said = {
        "impact_ratio": (f"first group '{favourable}' less often", f"first group '{favourable}' more often"),
        "selection_rate_difference": (
            f"first group '{favourable}' less often",
            f"first group '{favourable}' more often",
        ),
        "true_positive_rate_difference": ("lower for the first group", "higher for the first group"),
        "false_positive_rate_difference": ("lower for the first group", "higher for the first group"),
    }
    return said.get(metric, ("", ""))
