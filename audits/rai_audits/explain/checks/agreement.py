"""Agreement with another method: whether two ways of asking name the same words.

Judged by the rank correlation of signed attributions of words; sign agreement and overlap of the top words are told beside it. Methods that share a
flaw agree about it, so agreement alone proves nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.core import UsageError
from rai_audits.explain.checks.case import drawn, rank_correlation, words_of
from rai_audits.explain.checks.quantity import CheckResult, Quantity, mean_quantity
from rai_audits.quality.measure import Estimate, Gap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_audits.explain.checks.work import Work

NAME = "agreement"
RANK, SIGN, TOP = "method_agreement_rank", "method_agreement_sign", "method_agreement_top"
_USABLE = "three words or more and attributions by both methods"


@dataclass(frozen=True)
class Agreement:
    """Two methods on one document. ``sign`` and ``top`` are shares of the top words: 3, or a fifth of the words where that is more.

    ``top`` is None where those are all words of the text.
    """

    rank: float
    sign: float
    top: float | None


def check_agreement(work: Work) -> CheckResult:
    """Mean rank correlation with the other method of at least the threshold."""
    threshold, other = work.thresholds.agreement, other_method(work)
    chosen = drawn([case for case in work.cases if case.usable], work.options.documents, work.seed, NAME)
    again = work.attribute(
        [case.encoded for case in chosen], [case.target for case in chosen], f"explaining by {other}", method=other
    )
    found = []
    for case, result in zip(chosen, again, strict=True):
        if result is None:
            continue
        one, two = words_of(case.encoded, case.tokens.attributions), words_of(case.encoded, result.attributions)
        pair = agreement(one.values, two.values)
        if pair is not None:
            found.append(pair)
    key = mean_quantity(RANK, [item.rank for item in found], label=other, what=_USABLE)
    beside = (
        mean_quantity(SIGN, [item.sign for item in found], low=0.0, label=other, what=_USABLE),
        mean_quantity(
            TOP,
            [item.top for item in found if item.top is not None],
            low=0.0,
            label=other,
            what="more words than its top ones",
        ),
    )
    outcome = work.judge(key, threshold, at_least=True)
    return CheckResult(NAME, outcome, _sentence(work, key, other, threshold), threshold, key, (key, *beside))


def other_method(work: Work) -> str:
    """The method to compare with. Raises ``UsageError`` for the method itself: it always agrees."""
    own, other = work.settings.method, work.options.agreement_with
    if other == own:
        raise UsageError(f"the checks' 'agreement_with' is {own!r}, the method itself; name another")
    return other or ("integrated_gradients" if own == "occlusion" else "occlusion")


def agreement(one: Sequence[float], two: Sequence[float]) -> Agreement | None:
    """Agreement of two lists of word attributions; None where ranks do not exist.

    Of equal sizes the earlier word is taken; the sign of 0 agrees with nothing.
    """
    rank = rank_correlation(one, two)
    if rank is None:
        return None
    first, second = np.asarray(one), np.asarray(two)
    count = min(len(first), max(3, math.ceil(0.2 * len(first))))
    top = np.argsort(-np.abs(first), kind="stable")[:count]
    other = np.argsort(-np.abs(second), kind="stable")[:count]
    sign = float(np.mean(first[top] * second[top] > 0))
    overlap = len(set(top.tolist()) & set(other.tolist())) / count
    return Agreement(rank, sign, overlap if count < len(first) else None)


def _sentence(work: Work, key: Quantity, other: str, threshold: float) -> str:
    if isinstance(key.value, Gap):
        return f"Whether {other} names the same words is not known: {key.value.reason}."
    assert isinstance(key.value, Estimate)
    low, high = key.value.ends(1 - work.confidence, "two-sided")
    return (
        f"The words' ranks correlate at {key.value.point:.2f} with those of {other} ({low:.2f} to {high:.2f}, {key.n} documents); "
        f"at least {threshold:.2f} is asked for."
    )
