"""Two selection rates by the four-fifths rule, and what a significance test says of the same counts.

Use ``adverse_impact`` for one group against the group with the highest rate. Stable API. The rule and the test answer different questions
and can disagree: 29 CFR 1607.4(D) says that smaller differences may count where they are significant, and that greater ones may
not where numbers are small and the difference is not. Counts, not rounded rates, decide: 4 of 5 against all is not below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rai_audits.stats.two_rates import fisher, pooled_z

SIGNIFICANCE = 0.05
"""Customary level; 1.96 standard deviations, near the "two or three" of Castaneda v. Partida and Hazelwood (1977). No law names it."""

Disagreement = Literal["below_but_not_significant", "not_below_but_significant"]


@dataclass(frozen=True)
class AdverseImpact:
    """One group (k of n selected) against another. ``ratio`` is None where the other has nobody selected.

    ``below`` is the rule: the rate is less than four fifths of the other. ``p_value`` is Fisher's exact test, two-sided, and
    ``deviations`` the difference in pooled standard deviations, 0 where nothing varies. ``one_person_reverses``: had one more person of the
    group been selected and one fewer of the other, the group would have the higher rate (Questions and Answers 21 of 1979).
    ``one_person_crosses``: had one more person of the group been selected, the rate would not be below four fifths.
    """

    ratio: float | None
    below: bool
    p_value: float
    deviations: float
    one_person_reverses: bool
    one_person_crosses: bool

    @property
    def significant(self) -> bool:
        return self.p_value < SIGNIFICANCE

    @property
    def disagreement(self) -> Disagreement | None:
        """How the rule and the test disagree, or None. A group that is ahead of the other never disagrees."""
        if self.below and not self.significant:
            return "below_but_not_significant"
        if not self.below and self.significant and self.deviations < 0:
            return "not_below_but_significant"
        return None


def adverse_impact(k: int, n: int, other_k: int, other_n: int) -> AdverseImpact:
    """Compare ``k`` of ``n`` selected with ``other_k`` of ``other_n``. Raises ``ValueError`` unless 0 <= k <= n and n > 0, likewise the other."""
    if not (0 <= k <= n and n > 0 and 0 <= other_k <= other_n and other_n > 0):
        raise ValueError(f"no counts of selected and all: {k} of {n}, {other_k} of {other_n}")
    below = _below(k, n, other_k, other_n)
    could_swap = below and k < n and other_k > 0
    return AdverseImpact(
        ratio=(k * other_n) / (n * other_k) if other_k else None,
        below=below,
        p_value=fisher(k, n, other_k, other_n),
        deviations=float(pooled_z(k, n, other_k, other_n).statistic),
        one_person_reverses=could_swap and (k + 1) * other_n > (other_k - 1) * n,
        one_person_crosses=below and k < n and not _below(k + 1, n, other_k, other_n),
    )


def _below(k: int, n: int, other_k: int, other_n: int) -> bool:
    return 5 * k * other_n < 4 * other_k * n
