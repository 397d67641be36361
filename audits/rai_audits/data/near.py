"""Pairs of texts that are almost the same, found by MinHash and counted exactly.

Use it beside ``overlap`` (copies and copies after normalisation). Stable API: ``nearest_in``, ``shingles``. Locality-sensitive hashing
(Broder 1997; datasketch) proposes pairs, and each is then compared exactly: what is reported is so, and a pair just at the threshold may
be missed. Neither depends on the order of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from rai_audits.data.normalise import normalise_text

if TYPE_CHECKING:
    from collections.abc import Sequence

SHINGLE = 5
"""Characters in a shingle: long enough that unrelated short texts share few, short enough that one changed word leaves most."""

_PERMUTATIONS = 128
_MISSED_WEIGHT = 0.9


@dataclass(frozen=True)
class Near:
    """A text and the most alike of the others: positions in the two lists, and their Jaccard similarity."""

    place: int
    other: int
    jaccard: float


def shingles(text: str) -> frozenset[str]:
    """Runs of ``SHINGLE`` characters of the normal form; a shorter text is one shingle, a blank one has none."""
    normal = normalise_text(text)
    if not normal:
        return frozenset()
    return frozenset(normal[at : at + SHINGLE] for at in range(max(1, len(normal) - SHINGLE + 1)))


def jaccard(one: frozenset[str], two: frozenset[str]) -> float:
    """Shared shingles over all shingles of two texts; 0 when either has none."""
    common = len(one & two)
    return common / (len(one) + len(two) - common) if common else 0.0


def nearest_in(texts: Sequence[str], others: Sequence[str], *, threshold: float, seed: int) -> tuple[Near, ...]:
    """For each text, the most alike of ``others`` that reaches ``threshold`` and has another normal form; none is left out.

    Time grows with the number of texts and of pairs that hashing proposes. Ties go to the earlier of ``others``.
    """
    from datasketch import MinHashLSH

    mine, theirs = [normalise_text(text) for text in texts], [normalise_text(text) for text in others]
    wanted = {form for form in mine if form}
    first = {form: place for place, form in reversed(list(enumerate(theirs))) if form}
    parts = {form: shingles(form) for form in sorted(wanted | first.keys())}
    signatures = _Signatures(seed)
    index = MinHashLSH(
        threshold=min(threshold, 0.99), num_perm=_PERMUTATIONS, weights=(1 - _MISSED_WEIGHT, _MISSED_WEIGHT)
    )
    for form in sorted(first):
        index.insert(form, signatures.of(parts[form]))
    best: dict[str, tuple[float, int] | None] = {}
    for form in sorted(wanted):
        proposed = [other for other in index.query(signatures.of(parts[form])) if other != form]
        alike = [(jaccard(parts[form], parts[other]), -first[other]) for other in proposed]
        best[form] = max((pair for pair in alike if pair[0] >= threshold), default=None)
    return tuple(
        Near(place, -found[1], found[0])
        for place, form in enumerate(mine)
        if form and (found := best[form]) is not None
    )


class _Signatures:
    """MinHash signatures under one set of permutations; each shingle is hashed once."""

    def __init__(self, seed: int) -> None:
        from datasketch import MinHash

        self._empty = MinHash(num_perm=_PERMUTATIONS, seed=seed % 2**31 + 1, hashfunc=self._hash)
        self._known: dict[str, int] = {}

    def of(self, parts: frozenset[str]) -> object:
        signature = self._empty.copy()
        signature.update_batch(sorted(parts))
        return signature

    def _hash(self, part: str) -> int:
        if part not in self._known:
            self._known[part] = int.from_bytes(sha256(part.encode("utf-8", "surrogatepass")).digest()[:4], "little")
        return self._known[part]
