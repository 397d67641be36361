"""The analysis of benchmarks/over_seeds.py against values worked out by hand, scipy, and Optuna's hypervolume."""

from __future__ import annotations

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def study():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import over_seeds

        yield over_seeds
        del sys.modules["over_seeds"]


def test_interval_is_students(study):
    # Differences 1, 2, 3: mean 2, standard error 1/sqrt(3), t(0.975; 2) = 4.3027.
    one = study.paired([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert (one.n, one.mean) == (3, 2.0)
    assert one.low == pytest.approx(2 - 4.302653 / math.sqrt(3), abs=1e-5)
    assert one.high == pytest.approx(2 + 4.302653 / math.sqrt(3), abs=1e-5)


def test_sign_flips_by_hand(study):
    # All three positive: only the signs +++ and --- are as far from 0.
    assert study.sign_flip([1.0, 2.0, 3.0]) == 2 / 8
    # 3 + 1 - 2 = 2; sums of +-3 +-1 +-2 are 6, 2, 4, 0, 0, -4, -2, -6, of which six are at least 2 in size.
    assert study.sign_flip([3.0, 1.0, -2.0]) == 6 / 8
    assert study.sign_flip([0.0, 0.0]) == 1.0
    assert study.sign_flip([0.1] * 10) == 2 / 1024


def test_sign_flip_is_scipys_permutation_test(study):
    from scipy.stats import permutation_test

    differences = np.random.default_rng(4).normal(0.3, 1.0, 9)
    theirs = permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert study.sign_flip(differences) == pytest.approx(theirs.pvalue)


def test_arms_out_of_step_are_refused(study):
    with pytest.raises(ValueError, match="same seeds"):
        study.paired([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="too many signs"):
        study.sign_flip([1.0] * 21)
    assert study.compared({0: 1.0}, {1: 1.0}) is None
    assert study.compared({0: 1.0, 1: 3.0, 2: 9.0}, {1: 1.0, 0: 1.0}).mean == 1.0
    assert math.isnan(study.paired([1.0], [0.5]).low)


def test_areas_by_hand(study):
    # Boxes 3 x 1, 2 x 2 and 1 x 3: a staircase of 3 + 2 + 1. The dominated point and the one beside the reference add nothing.
    stairs = [(3, 1), (2, 2), (1, 3), (1, 1), (5, 0), (-1, 9)]
    assert study.hypervolume(stairs, (0, 0)) == 6.0
    assert study.hypervolume(stairs, (1, 1)) == 1.0
    assert study.hypervolume([], (0, 0)) == 0.0
    assert study.hypervolume([(0.8, 0.9), (0.8, 0.9)], (0.5, 0.0)) == pytest.approx(0.27)


def test_volumes_by_hand(study):
    # 2x2x1 and 1x1x3 share 1x1x1.
    assert study.hypervolume([(2, 2, 1), (1, 1, 3)], (0, 0, 0)) == 6.0
    assert study.hypervolume([(2, 1, 1), (1, 2, 1), (1, 1, 2)], (0, 0, 0)) == 4.0


@pytest.mark.parametrize("dimensions", [2, 3])
def test_volume_is_that_of_inclusion_and_exclusion(study, dimensions):
    points = np.random.default_rng(dimensions).random((7, dimensions))
    wanted = 0.0
    for size in range(1, len(points) + 1):
        for chosen in itertools.combinations(points, size):
            wanted += (-1) ** (size + 1) * float(np.prod(np.min(chosen, axis=0)))
    assert study.hypervolume(points, (0,) * dimensions) == pytest.approx(wanted)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_volume_is_optunas(study, dimensions):
    hypervolume = pytest.importorskip("optuna._hypervolume")
    points = np.random.default_rng(10 + dimensions).random((40, dimensions))
    theirs = hypervolume.compute_hypervolume(-points, np.zeros(dimensions))
    assert study.hypervolume(points, (0,) * dimensions) == pytest.approx(theirs)


def test_not_a_number_is_refused(study):
    with pytest.raises(ValueError, match="not a number"):
        study.hypervolume([(math.nan, 1.0)], (0, 0))
    with pytest.raises(ValueError, match="2 or 3"):
        study.hypervolume([(1.0,)], (0,))


def test_lines_go_on_after_a_cut(study, tmp_path):
    lines = study.Lines(tmp_path / "out" / "results.jsonl")
    assert lines.read() == []
    lines.add({"arm": "plain", "seed": 0, "auc": 0.8})
    with lines.path.open("a") as handle:
        handle.write('{"arm": "plain", "se')
    assert not lines.has(arm="plain", seed=1)
    lines.add({"arm": "plain", "seed": 1, "auc": 0.9})
    assert lines.has(arm="plain", seed=1)
    assert study.by_seed(lines.read(), "auc", arm="plain") == {0: 0.8, 1: 0.9}


def test_a_table_is_markdown(study):
    assert study.markdown(["arm", "auc"], [["plain", "0.8"]]) == "| arm | auc |\n|---|---:|\n| plain | 0.8 |"
    assert study.spread([0.5, 0.7], 2) == "0.60 ± 0.14"
