"""Complementary suppression: ranges against every table there is, and protection that an onlooker cannot undo."""

import math
import random
from itertools import product

import pytest

from rai_audits.fairness.suppression import Sum, SumTable, feasible_range, is_protected, line_table, protect


def grid(rows):
    """A two-way table with its margins and total: cells row by row, then row sums, column sums, the total."""
    height, width = len(rows), len(rows[0])
    inner = [value for row in rows for value in row]
    row_sums, column_sums = [sum(row) for row in rows], [sum(column) for column in zip(*rows, strict=True)]
    first, second = height * width, height * width + height
    total = second + width
    sums = [Sum(tuple(range(i * width, (i + 1) * width)), first + i) for i in range(height)]
    sums += [Sum(tuple(range(j, height * width, width)), second + j) for j in range(width)]
    sums += [Sum(tuple(range(first, second)), total), Sum(tuple(range(second, total)), total)]
    return SumTable((*inner, *row_sums, *column_sums, sum(inner)), tuple(sums))


def enumerated_range(table, hidden, cell, most):
    """Least and largest value of a cell over every whole-number table that fits what is published."""
    free = sorted(hidden)
    fits = []
    for guess in product(range(most + 1), repeat=len(free)):
        values = list(table.values)
        for place, value in zip(free, guess, strict=True):
            values[place] = value
        if all(sum(values[part] for part in item.parts) == values[item.whole] for item in table.sums):
            fits.append(values[cell])
    return min(fits), max(fits)


def test_ranges_are_those_of_every_whole_number_table():
    draw = random.Random(4)
    for _ in range(12):
        table = grid([[draw.randint(0, 3) for _ in range(2)] for _ in range(2)])
        hidden = set(draw.sample(range(8), 4))
        for cell in hidden:
            assert feasible_range(table, hidden, cell) == pytest.approx(
                enumerated_range(table, hidden, cell, most=table.values[-1])
            )


def test_one_small_group_hides_the_next_smallest_too():
    table = line_table([3, 135, 817])
    found = protect(table, {0}, 5, published={3})
    assert (found.hidden, found.unprotected) == ({0, 1}, frozenset())
    assert feasible_range(table, found.hidden, 0) == (0.0, 138.0)


def test_two_small_groups_protect_each_other_only_when_wide_enough():
    assert protect(line_table([3, 4, 90]), {0, 1}, 5, published={3}).hidden == {0, 1}
    assert protect(line_table([1, 2, 40, 90]), {0, 1}, 5, published={4}).hidden == {0, 1, 2}


def test_a_small_cell_of_a_crossing_hides_a_rectangle_and_no_more():
    table = grid([[3, 40, 60], [50, 70, 90], [80, 100, 120]])
    found = protect(table, {0}, 5, published=range(9, 16))
    rectangle = {0, 1, 3, 4}
    assert (found.hidden, found.unprotected) == (rectangle, frozenset())
    assert all(not is_protected(table, rectangle - {cell}, 0, 5) for cell in rectangle - {0})


def test_a_hidden_margin_cannot_be_added_up_from_its_cells():
    # The first row has 4 people in all: its margin is hidden, and so is a second margin, whose cells must not give it away.
    table = grid([[3, 1], [40, 50], [60, 70]])
    small = {0, 1, 6}
    found = protect(table, small, 5, published={11})
    assert not found.unprotected
    for cell in found.hidden:
        low, high = feasible_range(table, found.hidden, cell)
        assert high - low >= 5


def test_every_hidden_cell_of_random_tables_keeps_its_range_and_no_complement_is_idle():
    draw = random.Random(7)
    for _ in range(15):
        height, width = draw.randint(2, 3), draw.randint(2, 4)
        table = grid([[draw.choice([0, 1, 2, 4, 9, 20, 75]) for _ in range(width)] for _ in range(height)])
        inner = height * width
        margins = set(range(inner, len(table.values)))
        small = {cell for cell in range(inner) if 0 < table.values[cell] < 5}
        found = protect(table, small, 5, published=margins)
        assert small <= found.hidden <= set(range(inner))
        for cell in found.hidden - found.unprotected:
            assert is_protected(table, found.hidden, cell, 5)
        for cell in found.hidden - small:
            without = found.hidden - {cell}
            assert not all(is_protected(table, without, each, 5) for each in without - found.unprotected)


def test_what_cannot_be_protected_is_said():
    found = protect(line_table([3]), {0}, 5, published={1})
    assert (found.hidden, found.unprotected) == ({0}, {0})
    # With the total hidden as well there is no upper end.
    assert feasible_range(line_table([3]), {0, 1}, 0) == (0.0, math.inf)
    assert protect(line_table([3, 0, 0]), {0}, 5, published={3}).unprotected == {0}


def test_cells_that_cost_less_are_taken_first():
    assert protect(line_table([3, 135, 300]), {0}, 5, published={3}, costs={2: 1.0}).hidden == {0, 2}


def test_sums_that_do_not_hold_are_refused():
    with pytest.raises(ValueError, match="do not add up"):
        SumTable((1, 2, 4), (Sum((0, 1), 2),))
    with pytest.raises(ValueError, match="0 or more"):
        SumTable((-1, 1, 0), (Sum((0, 1), 2),))
