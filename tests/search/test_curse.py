"""The winner's curse: what is expected from halves is what choosing costs, where the truth is known."""

import numpy as np
import pytest

from rai_tune.search.curse import expected_curse

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
    return actual, expected["accuracy"]


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
    seen = {}

    def value_on(_trial, rows):
        return {"gap": seen.setdefault(rows.tobytes(), 0.1 if len(seen) % 2 == 0 else 0.4)}

    found = expected_curse(4, [0, 0, 1, 1], lambda _rows: 7, value_on, {"gap": "minimise"}, repeats=1)
    # 0.1 on the half it was chosen on and 0.4 on the other, over the root of 2.
    assert found == {"gap": pytest.approx(0.3 / np.sqrt(2))}


def test_halves_without_a_choice_or_a_number_are_left_out():
    assert expected_curse(4, [0] * 4, lambda _rows: None, lambda _trial, _rows: {}, DIRECTIONS) == {}
    assert expected_curse(4, [0] * 4, lambda _rows: 1, lambda _trial, _rows: {"accuracy": None}, DIRECTIONS) == {}


def test_halves_are_alike_in_their_strata():
    seen = []
    strata = ["a"] * 10 + ["b"] * 20
    expected_curse(30, strata, seen.append, lambda _trial, _rows: {}, DIRECTIONS, repeats=5)
    for rows in seen:
        assert (rows < 10).sum() == 5
        assert len(rows) == 15
