"""Bootstrap of clusters: like drawing them one by one, right where rows are not independent, and open about what it cannot say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rai_audits.stats.cluster import cluster_bootstrap, cluster_counts
from rai_audits.stats.rates import wilson


def rate(counts):
    total = counts.sum(axis=-1)
    return np.divide(counts[..., 1], total, out=np.full(np.shape(total), np.nan), where=total > 0)


def drawn(seed=1, clusters=60, size=10, strength=3.0):
    """Rows of a beta-binomial: true rate 0.4, rates of clusters vary by a beta of that strength."""
    draw = np.random.default_rng(seed)
    p = draw.beta(0.4 * strength, 0.6 * strength, clusters)
    hits = draw.binomial(size, p)
    return np.stack([size - hits, hits], axis=1)


def test_it_equals_drawing_clusters_one_by_one():
    counts = drawn(clusters=25)
    rng = np.random.default_rng(2)
    by_hand = [rate(counts[rng.integers(0, 25, 25)].sum(axis=0)) for _ in range(20_000)]
    found = cluster_bootstrap(counts, rate, 20_000, seed=3)
    low, high = np.quantile(by_hand, [0.025, 0.975])
    assert found.estimate == pytest.approx(counts[:, 1].sum() / 250)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)


def test_it_covers_where_rows_taken_as_independent_do_not():
    covered = naive = 0
    for seed in range(300):
        counts = drawn(seed)
        found = cluster_bootstrap(counts, rate, 400, seed=seed)
        covered += found.low <= 0.4 <= found.high
        rows = wilson(counts[:, 1].sum(), counts.sum())
        naive += float(rows.low) <= 0.4 <= float(rows.high)
    assert covered >= 270
    assert naive <= 230


def test_copies_of_every_row_say_no_more_and_order_changes_nothing():
    counts = drawn()
    once = cluster_bootstrap(counts, rate, 500)
    thrice = cluster_bootstrap(3 * counts, rate, 500)
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))
    assert cluster_bootstrap(counts[np.random.default_rng(4).permutation(60)], rate, 500) == once


def test_counts_of_rows_by_cluster():
    names = np.array(["b", "a", "b", "b", "c"])
    assert cluster_counts(names, [0, 1, 1, 1, 0], 2).tolist() == [[0, 1], [1, 2], [1, 0]]
    with pytest.raises(ValueError, match="between 0 and 1"):
        cluster_counts(names, [0, 1, 1, 2, 0], 2)
    with pytest.raises(ValueError, match="same length"):
        cluster_counts(names, [0, 1], 2)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (np.zeros((0, 2)), "no cluster has rows"),
        (np.zeros((3, 2)), "no cluster has rows"),
        ([[3, 4], [0, 0]], "a single cluster"),
        ([[3, 4]] * 9, "the same value"),
        ([[3, 0], [5, 0], [1, 0]], "the same value"),
    ],
)
def test_clusters_that_bound_nothing_are_disclosed_and_give_no_number(counts, reason):
    found = cluster_bootstrap(counts, rate, 50)
    assert reason in found.degenerate
    assert math.isnan(found.low) and math.isnan(found.high)


def test_undefined_replicates_and_one_giant_cluster_are_disclosed():
    # Precision of something that only two of ten clusters have at all.
    counts = np.array([[5, 5]] * 2 + [[0, 0]] * 8)
    padded = np.concatenate([counts, np.array([[1]] * 10)], axis=1)
    found = cluster_bootstrap(padded, lambda pooled: rate(pooled[..., :2] + 0 * pooled[..., 2:]), 2_000)
    assert found.undefined == pytest.approx(0.8**10, abs=0.03)
    giant = cluster_bootstrap(np.concatenate([drawn(clusters=30), [[600, 400]]]), rate, 200)
    assert giant.clusters == 31 and giant.effective_clusters < 2 and giant.few
    assert not cluster_bootstrap(drawn(), rate, 50).few


def test_what_is_no_table_of_clusters_is_refused():
    for wrong in ([1, 2], [[-1, 2]], [[0.5, 1]]):
        with pytest.raises(ValueError, match="whole numbers"):
            cluster_bootstrap(wrong, rate)
