"""The formatter and the cleaner: digits that cannot mislead, strings that cannot hide anything."""

from __future__ import annotations

import pytest

from rai_tune.reporting.numbers import beside, digits, interval, unit_of
from rai_tune.reporting.text import MAX_NAME, clean


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.64444, "percent", "64.4 %"),
        (0.0, "percent", "0.0 %"),
        (1.0, "percent", "100.0 %"),
        (0.0004, "percent", "< 0.1 %"),
        (0.9996, "percent", "> 99.9 %"),
        (-0.2761, "points", "−27.6 pp"),
        (-0.00001, "points", "0.0 pp"),
        (1234.0, "count", "1,234"),
        (0.8047, "number", "0.805"),
        (0.00012, "number", "1.2e-04"),
        (0.0004, "fine", "0.040 %"),
    ],
)
def test_digits(value: float, unit: str, text: str) -> None:
    assert digits(value, unit) == text


def test_an_open_interval_says_so() -> None:
    assert interval(0.5, "unbounded", "number") == "0.500 and up"
    assert interval("not_estimable", "not_estimable", "percent") == ""


@pytest.mark.parametrize(
    ("value", "limit", "unit", "text"),
    [
        (0.7996, 0.8, "number", "0.7996"),
        (0.79999, 0.8, "number", "0.79999"),
        (0.8, 0.8, "number", "0.800"),
        (0.7, 0.8, "number", "0.700"),
        (0.04996, 0.05, "percent", "4.996 %"),
    ],
)
def test_a_number_near_its_threshold_is_told_from_it(value: float, limit: float, unit: str, text: str) -> None:
    assert beside(value, limit, unit) == text


def test_units() -> None:
    assert unit_of("selection_rate_difference") == "points"
    assert unit_of("impact_ratio") == "number"
    assert unit_of("missing_share") == "percent"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\u202eb", "a[U+202E]b"),
        ("a\x1b[31mb\x07", "a[U+001B][31mb[U+0007]"),
        ("a\u200bb\ufeff", "a[U+200B]b[U+FEFF]"),
        ("a\n\t b\u2028c", "a b c"),
        ("e\u0301", "é"),
        ("\ue000", "[U+E000]"),
        ("<b>#let *x*</b>", "<b>#let *x*</b>"),
    ],
)
def test_what_is_hidden_becomes_visible_and_markup_stays_text(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_a_very_long_name_is_cut_and_says_so() -> None:
    assert clean("x" * 100_000) == "x" * (MAX_NAME - 1) + "…"
    assert len(clean("\u202e" * 100_000)) <= MAX_NAME
