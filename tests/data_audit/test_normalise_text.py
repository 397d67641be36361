"""What the normal form joins, and what it must keep apart."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rai_audits.data import normalise_text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Income: 52,000.", "income 52 000"),
        ("STRASSE", "straße"),
        ("ﬁne print", "Fine\u00a0print"),
        ("café", "cafe\u0301"),
        ("ze\u200bro wi\u00addth", "zero width"),
        ("a\t\n b", "A b"),
        ("“quoted” — text…", '"quoted" - text'),
        ("full ｗｉｄｔｈ", "full width"),
    ],
)
def test_the_same_text_in_other_clothes_is_the_same(one, other):
    assert normalise_text(one) == normalise_text(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("credit score 610", "credit score 601"),
        ("good 🙂", "good 🙁"),
        ("c++", "c"),
        ("!!!", "?!"),
        ("हिन्दी", "हन्द"),
        ("ab c", "a bc"),
    ],
)
def test_different_texts_stay_different(one, other):
    assert normalise_text(one) != normalise_text(other)


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_normalising_twice_changes_nothing(text):
    once = normalise_text(text)
    assert normalise_text(once) == once
    assert once == unicodedata.normalize("NFKC", once)
