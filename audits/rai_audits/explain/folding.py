"""Folding: token attributions become attributions of words, and of the columns a templated text was made from.

Only the character offsets of the tokenizer are used: tokens are never decoded or split again. A token that overlaps
several units is divided in proportion to the characters it shares with each, white space left out. Each folding sums
to the token total within float error: what belongs to special tokens goes to a unit of its own.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rai_audits.explain.encoding import EncodedText

FIXED_TEXT = "(fixed text)"
SPECIAL_TOKENS = "(special tokens)"

Kind = Literal["word", "column", "special"]
Span = tuple[int, int]


@dataclass(frozen=True)
class Segment:
    """Characters ``start`` to ``end`` (exclusive) of a templated text, filled from ``column``; None is fixed text."""

    start: int
    end: int
    column: str | None


@dataclass(frozen=True)
class Unit:
    """A word, a column or all special tokens of one text, with its share of the explained number (logits).

    ``start`` and ``end`` are -1 where a unit is not one stretch of the text.
    """

    kind: Kind
    position: int
    unit: str
    start: int
    end: int
    attribution: float
    fixed: bool = False
    """True for the template's own text, which belongs to no column."""


def fold_words(encoded: EncodedText, attributions: Sequence[float]) -> tuple[Unit, ...]:
    """Attribution of each word that the model read, in order, and of the special tokens last.

    ``attributions`` has one number per token. Words beyond a cut have no tokens and are not listed.
    """
    spans = word_spans(encoded.text[: read_to(encoded)])
    folded = _fold(encoded, attributions, spans)
    words = [
        Unit("word", position, encoded.text[start:end], start, end, folded.totals[index])
        for position, (index, (start, end)) in enumerate(
            (index, span) for index, span in enumerate(spans) if folded.touched[index]
        )
    ]
    return (*words, special_unit(folded.rest, len(words)))


def fold_columns(encoded: EncodedText, attributions: Sequence[float], segments: Sequence[Segment]) -> tuple[Unit, ...]:
    """Attribution of each column, in order of first appearance, of the fixed text, and of the special tokens last.

    A column's segments are summed before anything takes an absolute value. A column with an empty value, or beyond a
    cut, has attribution 0: the model read nothing of it.
    """
    folded = _fold(encoded, attributions, [(item.start, item.end) for item in segments])
    places: dict[str | None, list[int]] = {}
    for index, segment in enumerate(segments):
        places.setdefault(segment.column, []).append(index)
    columns = []
    for position, (column, indices) in enumerate(places.items()):
        one = segments[indices[0]] if len(indices) == 1 else Segment(-1, -1, column)
        total = sum(folded.totals[index] for index in indices)
        name = FIXED_TEXT if column is None else column
        columns.append(Unit("column", position, name, one.start, one.end, total, fixed=column is None))
    return (*columns, special_unit(folded.rest, len(columns)))


def tokens_by_word(encoded: EncodedText) -> tuple[tuple[int, ...], ...]:
    """Places of the content tokens of each word, in the order of the text; every content token is in exactly one word.

    A token that overlaps several words goes to the one that it shares most characters with, the first of equals.
    """
    return tokens_by_span(encoded, word_spans(encoded.text[: read_to(encoded)]))


def tokens_by_span(encoded: EncodedText, spans: Sequence[Span]) -> tuple[tuple[int, ...], ...]:
    """Places of the content tokens of each span that has any, in order. ``spans`` are sorted and disjoint."""
    return tuple(places_by_span(encoded, spans).values())


def places_by_span(encoded: EncodedText, spans: Sequence[Span]) -> dict[int, tuple[int, ...]]:
    """Index of a span -> places of its content tokens, for spans that have any, in order. ``spans`` are sorted and disjoint."""
    filled = [index for index, (start, end) in enumerate(spans) if end > start]
    ends = [spans[index][1] for index in filled]
    members: dict[int, list[int]] = {}
    for place, (offset, special) in enumerate(zip(encoded.offsets, encoded.special, strict=True)):
        if special or not filled:
            continue
        shares = _shares(_visible(encoded.text, offset), [spans[index] for index in filled], ends)
        best = max(shares, key=lambda share: (share[1], -share[0]))[0]
        members.setdefault(filled[best], []).append(place)
    return {index: tuple(members[index]) for index in sorted(members)}


def special_unit(attribution: float, position: int) -> Unit:
    """The unit of the tokens that the tokenizer added by itself."""
    return Unit("special", position, SPECIAL_TOKENS, -1, -1, attribution)


def read_to(encoded: EncodedText) -> int:
    """Characters of the text that the model reads; the rest was cut."""
    return max(
        (end for (_, end), special in zip(encoded.offsets, encoded.special, strict=True) if not special), default=0
    )


def read_segments(cell: Iterable[Sequence[object]], text: str, where: str) -> tuple[Segment, ...]:
    """Segments of one row, sorted, with uncovered stretches of the text added as fixed text.

    ``cell`` holds (start, end, column or None). Raises ``UsageError`` naming the row for a span outside the text,
    one that ends before it starts, or two that overlap.
    """
    given = []
    for item in cell:
        start, end, column = item
        given.append(Segment(int(str(start)), int(str(end)), None if column is None else str(column)))
    filled: list[Segment] = []
    reached = 0
    for segment in sorted(given, key=lambda item: (item.start, item.end)):
        if not reached <= segment.start <= segment.end <= len(text):
            raise UsageError(
                f"{where}: segment {segment.start} to {segment.end} overlaps another or leaves the text of "
                f"{len(text)} characters"
            )
        if segment.start > reached:
            filled.append(Segment(reached, segment.start, None))
        filled.append(segment)
        reached = segment.end
    if reached < len(text):
        filled.append(Segment(reached, len(text), None))
    return tuple(filled)


def word_spans(text: str) -> list[Span]:
    """Character spans of words: runs of letters, digits and marks, or runs of other visible characters.

    An apostrophe between letters stays inside its word; each Chinese character is a word. Every character that is not
    white space is in exactly one span.
    """
    spans: list[Span] = []
    start, kind = 0, " "
    for index, character in enumerate(text):
        current = _character_kind(character)
        if current == "'":
            inside = kind == "w" and index + 1 < len(text) and _character_kind(text[index + 1]) == "w"
            current = "w" if inside else "p"
        if current != kind or current == "c":
            if kind != " ":
                spans.append((start, index))
            start, kind = index, current
    if kind != " ":
        spans.append((start, len(text)))
    return spans


@lru_cache(maxsize=4096)
def _character_kind(character: str) -> str:
    """``w`` word, ``c`` ideograph, ``'`` apostrophe, blank white space, ``p`` anything else that shows."""
    if character.isspace():
        return " "
    if character in "'’":
        return "'"
    code = ord(character)
    if 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF:
        return "c"
    marks = unicodedata.category(character).startswith("M") or code in {0x200C, 0x200D}
    return "w" if character.isalnum() or character == "_" or marks else "p"


@dataclass(frozen=True)
class _Folded:
    """Total per span, whether any token touched it, and what no span can hold."""

    totals: list[float]
    touched: list[bool]
    rest: float


def _fold(encoded: EncodedText, attributions: Sequence[float], spans: Sequence[Span]) -> _Folded:
    totals, touched, rest = [0.0] * len(spans), [False] * len(spans), 0.0
    filled = [index for index, (start, end) in enumerate(spans) if end > start]
    ends = [spans[index][1] for index in filled]
    for offset, special, value in zip(encoded.offsets, encoded.special, attributions, strict=True):
        if special or not filled:
            rest += value
            continue
        shares = _shares(_visible(encoded.text, offset), [spans[index] for index in filled], ends)
        for place, share in shares:
            totals[filled[place]] += value * share
            touched[filled[place]] = True
    return _Folded(totals, touched, rest)


def _visible(text: str, span: Span) -> Span:
    """The span without white space at its ends; byte-level tokens carry the blank before their word."""
    start, end = span
    piece = text[start:end]
    stripped = piece.strip()
    if not stripped:
        return span
    first = start + len(piece) - len(piece.lstrip())
    return first, first + len(stripped)


def _shares(token: Span, spans: Sequence[Span], ends: Sequence[int]) -> list[tuple[int, float]]:
    """Which spans a token falls on and in what proportion; ``spans`` are sorted, disjoint and not empty."""
    start, end = token
    first = bisect_right(ends, start)
    overlaps = []
    index = first
    while index < len(spans) and spans[index][0] < end:
        overlaps.append((index, min(end, spans[index][1]) - max(start, spans[index][0])))
        index += 1
    total = sum(length for _, length in overlaps)
    if total > 0:
        return [(index, length / total) for index, length in overlaps]
    return [(_nearest(token, spans, first), 1.0)]


def _nearest(token: Span, spans: Sequence[Span], first: int) -> int:
    """Span next to a token that covers no visible character; the one that follows when both are as near."""
    before, after = first - 1, first
    if after >= len(spans):
        return before
    if before < 0 or spans[after][0] - token[1] <= token[0] - spans[before][1]:
        return after
    return before
