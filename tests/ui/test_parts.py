"""The values and components behind the pages."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from rai_tune.review.components import Cell, Dot, Table
from rai_tune.review.components.dot_plot import dot_chart
from rai_tune.review.components.literal import MAX_TABLE_ROWS, Bullets, Paragraph, _chunks
from rai_tune.review.explained import explained_rows, visible
from rai_tune.review.listing import age, minute

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TEXT = "debt high <b>\u202e record"


def frames(status: str = "ok") -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """One templated row: a column of two stretches, fixed text between, one word without a column."""
    documents = pd.DataFrame(
        {
            "row_id": ["7"],
            "label": ["yes"],
            "prediction": ["no"],
            "target": ["logit(yes)"],
            "score": pd.Series([None], dtype="Float64"),
            "output_change": pd.Series([0.5], dtype="Float64"),
            "completeness_error": pd.Series([0.001], dtype="Float64"),
            "steps": [32],
            "status": [status],
            "reason": ["" if status == "ok" else "why not"],
            "tokens": [5],
            "truncated": [False],
            "group:race": ["a"],
        }
    )
    units = [
        ("word", 0, "debt", 0, 4, 0.4),
        ("word", 1, "high", 5, 9, -0.2),
        ("word", 2, "record", 15, 21, 0.1),
        ("column", 0, "(fixed text)", -1, -1, 0.1),
        ("column", 1, "(fixed text)", -1, -1, -0.4),
        ("special", 3, "(special tokens)", -1, -1, 0.0),
    ]
    attributions = pd.DataFrame(
        [("7", *unit) for unit in units],
        columns=["row_id", "unit_kind", "position", "unit", "start", "end", "attribution"],
    )
    # A column may be called what fixed text is called: positions tell them apart.
    segments = json.dumps([[0, 5, None], [5, 9, "(fixed text)"], [9, 21, None]])
    rows = pd.DataFrame({"row_id": ["7"], "split": ["test"], "text": [TEXT], "segments": [segments]})
    return documents, attributions, rows


def test_pieces_are_the_whole_text_with_weights_relative_to_the_strongest() -> None:
    (row,) = explained_rows(*frames())
    columns, words = row.foldings
    for folding in (columns, words):
        assert "".join(piece.text for piece in folding.pieces) == visible(TEXT)
    assert [(piece.text, piece.weight) for piece in words.pieces if piece.weight is not None] == [
        ("debt", pytest.approx(1.0)),
        ("high", pytest.approx(-0.5)),
        ("record", pytest.approx(0.25)),
    ]
    assert [(piece.text, piece.weight) for piece in columns.pieces] == [
        ("debt ", pytest.approx(0.25)),
        ("high", pytest.approx(-1.0)),
        (" <b>[U+202E] record", pytest.approx(0.25)),
    ]
    assert words.pieces[0].note == "debt: +0.400"
    assert [(line.unit, line.attribution, line.direction) for line in words.lines][1:] == [
        ("high", "−0.200", "lowers"),
        ("record", "+0.100", "raises"),
        ("(special tokens)", "0.000", "neither"),
    ]


@pytest.mark.parametrize(
    ("status", "state"), [("failed", "failed"), ("undefined", "undefined"), ("new word", "undefined")]
)
def test_only_a_complete_explanation_has_numbers(status: str, state: str) -> None:
    (row,) = explained_rows(*frames(status))
    assert row.state == state
    assert row.foldings == ()
    assert "why not" in row.sentence
    assert [(piece.text, piece.weight) for piece in row.plain] == [(visible(TEXT), None)]


@pytest.mark.parametrize(
    ("verdict", "state", "numbers"),
    [
        ("trusted", "trusted", True),
        ("not_trusted", "not_trusted", False),
        ("insufficient_evidence", "complete", True),
        ("not_checked", "complete", True),
        ("anything else", "complete", True),
    ],
)
def test_numbers_of_explanations_that_failed_their_checks_are_not_shown(
    verdict: str, state: str, numbers: bool
) -> None:
    (row,) = explained_rows(*frames(), verdict)
    assert (row.state, bool(row.foldings)) == (state, numbers)
    (failed,) = explained_rows(*frames("failed"), verdict)
    assert (failed.state, failed.foldings) == ("failed", ())


def test_a_row_whose_text_is_not_stored_is_left_out() -> None:
    documents, attributions, rows = frames()
    assert explained_rows(documents, attributions, rows.iloc[:0]) == ()
    assert explained_rows(None, None, None) == ()


def test_a_row_where_nothing_weighs_has_no_colour() -> None:
    documents, attributions, rows = frames()
    attributions["attribution"] = 0.0
    (row,) = explained_rows(documents, attributions, rows)
    assert all(not piece.weight for folding in row.foldings for piece in folding.pieces)


def test_missing_numbers_have_words() -> None:
    documents, attributions, rows = frames()
    documents["completeness_error"] = pd.Series([None], dtype="Float64")
    (row,) = explained_rows(documents, attributions, rows)
    assert dict(row.facts)["Score"] == "not recorded"
    assert dict(row.facts)["Completeness error"] == "not estimable"


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47), "1 day ago"),
        (timedelta(days=60), "60 days ago"),
        (timedelta(days=61), "2026-09-24"),
        (timedelta(days=-2), "2026-11-26"),
    ],
)
def test_ages_in_words(passed: timedelta, words: str) -> None:
    assert age((NOW - passed).isoformat().replace("+00:00", "Z"), NOW) == words


def test_an_unreadable_time_has_no_age() -> None:
    assert age("yesterday", NOW) == "unknown"


def test_moments_are_read_to_the_minute_in_utc() -> None:
    assert minute("2026-11-24T22:34:29.123456Z") == "2026-11-24 22:34 UTC"
    assert minute("2026-11-24T23:34:29+01:00") == "2026-11-24 22:34 UTC"
    assert minute("yesterday") == "unknown"


def test_the_chart_draws_intervals_and_n_and_reads_no_data_as_markup() -> None:
    dots = [Dot("a" * 50 + "1", "24", 0.5, 0.25, 0.75), Dot("a" * 50 + "2", "24", 0.4, None, None)]
    spec = dot_chart(dots, axis="Share").to_dict()
    (rows,) = spec["datasets"].values()
    assert len({row["label"] for row in rows}) == 2
    assert all("(n = 24)" in row["label"] for row in rows)
    assert [(row["low"], row["estimate"], row["high"]) for row in rows] == [(0.25, 0.5, 0.75), (0.4, 0.4, 0.4)]
    assert not {"href", "url"} & set(re.findall(r'"(\w+)":', json.dumps(spec)))
    assert all(layer["mark"]["tooltip"] is None for layer in spec["layer"])


def test_a_long_table_goes_to_the_data_grid_and_an_empty_list_leaves_nothing() -> None:
    rows = tuple((Cell(str(number)),) for number in range(MAX_TABLE_ROWS + 1))
    long, short = Table("long", {"a": ""}, rows), Table("short", {"a": ""}, rows[:1])
    assert _chunks([Paragraph("x"), Bullets(()), short, long, short]) == [[Paragraph("x"), short], long, [short]]


def test_components_set_text_and_never_markup() -> None:
    scripts = sorted((ROOT / "rai_tune" / "review" / "components").glob("*.js"))
    assert len(scripts) == 2
    for path in scripts:
        forbidden = re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|fetch\(|\.src\b", path.read_text()
        )
        assert forbidden is None, f"{path.name}: {forbidden}"


def test_pages_use_nothing_that_reads_markup_on_data() -> None:
    for path in sorted((ROOT / "rai_tune" / "review").rglob("*.py")):
        found = re.search(
            r"st\.(markdown|html|write|caption|metric|table|error|warning|info|success|toast)\(", path.read_text()
        )
        assert found is None, f"{path.name}: {found}"


def test_the_entry_is_short_and_the_app_stays_on_this_machine() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) <= 30
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["client"]["showErrorDetails"] == "none"
    assert config["server"]["address"] == "localhost"
    assert config["server"]["enableXsrfProtection"] is True
    assert config["browser"]["gatherUsageStats"] is False
