"""What a decision was scored on, as things that can be taken away: columns of a template, or words of free text. Stable within this library."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rai_audits.explain.engine import Row
from rai_audits.explain.folding import places_by_span, read_to, word_spans
from rai_audits.fairness.swapping import TermSwaps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from rai_audits.explain.documents import Document


@dataclass(frozen=True)
class Factor:
    """A column or word of one text: the places of its tokens and its share of the explained number (logits).

    ``identity`` marks a column that holds a group attribute, or a word of a term that names a group of people.
    """

    kind: Literal["column", "word"]
    name: str
    tokens: tuple[int, ...]
    attribution: float
    identity: bool


@dataclass(frozen=True)
class Identity:
    """What names groups: source columns, and the term lists of each attribute, whose terms may be of several words."""

    columns: frozenset[str] = frozenset()
    terms: tuple[TermSwaps, ...] = ()

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Characters of the terms in a text."""
        return [span for swaps in self.terms for places in swaps.spans(text).values() for span in places]


NOBODY = Identity()


def factors_of(document: Document, identity: Identity = NOBODY) -> tuple[Factor, ...]:
    """Columns where the text is a template (fixed text left out), else words with a letter or digit; each has at least one token."""
    if document.segments is None:
        return tuple(_words(document, identity))
    return tuple(_columns(document, identity.columns))


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


def _words(document: Document, identity: Identity) -> Iterable[Factor]:
    text = document.encoded.text
    named = identity.spans(text)
    spans = word_spans(text[: read_to(document.encoded)])
    for index, tokens in places_by_span(document.encoded, spans).items():
        start, end = spans[index]
        word = text[start:end]
        if any(character.isalnum() for character in word):
            yield _factor(document, "word", word, tokens, any(first < end and start < last for first, last in named))


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


def identity_of(columns: Mapping[str, str], terms: Mapping[str, Mapping[str, tuple[str, ...]]]) -> Identity:
    """Source columns of group attributes, and the term lists of attributes. A word alone, such as a colour, is no term of a list of longer ones."""
    return Identity(
        frozenset(part for column in columns.values() for part in column.split("+")),
        tuple(TermSwaps(attribute, lists) for attribute, lists in terms.items()),
    )
