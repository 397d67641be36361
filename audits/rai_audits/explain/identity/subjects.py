"""The attributes that are asked about, each with its readings and swaps over the explained documents. Internal to ``identity_reliance``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rai_audits.explain.identity.effects import source_rows
from rai_audits.explain.identity.lists import known_groups
from rai_audits.explain.identity.reliance import Reading, column_readings, is_column, word_readings
from rai_audits.fairness.swapping import Swap, rendered_swaps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rai_audits.core import AuditContext
    from rai_audits.explain.documents import Document
    from rai_audits.fairness.swapping import TermSwaps


@dataclass(frozen=True)
class Subject:
    """One attribute. ``reason`` says why nothing was read, with its ``status``; ``unswapped`` why nothing was swapped."""

    attribute: str
    groups: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    swaps: tuple[Swap, ...] = ()
    status: Literal["ok", "not_applicable", "not_estimable"] = "ok"
    reason: str = ""
    unswapped: str = ""


def by_columns(context: AuditContext, documents: Sequence[Document]) -> Iterator[Subject]:
    """Attributes by the column that holds them; a crossing by its columns together. Rows are swapped by rendering them again."""
    rows = source_rows(context, documents) if documents else {}
    present = {unit.unit for item in documents for unit in item.attribution.columns if is_column(unit)}
    for attribute, column in context.options.get("group_columns", {}).items():
        parts = tuple(column.split("+"))
        unseen = present and not present & set(parts)
        hidden = context.task.seen_by_model.get(attribute) is False or unseen
        if context.task.decides_by(attribute):
            told = "its score never reads it" if hidden else "its score reads it too"
            yield _by_cutoff(attribute, f" ({told})")
            continue
        if hidden:
            yield Subject(attribute, status="not_applicable", reason=f"the model never sees column {column}")
            continue
        readings = column_readings(documents, attribute, parts)
        found = {item.groups[attribute] for item in documents if attribute in item.groups}
        declared = context.task.groups.get(attribute, ())
        groups = (*declared, *sorted(found - set(declared)))
        reason = _why_not_swapped(context, attribute, parts)
        swaps = [] if reason else _rendered(context, attribute, readings, rows)
        if readings and not swaps and not reason:
            reason = "no text changed when rendered again"
        yield Subject(attribute, groups, readings, tuple(swaps), unswapped=reason)


def by_words(context: AuditContext, documents: Sequence[Document], lists: Mapping[str, TermSwaps]) -> Iterator[Subject]:
    """Attributes by the words that name their groups, in the texts that hold one."""
    for attribute, swaps in lists.items():
        if context.task.decides_by(attribute):
            continue
        readings = word_readings(documents, swaps)
        if not readings:
            yield _unspoken(context, documents, swaps)
            continue
        named = {group for item in readings for group in item.by_group}
        declared = known_groups(context.task.groups.get(attribute, ()))
        groups = tuple(name for name in swaps.groups if name in named or name in declared)
        changed = [swap for item in readings for swap in swaps.of(item.document.row_id, item.document.attribution.text)]
        yield Subject(attribute, groups, readings, tuple(changed))
    for attribute in context.task.groups:
        if context.task.decides_by(attribute):
            yield _by_cutoff(attribute)
        elif attribute not in lists and "+" not in context.options.get("group_columns", {}).get(attribute, ""):
            reason = (
                "free text has no group column, and no words name this attribute's groups; list them under swap_terms"
            )
            yield Subject(attribute, status="not_applicable", reason=reason)


def _by_cutoff(attribute: str, told: str = "") -> Subject:
    """What can be said of an attribute whose groups have cutoffs of their own: an attribution is of the score, and misses them."""
    reason = (
        f"the model decides by a cutoff for each group of {attribute!r}{told}, and no share of an attribution covers a cutoff; "
        "paired_swaps says how often the group alone turns a decision"
    )
    return Subject(attribute, status="not_estimable", reason=reason)


def _rendered(
    context: AuditContext, attribute: str, readings: Sequence[Reading], rows: Mapping[str, Mapping[object, object]]
) -> list[Swap]:
    render, known = context.options["render"], known_groups(context.task.groups[attribute])
    swaps: list[Swap] = []
    for item in readings:
        group = item.document.groups[attribute]
        if group in known:
            row = {**rows[item.document.row_id], "text": item.document.attribution.text}
            swaps += rendered_swaps(row, attribute, group, known, render).swaps
    return swaps


def _why_not_swapped(context: AuditContext, attribute: str, parts: tuple[str, ...]) -> str:
    if len(parts) > 1:
        return "a crossing is swapped by each of its attributes"
    if context.options.get("render") is None:
        return "rows cannot be rendered again here"
    if len(known_groups(context.task.groups.get(attribute, ()))) < 2:
        return "a swap needs two known groups"
    return ""


def _unspoken(context: AuditContext, documents: Sequence[Document], swaps: TermSwaps) -> Subject:
    """Why there is no reading: no text at all speaks of the attribute, or some do but none that was explained."""
    assert context.rows is not None
    ids = set(context.predictions.loc[context.predictions["split"] == context.eval_split, "row_id"].astype(str))
    texts = context.rows.loc[context.rows["row_id"].astype(str).isin(ids), "text"].astype(str)
    if any(swaps.spans(text) for text in texts):
        reason = f"evaluated texts name these groups, but none of {len(documents):,} explained texts that can be relied on does"
        return Subject(swaps.attribute, status="not_estimable", reason=reason)
    reason = f"no evaluated text has a word that names these groups ({len(texts):,} texts)"
    return Subject(swaps.attribute, status="not_applicable" if len(texts) else "not_estimable", reason=reason)
