"""What a decision was scored on, as things that can be taken away: columns of a template, or words of free text. Stable within this library."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rai_audits.explain.engine import Row
from rai_audits.explain.folding import places_by_span, read_to, word_spans

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from rai_audits.explain.documents import Document


@dataclass(frozen=True)
class Factor:
    """A column or word of one text: the places of its tokens and its share of the explained number (logits).

    ``identity`` marks a column that holds a group attribute, or a word that names a group of people.
    """

    kind: Literal["column", "word"]
    name: str
    tokens: tuple[int, ...]
    attribution: float
    identity: bool


def factors_of(document: Document, identity: Collection[str]) -> tuple[Factor, ...]:
    """Columns where the text is a template (fixed text left out), else words with a letter or digit; each has at least one token.

    ``identity`` holds the source columns, and case-folded words, that name groups.
    """
    if document.segments is None:
        return tuple(_words(document, identity))
    return tuple(_columns(document, identity))


def _columns(document: Document, identity: Collection[str]) -> Iterable[Factor]:
    assert document.segments is not None
    spans = [(segment.start, segment.end) for segment in document.segments]
    members: dict[str, list[int]] = {}
    for index, tokens in places_by_span(document.encoded, spans).items():
        column = document.segments[index].column
        if column is not None:
            members.setdefault(column, []).extend(tokens)
    for column, places in members.items():
        yield _factor(document, "column", column, places, any(part in identity for part in column.split("+")))


def _words(document: Document, identity: Collection[str]) -> Iterable[Factor]:
    text = document.encoded.text
    spans = word_spans(text[: read_to(document.encoded)])
    for index, tokens in places_by_span(document.encoded, spans).items():
        start, end = spans[index]
        word = text[start:end]
        if any(character.isalnum() for character in word):
            yield _factor(document, "word", word, tokens, word.casefold() in identity)


def _factor(
    document: Document, kind: Literal["column", "word"], name: str, tokens: Iterable[int], identity: bool
) -> Factor:
    places = tuple(sorted(tokens))
    values = document.tokens.attributions
    return Factor(kind, name, places, math.fsum(values[place] for place in places), identity)


def without(document: Document, factors: Iterable[Factor]) -> Row:
    """The text with the tokens of these factors deleted; special tokens stay, and nothing is tokenised again."""
    gone = {place for factor in factors for place in factor.tokens}
    return Row(tuple(token for place, token in enumerate(document.encoded.ids) if place not in gone))


def identity_names(columns: Mapping[str, str], terms: Mapping[str, Mapping[str, Iterable[str]]]) -> frozenset[str]:
    """Source columns of group attributes, and single case-folded words of term lists."""
    words = (word.casefold() for groups in terms.values() for listed in groups.values() for word in listed)
    return frozenset({part for column in columns.values() for part in column.split("+")} | set(words))
