"""Charts as values: what is drawn, what stands in place of a dot, and which limits of policies are drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rai_tune.reporting import build_view
from rai_tune.reporting.charts import MOST_MARKS, grid_chart, group_chart, isolated, metrics_of, rows_chart
from rai_tune.reporting.model import Grid, GridRow, GroupTable, MeasureRow, Ref, Shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.reporting.inputs import ReportInputs

    Make = Callable[..., ReportInputs]


def shown(estimate: float | None, metric: str = "selection_rate", **fields: Any) -> Shown:
    drawn = estimate is not None
    filled = {
        "text": f"{100 * estimate:.1f} %" if estimate is not None else "suppressed (k = 5)",
        "interval": "",
        "low": estimate - 0.1 if estimate is not None else None,
        "high": estimate + 0.1 if estimate is not None else None,
        "n": 40 if drawn else None,
        "n_text": "40" if drawn else "–",
        "status": "ok" if drawn else "suppressed",
        "reason": "",
        "confidence": 0.95,
        "method": "",
        "ref": Ref("group_rates", metric, "race", "a"),
        **fields,
    }
    return Shown(estimate=estimate, **filled)


def grid(*estimates: float | None, metric: str = "selection_rate") -> Grid:
    rows = tuple(GridRow(f"row {place}", "40", (shown(each, metric),)) for place, each in enumerate(estimates))
    return Grid("Cells", "Cell", ("Rate",), rows, 0, "")


def race(make_inputs: Make) -> tuple[GroupTable, Any]:
    inputs = make_inputs()
    controls = tuple(each.model_copy(update={"kind": "bound"}) for each in inputs.decisions[0].controls)
    view = build_view(replace(inputs, decisions=(inputs.decisions[0].model_copy(update={"controls": controls}),)))
    return next(table for table in view.groups if table.attribute == "race"), view


def test_a_group_without_a_number_is_words_and_never_a_dot_at_zero(make_inputs: Make) -> None:
    table, _ = race(make_inputs)
    chart = group_chart(table, "selection_rate")
    marks = {mark.name: mark for mark in chart.marks}
    assert list(marks) == [row.group for row in table.rows]
    assert (marks["Black"].estimate, marks["Black"].said) == (pytest.approx(87 / 135), "")
    hidden = marks["other"]
    assert (hidden.estimate, hidden.low, hidden.high, hidden.n_text) == (None, None, None, "–")
    assert hidden.said == "suppressed (k = 5)"
    assert "other (suppressed (k = 5))" in chart.sentence
    assert chart.sentence.index("Lowest: Black, 64.4 %") < chart.sentence.index("Highest: white")


def test_limits_come_from_controls_that_read_the_metric_and_say_who_set_them(make_inputs: Make) -> None:
    table, view = race(make_inputs)
    read = {
        (reading.value.ref.metric, reading.value.ref.attribute)
        for decision in view.decisions
        for control in decision.controls
        for reading in control.readings
        if control.limit is not None
    }
    assert ("impact_ratio", "race") in read
    (limit,) = group_chart(table, "impact_ratio", view.decisions).limits
    assert limit.value == 0.8
    assert limit.text == "at least 0.800 (BASE-04, guidance)"
    assert group_chart(table, "selection_rate", view.decisions).limits == ()
    assert group_chart(table, "impact_ratio").limits == ()


def test_a_threshold_that_is_none_of_a_measurement_is_not_drawn(make_inputs: Make) -> None:
    """A control of another kind may read the ratio, but its number is not one of that axis."""
    inputs = make_inputs()
    controls = tuple(each.model_copy(update={"kind": "expression"}) for each in inputs.decisions[0].controls)
    view = build_view(replace(inputs, decisions=(inputs.decisions[0].model_copy(update={"controls": controls}),)))
    assert group_chart(view.groups[0], "impact_ratio", view.decisions).limits == ()


def test_a_limit_is_not_drawn_for_an_attribute_that_its_control_did_not_read(make_inputs: Make) -> None:
    table, view = race(make_inputs)
    controls = tuple(
        replace(
            control,
            readings=tuple(
                replace(each, value=replace(each.value, ref=replace(each.value.ref, attribute="sex")))
                for each in control.readings
            ),
        )
        for control in view.decisions[0].controls
    )
    elsewhere = (replace(view.decisions[0], controls=controls),)
    assert group_chart(table, "impact_ratio", elsewhere).limits == ()
    # Beyond the readings that the view keeps, the control may have read this attribute.
    cut = (replace(elsewhere[0], controls=tuple(replace(each, readings_left_out=3) for each in controls)),)
    assert [limit.value for limit in group_chart(table, "impact_ratio", cut).limits] == [0.8]


def test_ratios_meet_at_one_and_differences_at_zero_with_words_for_both_sides(make_inputs: Make) -> None:
    table, _ = race(make_inputs)
    assert list(metrics_of(table))[:2] == ["selection_rate", "true_positive_rate"]
    ratio, gap = group_chart(table, "impact_ratio"), group_chart(table, "selection_rate_difference")
    assert (ratio.unit, ratio.equal) == ("number", 1.0)
    assert (gap.unit, gap.equal) == ("points", 0.0)
    assert ratio.ends == ("first group 'approved' less often", "first group 'approved' more often")
    assert group_chart(table, "accuracy").equal is None
    assert ratio.marks[0].name == "Black / white"


def test_of_many_the_lowest_are_drawn_and_of_differences_the_largest() -> None:
    many = grid(*(place / 100 for place in range(60, 0, -1)), None)
    chart = grid_chart(many, 0)
    assert chart is not None
    assert [mark.estimate for mark in chart.marks][:2] == [0.01, 0.02]
    assert (len(chart.marks), chart.left_out) == (MOST_MARKS, 61 - MOST_MARKS)
    assert [mark.said for mark in chart.marks][-2:] == ["", "suppressed (k = 5)"]
    assert "the 39 lowest of 61 and 1 without a number; the table has all" in chart.sentence
    rows = [MeasureRow(f"s{place}", "", "test", shown((place - 30) / 100, "accuracy_change")) for place in range(61)]
    gaps = rows_chart("Change", "Change", rows)
    assert gaps is not None
    assert {abs(mark.estimate or 0) for mark in gaps.marks} == {place / 100 for place in range(11, 31)}
    assert "the 40 largest of 61" in gaps.sentence


def test_an_interval_without_an_upper_end_is_open_and_equal_values_are_said_once() -> None:
    row = GridRow("a / b", "9", (shown(2.0, "impact_ratio", high=None, interval="1.1 and up", text="2.000"),))
    chart = grid_chart(Grid("Ratios", "Pair", ("Ratio",), (row,), 0, ""), 0)
    assert chart is not None
    assert chart.marks[0].unbounded
    assert "a / b: 2.000 (1.1 and up)." in chart.sentence
    assert chart.marks[0].n_text == "9"
    alike = grid_chart(grid(0.5, 0.5), 0)
    assert alike is not None and "All alike: 50.0 %." in alike.sentence


def test_names_from_right_to_left_turn_nothing_round() -> None:
    name, other = "\u05d9\u05e8\u05d5\u05e9\u05dc\u05d9\u05dd", "\u062d\u064a\u0641\u0627"
    assert isolated("left (n)") == "left (n)"
    value = shown(-0.1, "selection_rate_difference", text="−10.0 pp", ref=Ref("a", "m", "x", name, other))
    chart = grid_chart(Grid("G", "P", ("D",), (GridRow(f"{name} / {other}", "9", (value,)),), 0, ""), 0)
    assert chart is not None
    assert chart.marks[0].name == f"\u2068{name}\u2069 / \u2068{other}\u2069"
    assert f"\u2068{other}\u2069: −10.0 pp" in chart.sentence


def test_a_chart_of_gaps_alone_says_so_and_an_empty_column_has_none() -> None:
    chart = grid_chart(grid(None, None), 0)
    assert chart is not None
    assert "None has a number that can be drawn." in chart.sentence
    empty = Grid("Cells", "Cell", ("Rate",), (GridRow("a", "1", (None,)),), 0, "")
    assert grid_chart(empty, 0) is None
    assert rows_chart("x", "x", []) is None
