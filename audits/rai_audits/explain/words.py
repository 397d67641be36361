"""Words that weigh most over all explained documents: a picture for a reader, not a measurement."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_audits.explain.documents import Document
    from rai_audits.explain.folding import Unit

TOP_WORDS = 20
MIN_DOCUMENTS_PER_WORD = 3


def shown_word(unit: Unit) -> str | None:
    """The case-folded word of a unit; None for a unit that is no word, or one without a letter or digit."""
    if unit.kind != "word" or not any(character.isalnum() for character in unit.unit):
        return None
    return unit.unit.casefold()


def top_words(documents: Sequence[Document]) -> list[dict[str, Any]]:
    """The 20 words with the largest mean |attribution| over their occurrences, case-folded.

    Only documents that reached completeness, words in at least 3 of them, and words with a letter or digit. Each entry
    has ``word``, ``mean_absolute``, ``mean_signed`` (logits) and ``documents``. The words are data: show them as text.
    """
    values: dict[str, list[float]] = defaultdict(list)
    holders: dict[str, set[str]] = defaultdict(set)
    for document in documents:
        if not document.ok:
            continue
        for unit in document.attribution.words:
            word = shown_word(unit)
            if word is not None:
                values[word].append(unit.attribution)
                holders[word].add(document.row_id)
    entries = [
        {
            "word": word,
            "mean_absolute": sum(map(abs, found)) / len(found),
            "mean_signed": sum(found) / len(found),
            "documents": len(holders[word]),
        }
        for word, found in values.items()
        if len(holders[word]) >= MIN_DOCUMENTS_PER_WORD
    ]
    return sorted(entries, key=lambda entry: (-float(str(entry["mean_absolute"])), entry["word"]))[:TOP_WORDS]
