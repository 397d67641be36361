"""Audit ``adverse_action_reasons``: for each unfavourable decision, the factors that weighed against the person, confirmed by taking them away.

A reason is a column (or word) that was actually scored, whose attribution pushes toward the unfavourable outcome, and whose removal moves the score toward the favourable
one. Columns that name a group of people are never given as reasons: where one is confirmed it is counted as a prohibited basis. At
most four reasons are given, as the official interpretation of Regulation B suggests (12 CFR 1002.9(b)(2), comment 1: more are not likely to be
helpful). Removing a factor leaves a text unlike those that the model was trained on; what is shown is evidence, not a notice to a person.

Options: ``reasons`` (4), ``reason_draws`` (3), ``group_columns``, ``swap_terms``. Leaves the table ``reasons``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, Measurement, audit
from rai_audits.explain.attributing import attribute_opened
from rai_audits.explain.attribution import ABSOLUTE_TOLERANCE
from rai_audits.explain.engine import Row, opened
from rai_audits.explain.explained import explained
from rai_audits.explain.factors import Factor, Identity, factors_of, identity_of, without
from rai_audits.explain.options import whole_option
from rai_audits.explain.shares import mean_share
from rai_audits.fairness.describe import Describer
from rai_audits.fairness.term_swaps import merged_terms
from rai_audits.quality.measure import Gap, measured, measured_rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rai_audits.explain.documents import Document
    from rai_audits.explain.engine import Engine
    from rai_audits.explain.explained import Explained

NAME = "adverse_action_reasons"
MOST_REASONS = 4
DRAWS = 3
LISTED = 20
_TRIED_EACH = 3
_DRAW_SAMPLES = 16
_NONE = "no explained decision was unfavourable"
_AGAINST = "unfavourable decisions have a factor against them"


@dataclass(frozen=True)
class Reason:
    """A factor that pushes toward the unfavourable outcome. ``effect`` is how far its removal moves the score back (logits)."""

    factor: Factor
    effect: float

    @property
    def confirmed(self) -> bool:
        return self.effect > ABSOLUTE_TOLERANCE


@dataclass(frozen=True)
class Refusal:
    """One unfavourable decision: every factor that was tried, the strongest first, and how many of the top reasons stay under other draws."""

    document: Document
    tried: tuple[Reason, ...]
    stays: float | None = None

    def reasons(self, most: int) -> tuple[Reason, ...]:
        """The confirmed reasons that may be given: none that names a group."""
        return tuple(item for item in self.tried if item.confirmed and not item.factor.identity)[:most]

    def prohibited(self, most: int) -> bool:
        """Whether a factor that names a group is among the ``most`` strongest confirmed ones."""
        return any(item.factor.identity for item in [each for each in self.tried if each.confirmed][:most])


def measure(context: AuditContext) -> AuditOutput:
    """Find, confirm and count the reasons of every explained unfavourable decision of ``context.eval_split``."""
    most = whole_option(context.options, "reasons", MOST_REASONS)
    draws = whole_option(context.options, "reason_draws", DRAWS)
    describe = Describer(NAME, context, weighted=False)
    if context.task.favourable is None:
        told = Gap("the task names no favourable outcome, so no decision is unfavourable", "wilson", "not_applicable")
        gap = measured(context, told, audit=NAME, metric="decisions_with_reasons_share", n=0, split=context.eval_split)
        return AuditOutput((gap,), {}, {"unfavourable": 0})
    found = explained(context)
    refusals = refusals_of(context, found, most, draws)
    table = _table(refusals)
    return AuditOutput(
        measurements=tuple(_measured(context, describe, refusals, most)),
        artifacts={"reasons": context.artifacts.put_table("reasons", table)},
        facts={
            "unfavourable": len(refusals),
            "most_reasons": most,
            "floor_logits": ABSOLUTE_TOLERANCE,
            "removal": "tokens of the factor deleted; the texts that this leaves are unlike those the model was trained on",
            "draws": f"{draws} attributions by gradient SHAP with other seeds",
            "source": "12 CFR 1002.9(b)(2) and its official interpretation, comment 1",
        },
    )


AUDIT = audit(NAME, suite="explain", needs_model=True, ignores_weights=True)(measure)


def refusals_of(context: AuditContext, found: Explained, most: int, draws: int) -> list[Refusal]:
    """The unfavourable decisions among documents whose attribution is sound, each with its reasons."""
    names = identity_of(context.options.get("group_columns", {}), merged_terms(context.options.get("swap_terms") or {}))
    refused = [item for item in found.documents if item.ok and item.prediction != context.task.favourable]
    with opened(found.model, found.settings.tokens_per_pass) as engine:
        tried = [_pushing(context, item, factors_of(item, names))[: most * _TRIED_EACH] for item in refused]
        refusals = _confirmed(context, engine, refused, tried)
        return _stable(context, engine, found, refusals, names, most, draws)


def against(context: AuditContext, document: Document) -> float:
    """1 where a rising explained number speaks for the unfavourable outcome, -1 where it speaks for the favourable one."""
    favourable = context.task.classes.index(str(context.task.favourable))
    weights = document.target.weights
    return -1.0 if weights[favourable] > 0 else 1.0


def _pushing(context: AuditContext, document: Document, factors: Iterable[Factor]) -> list[Factor]:
    sign = against(context, document)
    return sorted((item for item in factors if sign * item.attribution > 0), key=lambda item: -sign * item.attribution)


def _confirmed(
    context: AuditContext, engine: Engine, refused: Sequence[Document], tried: Sequence[Sequence[Factor]]
) -> list[Refusal]:
    rows = [Row(item.encoded.ids) for item in refused]
    rows += [without(item, [factor]) for item, factors in zip(refused, tried, strict=True) for factor in factors]
    logits = engine.logits(rows) if rows else np.zeros((0, len(engine.model.classes)))
    reached, refusals = len(refused), []
    for place, (document, factors) in enumerate(zip(refused, tried, strict=True)):
        weights = against(context, document) * np.asarray(document.target.weights)
        effects = logits[place] @ weights - logits[reached : reached + len(factors)] @ weights
        reached += len(factors)
        reasons = (Reason(factor, float(effect)) for factor, effect in zip(factors, effects, strict=True))
        refusals.append(Refusal(document, tuple(reasons)))
    return refusals


def _stable(
    context: AuditContext,
    engine: Engine,
    found: Explained,
    refusals: list[Refusal],
    names: Identity,
    most: int,
    draws: int,
) -> list[Refusal]:
    """Mean overlap (Jaccard) of the top factors with those under gradient SHAP, a method whose draws a seed changes."""
    texts = [item.document.encoded for item in refusals]
    targets = [item.document.target for item in refusals]
    overlaps: list[list[float]] = [[] for _ in refusals]
    for draw in range(1, draws + 1):
        settings = replace(
            found.settings,
            method="gradient_shap",
            samples=_DRAW_SAMPLES,
            tolerance=1.0,
            seed=found.settings.seed + draw,
        )
        again = attribute_opened(
            engine, texts, targets, settings, lambda done, total: context.progress("other draws", done, total)
        )
        for place, (refusal, tokens) in enumerate(zip(refusals, again, strict=True)):
            other = replace(refusal.document, tokens=tokens)
            top = {item.name for item in _pushing(context, other, factors_of(other, names))[:most]}
            own = {item.factor.name for item in refusal.tried[:most]}
            if top | own:
                overlaps[place].append(len(top & own) / len(top | own))
    return [
        replace(refusal, stays=float(np.mean(shares)) if shares else None)
        for refusal, shares in zip(refusals, overlaps, strict=True)
    ]


def _measured(
    context: AuditContext, describe: Describer, refusals: Sequence[Refusal], most: int
) -> Iterator[Measurement]:
    n = len(refusals)
    given = [item.reasons(most) for item in refusals]
    shared: dict[str, Any] = {
        "audit": NAME,
        "empty": _NONE,
        "split": context.eval_split,
        "positive": context.task.positive,
        "favourable": context.task.favourable,
        "threshold": context.task.stated_threshold,
    }
    yield measured_rate(context, sum(map(bool, given)), n, metric="decisions_with_reasons_share", **shared)
    banned = sum(item.prohibited(most) for item in refusals)
    if context.task.by_group is None:
        yield measured_rate(context, banned, n, metric="prohibited_basis_share", **shared)
    else:
        told = Gap(
            f"decisions use a cutoff by group of {', '.join(context.task.by_group.attributes)}, which is no part of a text",
            "wilson",
        )
        where = {name: value for name, value in shared.items() if name != "empty"}
        yield measured(context, told, metric="prohibited_basis_share", n=n, **where)
    confirmed = [float(np.mean([each.confirmed for each in item.tried[:most]])) for item in refusals if item.tried]
    yield mean_share(describe, "reasons_confirmed_share", confirmed, counted=_AGAINST)
    stays = [item.stays for item in refusals if item.stays is not None]
    yield mean_share(describe, "reason_stability", stays, counted=_AGAINST)
    counted = pd.Series(
        [reason.factor.name for reasons in given for reason in {r.factor.name: r for r in reasons}.values()],
        dtype="str",
    )
    for name, count in sorted(counted.value_counts().items(), key=lambda item: (-item[1], item[0]))[:LISTED]:
        yield measured_rate(context, int(count), n, metric="reason_frequency", label=str(name), **shared)


def _table(refusals: Sequence[Refusal]) -> pd.DataFrame:
    records = [
        (item.document.row_id, rank, reason.factor.kind, reason.factor.name, reason.factor.attribution, reason.effect,
         reason.confirmed, reason.factor.identity)
        for item in refusals
        for rank, reason in enumerate(item.tried, start=1)
    ]  # fmt: skip
    names = ["row_id", "rank", "kind", "factor", "attribution", "removal_effect", "confirmed", "identity"]
    table = pd.DataFrame.from_records(records, columns=names)
    kinds: dict[str, Any] = {"row_id": "str", "rank": "int64", "kind": "str", "factor": "str", "attribution": "float64"}
    return table.astype({**kinds, "removal_effect": "float64", "confirmed": "bool", "identity": "bool"})
