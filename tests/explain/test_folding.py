"""Folding by character offsets: sums are kept, and what overlaps two units is divided by characters."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rai_audits.core import UsageError
from rai_audits.explain.encoding import EncodedText
from rai_audits.explain.folding import Segment, fold_columns, fold_words, read_segments, word_spans


def encoded(text, offsets, special=()):
    count = len(offsets)
    return EncodedText(text, tuple(range(count)), tuple(offsets), tuple(i in special for i in range(count)), False)


def words_of(text):
    return [text[start:end] for start, end in word_spans(text)]


def test_words():
    assert words_of("Don't stop,  the  well-known 3.5%!") == [
        "Don't",
        "stop",
        ",",
        "the",
        "well",
        "-",
        "known",
        "3",
        ".",
        "5",
        "%!",
    ]
    assert words_of("'quoted' l’été") == ["'", "quoted", "'", "l’été"]
    assert words_of("हिन्दी 我们 ok") == ["हिन्दी", "我", "们", "ok"]
    assert words_of("  \n") == []


@given(st.text(max_size=60))
def test_every_visible_character_is_in_exactly_one_word(text):
    spans = word_spans(text)
    covered = [index for start, end in spans for index in range(start, end)]
    assert covered == [index for index, character in enumerate(text) if not character.isspace()]


def test_tokens_of_a_word_are_summed_and_special_tokens_kept_apart():
    text = encoded("films are", [(0, 0), (0, 4), (4, 5), (6, 9), (0, 0)], special={0, 4})
    units = fold_words(text, [0.5, 1.0, 2.0, 4.0, 0.25])
    assert [(u.kind, u.unit, u.start, u.end, u.attribution) for u in units] == [
        ("word", "films", 0, 5, 3.0),
        ("word", "are", 6, 9, 4.0),
        ("special", "(special tokens)", -1, -1, 0.75),
    ]


def test_token_over_two_columns_is_divided_by_characters_without_white_space():
    text = encoded("age42kg white", [(0, 7), (7, 13)])
    segments = read_segments([(3, 5, "age"), (8, 13, "race")], text.text, "row 1")
    units = fold_columns(text, [7.0, 10.0], segments)
    assert {u.unit: u.attribution for u in units} == pytest.approx(
        {"(fixed text)": 5.0, "age": 2.0, "race": 10.0, "(special tokens)": 0.0}
    )


def test_a_column_used_twice_is_one_unit_and_an_empty_one_has_nothing():
    text = encoded("a b", [(0, 1), (2, 3)])
    segments = read_segments([(0, 1, "x"), (1, 1, "gone"), (2, 3, "x")], "a b", "row 1")
    units = fold_columns(text, [1.5, -0.5], segments)
    assert [(u.unit, u.start, u.end, u.attribution) for u in units[:2]] == [("x", -1, -1, 1.0), ("gone", 1, 1, 0.0)]
    assert [u.fixed for u in units] == [False, False, True, False]


def test_token_on_no_visible_character_goes_to_the_next_word():
    text = encoded("a  b ", [(0, 1), (1, 3), (3, 4), (4, 5)])
    assert [u.attribution for u in fold_words(text, [1.0, 10.0, 100.0, 1000.0])] == [1.0, 1110.0, 0.0]


@given(st.data())
def test_foldings_sum_to_the_token_total(data):
    text = data.draw(st.text(alphabet="ab ,.-é", min_size=1, max_size=40))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)) | {0, len(text)})
    tokens = list(pairwise(cuts))
    values = data.draw(st.lists(st.floats(-5, 5), min_size=len(tokens), max_size=len(tokens)))
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6)))
    cells = [(start, end, f"c{i}") for i, (start, end) in enumerate(zip(places[::2], places[1::2], strict=False))]
    text_tokens = encoded(text, tokens)
    for units in (
        fold_words(text_tokens, values),
        fold_columns(text_tokens, values, read_segments(cells, text, "row 1")),
    ):
        assert sum(u.attribution for u in units) == pytest.approx(sum(values), abs=1e-9)


@pytest.mark.parametrize("cell", [[(0, 9, "x")], [(2, 1, "x")], [(0, 2, "x"), (1, 3, "y")], [(-1, 2, "x")]])
def test_bad_segments_name_the_row(cell):
    with pytest.raises(UsageError, match=r"row 7: segment -?\d+ to \d+"):
        read_segments(cell, "abc d", "row 7")


def test_gaps_are_fixed_text():
    assert read_segments([(2, 3, "x")], "abcd", "row 1") == (
        Segment(0, 2, None),
        Segment(2, 3, "x"),
        Segment(3, 4, None),
    )
