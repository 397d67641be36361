"""The registered audit ``global_attributions``: which words and columns weigh most over all explained documents, and for whom.

Mean signed and mean absolute attribution (logits) with the document as the unit, overall and per group, and the difference between groups.
Columns of templated rows are all measured. Of the words of free text those with the largest mean |attribution| are: their intervals are
widened for having been picked. All units that were tested are in the table ``global_attributions``, words of templated rows among them.
Documents are drawn evenly over label and group, so a mean speaks of that draw and not of the evaluated rows.

Options: ``global_words`` (20), words listed; ``global_documents`` (5), fewest documents with a word or, for a group, with a word of that group.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, Measurement, audit
from rai_audits.explain.explained import explained
from rai_audits.explain.identity.lists import known_groups
from rai_audits.explain.options import whole_option
from rai_audits.explain.trust import withheld
from rai_audits.explain.unit_means import UnitMean, Use, document_count, unit_difference, unit_mean, uses_of
from rai_audits.fairness.describe import Describer, bound
from rai_audits.stats.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rai_audits.explain.documents import Document

NAME = "global_attributions"
LISTED, DOCUMENTS = 20, 5
OTHERS = "all others"
"""Reference of a group that is compared with the documents of all other known groups, where there are more than two."""

_MEAN = (
    "mean over its uses in the drawn documents, drawn evenly over label and group; clustered by document, Student's t"
)
_DIFFERENCE = "difference of two such means (Welch)"
_TESTED = "tested against 0 with Benjamini-Hochberg over all of its kind"


@dataclass(frozen=True)
class Entry:
    """One unit overall (``attribute`` None), in one group, or as a difference of groups (``reference`` set)."""

    kind: Literal["word", "column"]
    unit: str
    signed: UnitMean
    absolute: UnitMean | None
    attribute: str | None = None
    group: str | None = None
    reference: str | None = None
    p_adjusted: float | None = None


def measure(context: AuditContext) -> AuditOutput:
    """Measure words and columns over the explained documents of ``context.eval_split``."""
    listed = whole_option(context.options, "global_words", LISTED)
    least = whole_option(context.options, "global_documents", DOCUMENTS, 2)
    documents = explained(context).documents
    words, columns = uses_of(documents, "word"), uses_of(documents, "column")
    entries = {"word": _entries(context, "word", words, least), "column": _entries(context, "column", columns, least)}
    kind: Literal["word", "column"] = "column" if any(item.templated for item in documents) else "word"
    tested = [item for item in entries[kind] if item.attribute is None]
    ranked = sorted(tested, key=lambda item: (-item.absolute.mean if item.absolute else 0.0, item.unit))
    shown = [item.unit for item in (ranked[:listed] if kind == "word" else ranked)]
    describe = Describer(NAME, context, weighted=False)
    picked = len(shown) / len(ranked) if ranked else 1.0
    measured = [item for unit in shown for item in _measured(describe, entries[kind], unit, picked, len(ranked))]
    if not measured:
        reason = _nothing(documents, kind, least)
        measured = [describe.gap("mean_absolute_attribution", reason, method=_MEAN, n=0)]
    table = _table(context, entries)
    return AuditOutput(
        measurements=withheld(context, measured, {item.metric for item in measured}),
        artifacts={NAME: context.artifacts.put_table(NAME, table)},
        facts={
            "documents": sum(item.ok for item in documents),
            "documents_left_out": sum(not item.ok for item in documents),
            "least_documents": least,
            "words_tested": sum(item.attribute is None for item in entries["word"]),
            "words_in_too_few_documents": sum(document_count(uses) < least for uses in words.values()),
            "columns_tested": sum(item.attribute is None for item in entries["column"]),
            "listed": shown,
            "differences": [_told(item) for item in entries[kind] if _found(context, item)],
        },
    )


AUDIT = audit(NAME, suite="explain", needs_model=True, ignores_weights=True)(measure)


def _entries(
    context: AuditContext, kind: Literal["word", "column"], uses: Mapping[str, Sequence[Use]], least: int
) -> list[Entry]:
    """All units in enough documents; adjusted p-values for the overall means, and in a family of their own for the differences."""
    found = []
    for unit, own in uses.items():
        if document_count(own) < least:
            continue
        found += [_entry(kind, unit, own), *_by_group(context, kind, unit, own, least)]
    overall = _adjusted([item for item in found if item.attribute is None])
    differences = _adjusted([item for item in found if item.reference is not None])
    return [*overall, *(item for item in found if item.attribute is not None and item.reference is None), *differences]


def _entry(
    kind: Literal["word", "column"],
    unit: str,
    uses: Sequence[Use],
    attribute: str | None = None,
    group: str | None = None,
) -> Entry:
    signed = unit_mean(uses)
    assert signed is not None  # at least two documents were asked for
    return Entry(kind, unit, signed, unit_mean(uses, absolute=True), attribute, group)


def _by_group(
    context: AuditContext, kind: Literal["word", "column"], unit: str, uses: Sequence[Use], least: int
) -> Iterator[Entry]:
    columns = context.options.get("group_columns", {})
    for attribute, declared in context.task.groups.items():
        if "+" in columns.get(attribute, ""):
            continue
        known = known_groups(declared)
        parts = {group: [use for use in uses if use.document.groups.get(attribute) == group] for group in known}
        enough = [group for group in known if document_count(parts[group]) >= least]
        for group in enough:
            yield _entry(kind, unit, parts[group], attribute=attribute, group=group)
        for group in enough[:1] if len(known) == 2 else enough:
            reference = known[1] if len(known) == 2 else OTHERS
            rest = [use for other in known if other != group for use in parts[other]]
            if document_count(rest) < least:
                continue
            one, two = unit_mean(parts[group]), unit_mean(rest)
            if one is not None and two is not None and reference != group:
                yield Entry(kind, unit, unit_difference(one, two), None, attribute, group, reference)


def _adjusted(entries: Sequence[Entry]) -> list[Entry]:
    adjusted = benjamini_hochberg([item.signed.p_value for item in entries])
    return [replace(item, p_adjusted=float(value)) for item, value in zip(entries, adjusted, strict=True)]


def _measured(
    describe: Describer, entries: Sequence[Entry], unit: str, picked: float, tested: int
) -> Iterator[Measurement]:
    for item in entries:
        if item.unit != unit:
            continue
        where: dict[str, Any] = {"label": unit, "attribute": item.attribute, "group": item.group}
        told = f"; ends widened for {picked:.0%} picked of {tested} words (false coverage rate)" if picked < 1 else ""
        if item.reference is not None:
            where["reference"] = item.reference
            yield _number(describe, "attribution_difference", item.signed, _DIFFERENCE + told, picked, **where)
            yield _p_value(describe, "attribution_difference_p_value_adjusted", item, **where)
            continue
        yield _number(describe, "mean_attribution", item.signed, _MEAN + told, picked, **where)
        if item.absolute is not None:
            yield _number(describe, "mean_absolute_attribution", item.absolute, _MEAN + told, picked, 0.0, **where)
        if item.p_adjusted is not None:
            yield _p_value(describe, "mean_attribution_p_value_adjusted", item, **where)


def _number(
    describe: Describer,
    metric: str,
    mean: UnitMean,
    method: str,
    picked: float,
    floor: float | None = None,
    **where: Any,
) -> Measurement:
    """Ends at the error times the share that was picked: Benjamini and Yekutieli (2005), JASA 100, 71-81."""

    def low(value: float) -> float:
        return value if floor is None else max(floor, value)

    ends = mean.ends((1 - describe.context.confidence) * picked)
    bounds = []
    for alpha in describe.context.alphas:
        bounds.append(bound("lower", alpha, low(mean.ends(alpha * picked, "lower")[0]), method))
        bounds.append(bound("upper", alpha, mean.ends(alpha * picked, "upper")[1], method))
    return describe.number(
        metric, mean.mean, low(ends[0]), ends[1], method=method, bounds=tuple(bounds), n=mean.documents, **where
    )


def _p_value(describe: Describer, metric: str, item: Entry, **where: Any) -> Measurement:
    value = 1.0 if item.p_adjusted is None else item.p_adjusted
    return describe.number(metric, value, value, value, method=_TESTED, n=item.signed.documents, **where)


def _nothing(documents: Sequence[Document], kind: str, least: int) -> str:
    reached = sum(item.ok for item in documents)
    return f"no {kind} occurs in {least} of the {reached} explained documents that can be relied on"


def _found(context: AuditContext, item: Entry) -> bool:
    return item.reference is not None and (item.p_adjusted or 0.0) <= 1 - context.confidence


def _told(item: Entry) -> dict[str, Any]:
    return {
        "label": item.unit,
        "attribute": item.attribute,
        "group": item.group,
        "reference": item.reference,
        "difference": item.signed.mean,
        "p_value_adjusted": item.p_adjusted,
    }


def _table(context: AuditContext, entries: Mapping[str, Sequence[Entry]]) -> pd.DataFrame:
    """One row per entry; ``low`` and ``high`` are of the signed mean, for one unit looked at alone."""
    records = []
    for item in (*entries["word"], *entries["column"]):
        low, high = item.signed.ends(1 - context.confidence)
        where = (item.kind, item.unit, item.attribute, item.group, item.reference)
        size = item.absolute.mean if item.absolute is not None else None
        counts = (item.signed.documents, item.signed.uses)
        records.append((*where, *counts, item.signed.mean, low, high, size, item.signed.p_value, item.p_adjusted))
    names = ["unit_kind", "unit", "attribute", "group", "reference", "documents", "uses", "mean", "low", "high"]
    table = pd.DataFrame.from_records(records, columns=[*names, "mean_absolute", "p_value", "p_value_adjusted"])
    kinds = dict.fromkeys(("unit_kind", "unit"), "str") | dict.fromkeys(("attribute", "group", "reference"), "string")
    kinds |= dict.fromkeys(("documents", "uses"), "int64") | dict.fromkeys(
        ("mean", "low", "high", "p_value"), "float64"
    )
    table = table.astype(kinds | dict.fromkeys(("mean_absolute", "p_value_adjusted"), "Float64"))
    return table.sort_values(["unit_kind", "unit"], kind="stable").reset_index(drop=True)
