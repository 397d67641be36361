"""The order of rows: a permutation, a function of seed and epoch, and short on padding at any size."""

import random

import pytest

from rai_tune.training.sampler import EpochSampler


def lengths(rows, seed=0):
    draw = random.Random(seed)
    return [max(3, min(512, round(draw.lognormvariate(4, 1.1)))) for _ in range(rows)]


def order(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("rows", [1, 31, 32, 33, 160, 1000])
def test_every_row_once_and_the_same_for_the_same_epoch(rows, grouped):
    first = EpochSampler(lengths(rows), 32, 7, group_by_length=grouped)
    again = EpochSampler(lengths(rows), 32, 7, group_by_length=grouped)
    assert sorted(order(first, 0)) == list(range(rows))
    order(again, 5)
    assert order(again, 2) == order(first, 2)
    if rows > 100:
        assert order(first, 0) != order(first, 1)
        assert order(first, 0) != order(EpochSampler(lengths(rows), 32, 8, group_by_length=grouped), 0)


def padded_over_real(places, sizes, batch):
    padded = sum(
        max(sizes[place] for place in places[start : start + batch]) * len(places[start : start + batch])
        for start in range(0, len(places), batch)
    )
    return padded / sum(sizes)


@pytest.mark.parametrize(("rows", "most"), [(160, 1.8), (384, 1.35), (2000, 1.2)])
def test_little_padding_even_for_few_rows(rows, most):
    sizes = lengths(rows)
    grouped = padded_over_real(order(EpochSampler(sizes, 32, 1, group_by_length=True), 0), sizes, 32)
    shuffled = padded_over_real(order(EpochSampler(sizes, 32, 1, group_by_length=False), 0), sizes, 32)
    assert grouped < 0.6 * shuffled
    assert grouped < most


def test_batches_are_mixed_anew_each_epoch_and_come_in_no_order_of_length():
    sizes = lengths(1000)
    sampler = EpochSampler(sizes, 32, 1, group_by_length=True)
    batches = [
        [frozenset(found[start : start + 32]) for start in range(0, 992, 32)]
        for found in (order(sampler, 0), order(sampler, 1))
    ]
    assert len(set(batches[0]) & set(batches[1])) < 5
    means = [sum(sizes[place] for place in batch) / 32 for batch in batches[0]]
    assert means != sorted(means)
