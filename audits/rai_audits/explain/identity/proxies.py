"""Proxies: columns, or words of free text, that tell a person's group and receive weight in decisions. Internal to ``identity_reliance``.

Association is measured on the evaluated rows as they are, weight on the explained documents. A proxy is shown by both: the association is at
least ``proxy_association`` and significant after Benjamini-Hochberg over everything tested, and the lower end of its mean share of
|attribution| is above ``proxy_share``. Identity columns and identity words are not proxies: they say the group itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rai_audits.explain.folding import word_spans
from rai_audits.explain.identity.lists import known_groups
from rai_audits.explain.identity.reliance import is_column
from rai_audits.explain.intervals import MIN_DOCUMENTS
from rai_audits.explain.sampling import stratified_sample
from rai_audits.explain.words import shown_word
from rai_audits.stats.association import Association, associated
from rai_audits.stats.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rai_audits.core import AuditContext
    from rai_audits.explain.documents import Document
    from rai_audits.fairness.swapping import TermSwaps

ROWS = 20_000
"""Evaluated rows that an association is counted on at most, drawn by a hash of their ids; more would tell it no better."""
_DISTINCT, _BINS, _RARE = 10, 5, 5


@dataclass(frozen=True, eq=False)
class Candidate:
    """A column or word against one attribute. ``shares`` are its shares of |attribution| in the documents that have it, in their order."""

    attribute: str
    label: str
    shares: tuple[float, ...]
    association: Association
    p_adjusted: float = 1.0


def candidates(
    context: AuditContext, documents: Sequence[Document], identity: Mapping[str, TermSwaps]
) -> list[Candidate]:
    """Everything that was tested, by attribute and falling mean share; words need ``MIN_DOCUMENTS`` documents."""
    if any(item.templated for item in documents):
        shares = _column_shares(documents, _identity_columns(context))
    else:
        shares = _word_shares(documents, identity)
    names = [
        name for name, groups in context.task.groups.items() if len(known_groups(groups)) > 1 and _plain(context, name)
    ]
    rows = _evaluated(context, names) if shares and names else pd.DataFrame()
    values = _levels(rows, list(shares), templated=any(item.templated for item in documents)) if len(rows) else {}
    found = []
    for attribute in names:
        groups = rows[f"group:{attribute}"].astype(str) if len(rows) else pd.Series(dtype=str)
        known = groups.isin(known_groups(context.task.groups[attribute])).to_numpy()
        for label, levels in values.items():
            table = associated(levels[known], groups[known].to_numpy(dtype=str), seed=context.seed)
            if table is not None:
                found.append(Candidate(attribute, label, shares[label], table))
    adjusted = benjamini_hochberg([item.association.p_value for item in found])
    settled = [
        Candidate(item.attribute, item.label, item.shares, item.association, float(p))
        for item, p in zip(found, adjusted, strict=True)
    ]
    return sorted(settled, key=lambda item: (names.index(item.attribute), -float(np.mean(item.shares)), item.label))


def _plain(context: AuditContext, attribute: str) -> bool:
    return "+" not in context.options.get("group_columns", {}).get(attribute, "")


def _identity_columns(context: AuditContext) -> set[str]:
    return {part for column in context.options.get("group_columns", {}).values() for part in column.split("+")}


def _column_shares(documents: Iterable[Document], identity: set[str]) -> dict[str, tuple[float, ...]]:
    shares = [share for item in documents if item.ok and (share := item.column_shares()) is not None]
    names = sorted({unit.unit for item in documents for unit in item.attribution.columns if is_column(unit)} - identity)
    return {name: tuple(share.get(name, 0.0) for share in shares) for name in names} if shares else {}


def _word_shares(documents: Iterable[Document], identity: Mapping[str, TermSwaps]) -> dict[str, tuple[float, ...]]:
    found: dict[str, list[float]] = defaultdict(list)
    for item in documents:
        words = [unit for unit in item.attribution.words if unit.kind == "word"]
        total = sum(abs(unit.attribution) for unit in words)
        if not item.ok or total <= 0:
            continue
        text = item.attribution.text
        taken = [span for swaps in identity.values() for spans in swaps.spans(text).values() for span in spans]
        sizes: dict[str, float] = defaultdict(float)
        for unit in words:
            word = shown_word(unit)
            if word is not None and not any(unit.start < end and start < unit.end for start, end in taken):
                sizes[word] += abs(unit.attribution) / total
        for word, size in sizes.items():
            found[word].append(size)
    return {word: tuple(found[word]) for word in sorted(found) if len(found[word]) >= MIN_DOCUMENTS}


def _evaluated(context: AuditContext, attributes: Sequence[str]) -> pd.DataFrame:
    """Evaluated rows with group, text and source columns; at most ``ROWS``."""
    assert context.rows is not None
    scored = context.predictions[context.predictions["split"] == context.eval_split]
    scored = scored.assign(row_id=scored["row_id"].astype(str))
    ids = scored["row_id"].tolist()
    chosen = stratified_sample(ids, [()] * len(ids), ROWS, context.seed)
    groups = [f"group:{name}" for name in attributes]
    own = [name for name in context.rows.columns if name not in {*scored.columns, "segments"} or name == "row_id"]
    rows = context.rows[own].assign(row_id=context.rows["row_id"].astype(str))
    return scored.iloc[list(chosen)][["row_id", *groups]].merge(rows, on="row_id", how="inner", validate="one_to_one")


def _levels(rows: pd.DataFrame, labels: Sequence[str], *, templated: bool) -> dict[str, np.ndarray[Any, Any]]:
    """For each label one category a row: the level of a column, or whether the text has the word."""
    if not templated:
        held = [{text[start:end].casefold() for start, end in word_spans(text)} for text in rows["text"].astype(str)]
        return {word: np.asarray([word in words for words in held]) for word in labels}
    found = {}
    for name in labels:
        source = next((column for column in (f"col:{name}", name) if column in rows), None)
        if source is not None:
            found[name] = _categories(rows[source])
    return found


def _categories(column: pd.Series) -> np.ndarray[Any, Any]:
    """Levels as text; a number of many values in fifths, and levels of fewer than five rows as one."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    if np.unique(numbers[np.isfinite(numbers)]).size > _DISTINCT and np.isfinite(numbers).sum() == column.notna().sum():
        edges = np.unique(np.quantile(numbers[np.isfinite(numbers)], np.arange(1, _BINS) / _BINS))
        return np.where(np.isfinite(numbers), np.searchsorted(edges, numbers, side="left"), _BINS).astype(str)
    text = column.astype(object).where(column.notna(), "(missing)").astype(str)
    rare = text.map(text.value_counts()) < _RARE
    return text.where(~rare, "(rare)").to_numpy(dtype=str)
