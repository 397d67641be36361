"""Rows that would settle a claim: the answer settles it, one row fewer does not."""

import pytest

from rai_audits.stats.rates import wilson
from rai_audits.stats.ratios import ratio_bound
from rai_audits.stats.sample_size import rows_for_rate, rows_for_ratio


def test_the_rows_for_a_rate_are_the_smallest_that_settle_it():
    rows = rows_for_rate(17, 20, 0.8)
    assert wilson(0.85 * rows, rows, alpha=0.05, side="lower").low >= 0.8
    assert wilson(0.85 * (rows - 1), rows - 1, alpha=0.05, side="lower").low < 0.8
    assert 140 < rows < 180


def test_a_rate_below_the_limit_needs_rows_to_fail_and_more_when_corrected():
    plain = rows_for_rate(70, 100, 0.8)
    corrected = rows_for_rate(70, 100, 0.8, fail_alpha=0.05 / 6)
    assert wilson(0.7 * plain, plain, alpha=0.05, side="upper").high < 0.8
    assert corrected > 1.5 * plain


def test_at_most_swaps_the_levels():
    assert rows_for_rate(5, 100, 0.1, direction="at_most", alpha=0.05, fail_alpha=0.001) == rows_for_rate(
        5, 100, 0.1, direction="at_least", alpha=0.9, fail_alpha=0.05
    )


def test_rows_cannot_settle_a_rate_at_the_limit_or_too_near_to_it():
    assert rows_for_rate(80, 100, 0.8) is None
    assert rows_for_rate(0, 0, 0.8) is None
    assert rows_for_rate(8001, 10_000, 0.8, cap=100_000) is None


def test_the_rows_for_a_ratio_keep_the_proportion_and_settle_it():
    found = rows_for_ratio(22, 30, 160, 200, 0.8)
    ratio = (found.group / found.reference) / (30 / 200)
    assert ratio == pytest.approx(1, abs=0.02)
    counts = (22 / 30 * found.group, found.group, 0.8 * found.reference, found.reference)
    assert ratio_bound(*counts, alpha=0.05, side="lower").low >= 0.8
    less = (22 / 30 * (found.group - 2), found.group - 2, 0.8 * (found.reference - 14), found.reference - 14)
    assert ratio_bound(*less, alpha=0.05, side="lower").low < 0.8


def test_rows_for_a_ratio_that_fails():
    found = rows_for_ratio(13, 30, 160, 200, 0.8, fail_alpha=0.05 / 2)
    counts = (13 / 30 * found.group, found.group, 0.8 * found.reference, found.reference)
    assert ratio_bound(*counts, alpha=0.025, side="upper").high < 0.8


def test_no_rows_settle_a_ratio_at_the_limit_or_without_a_rate_to_divide_by():
    assert rows_for_ratio(64, 100, 80, 100, 0.8) is None
    assert rows_for_ratio(5, 10, 0, 10, 0.8) is None
    assert rows_for_ratio(0, 0, 5, 10, 0.8) is None
