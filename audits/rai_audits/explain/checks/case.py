"""One explained text as the checks take it, and its attributions as words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from rai_audits.explain.folding import fold_words, tokens_by_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_audits.explain.attribution import TokenAttribution
    from rai_audits.explain.encoding import EncodedText
    from rai_audits.explain.target import Target


@dataclass(frozen=True)
class Case:
    """A text, the attributions that are presented for it, and the words (case-folded) that a harmless edit must leave alone."""

    row_id: str
    encoded: EncodedText
    target: Target
    tokens: TokenAttribution
    protected: frozenset[str] = frozenset()

    @property
    def usable(self) -> bool:
        """Whether the attributions claim to be sound and are numbers, one for each token."""
        return self.tokens.status == "ok" and numbers_of(self.tokens, self.encoded)


@dataclass(frozen=True)
class Words:
    """Words of one text, in order: the places of their tokens and their attributions (logits)."""

    tokens: tuple[tuple[int, ...], ...]
    values: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.tokens)


def words_of(encoded: EncodedText, attributions: Sequence[float]) -> Words:
    """Every content token in exactly one word, so that a word can be deleted."""
    tokens = tokens_by_word(encoded)
    return Words(tokens, tuple(math.fsum(attributions[place] for place in own) for own in tokens))


def named_words(encoded: EncodedText, attributions: Sequence[float]) -> tuple[tuple[str, float], ...]:
    """Words of a text, case-folded and in order, with their attributions."""
    units = fold_words(encoded, attributions)
    return tuple((unit.unit.casefold(), unit.attribution) for unit in units if unit.kind == "word")


def numbers_of(tokens: TokenAttribution, encoded: EncodedText) -> bool:
    """Whether there is a finite number for every token of a text that has content."""
    return (
        encoded.content_tokens > 0
        and len(tokens.attributions) == len(encoded)
        and all(map(math.isfinite, tokens.attributions))
    )


def drawn(cases: Sequence[Case], count: int, seed: int, purpose: str) -> list[Case]:
    """At most ``count`` cases by a hash of their row id and text."""

    def key(case: Case) -> str:
        return sha256(f"{seed}\n{purpose}\n{case.row_id}\n{case.encoded.text}".encode()).hexdigest()

    return sorted(cases, key=key)[:count]


def rank_correlation(one: Sequence[float], two: Sequence[float]) -> float | None:
    """Spearman's correlation; None for fewer than three values or where one side does not vary."""
    first, second = np.asarray(one, dtype=np.float64), np.asarray(two, dtype=np.float64)
    if first.size < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    ranks = stats.rankdata(first), stats.rankdata(second)
    found = float(np.corrcoef(*ranks)[0, 1])
    return min(1.0, max(-1.0, found)) if math.isfinite(found) else None


def cosine(one: Sequence[float], two: Sequence[float]) -> float | None:
    """Cosine of the angle between two lists; None where one is all 0."""
    first, second = np.asarray(one, dtype=np.float64), np.asarray(two, dtype=np.float64)
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return min(1.0, max(-1.0, float(first @ second) / size)) if size > 0 and math.isfinite(size) else None
