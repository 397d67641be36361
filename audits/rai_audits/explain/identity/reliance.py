"""How much of a document's attribution is on who the person is: the column of an attribute, or the words that name its groups.

Pure functions over explained documents. Stable within the explain room: ``Reading``, ``column_readings``, ``word_readings``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_audits.explain.folding import word_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rai_audits.explain.documents import Document
    from rai_audits.explain.folding import Unit
    from rai_audits.fairness.swapping import TermSwaps


@dataclass(frozen=True)
class Reading:
    """One document about one attribute.

    ``share`` is |attribution| on identity units over that on all (columns without fixed text and special tokens, or words without special
    tokens); ``size`` its numerator and ``signed`` the sum with signs, both in logits. ``word_share`` is what identity words are of all words.
    ``by_group`` and ``words_by_group`` divide both by group: the group of the row, or those that the text names.
    """

    document: Document
    attribute: str
    share: float
    size: float
    signed: float
    word_share: float
    by_group: Mapping[str, float]
    words_by_group: Mapping[str, float]


def column_readings(documents: Iterable[Document], attribute: str, columns: Sequence[str]) -> tuple[Reading, ...]:
    """Readings of the templated documents that reached completeness. A document without the column has share 0."""
    found = []
    for item in documents:
        shares = item.column_shares() if item.ok else None
        if shares is None:
            continue
        own = [unit for unit in item.attribution.columns if is_column(unit) and unit.unit in columns]
        counts = _words_by_column(item)
        words = sum(counts.get(name, 0) for name in columns) / max(1, sum(counts.values()))
        share = sum(shares.get(name, 0.0) for name in columns)
        group = item.groups.get(attribute)
        found.append(
            Reading(
                document=item,
                attribute=attribute,
                share=share,
                size=sum(abs(unit.attribution) for unit in own),
                signed=sum(unit.attribution for unit in own),
                word_share=words,
                by_group={} if group is None else {group: share},
                words_by_group={} if group is None else {group: words},
            )
        )
    return tuple(found)


def word_readings(documents: Iterable[Document], swaps: TermSwaps) -> tuple[Reading, ...]:
    """Readings of the documents that reached completeness and hold a word of the lists, within what the model read."""
    found = []
    for item in documents:
        words = [unit for unit in item.attribution.words if unit.kind == "word"]
        total = sum(abs(unit.attribution) for unit in words)
        if not item.ok or total <= 0:
            continue
        named = {
            group: [unit for unit in words if _touches(unit, spans)]
            for group, spans in swaps.spans(item.attribution.text).items()
        }
        named = {group: units for group, units in named.items() if units}
        own = {unit.position: unit for units in named.values() for unit in units}.values()
        if not own:
            continue
        size = sum(abs(unit.attribution) for unit in own)
        found.append(
            Reading(
                document=item,
                attribute=swaps.attribute,
                share=size / total,
                size=size,
                signed=sum(unit.attribution for unit in own),
                word_share=len(own) / len(words),
                by_group={
                    group: sum(abs(unit.attribution) for unit in units) / total for group, units in named.items()
                },
                words_by_group={group: len(units) / len(words) for group, units in named.items()},
            )
        )
    return tuple(found)


def is_column(unit: Unit) -> bool:
    """Whether a unit is a source column: not the template's own text, not special tokens."""
    return unit.kind == "column" and not unit.fixed


def _touches(unit: Unit, spans: Sequence[tuple[int, int]]) -> bool:
    return any(unit.start < end and start < unit.end for start, end in spans)


def _words_by_column(item: Document) -> dict[str, int]:
    counts: dict[str, int] = {}
    for segment in item.segments or ():
        if segment.column is not None:
            words = len(word_spans(item.attribution.text[segment.start : segment.end]))
            counts[segment.column] = counts.get(segment.column, 0) + words
    return counts
