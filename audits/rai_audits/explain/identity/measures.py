"""Measurements of identity reliance, of swap effects, of how the two agree, and of proxies. Internal to ``identity_reliance``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import Bound, Measurement
from rai_audits.explain.intervals import MEAN_METHOD, MIN_DOCUMENTS, mean_of_shares
from rai_audits.fairness.describe import Describer, bound
from rai_audits.stats.paired import paired_mean
from rai_audits.stats.rank_correlation import MIN_ROWS, spearman
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_audits.explain.identity.effects import Effect
    from rai_audits.explain.identity.proxies import Candidate
    from rai_audits.explain.identity.reliance import Reading

_DIGITS = 5
DRAWN = ", documents drawn evenly over label and group"
DRAWN_MEAN = MEAN_METHOD + DRAWN
RATIO_METHOD = "ratio of two means over the same documents; Student's t of the log ratio (delta method)" + DRAWN
RANK_METHOD = "Spearman's rho over documents; Fisher's z with the variance of Bonett and Wright (2000)" + DRAWN
ASSOCIATION_METHOD = (
    "bias-corrected Cramer's V over evaluated rows; noncentral chi-squared interval; tested with Benjamini-Hochberg"
)


def absent(describe: Describer, metric: str, reason: str, **where: Any) -> Measurement:
    """A number that does not apply, with the reason."""
    gap = describe.gap(metric, reason, method=DRAWN_MEAN, n=0, **where).model_dump()
    return Measurement(**gap | dict.fromkeys(("estimate", "low", "high", "status"), "not_applicable"))


def mean(describe: Describer, metric: str, values: Sequence[float], **where: Any) -> Measurement:
    """Mean over documents with a bootstrap interval and bounds at every level; a gap below ``MIN_DOCUMENTS``."""
    context, count = describe.context, len(values)
    if count < MIN_DOCUMENTS:
        reason = f"{count} explained documents count here; an interval over documents needs {MIN_DOCUMENTS}"
        return describe.gap(metric, reason, method=DRAWN_MEAN, n=count, **where)
    found = mean_of_shares(values, confidence=context.confidence, alphas=context.alphas, seed=context.seed)
    high = math.inf if found.high == "unbounded" else found.high
    return describe.number(
        metric, found.value, found.low, high, method=DRAWN_MEAN, n=count, bounds=found.bounds, **where
    )


def reliance(
    describe: Describer, readings: Sequence[Reading], groups: Sequence[str], attribute: str
) -> Iterator[Measurement]:
    """Reliance and the share of words, overall and per group, and the ratio of the two overall; of few documents only that they are few."""
    shares, words = [item.share for item in readings], [item.word_share for item in readings]
    yield mean(describe, "identity_reliance", shares, attribute=attribute)
    if len(readings) < MIN_DOCUMENTS:
        return
    yield mean(describe, "identity_word_share", words, attribute=attribute)
    yield _ratio(describe, shares, words, attribute)
    for group in groups:
        own = [item for item in readings if group in item.by_group]
        where = {"attribute": attribute, "group": group}
        yield mean(describe, "identity_reliance", [item.by_group[group] for item in own], **where)
        if len(own) >= MIN_DOCUMENTS:
            yield mean(describe, "identity_word_share", [item.words_by_group[group] for item in own], **where)


def swap_effect(describe: Describer, effects: Sequence[Effect], attribute: str) -> Iterator[Measurement]:
    """Mean absolute change of the explained number and of the probability, and the documents whose decision flips."""
    yield mean(describe, "swap_logit_change", [item.logit for item in effects], attribute=attribute)
    yield mean(describe, "swap_probability_change", [item.probability for item in effects], attribute=attribute)
    count, flips = len(effects), sum(item.flipped for item in effects)
    method = "share of the explained documents; Wilson interval" + DRAWN
    if not count:
        yield describe.gap("swap_any_flip_rate", "no document was swapped", method=method, n=0, attribute=attribute)
        return
    ends = wilson(flips, count, alpha=1 - describe.context.confidence)
    bounds = []
    for alpha in describe.context.alphas:
        bounds.append(bound("lower", alpha, float(wilson(flips, count, alpha=alpha, side="lower").low), "wilson"))
        bounds.append(bound("upper", alpha, float(wilson(flips, count, alpha=alpha, side="upper").high), "wilson"))
    yield describe.number(
        "swap_any_flip_rate",
        flips / count,
        float(ends.low),
        float(ends.high),
        method=method,
        bounds=tuple(bounds),
        n=count,
        n_pos=flips,
        n_neg=count - flips,
        attribute=attribute,
    )


def agreement(describe: Describer, pairs: Sequence[tuple[float, float]], attribute: str) -> Measurement:
    """Rank correlation of |attribution| on identity with the absolute swap effect, both in logits."""
    metric = "reliance_swap_correlation"
    found = spearman(_settled([size for size, _ in pairs]), _settled([change for _, change in pairs]))
    if found.n < MIN_ROWS or not math.isfinite(found.estimate):
        reason = "attribution or swap effect is the same in every document"
        if found.n < MIN_ROWS:
            reason = f"{found.n} documents have both an attribution and a swap; a correlation needs {MIN_ROWS}"
        return describe.gap(metric, reason, method=RANK_METHOD, n=found.n, attribute=attribute)
    bounds = []
    for alpha in describe.context.alphas:
        bounds.append(bound("lower", alpha, found.ends(alpha, "lower")[0], RANK_METHOD))
        bounds.append(bound("upper", alpha, found.ends(alpha, "upper")[1], RANK_METHOD))
    low, high = found.ends(1 - describe.context.confidence)
    return describe.number(
        metric, found.estimate, low, high, method=RANK_METHOD, bounds=tuple(bounds), n=found.n, attribute=attribute
    )


def _settled(values: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Values as parts of the largest, without the noise of single precision: equal effects must rank as equal."""
    found = np.abs(np.asarray(values, dtype=np.float64))
    return np.round(found / found.max(), _DIGITS) if found.size and found.max() > 0 else found


def proxy(describe: Describer, item: Candidate) -> tuple[Measurement, Measurement]:
    """Association with the group, and mean share of |attribution|."""
    where = {"attribute": item.attribute, "label": item.label}
    bounds: list[Bound] = []
    for alpha in describe.context.alphas:
        bounds.append(bound("lower", alpha, item.association.ends(alpha, "lower")[0], ASSOCIATION_METHOD))
        bounds.append(bound("upper", alpha, item.association.ends(alpha, "upper")[1], ASSOCIATION_METHOD))
    low, high = item.association.ends(1 - describe.context.confidence)
    associated = describe.number(
        "proxy_association",
        item.association.cramers_v,
        low,
        high,
        method=ASSOCIATION_METHOD,
        bounds=tuple(bounds),
        n=item.association.n,
        **where,
    )
    return associated, mean(describe, "proxy_attribution_share", item.shares, **where)


def _ratio(describe: Describer, shares: Sequence[float], words: Sequence[float], attribute: str) -> Measurement:
    """How many times its share of words the identity receives; above 1 is more than by count."""
    metric, count = "identity_reliance_ratio", len(shares)
    above, below = (math.fsum(shares) / count, math.fsum(words) / count) if count else (0.0, 0.0)
    if count < MIN_DOCUMENTS or above <= 0 or below <= 0:
        reason = f"{count} explained documents count here; an interval over documents needs {MIN_DOCUMENTS}"
        if count >= MIN_DOCUMENTS:
            reason = "the share of attribution or of words is 0, so their ratio has no interval"
        return describe.gap(metric, reason, method=RATIO_METHOD, n=count, attribute=attribute)
    pulls = np.asarray(shares) / above - np.asarray(words) / below
    middle = math.log(above / below)

    def end(alpha: float, side: Any) -> tuple[float, float]:
        found = paired_mean(pulls, alpha=alpha, side=side)
        return math.exp(middle + found.low), math.exp(middle + found.high)

    bounds = []
    for alpha in describe.context.alphas:
        bounds.append(bound("lower", alpha, end(alpha, "lower")[0], RATIO_METHOD))
        bounds.append(bound("upper", alpha, end(alpha, "upper")[1], RATIO_METHOD))
    low, high = end(1 - describe.context.confidence, "two-sided")
    return describe.number(
        metric, above / below, low, high, method=RATIO_METHOD, bounds=tuple(bounds), n=count, attribute=attribute
    )
