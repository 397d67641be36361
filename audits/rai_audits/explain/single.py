"""One decision explained by itself: its attribution, three checks that one text allows, and the smallest change that turns it.

What needs many texts (random weights, intervals) is for the run's own checks. Stable within this library: ``explain_one``, ``One``, ``Check``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from rai_audits.core import UsageError
from rai_audits.explain.attributing import attribute_opened
from rai_audits.explain.counterfactuals import EVALUATIONS, Counterfactual, column_values, decider_of, nearest
from rai_audits.explain.engine import Row, opened
from rai_audits.explain.explained import explained
from rai_audits.explain.factors import factors_of, identity_of, without
from rai_audits.explain.jobs import allowed_error
from rai_audits.explain.methods.seeding import generator
from rai_audits.explain.options import whole_option
from rai_audits.fairness.term_swaps import merged_terms

if TYPE_CHECKING:
    from rai_audits.core import AuditContext
    from rai_audits.explain.documents import Document
    from rai_audits.explain.engine import Engine
    from rai_audits.explain.explained import Explained

DELETED = 0.2
"""Share of the words that the deletion check takes away, one at least."""
ORDERS = 20
LEAST_CORRELATION = 0.2
_FEWEST = 3

OFF_DISTRIBUTION = "words are deleted, and the model was not trained on texts with gaps"


@dataclass(frozen=True)
class Check:
    """``outcome`` is ``passed``, ``failed`` or ``not_applicable``; ``sentence`` says what was found."""

    name: str
    outcome: str
    sentence: str


@dataclass(frozen=True)
class One:
    """One explained decision. ``identity`` holds columns, or words of this text, that name a group."""

    document: Document
    decided: str
    identity: frozenset[str]
    checks: tuple[Check, ...]
    counterfactual: Counterfactual | None
    method: str
    tolerance: float


def explain_one(context: AuditContext, split: str) -> One:
    """Explain the one row of ``context.predictions``. Raises ``UsageError`` unless there is exactly one, in ``split``."""
    if len(context.predictions) != 1:
        raise UsageError(f"one decision is explained at a time, not {len(context.predictions)}")
    context = replace(context, eval_split=split, options={**context.options, "documents": 1})
    found = explained(context)
    if len(found.documents) != 1:
        raise UsageError(f"the row is not in split {split!r}")
    document = found.documents[0]
    names = identity_of(context.options.get("group_columns", {}), merged_terms(context.options.get("swap_terms") or {}))
    budget = whole_option(context.options, "counterfactual_evaluations", EVALUATIONS, least=2)
    with opened(found.model, found.settings.tokens_per_pass) as engine:
        checks = (
            (_adds_up(document, found), _deletion(context, engine, document), _occlusion(engine, document, found))
            if document.ok
            else ()
        )
        turned = None
        if document.encoded.content_tokens:
            turned = nearest(context, engine, document, column_values(context), budget)
    return One(
        document=document,
        decided=document.prediction,
        identity=frozenset(item.name for item in factors_of(document, names) if item.identity),
        checks=checks,
        counterfactual=turned,
        method=found.settings.method,
        tolerance=found.settings.tolerance,
    )


def _adds_up(document: Document, found: Explained) -> Check:
    error, change = document.tokens.error, document.tokens.change
    if error is None or change is None:
        return Check("completeness", "not_applicable", f"{found.settings.method} promises no sum")
    allowed = allowed_error(change, found.settings.tolerance)
    told = f"the parts miss the change of {change:+.3f} logit by {error:.4f}; {allowed:.4f} is allowed"
    return Check("completeness", "passed" if error <= allowed else "failed", told)


def _deletion(context: AuditContext, engine: Engine, document: Document) -> Check:
    """Deleting the top words must move the score more than deleting as many at random, in 19 of 20 orders."""
    words = factors_of(replace(document, segments=None))
    count = max(1, round(DELETED * len(words)))
    if len(words) < _FEWEST:
        return Check("deletion", "not_applicable", f"{len(words)} words are too few to compare orders")
    decided = decider_of(context, document).decided(engine.logits([Row(document.encoded.ids)])[0])
    sign = -1.0 if document.target.weights[context.model.classes.index(decided)] < 0 else 1.0
    weights = sign * np.asarray(document.target.weights)
    own = sorted(words, key=lambda item: -sign * item.attribution)[:count]
    draw = generator(context.seed, document.encoded.ids)
    orders = [[words[place] for place in draw.permutation(len(words))[:count]] for _ in range(ORDERS)]
    logits = engine.logits([Row(document.encoded.ids), *(without(document, some) for some in (own, *orders))]) @ weights
    drops = logits[0] - logits[1:]
    beaten = int((drops[0] > drops[1:]).sum())
    told = (
        f"deleting the {count} strongest of {len(words)} words takes {drops[0]:+.3f} logit from the decision, {count} at random "
        f"{drops[1:].mean():+.3f} on average; more than in {beaten} of {ORDERS} random orders ({OFF_DISTRIBUTION})"
    )
    # A random order may happen to be the explained one, so ties do not count against it.
    tied = int(np.isclose(drops[0], drops[1:]).sum())
    return Check("deletion", "passed" if beaten + tied >= 0.95 * ORDERS else "failed", told)


def _occlusion(engine: Engine, document: Document, found: Explained) -> Check:
    other = "integrated_gradients" if found.settings.method == "occlusion" else "occlusion"
    (tokens,) = attribute_opened(engine, [document.encoded], [document.target], replace(found.settings, method=other))
    plain = replace(document, segments=None)
    one = [item.attribution for item in factors_of(plain)]
    two = [item.attribution for item in factors_of(replace(plain, tokens=tokens))]
    if len(one) < _FEWEST or tokens.status != "ok" or np.ptp(one) == 0 or np.ptp(two) == 0:
        return Check(
            "agreement", "not_applicable", f"the words are too few, or weigh alike, to be ranked beside {other}"
        )
    rank = float(stats.spearmanr(one, two).statistic)
    told = (
        f"the words' ranks correlate at {rank:.2f} with those of {other}; at least {LEAST_CORRELATION:.2f} is asked for"
    )
    return Check("agreement", "passed" if rank >= LEAST_CORRELATION else "failed", told)
