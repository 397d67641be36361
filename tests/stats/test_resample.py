"""Bootstrap of counts: equal to resampling rows, repeatable, and honest about undefined replicates."""

import numpy as np
import pytest

from rai_audits.stats.resample import bootstrap_counts


def rate(counts):
    total = counts.sum(axis=-1)
    return np.where(total > 0, counts[..., 0] / np.where(total > 0, total, 1), np.nan)


def precision(counts):
    called = counts[..., 0] + counts[..., 1]
    return np.where(called > 0, counts[..., 0] / np.where(called > 0, called, 1), np.nan)


def test_it_is_the_binomial_for_a_rate():
    found = bootstrap_counts([300, 700], rate, 20_000, seed=1)
    half = 1.96 * np.sqrt(0.3 * 0.7 / 1000)
    assert float(found.estimate) == 0.3
    assert float(found.low) == pytest.approx(0.3 - half, abs=0.002)
    assert float(found.high) == pytest.approx(0.3 + half, abs=0.002)


def test_it_equals_resampling_rows():
    rows = np.repeat([0, 1, 2], [40, 15, 60])
    rng = np.random.default_rng(3)
    drawn = rows[rng.integers(0, rows.size, size=(20_000, rows.size))]
    by_row = np.stack([(drawn == cell).sum(axis=1) for cell in range(3)], axis=-1).astype(float)
    low, high = np.quantile(precision(by_row), [0.025, 0.975])
    found = bootstrap_counts([40, 15, 60], precision, 20_000, seed=4)
    assert float(found.low) == pytest.approx(low, abs=0.006)
    assert float(found.high) == pytest.approx(high, abs=0.006)


def test_same_seed_same_interval_and_groups_at_once():
    counts = [[30, 10, 5], [3, 1, 5], [0, 0, 0]]
    one, again, other = (bootstrap_counts(counts, precision, 500, seed=seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one.low, again.low)
    assert one.low[1] != other.low[1] or one.high[0] != other.high[0]
    assert one.estimate.shape == one.low.shape == one.high.shape == (3,)


def test_undefined_replicates_are_counted_and_left_out():
    found = bootstrap_counts([[1, 0, 9], [0, 0, 10]], precision, 4000, seed=2)
    assert float(found.undefined[0]) == pytest.approx(0.9**10, abs=0.03)
    assert found.low[0] == found.high[0] == 1.0
    assert found.undefined[1] == 1.0
    assert np.isnan([found.estimate[1], found.low[1], found.high[1]]).all()


@pytest.mark.parametrize("counts", [[-1, 2], [0.5, 1], 3])
def test_what_is_no_table_of_counts_is_refused(counts):
    with pytest.raises(ValueError, match="whole numbers"):
        bootstrap_counts(counts, rate)
