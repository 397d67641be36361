"""The search for the smallest set of changes, against all subsets of small additive and interacting games."""

from itertools import combinations

import numpy as np
import pytest

from rai_audits.explain.flips import Change, smallest_flip


def search(effects, start, *, evaluations=10_000, together=None):
    """Margin = start - sum of effects - extras of sets that hold all parts of a key of ``together``."""
    changes = [Change(str(place), place) for place in range(len(effects))]
    asked = []

    def margin(parts):
        extra = sum(value for key, value in (together or {}).items() if set(key) <= set(parts))
        return start - sum(effects[part] for part in parts) - extra

    def margins(sets):
        asked.append(len(sets))
        return np.array([margin([change.what for change in changed]) for changed in sets])

    flip = smallest_flip(changes, margins, evaluations)
    assert flip.evaluations == sum(asked)
    # All subsets of the small games; the large one only tests the budget.
    sizes = range(1, len(effects) + 1) if len(effects) < 12 else ()
    every = [size for size in sizes for some in combinations(range(len(effects)), size) if margin(some) < 0]
    return flip, (min(every) if every else None), margin


@pytest.mark.parametrize("seed", range(40))
def test_size_one_and_two_are_the_smallest_there_are(seed):
    draw = np.random.default_rng(seed)
    effects = draw.normal(size=7).tolist()
    flip, smallest, margin = search(effects, float(draw.uniform(0.1, 3.0)), together={(0, 1): 1.0})
    if smallest in (1, 2):
        assert (len(flip.changes), flip.minimal) == (smallest, True)
    if flip.changes:
        assert margin([change.what for change in flip.changes]) < 0
        assert len(flip.changes) >= smallest
    else:
        assert smallest is None or smallest > 2


def test_larger_sets_are_found_and_not_called_minimal():
    flip, smallest, _ = search([1.0] * 8, 4.5)
    assert (len(flip.changes), smallest, flip.minimal) == (5, 5, False)
    flip, smallest, _ = search([3.0, 2.0, 0.1, 0.1, 0.1], 5.15)
    assert (len(flip.changes), smallest) == (4, 4)


def test_what_is_not_needed_is_put_back():
    # Greedy order takes 0 first, but 1 to 3 together do without it.
    flip, _, margin = search([1.0, 0.9, 0.9, 0.9, 0.9], 3.2, together={(1, 2, 3): 2.0})
    assert margin([change.what for change in flip.changes]) < 0
    assert len(flip.changes) == 3


def test_nothing_flips_and_budgets_hold():
    flip, smallest, _ = search([0.1, 0.2], 5.0)
    assert (flip.changes, flip.minimal, smallest) == ((), False, None)
    flip, _, _ = search([1.0] * 30, 1.5, evaluations=20)
    assert flip.evaluations <= 20
    flip, _, _ = search([1.0] * 10, 1.5, evaluations=10)
    assert flip.evaluations <= 10 and not flip.changes
    assert smallest_flip([], lambda _sets: np.zeros(0), 10).changes == ()


def test_two_values_of_one_column_are_never_combined():
    changes = [Change("debt", "low"), Change("debt", "none"), Change("record", "clean")]
    seen = []

    def margins(sets):
        seen.extend(sets)
        return np.array([2.5 - len(some) for some in sets])

    smallest_flip(changes, margins, 100)
    assert all(len({change.part for change in some}) == len(some) for some in seen)


def test_texts_that_cannot_be_made_never_flip():
    flip = smallest_flip([Change("a", 1), Change("b", 2)], lambda sets: np.full(len(sets), np.inf), 10)
    assert flip.changes == ()
