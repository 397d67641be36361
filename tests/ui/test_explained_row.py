"""One explained row: what is coloured, what is shown as failed, and what no text can do."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from rai_tune.core import IntegrityError
from rai_tune.reporting.decision_form import CheckRow, DecisionForm, UnitRow
from rai_tune.reporting.model import Fact
from rai_tune.review.explained import CUT_AT, ExplainedRow, explained_row, fresh_row, visible, with_own_checks

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


def told(
    documents: pd.DataFrame | None = None,
    attributions: pd.DataFrame | None = None,
    rows: pd.DataFrame | str | None = "stored",
    verdict: str = "not_checked",
) -> ExplainedRow:
    """The row as its page shows it; what is not given is that of ``frames``, and ``rows`` of None is a text that is not stored."""
    own = frames()
    document = (own[0] if documents is None else documents).to_dict("records")[0]
    text = (own[2] if isinstance(rows, str) else rows).to_dict("records")[0] if rows is not None else None
    units = (own[1] if attributions is None else attributions).to_dict("records")
    return explained_row(document, text, units, verdict)


def test_pieces_are_the_whole_text_with_weights_relative_to_the_strongest() -> None:
    row = told()
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
    row = told(frames(status)[0])
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
    row = told(verdict=verdict)
    assert (row.state, bool(row.foldings)) == (state, numbers)
    failed = told(frames("failed")[0], verdict=verdict)
    assert (failed.state, failed.foldings) == ("failed", ())


def test_a_row_whose_text_is_not_stored_has_no_numbers_to_place() -> None:
    row = told(rows=None)
    assert (row.plain, row.foldings, row.state) == ((), (), "complete")


def test_a_row_where_nothing_weighs_has_no_colour() -> None:
    _, attributions, _ = frames()
    attributions["attribution"] = 0.0
    row = told(attributions=attributions)
    assert all(not piece.weight for folding in row.foldings for piece in folding.pieces)


def test_missing_numbers_have_words() -> None:
    documents, _, _ = frames()
    documents["completeness_error"] = pd.Series([None], dtype="Float64")
    row = told(documents)
    assert dict(row.facts)["Score"] == "not recorded"
    assert row.checks[0].sentence == "No error could be computed."


@pytest.mark.parametrize("segments", ["[[0, 99, null]]", "[[0, 5, null], [2, 9, null]]", "no list", "[1]"])
def test_columns_that_do_not_fit_the_text_are_damage(segments: str) -> None:
    _, _, rows = frames()
    with pytest.raises(IntegrityError, match="do not fit its text"):
        told(rows=rows.assign(segments=segments))


def test_a_weight_that_is_no_number_is_damage_and_not_a_colour() -> None:
    _, attributions, _ = frames()
    attributions.loc[1, "attribution"] = float("nan")
    with pytest.raises(IntegrityError, match="not a finite number"):
        told(attributions=attributions)


def test_a_text_of_100_000_characters_is_cut_with_a_note_and_hides_nothing() -> None:
    text = ("<script>\u202e\u0000" * 10_000)[:100_000]
    _, attributions, rows = frames()
    words = attributions[attributions["unit_kind"] == "word"]
    row = told(attributions=words, rows=rows.assign(text=text, segments=None))
    (folding,) = row.foldings
    for pieces in (row.plain, folding.pieces):
        shown = "".join(piece.text for piece in pieces)
        assert shown.endswith(f" … ({100_000 - CUT_AT:,} more characters)")
        assert "\u202e" not in shown and "\u0000" not in shown
        assert "[U+202E][U+0000]" in shown


def form(outcome: str = "passed", verdict: str = "trusted", *, explained: bool = True) -> DecisionForm:
    """What an explanation on request found."""
    return DecisionForm(
        row="7",
        decided="no",
        split="train",
        target="logit(yes)",
        method="a method",
        explained=explained,
        reason="" if explained else "The model reads nothing.",
        cut="",
        facts=(Fact("label", "yes"),),
        units=(UnitRow("word", 0, "debt", 0, 4, 0.4, False),) if explained else (),
        checks=(CheckRow("The parts add up", outcome, outcome, "", "Found."),) if explained else (),
        verdict=verdict,
        word="",
        icon="",
        told="",
        turned=(),
    )


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (form(), "trusted"),
        (form("failed"), "failed"),
        (form(verdict="not_trusted"), "not_trusted"),
        (form(verdict="not_checked"), "complete"),
        (form(explained=False), "undefined"),
    ],
)
def test_a_row_explained_on_request_has_numbers_only_where_it_may(given: DecisionForm, state: str) -> None:
    row = fresh_row(given, TEXT, None)
    assert (row.state, bool(row.foldings)) == (state, state in {"trusted", "complete"})
    assert "".join(piece.text for piece in row.plain) == visible(TEXT)
    assert dict(row.facts) == {"Split": "train", "Label": "yes"}


def test_a_stored_row_that_fails_a_check_of_its_own_loses_its_numbers() -> None:
    row = told(verdict="trusted")
    assert with_own_checks(row, form()).foldings == row.foldings
    failed = with_own_checks(row, form("failed"))
    assert (failed.state, failed.foldings) == ("failed", ())
    assert "failed just now: The parts add up" in failed.sentence
