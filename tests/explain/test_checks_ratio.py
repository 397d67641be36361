"""Fieller's interval: the same answer as the paired t-test at every threshold, and its promised coverage. Bounds of means that do not vary."""

import math

import numpy as np
import pytest
from scipy import stats

from rai_audits.explain.checks.quantity import judged, mean_quantity, ratio_quantity
from rai_audits.explain.checks.ratio import paired_ratio
from rai_audits.quality.measure import Gap


def pairs(draw, n, ratio, spread=1.0):
    best = draw.normal(1.0, 1.2, n)
    return ratio * best + draw.normal(0, spread, n), best


@pytest.mark.parametrize("seed", range(6))
def test_a_threshold_below_the_lower_bound_is_one_the_paired_t_test_rejects(seed):
    x, y = pairs(np.random.default_rng(seed), 30, 0.6)
    ratio = paired_ratio(x, y)
    low, high = ratio.ends(0.05, "lower")[0], ratio.ends(0.05, "upper")[1]
    for threshold in np.linspace(-1, 3, 81):
        above = stats.ttest_1samp(x - threshold * y, 0, alternative="greater").pvalue <= 0.05
        below = stats.ttest_1samp(x - threshold * y, 0, alternative="less").pvalue <= 0.05
        assert above == (threshold <= low)
        assert below == (threshold >= high)
    both = ratio.ends(0.10, "two-sided")
    assert both == pytest.approx((low, high), rel=1e-12)


def test_without_an_advantage_to_share_there_is_no_interval():
    draw = np.random.default_rng(0)
    ratio = paired_ratio(draw.normal(0.5, 1, 20), draw.normal(0, 1, 20))
    assert ratio.ends(0.05, "two-sided") == (-math.inf, math.inf)
    found = ratio_quantity("reached", ratio, confidence=0.95, empty="nothing to be faithful to")
    assert isinstance(found.value, Gap) and found.value.reason == "nothing to be faithful to"
    assert judged(found, 0.0, at_least=True, pass_alpha=0.05, fail_alpha=0.01) == "insufficient_evidence"
    worse = paired_ratio(-np.ones(20) + draw.normal(0, 0.1, 20), -np.ones(20) + draw.normal(0, 0.1, 20))
    assert not worse.has_denominator(0.05, "lower"), "a negative advantage is none, however certain"


def test_ratio_of_proportional_pairs_is_exact():
    y = np.linspace(0.5, 1.5, 12)
    assert paired_ratio(0.4 * y, y).ends(0.05, "two-sided") == pytest.approx((0.4, 0.4))


@pytest.mark.parametrize("skewed", [False, True])
def test_the_ratio_interval_covers_as_often_as_it_says(skewed):
    """4,000 samples of 30 pairs, at a true ratio of 0.7: within 1.5 points of 95 % for normal pairs, 2.5 for exponential ones; never short below."""
    draw, inside, below, tried = np.random.default_rng(11), 0, 0, 4000
    for _ in range(tried):
        if skewed:
            y = draw.exponential(1.0, 30)
            x = 0.7 * y + draw.exponential(0.5, 30) - 0.5
        else:
            x, y = pairs(draw, 30, 0.7)
        ratio = paired_ratio(x, y)
        low, high = ratio.ends(0.05, "two-sided")
        inside += low <= 0.7 <= high
        below += ratio.ends(0.05, "lower")[0] <= 0.7
    assert abs(inside / tried - 0.95) < (0.025 if skewed else 0.015)
    # Skewed pairs make the lower bound careful (97.6 %), which is the side that trust depends on.
    assert below / tried > 0.935


@pytest.mark.parametrize(("x", "y"), [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0, math.nan], [1.0, 2.0])])
def test_pairs_that_cannot_be_summarised_are_refused(x, y):
    with pytest.raises(ValueError, match="pairs"):
        paired_ratio(x, y)


def test_equal_values_bound_their_mean_by_how_many_could_differ_unseen():
    found = mean_quantity("similarity", [1.0] * 16, what="x").value
    share = 1 - 0.05 ** (1 / 16)
    assert found.ends(0.05, "lower")[0] == pytest.approx(1 - 2 * share)
    assert found.ends(0.05, "upper")[1] == 1.0


def test_the_bound_for_equal_values_errs_no_more_than_it_says():
    """The hardest case: a share of documents at the other end, just so large that none is seen one time in twenty."""
    share, draw, wrong = 1 - 0.05 ** (1 / 16), np.random.default_rng(3), 0
    for _ in range(4000):
        values = np.where(draw.random(16) < share, -1.0, 1.0)
        if np.ptp(values) == 0 and values[0] == 1.0:
            wrong += mean_quantity("s", values, what="x").value.ends(0.05, "lower")[0] > 1 - 2 * share + 1e-9
    assert wrong / 4000 <= 0.06


def test_student_interval_of_a_mean_is_that_of_scipy_and_stays_in_range():
    values = [0.9, 1.0, 0.95, 0.7, 1.0, 0.85]
    found = mean_quantity("s", values, what="x").value
    low, high = stats.t.interval(0.95, 5, loc=np.mean(values), scale=stats.sem(values))
    assert found.ends(0.05, "two-sided") == pytest.approx((low, min(1.0, high)))
    assert mean_quantity("s", [0.99, 1.0, 1.0, 1.0, 0.3, 1.0], what="x").value.ends(0.001, "upper")[1] == 1.0


@pytest.mark.parametrize("values", [[], [0.9] * 4, [0.9, 0.8, 0.7, math.nan, 0.9, 1.0]])
def test_too_few_or_broken_values_have_no_interval(values):
    assert isinstance(mean_quantity("s", values, what="something").value, Gap)


def test_outcomes_need_the_bound_and_not_the_point():
    wide = mean_quantity("s", [0.2, 0.9, 0.4, 0.8, 0.6, 0.3], what="x")
    for at_least in (True, False):
        assert judged(wide, 0.5, at_least=at_least, pass_alpha=0.05, fail_alpha=0.01) == "insufficient_evidence"
        assert judged(wide, 0.0 if at_least else 1.0, at_least=at_least, pass_alpha=0.05, fail_alpha=0.01) == "passed"
    narrow = mean_quantity("s", [0.30, 0.31, 0.29, 0.30, 0.32, 0.28], what="x")
    assert judged(narrow, 0.5, at_least=True, pass_alpha=0.05, fail_alpha=0.01) == "failed"
    assert judged(narrow, 0.1, at_least=False, pass_alpha=0.05, fail_alpha=0.01) == "failed"
