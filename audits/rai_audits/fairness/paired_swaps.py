"""Audit ``paired_swaps``: the same text about another group, decided by the same model.

Templated rows are rendered again with the group's column changed (exact), by the function ``render`` in the options; free text has the
words of one group replaced by those of another (see ``term_swaps``). A change of decision is then due to the words alone. It speaks of
the texts that were changed, not of how groups fare with their own texts.

Where the model decides by group, a row's group is swapped with its cutoff, also where the text says nothing of it and stays as it is; a swap of
another attribute keeps the row's cutoff.

Options: ``render`` (row as a mapping, attribute, group) -> text or None; ``swap_rows``, changed texts per attribute at most;
``swap_terms``, lists beside the packaged ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, Measurement, UsageError, audit
from rai_audits.explain.sampling import stratified_sample
from rai_audits.fairness.describe import Describer, bound
from rai_audits.fairness.swap_scoring import class_probabilities
from rai_audits.fairness.swapping import UNKNOWN, Swap, TermSwaps, decided, rendered_swaps, swap_cutoffs
from rai_audits.fairness.term_swaps import TermSwap, merged_terms
from rai_audits.stats.paired import Difference, mcnemar, paired_cluster_mean, paired_counts, paired_mean, tango
from rai_audits.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rai_audits.fairness.swapping import Render

NAME = "paired_swaps"
_DEFAULT_ROWS = 200


@dataclass(frozen=True)
class Found:
    """Swaps of one attribute. ``unchanged`` counts renderings that read the same; ``reason`` says why there is none."""

    attribute: str
    swaps: tuple[Swap, ...] = ()
    unchanged: int = 0
    reason: str | None = None
    seen: bool = True


def measure(context: AuditContext) -> AuditOutput:
    """Swap, score both texts, and measure flips, shifts of the score and changes of the favourable rate."""
    limit = context.options.get("swap_rows", _DEFAULT_ROWS)
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise UsageError(f"swap_rows must be a whole number of at least 1, got {limit!r}")
    if context.model is None or context.rows is None:
        raise UsageError("paired_swaps needs a model and the texts of the rows")
    rows = _rows(context)
    render = context.options.get("render")
    if render is None:
        found = list(_by_terms(context, rows, limit))
        how = "words of term lists"
    else:
        found = list(_by_rendering(context, rows, limit, render))
        how = "templates rendered again"
    swaps = [swap for each in found for swap in each.swaps]
    table = _scored(context, swaps, rows)
    describe = Describer(NAME, context, weighted=False)
    measured: list[Measurement] = []
    tests: list[dict[str, Any]] = []
    for each in found:
        own = table[table["attribute"] == each.attribute]
        measured += _measure(describe, each, own)
        tests += _tests(each.attribute, own)
    facts = {
        "how": how,
        "swapped_texts": {each.attribute: len(each.swaps) for each in found},
        "unchanged": {each.attribute: each.unchanged for each in found},
        "rows_considered": len(rows),
        "mcnemar": tests,
    }
    return AuditOutput(tuple(measured), {"swaps": context.artifacts.put_table("swaps", table)} if swaps else {}, facts)


AUDIT = audit(NAME, suite="fairness", needs_model=True, ignores_weights=True)(measure)


def _rows(context: AuditContext) -> pd.DataFrame:
    """Evaluated rows with their texts and groups, by row id."""
    assert context.rows is not None
    scored = context.predictions[context.predictions["split"] == context.eval_split]
    groups = [f"group:{name}" for name in context.task.groups if f"group:{name}" in scored]
    kept = [*groups, "cutoff"] if "cutoff" in scored else groups
    own = [name for name in context.rows.columns if name not in {*groups, "split", "label"}]
    joined = scored[["row_id", *kept]].merge(context.rows[own], on="row_id", how="inner", validate="one_to_one")
    return joined.sort_values("row_id", kind="stable").reset_index(drop=True)


def _by_rendering(context: AuditContext, rows: pd.DataFrame, limit: int, render: Render) -> Iterator[Found]:
    columns = context.options.get("group_columns", {})
    for attribute, values in context.task.groups.items():
        if "+" in columns.get(attribute, ""):
            continue
        decides = context.task.decides_by(attribute)
        if not decides and not context.task.seen_by_model.get(attribute, True):
            yield Found(attribute, reason="the model never reads this column, so no text changes with it", seen=False)
            continue
        known = [value for value in values if value != UNKNOWN]
        group = rows[f"group:{attribute}"].astype(str)
        usable = rows[group.isin(known).to_numpy()]
        if len(known) < 2 or usable.empty:
            yield Found(attribute, reason="a swap needs two known groups")
            continue
        strata = [(name,) for name in usable[f"group:{attribute}"].astype(str)]
        ids = usable["row_id"].astype(str).tolist()
        chosen = stratified_sample(ids, strata, max(1, limit // (len(known) - 1)), context.seed)
        swaps: list[Swap] = []
        same = 0
        for row in usable.iloc[list(chosen)].to_dict("records"):
            rendered = rendered_swaps(row, attribute, str(row[f"group:{attribute}"]), known, render, alike=decides)
            swaps += rendered.swaps
            same += rendered.unchanged
        yield Found(attribute, tuple(swaps), same, None if swaps else "no text changed when rendered again")


def _by_terms(context: AuditContext, rows: pd.DataFrame, limit: int) -> Iterator[Found]:
    ids, texts = rows["row_id"].astype(str).tolist(), rows["text"].astype(str).tolist()
    spoken = merged_terms(context.options.get("swap_terms") or {})
    for attribute, lists in spoken.items():
        if context.task.decides_by(attribute):
            continue  # Of such an attribute every row is swapped, below, whether or not its text speaks of it.
        swaps = TermSwaps(attribute, lists)
        changed = [swap for row_id, text in zip(ids, texts, strict=True) for swap in swaps.of(row_id, text)]
        keys = [f"{item.row_id}\n{item.group}\n{item.to}" for item in changed]
        chosen = stratified_sample(keys, [(item.group, item.to) for item in changed], limit, context.seed)
        reason = None if changed else f"none of {len(texts):,} texts has a word of these lists"
        yield Found(attribute, tuple(changed[place] for place in chosen), 0, reason, seen=bool(changed))
    if context.task.by_group is not None:
        decides = {name: of for name, of in context.task.groups.items() if context.task.decides_by(name)}
        asked = replace(context, task=replace(context.task, groups=decides))
        yield from _by_rendering(asked, rows, limit, _worded(spoken))


def _worded(lists: Mapping[str, Mapping[str, Sequence[str]]]) -> Render:
    """Free text about another group: the words of the row's group replaced where lists have both, None where nothing changes."""

    def render(row: Mapping[Any, Any], attribute: str, to: str) -> str | None:
        own, groups = str(row[f"group:{attribute}"]), lists.get(attribute, {})
        if own not in groups or to not in groups:
            return None
        return TermSwap(groups[own], groups[to]).apply(str(row["text"]))

    return render


def _scored(context: AuditContext, swaps: list[Swap], rows: pd.DataFrame) -> pd.DataFrame:
    """Both texts of every swap with decision and score (probability of the favourable class, else of the positive one)."""
    table = pd.DataFrame([vars(swap) for swap in swaps], columns=list(Swap.__dataclass_fields__))
    told = context.task.favourable or context.task.positive or context.task.classes[0]
    texts = [swap.text for swap in swaps] + [swap.swapped for swap in swaps]
    found = class_probabilities(
        context.model, texts, lambda done, total: context.progress("swapped texts", done, total)
    )
    cutoffs = swap_cutoffs(context.task, rows, swaps)
    decisions = decided(context.task, found, cutoffs)
    if cutoffs is not None:
        table["cutoff"], table["swapped_cutoff"] = cutoffs[: len(swaps)], cutoffs[len(swaps) :]
    column = found[:, context.task.classes.index(told)] if swaps else np.zeros(0)
    table["score"], table["swapped_score"] = column[: len(swaps)], column[len(swaps) :]
    table["prediction"], table["swapped_prediction"] = decisions[: len(swaps)], decisions[len(swaps) :]
    return table


def _measure(describe: Describer, found: Found, own: pd.DataFrame) -> Iterator[Measurement]:
    attribute = found.attribute
    if found.reason is not None:
        gap = describe.gap("swap_any_flip_rate", found.reason, method="wilson", n=0, attribute=attribute)
        if not found.seen:
            gap = Measurement(
                **{**gap.model_dump(), "estimate": "not_applicable", "low": "not_applicable"}
                | {"high": "not_applicable", "status": "not_applicable"}
            )
        yield gap
        return
    flipped = (own["prediction"] != own["swapped_prediction"]).to_numpy()
    any_flip = pd.Series(flipped).groupby(own["row_id"].to_numpy()).any()
    yield _rate(describe, "swap_any_flip_rate", int(any_flip.sum()), len(any_flip), attribute=attribute)
    shift = (own["swapped_score"] - own["score"]).to_numpy()
    size = paired_cluster_mean(np.abs(shift), own["row_id"].to_numpy(), alpha=1 - describe.context.confidence)
    yield _mean(describe, "swap_mean_absolute_shift", size, "clustered by source row", attribute=attribute)
    for (group, to), part in own.groupby(["group", "to"], sort=True):
        where: dict[str, Any] = {"attribute": attribute, "group": str(group), "reference": str(to)}
        yield _rate(
            describe,
            "swap_flip_rate",
            int((part["prediction"] != part["swapped_prediction"]).sum()),
            len(part),
            **where,
        )
        if describe.context.task.favourable is not None:
            counts = paired_counts(*_favourable(describe.context, part))
            ends = tango(counts, alpha=1 - describe.context.confidence)
            yield describe.number(
                "swap_favourable_rate_change",
                counts.difference,
                float(ends.low),
                float(ends.high),
                method="paired score (Tango)",
                n=counts.n,
                n_pos=counts.second_only,
                n_neg=counts.first_only,
                **where,
            )
        moved = paired_mean((part["swapped_score"] - part["score"]).to_numpy(), alpha=1 - describe.context.confidence)
        yield _mean(describe, "swap_score_shift", moved, "paired t", **where)


def _rate(describe: Describer, metric: str, flips: int, n: int, **where: Any) -> Measurement:
    ends = wilson(flips, n, alpha=1 - describe.context.confidence)
    bounds = []
    for alpha in describe.context.alphas:
        bounds.append(bound("lower", alpha, float(wilson(flips, n, alpha=alpha, side="lower").low), "wilson"))
        bounds.append(bound("upper", alpha, float(wilson(flips, n, alpha=alpha, side="upper").high), "wilson"))
    low, high = float(ends.low), float(ends.high)
    return describe.number(
        metric, flips / n, low, high, method="wilson", bounds=tuple(bounds), n=n, n_pos=flips, n_neg=n - flips, **where
    )


def _mean(describe: Describer, metric: str, found: Difference, method: str, **where: Any) -> Measurement:
    if not np.isfinite([found.low, found.high]).all():
        return describe.gap(metric, "a single source row bounds nothing", method=method, n=found.n, **where)
    return describe.number(metric, found.estimate, found.low, found.high, method=method, n=found.n, **where)


def _favourable(context: AuditContext, part: pd.DataFrame) -> tuple[Any, Any]:
    wanted = context.task.favourable
    return (part["prediction"] == wanted).to_numpy(), (part["swapped_prediction"] == wanted).to_numpy()


def _tests(attribute: str, own: pd.DataFrame) -> list[dict[str, Any]]:
    """McNemar's mid-p per ordered pair: decisions that went one way against those that went the other, of two classes."""
    tests = []
    for (group, to), part in own.groupby(["group", "to"], sort=True):
        first = min([*part["prediction"], *part["swapped_prediction"]])
        counts = paired_counts(part["prediction"] == first, part["swapped_prediction"] == first)
        tests.append({"attribute": attribute, "group": str(group), "to": str(to), "mid_p": mcnemar(counts).mid_p})
    return tests
