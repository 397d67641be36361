"""The planted world of benchmarks/planted_bias.py is what it says: rows drawn from it have its exact rates, area and gaps."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def world():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import planted_bias

        yield planted_bias
        del sys.modules["planted_bias"]


@pytest.fixture(scope="module")
def rows(world):
    return world.planted(seed=9, sizes={"train": 60_000, "test": 60_000})


def test_shares_sum_to_one(world):
    assert world.cells().share.sum() == pytest.approx(1.0)
    assert len(world.cells().share) == 256


def test_drawn_rows_have_the_base_rates(world, rows):
    for origin, rate in zip(world.ORIGINS, world.base_rates(), strict=True):
        group = rows[rows["origin"] == origin]
        assert (group["approved"] == "yes").mean() == pytest.approx(rate, abs=4 * np.sqrt(0.25 / len(group)))
    assert (rows["origin"] == "newcomer").mean() == pytest.approx(0.25, abs=0.005)


def test_a_plain_model_has_a_gap_and_half_of_the_way_to_merit_costs_under_a_point(world):
    plain, half = (world.truth(world.scores()[name]) for name in ("true probability", "50% of the way to merit"))
    assert plain.equalized_odds == pytest.approx(0.249, abs=0.001)
    assert half.equalized_odds < plain.equalized_odds / 2
    assert 0 < plain.auc - half.auc < 0.01


def test_exact_quantities_are_those_of_scored_rows(world, rows):
    from fairlearn.metrics import equalized_odds_difference
    from sklearn.metrics import roc_auc_score

    cells, score = world.cells(), world.scores()["true probability"]
    place = {name: {word: at for at, word in enumerate(words)} for name, words in world.LEVELS.items()}
    kind = (rows["origin"] == "newcomer") * 128 + (rows["district"] == "hill") * 64
    kind += sum(rows[name].map(place[name]) * 4 ** (2 - at) for at, name in enumerate(place))
    scored, label = score[kind], (rows["approved"] == "yes").to_numpy()
    exact = world.truth(score)
    assert roc_auc_score(label, scored) == pytest.approx(exact.auc, abs=0.005)
    # The threshold that approves the base rate falls between two kinds of rows; the drawn rows may need the next one.
    chosen = scored >= np.sort(score[world._approved(score, cells.share, (cells.share * cells.chance).sum())])[0] - 1e-9
    gap = equalized_odds_difference(label, chosen, sensitive_features=rows["origin"])
    assert gap == pytest.approx(exact.equalized_odds, abs=0.02)


def test_the_same_seed_gives_the_same_rows(world):
    sizes = {"train": 50}
    assert world.planted(1, sizes).equals(world.planted(1, sizes))
    assert not world.planted(1, sizes).equals(world.planted(2, sizes))
