"""Faithfulness: whether the model's decision is made of the words that the explanation names.

Words are deleted from the text (or all others are), in the order of their attribution toward the predicted class, in a random order and in the
order of leave-one-out; all on the same documents. Deleting is deliberately another removal than the one that attributions use, and like every
removal it makes texts that the model was not trained on: ``OFF_DISTRIBUTION`` belongs beside every number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.explain.checks.case import Words, drawn, words_of
from rai_audits.explain.checks.eraser import aopc, ranking, softmax, top_counts
from rai_audits.explain.checks.quantity import CheckResult, Quantity, mean_quantity, ratio_quantity
from rai_audits.explain.checks.ratio import paired_ratio
from rai_audits.explain.checks.thresholds import MIN_DOCUMENTS
from rai_audits.explain.engine import Row
from rai_audits.explain.methods.seeding import text_seed
from rai_audits.quality.measure import Estimate, Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from rai_audits.explain.checks.case import Case
    from rai_audits.explain.checks.work import Work

OFF_DISTRIBUTION = "off-distribution masking: words are deleted from the text, and the model was not trained on texts with gaps; part of a drop in probability may be due to that"
_KINDS = ("comprehensiveness", "sufficiency")
_RANDOM_STREAM = 7_919
_TOLD = {
    "comprehensiveness": "Deleting the words that the explanation ranks first lowers the probability of the decision",
    "sufficiency": "Keeping nothing but the words that the explanation ranks first holds the probability of the decision",
}


@dataclass(frozen=True)
class Curve:
    """AOPC of one kind on one document: by the method's order, the mean of random orders, and leave-one-out's order."""

    method: float
    random: float
    leave_one_out: float


@dataclass
class _Text:
    """A document on its way: its words, the decided class with the sign that leads to it, its probability, and its rankings."""

    case: Case
    words: Words
    decided: int = -1
    sign: float = 1.0
    full: float = 0.0
    orders: tuple[tuple[int, ...], ...] = ()
    """The method's, leave-one-out's, then the random ones."""


def check_faithfulness(work: Work) -> tuple[CheckResult, CheckResult]:
    """Comprehensiveness and sufficiency of the presented attributions on ``work.options.documents`` documents."""
    curves = faithfulness_curves(work)
    return _result(work, "comprehensiveness", curves["comprehensiveness"]), _result(
        work, "sufficiency", curves["sufficiency"]
    )


def faithfulness_curves(work: Work) -> dict[str, list[Curve]]:
    """Curves of both kinds for each usable document with two words or more: with one, every order is the same."""
    chosen = drawn([case for case in work.cases if case.usable], work.options.documents, work.seed, "faithfulness")
    texts = [_Text(case, words_of(case.encoded, case.tokens.attributions)) for case in chosen]
    texts = _ranked(work, [text for text in texts if len(text.words) > 1])
    rows = [row for text in texts for row in _changed(text)]
    logits = _logits(work, rows, "deleting words")
    curves: dict[str, list[Curve]] = {kind: [] for kind in _KINDS}
    reached = 0
    for text in texts:
        count = len(top_counts(len(text.words)))
        size = 2 * count * len(text.orders)
        block = np.asarray(logits[reached : reached + size])
        reached += size
        if not np.isfinite(block).all():
            continue
        left = softmax(block)[:, text.decided].reshape(len(text.orders), 2, count)
        for place, kind in enumerate(_KINDS):
            drops = [aopc(text.full, left[order, place]) for order in range(len(text.orders))]
            curves[kind].append(Curve(drops[0], float(np.mean(drops[2:])), drops[1]))
    return curves


def _logits(work: Work, rows: Sequence[Row], what: str) -> npt.NDArray[np.float64]:
    if not rows:
        return np.zeros((0, len(work.engine.model.classes)))
    return work.engine.logits(rows, lambda done, total: work.progress(what, done, total))


def _ranked(work: Work, texts: Sequence[_Text]) -> list[_Text]:
    """Texts with their three kinds of order. Leave-one-out deletes one word at a time."""
    rows = [row for text in texts for row in (Row(text.case.encoded.ids), *_one_less(text))]
    logits = _logits(work, rows, "leaving one out")
    kept, reached = [], 0
    for text in texts:
        block = np.asarray(logits[reached : reached + 1 + len(text.words)])
        reached += 1 + len(text.words)
        if not np.isfinite(block).all():
            continue
        text.decided, text.sign = _direction(block[0], text.case)
        likely = softmax(block)[:, text.decided]
        text.full = float(likely[0])
        draw = np.random.default_rng([text_seed(work.seed, text.case.encoded.ids), _RANDOM_STREAM])
        toward = [text.sign * value for value in text.words.values]
        own, leaving = ranking(toward, draw), ranking(likely[0] - likely[1:], draw)
        by_lot = [tuple(draw.permutation(len(text.words)).tolist()) for _ in range(work.options.random_orders)]
        text.orders = (own, leaving, *by_lot)
        kept.append(text)
    return kept


def _direction(logits: np.ndarray, case: Case) -> tuple[int, float]:
    """The class whose probability is watched, and the sign of attributions toward it.

    The predicted class; where the explained number says nothing of it (a named class that lost), the explained class.
    """
    decided = int(np.argmax(logits))
    weight = case.target.weights[decided]
    if weight == 0:
        return int(np.argmax(case.target.weights)), 1.0
    return decided, 1.0 if weight > 0 else -1.0


def _one_less(text: _Text) -> Iterator[Row]:
    for own in text.words.tokens:
        yield Row(_kept(text, set(own)))


def _changed(text: _Text) -> Iterator[Row]:
    """For each order: the text less its top words at each fraction, then nothing but them."""
    counts = top_counts(len(text.words))
    for order in text.orders:
        for count in counts:
            yield Row(_kept(text, _places(text, order[:count])))
        for count in counts:
            yield Row(_kept(text, _places(text, order[count:])))


def _places(text: _Text, words: Sequence[int]) -> set[int]:
    return {place for word in words for place in text.words.tokens[word]}


def _kept(text: _Text, gone: set[int]) -> tuple[int, ...]:
    """Token ids without those at the places ``gone``; special tokens stay and nothing is tokenised again."""
    return tuple(token for place, token in enumerate(text.case.encoded.ids) if place not in gone)


def _result(work: Work, kind: str, curves: Sequence[Curve]) -> CheckResult:
    threshold = work.thresholds.comprehensiveness if kind == "comprehensiveness" else work.thresholds.sufficiency
    # Sufficiency is a loss: its gain over random has the other sign.
    sign = 1.0 if kind == "comprehensiveness" else -1.0
    plain = _plain(kind, curves, sign)
    key = _reached(work, kind, curves, sign)
    outcome = work.judge(key, threshold, at_least=True)
    return CheckResult(kind, outcome, _sentence(work, kind, key, threshold), threshold, key, (key, *plain))


def _plain(kind: str, curves: Sequence[Curve], sign: float) -> list[Quantity]:
    """AOPC by each order, and paired differences, positive where the first order is the better one."""
    usable = "two words or more and a sound attribution"
    found = [
        mean_quantity(f"{kind}_aopc", [getattr(item, name) for item in curves], label=name, what=usable)
        for name in ("method", "random", "leave_one_out")
    ]
    pairs = {
        "method over random": [sign * (item.method - item.random) for item in curves],
        "leave_one_out over random": [sign * (item.leave_one_out - item.random) for item in curves],
        "method over leave_one_out": [sign * (item.method - item.leave_one_out) for item in curves],
    }
    gains = [
        mean_quantity(f"{kind}_gain", values, low=-2.0, high=2.0, label=name, what=usable)
        for name, values in pairs.items()
    ]
    return [*found, *gains]


def _reached(work: Work, kind: str, curves: Sequence[Curve], sign: float) -> Quantity:
    """Share of leave-one-out's advantage over random orders that the method's order reaches."""
    metric = f"{kind}_reached"
    if len(curves) < MIN_DOCUMENTS:
        reason = f"{len(curves)} documents have two words or more and a sound attribution; at least {MIN_DOCUMENTS} are needed"
        return Quantity(metric, Gap(reason, "paired ratio"), len(curves))
    ordered = sorted(curves, key=lambda item: (item.method, item.random, item.leave_one_out))
    own = [sign * (item.method - item.random) for item in ordered]
    best = [sign * (item.leave_one_out - item.random) for item in ordered]
    empty = "leave-one-out is not better than random orders beyond chance, so no single words carry the decision: there is nothing to be faithful to"
    return ratio_quantity(metric, paired_ratio(own, best), confidence=work.confidence, empty=empty)


def _sentence(work: Work, kind: str, key: Quantity, threshold: float) -> str:
    if isinstance(key.value, Gap):
        return f"{_TOLD[kind]}: not known. {key.value.reason[0].upper()}{key.value.reason[1:]}."
    assert isinstance(key.value, Estimate)
    low, high = key.value.ends(1 - work.confidence, "two-sided")
    return (
        f"{_TOLD[kind]} by {key.value.point:.0%} of what leave-one-out reaches over random orders "
        f"({low:.0%} to {high:.0%}, {key.n} documents); at least {threshold:.0%} is asked for. {OFF_DISTRIBUTION.capitalize()}."
    )
