"""The winner's curse: what is expected from halves is what choosing costs, where the truth is known."""

import numpy as np
import pytest

from rai_tune.search.curse import expected_curse, measured_curse
from rai_tune.search.result import Value

DIRECTIONS = {"accuracy": "maximise"}


def simulate(truths, rows, generator):
    """One search: right or wrong for each trial and row; the curse that it has and the one that halves expect."""
    right = generator.random((len(truths), rows)) < np.asarray(truths)[:, None]

    def choose_on(places):
        return int(right[:, places].mean(axis=1).argmax())

    def value_on(trial, places):
        return {"accuracy": float(right[trial, places].mean())}

    winner = choose_on(np.arange(rows))
    actual = float(right[winner].mean()) - truths[winner]
    expected = expected_curse(
        rows, [0] * rows, choose_on, value_on, DIRECTIONS, repeats=20, seed=int(generator.integers(2**31))
    )
    return actual, expected["accuracy"].estimate


@pytest.mark.parametrize(
    "truths",
    [[0.8] * 30, list(np.linspace(0.76, 0.80, 30)), [0.9] + [0.7] * 20],
    ids=["all alike", "spread", "one is best"],
)
def test_halves_expect_the_curse_that_is_there(truths):
    generator = np.random.default_rng(20261126)
    pairs = np.asarray([simulate(truths, 400, generator) for _ in range(150)])
    actual, expected = pairs.mean(axis=0)
    # The standard error of the difference of the two means, over 150 searches.
    error = (pairs[:, 0] - pairs[:, 1]).std(ddof=1) / np.sqrt(len(pairs))
    assert abs(actual - expected) < 3 * error + 0.002


def test_an_objective_to_be_small_flatters_downwards():
    found = expected_curse(
        4,
        [0, 0, 1, 1],
        lambda _rows: 7,
        lambda _trial, rows: {"gap": float(rows.min())},
        {"gap": "minimise"},
        repeats=3,
    )
    assert set(found) == {"gap"}
    validation, test = Value(0.10, 0.05, 0.20), Value(0.16, 0.10, 0.24)
    curse = measured_curse(validation, test, "minimise")
    assert curse is not None
    assert curse.estimate == pytest.approx(0.06)
    # test minus validation: below by hypot(0.16 - 0.10, 0.20 - 0.10), above by hypot(0.24 - 0.16, 0.10 - 0.05)
    assert curse.low == pytest.approx(0.06 - np.hypot(0.06, 0.10))
    assert curse.high == pytest.approx(0.06 + np.hypot(0.08, 0.05))


def test_validation_minus_test_by_hand():
    curse = measured_curse(Value(0.85, 0.80, 0.89), Value(0.82, 0.78, 0.86), "maximise")
    assert curse is not None
    assert (curse.estimate, curse.low, curse.high) == pytest.approx(
        (0.03, 0.03 - np.hypot(0.05, 0.04), 0.03 + np.hypot(0.04, 0.04))
    )


def test_without_a_number_there_is_no_curse_and_halves_without_a_choice_are_left_out():
    assert measured_curse(Value(None, status="not_estimable"), Value(0.5), "maximise") is None
    assert measured_curse(Value(12.0), Value(12.0), "minimise").low is None
    assert expected_curse(4, [0] * 4, lambda _rows: None, lambda _trial, _rows: {}, DIRECTIONS) == {}


def test_halves_are_alike_in_their_strata():
    seen = []
    strata = ["a"] * 10 + ["b"] * 20
    expected_curse(30, strata, seen.append, lambda _trial, _rows: {}, DIRECTIONS, repeats=5)
    for rows in seen:
        assert (rows < 10).sum() == 5
        assert len(rows) == 15
