"""The registered audit ``identity_reliance``: what decisions owe to who the person is.

Three answers over the same explained documents: the share of |attribution| on identity (the column of an attribute, or the words of free text
that name its groups) beside the share that such words have by count; what a swap of identity does to the explained number, the probability and
the decision; and the rank correlation of the two. Then proxies: other columns or words that tell the group and receive weight.

Options: ``render`` (as for ``paired_swaps``), ``swap_terms``, ``proxy_association`` (0.1) and ``proxy_share`` (0.05), the floors of a proxy, and
``global_words`` (20), the words listed for each attribute. Leaves the table ``identity``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, Measurement, audit
from rai_audits.explain.explained import explained
from rai_audits.explain.identity import measures
from rai_audits.explain.identity.effects import Effect, swap_effects
from rai_audits.explain.identity.lists import identity_lists
from rai_audits.explain.identity.proxies import candidates
from rai_audits.explain.identity.subjects import Subject, by_columns, by_words
from rai_audits.explain.intervals import MIN_DOCUMENTS
from rai_audits.explain.options import share_option, whole_option
from rai_audits.explain.trust import withheld
from rai_audits.fairness.describe import Describer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rai_audits.explain.identity.proxies import Candidate

NAME = "identity_reliance"
PROXY_ASSOCIATION = 0.1
"""Smallest Cramer's V of a proxy: a small effect in Cohen's words (1988); less hardly tells the group."""
PROXY_SHARE = 0.05
"""Share of |attribution| above which a proxy has weight: half of what the baseline policy allows the identity itself, as a proxy tells it only in part."""
LISTED = 20
OF_ATTRIBUTIONS = frozenset(
    {"identity_reliance", "identity_reliance_ratio", "reliance_swap_correlation", "proxy_attribution_share"}
)
"""Metrics that rest on attributions; swaps and associations do not."""


def measure(context: AuditContext) -> AuditOutput:
    """Measure reliance, swap effects and proxies on the explained documents of ``context.eval_split``."""
    floors = (
        share_option(context.options, "proxy_association", PROXY_ASSOCIATION),
        share_option(context.options, "proxy_share", PROXY_SHARE),
    )
    listed = whole_option(context.options, "global_words", LISTED)
    found = explained(context)
    templated = any(item.templated for item in found.documents)
    lists = {} if templated else identity_lists(context)
    by_column = templated or not found.documents
    subjects = list(by_columns(context, found.documents) if by_column else by_words(context, found.documents, lists))
    effects = swap_effects(context, found, [swap for subject in subjects for swap in subject.swaps])
    tested = candidates(context, found.documents, lists)
    flagged = [item for item in tested if is_proxy(context, item, *floors)]
    describe = Describer(NAME, context, weighted=False)
    measured = [
        item for subject in subjects for item in _measured(describe, subject, effects.get(subject.attribute, {}))
    ]
    for item in _shown(tested, flagged, None if templated else listed):
        measured += measures.proxy(describe, item)
    table = identity_table(subjects, effects)
    return AuditOutput(
        measurements=withheld(context, measured, OF_ATTRIBUTIONS),
        artifacts={"identity": context.artifacts.put_table("identity", table)},
        facts={
            "how": "columns of the template" if templated else "words that name groups",
            "documents": {item.attribute: len(item.readings) for item in subjects},
            "swapped_texts": {item.attribute: len(item.swaps) for item in subjects},
            "proxies": [_told(item) for item in flagged],
            "proxies_tested": len(tested),
            "proxy_association": floors[0],
            "proxy_share": floors[1],
        },
    )


AUDIT = audit(NAME, suite="explain", needs_model=True, ignores_weights=True)(measure)


def is_proxy(context: AuditContext, item: Candidate, association: float, share: float) -> bool:
    """Whether both are shown: a significant association of at least ``association``, and a mean share whose lower end is above ``share``."""
    if item.p_adjusted > 1 - context.confidence or item.association.cramers_v < association:
        return False
    found = measures.mean(Describer(NAME, context, weighted=False), "proxy_attribution_share", item.shares)
    return not isinstance(found.low, str) and found.low > share


def identity_table(subjects: Sequence[Subject], effects: Mapping[str, Mapping[str, Effect]]) -> pd.DataFrame:
    """One row per document and attribute. Shares are of |attribution|; attributions and changes are in logits, missing where nothing was swapped."""
    records = []
    for subject in subjects:
        for item in subject.readings:
            effect = effects.get(subject.attribute, {}).get(item.document.row_id)
            told = (None, None, None) if effect is None else (effect.logit, effect.probability, effect.flipped)
            where = (item.document.row_id, subject.attribute, ", ".join(sorted(item.by_group)))
            records.append((*where, item.share, item.word_share, item.size, item.signed, *told))
    names = ["row_id", "attribute", "group", "reliance_share", "word_share", "identity_size", "identity_attribution"]
    table = pd.DataFrame.from_records(
        records, columns=[*names, "swap_logit_change", "swap_probability_change", "swap_flips"]
    )
    kinds = dict.fromkeys(names[:3], "str") | dict.fromkeys(names[3:], "float64")
    return table.astype(
        {**kinds, "swap_logit_change": "Float64", "swap_probability_change": "Float64", "swap_flips": "boolean"}
    )


def _measured(describe: Describer, subject: Subject, effects: Mapping[str, Effect]) -> Iterator[Measurement]:
    attribute = subject.attribute
    if subject.status == "not_applicable":
        yield measures.absent(describe, "identity_reliance", subject.reason, attribute=attribute)
        return
    if subject.status == "not_estimable":
        yield describe.gap("identity_reliance", subject.reason, method=measures.DRAWN_MEAN, n=0, attribute=attribute)
        return
    yield from measures.reliance(describe, subject.readings, subject.groups, attribute)
    if len(subject.readings) < MIN_DOCUMENTS:
        return
    if subject.unswapped:
        yield describe.gap("swap_logit_change", subject.unswapped, method=measures.DRAWN_MEAN, n=0, attribute=attribute)
        return
    yield from measures.swap_effect(describe, list(effects.values()), attribute)
    pairs = [
        (item.size, effects[item.document.row_id].logit) for item in subject.readings if item.document.row_id in effects
    ]
    yield measures.agreement(describe, pairs, attribute)


def _shown(tested: Sequence[Candidate], flagged: Sequence[Candidate], limit: int | None) -> list[Candidate]:
    """Every proxy, and of each attribute's other candidates the ``limit`` with most weight."""
    shown = []
    counts: dict[str, int] = {}
    for item in tested:
        counts[item.attribute] = counts.get(item.attribute, 0) + 1
        if limit is None or counts[item.attribute] <= limit or item in flagged:
            shown.append(item)
    return shown


def _told(item: Candidate) -> dict[str, Any]:
    return {
        "attribute": item.attribute,
        "label": item.label,
        "association": item.association.cramers_v,
        "p_value_adjusted": item.p_adjusted,
        "attribution_share": float(np.mean(item.shares)),
    }
