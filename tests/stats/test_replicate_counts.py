"""Bootstrap replicates: blocks change nothing, smoothing opens cells that were never seen."""

import numpy as np

from rai_audits.stats import resample


def first_share(counts):
    return counts[..., 0] / counts.sum(axis=-1)


def test_blocks_do_not_change_the_draws(monkeypatch):
    counts = [[3, 4, 5], [9, 1, 0]]
    whole = resample.replicate_counts(counts, first_share, 500, seed=3)
    monkeypatch.setattr(resample, "_CELLS_AT_ONCE", 77)
    assert np.array_equal(whole, resample.replicate_counts(counts, first_share, 500, seed=3))
    assert whole.shape == (500, 2)


def test_smoothing_gives_a_perfect_table_a_width():
    plain = resample.replicate_counts([20, 0], first_share, seed=1)
    smooth = resample.replicate_counts([20, 0], first_share, seed=1, smoothing=0.5)
    assert plain.min() == plain.max() == 1.0
    # Shares are taken at 20.5 of 21 and 20 rows are still drawn.
    assert abs(smooth.mean() - 20.5 / 21) < 0.003
    assert set(np.round(smooth * 20) / 20) == set(smooth)
