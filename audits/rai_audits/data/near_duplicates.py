"""The near-duplicates audit: evaluated rows whose text is almost that of a row the model could learn from.

Registered as ``near_duplicates``. Stable metric: ``near_duplicate_share``, the share of evaluated rows with a near-duplicate, not a copy, in
another split. Copies (the same normal form) are the ``normalised_overlap_share`` of ``data_profile``: a row counts in one of the two, so
they add up. Leaves the table ``near_duplicates``: each such row with the most alike one, by id and without text.

Rows rendered from a template are ``not_applicable``: two people's texts differ in a few words there because the template says so, and a
share of them would say nothing about leakage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit
from rai_audits.data.near import SHINGLE, nearest_in
from rai_audits.data.normalise import normalise_text
from rai_audits.quality.measure import Gap, measured, measured_rate

if TYPE_CHECKING:
    from rai_audits.core.measurement import Undefined

NAME = "near_duplicates"
METRIC = "near_duplicate_share"
DEFAULT_JACCARD = 0.8


@audit(NAME, suite="data")
def _near_duplicates(context: AuditContext) -> AuditOutput:
    threshold = _threshold(context)
    if context.rows is None:
        return _gap(context, "source rows were not given", 0)
    rows = context.rows[["row_id", *(["segments"] if "segments" in context.rows else []), "text"]]
    rows = rows.merge(context.predictions[["row_id", "split"]], on="row_id", how="inner", validate="one_to_one")
    rows = rows.sort_values("row_id", key=lambda ids: ids.astype(str), kind="stable", ignore_index=True)
    templated = rows["segments"].notna() if "segments" in rows else pd.Series(False, index=rows.index)
    evaluated = rows["split"].astype(str) == context.eval_split
    if templated[evaluated].any():
        reason = "texts are rendered from a template, so those of different people are alike by design"
        return _gap(context, reason, int(evaluated.sum()), "not_applicable")
    mine, others = rows[evaluated], rows[~evaluated]
    if others.empty:
        return _gap(context, f"there is no split beside {context.eval_split!r} to compare with", len(mine))
    return _measure(context, mine, others, threshold)


AUDIT = _near_duplicates


def _threshold(context: AuditContext) -> float:
    value = context.options.get("near_duplicate_jaccard", DEFAULT_JACCARD)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        raise UsageError(f"option 'near_duplicate_jaccard' must be a number above 0 and at most 1, got {value!r}")
    return float(value)


def _gap(context: AuditContext, reason: str, n: int, status: Undefined = "not_estimable") -> AuditOutput:
    gap = Gap(reason, "wilson", status)
    return AuditOutput(measurements=(measured(context, gap, audit=NAME, metric=METRIC, n=n, split=context.eval_split),))


def _measure(context: AuditContext, mine: pd.DataFrame, others: pd.DataFrame, threshold: float) -> AuditOutput:
    texts, known = mine["text"].fillna("").astype(str).tolist(), others["text"].fillna("").astype(str).tolist()
    forms = {normalise_text(text) for text in known}
    copies = [normalise_text(text) in forms and bool(text.strip()) for text in texts]
    found = [
        item for item in nearest_in(texts, known, threshold=threshold, seed=context.seed) if not copies[item.place]
    ]
    pairs = pd.DataFrame(
        {
            "row_id": [mine["row_id"].iloc[item.place] for item in found],
            "split": context.eval_split,
            "other_row_id": [others["row_id"].iloc[item.other] for item in found],
            "other_split": [others["split"].iloc[item.other] for item in found],
            "jaccard": [item.jaccard for item in found],
        }
    )
    facts: dict[str, Any] = {
        "jaccard": threshold,
        "shingle": f"{SHINGLE} characters of the normalised text",
        "rows_with_a_copy": sum(copies),
        "compared_with": {str(name): int(rows) for name, rows in others["split"].value_counts().sort_index().items()},
        "found_in": {str(name): int(rows) for name, rows in pairs["other_split"].value_counts().sort_index().items()},
    }
    share = measured_rate(
        context, len(found), len(mine), audit=NAME, metric=METRIC, empty=f"split {context.eval_split!r} has no rows",
        split=context.eval_split,
    )  # fmt: skip
    kept = {"near_duplicates": context.artifacts.put_table("near_duplicates", pairs)} if found else {}
    return AuditOutput(measurements=(share,), artifacts=kept, facts=facts)
