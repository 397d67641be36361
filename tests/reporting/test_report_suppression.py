"""Small cells: hidden in the view, the PDF's attachment and the exports; nobody's numbers slip through a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rai_tune.reporting.export import decisions_json, measurements_json, report_json
from rai_tune.reporting.view import build_view

WHY = "are not shown, for they rest on fewer than 5 rows or would give such numbers away."


def test_a_group_of_three_is_hidden_in_every_cell_and_pair_and_the_next_smallest_with_it(make_inputs: Any) -> None:
    table = build_view(make_inputs()).groups[0]
    for name in ("other", "Asian"):
        row = next(row for row in table.rows if row.group == name)
        cells = (row.rows, row.selection_rate, row.true_positive_rate, row.false_positive_rate, row.accuracy)
        assert {cell.text for cell in cells if cell} == {"suppressed (k = 5)"}
        assert {cell.n for cell in cells if cell} == {None}
    for pair in table.pairs:
        assert (pair.ratio.status == "suppressed") == bool({"other", "Asian"} & {pair.group, pair.reference})
    # Gaps between the extremes rest on every group that was compared.
    assert {row.value.status for row in table.spreads} == {"suppressed"}


def test_a_small_denominator_hides_all_that_tells_labels_of_the_group_and_of_another(
    make_inputs: Any, kit: Any
) -> None:
    table = {"race": {**kit.LENDING["race"]}}
    # Asian has 4 positives; 41 rows and 37 negatives would give them away, and so would all positives without the other groups'.
    table["race"].pop("other")
    inputs = make_inputs(results=(kit.group_rates(table),))
    rows = {row.group: row for row in build_view(inputs).groups[0].rows}
    for name in ("Asian", "Black"):
        assert {rows[name].true_positive_rate.status, rows[name].false_positive_rate.status} == {"suppressed"}
        assert rows[name].accuracy.status == "suppressed"
    assert rows["white"].true_positive_rate.status == "ok"
    assert (rows["Asian"].selection_rate.text, rows["Black"].selection_rate.text) == ("87.8 %", "64.4 %")


def test_a_cell_with_nobody_in_it_keeps_its_reason(make_inputs: Any) -> None:
    table = {"race": {"Black": (135, 87, (22, 38), (26, 97)), "white": (817, 752, (31, 76), (34, 741))}}
    inputs = make_inputs(table=table)
    empty = inputs.results[2].measurements[2].model_copy(
        update={"estimate": "not_estimable", "low": "not_estimable", "high": "not_estimable", "n": 0,
                "status": "not_estimable", "reason": "no positive rows"}
    )  # fmt: skip
    result = inputs.results[2].model_copy(update={"measurements": (*inputs.results[2].measurements[:2], empty)})
    row = build_view(make_inputs(results=(result,))).groups[0].rows[0]
    assert (row.true_positive_rate.text, row.true_positive_rate.reason) == ("not estimable", "no positive rows")


def test_the_share_of_a_small_group_in_the_data_is_hidden_too(make_inputs: Any) -> None:
    rows = {(row.attribute, row.group): row for row in build_view(make_inputs()).data.groups}
    assert rows[("race", "other")].representation.text == "suppressed (k = 5)"
    assert rows[("race", "Black")].representation.text == "13.6 %"


def test_sentences_of_the_gate_that_name_a_small_group_are_replaced(make_inputs: Any) -> None:
    controls = {control.id: control for control in build_view(make_inputs()).decisions[0].controls}
    assert controls["BASE-02"].reason == f"Numbers of 'other' {WHY}"
    assert "3 rows" not in controls["BASE-02"].reason + controls["BASE-02"].settle
    assert controls["BASE-04"].reason.startswith("Impact ratio of group 'Black' against 'white'")
    assert [row.value.status for row in controls["BASE-04"].readings] == ["ok", "suppressed", "ok"]
    assert controls["BASE-02"].outcome == "insufficient_evidence"


@pytest.mark.parametrize(
    ("group", "reason", "shown"),
    [
        (
            "other",
            "group 'white' fails at 0.7; group 'other' has 3 rows",
            "Group 'white' fails at 0.7; numbers of 'other'",
        ),
        ("a; b", "group 'a; b' has 3 rows; group 'white' fails", "Numbers of 'a; b'"),
        ("it's\n", 'group "it\'s\\n" has 3 rows', 'Numbers of "it\'s\\n"'),
    ],
)
def test_only_the_clauses_about_a_small_group_are_dropped(
    make_inputs: Any, kit: Any, group: str, reason: str, shown: str
) -> None:
    table = {"race": {"white": (100, 90, (5, 10), (5, 90)), group: (3, 2, (1, 1), (0, 2))}}
    read = kit.reading("group_size", 3.0, 3, "insufficient_evidence", attribute="race", group=group)
    control = kit.control("BASE-02", "Groups", "fail", reason, readings=(read,), settle=f"27 rows of {group!r}")
    view = build_view(make_inputs(table=table, decisions=(kit.decision((control,), "fail"),)))
    found = view.decisions[0].controls[0]
    assert found.reason == f"{shown} {WHY}"
    assert found.settle.startswith("More rows of ")
    assert "3 rows" not in str(view.decisions) + str(view.headline)


@pytest.mark.parametrize("k", [0, 1])
def test_suppression_can_be_turned_off(make_inputs: Any, kit: Any, k: int) -> None:
    inputs = make_inputs(recipe=kit.lending_recipe(audits={"suppress_below": k}))
    row = next(row for row in build_view(inputs).groups[0].rows if row.group == "other")
    assert row.selection_rate.text == "66.7 %"
    assert "3 rows" in build_view(inputs).decisions[0].controls[1].reason


def test_exports_mark_suppressed_cells_and_keep_n_a_number(make_inputs: Any) -> None:
    inputs = make_inputs()
    for body in (report_json(inputs), json.loads(measurements_json(inputs))):
        hidden = [item for item in body["measurements"] if item["group"] in {"other", "Asian"}]
        assert hidden
        for item in hidden:
            assert (item["status"], item["estimate"], item["n"]) == ("suppressed", "suppressed", 0)
            assert item["reason"] == "suppressed (k = 5)"
            assert item["bounds"] == [] and item["n_pos"] is None


def test_report_json_follows_the_contract(make_inputs: Any) -> None:
    body = report_json(make_inputs())
    assert body["schema"] == "rai-tune/report/v1"
    assert body["run"]["id"] == "lending-0a1b2c3d"
    assert (body["verdict"]["outcome"], body["verdict"]["exit_code"]) == ("fail", 3)
    wanted = {"audit", "metric", "group", "estimate", "low", "high", "confidence", "method", "n", "status"}
    assert all(wanted <= item.keys() for item in body["measurements"])
    assert [(item["policy"], item["id"], item["outcome"]) for item in body["controls"]][3] == (
        "baseline", "BASE-04", "fail",
    )  # fmt: skip
    assert all(item["reason"] for item in body["controls"])
    json.dumps(body, allow_nan=False)


def test_decisions_json_alone_hides_what_the_controls_say_is_small(make_inputs: Any) -> None:
    body = decisions_json(make_inputs().decisions)
    assert body["verdict"] == {"outcome": "fail", "exit_code": 3}
    text = json.dumps(body)
    assert "has 3 rows" not in text
    pair = next(item for item in body["controls"][3]["readings"] if item["group"] == "other")
    assert pair["estimate"] == "suppressed"
    assert body["decisions"][0]["digest"] == make_inputs().decisions[0].with_digest()["digest"]
