"""One explained row of a run, and the two artifact tables that explained rows become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_audits.explain.attribution import TokenAttribution
    from rai_audits.explain.encoding import EncodedText
    from rai_audits.explain.folding import Segment
    from rai_audits.explain.target import Target
    from rai_audits.explain.texts import TextAttribution


@dataclass(frozen=True)
class Document:
    """A drawn row: what was recorded about it, and its attribution. ``groups`` maps attribute to group.

    ``score`` is the recorded probability of the class that is explained: the positive one of two, else the predicted. ``attribution`` is
    ``tokens`` folded to words and, along ``segments``, to columns. ``row`` is the row as it was drawn: its text and source columns.
    """

    row_id: str
    label: str
    prediction: str
    score: float | None
    groups: Mapping[str, str]
    templated: bool
    attribution: TextAttribution
    tokens: TokenAttribution
    encoded: EncodedText
    segments: tuple[Segment, ...] | None
    target: Target
    row: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        return self.attribution.status == "ok"

    def column_shares(self) -> dict[str, float] | None:
        """Share of each column in the sum over columns of |attribution|; None when no column has any.

        The fixed text of the template is left out: it is the same for everybody.
        """
        sizes = {
            unit.unit: abs(unit.attribution)
            for unit in self.attribution.columns
            if unit.kind == "column" and not unit.fixed
        }
        total = sum(sizes.values())
        return {name: size / total for name, size in sizes.items()} if total > 0 else None

    def fixed_text_share(self) -> float | None:
        """Share of the template's fixed text in all |attribution| of columns and fixed text."""
        units = [unit for unit in self.attribution.columns if unit.kind == "column"]
        total = sum(abs(unit.attribution) for unit in units)
        return sum(abs(unit.attribution) for unit in units if unit.fixed) / total if total > 0 else None


def attribution_table(documents: Sequence[Document]) -> pd.DataFrame:
    """One row per document and unit.

    A templated row has words and columns, two foldings of the same total: sum one kind with ``special``, never both.
    Undefined documents have no units.
    """
    records = [
        (document.row_id, unit.kind, unit.position, unit.unit, unit.start, unit.end, unit.attribution)
        for document in documents
        for unit in (
            *document.attribution.words,
            *(item for item in document.attribution.columns if item.kind == "column"),
        )
    ]
    table = pd.DataFrame.from_records(
        records, columns=["row_id", "unit_kind", "position", "unit", "start", "end", "attribution"]
    )
    whole = {"position": "int64", "start": "int64", "end": "int64", "attribution": "float64"}
    return table.astype({"row_id": "str", "unit_kind": "str", "unit": "str", **whole})


def document_table(documents: Sequence[Document], attributes: Sequence[str]) -> pd.DataFrame:
    """One row per document. ``completeness_error`` is relative to the output change.

    Numbers that do not exist are missing values, and ``status`` and ``reason`` say why.
    """
    facts = [item.attribution for item in documents]
    table = pd.DataFrame(
        {
            "row_id": pd.Series([item.row_id for item in documents], dtype="str"),
            "label": pd.Series([item.label for item in documents], dtype="str"),
            "prediction": pd.Series([item.prediction for item in documents], dtype="str"),
            "target": pd.Series([item.target for item in facts], dtype="str"),
            "score": pd.Series([item.score for item in documents], dtype="Float64"),
            "output_change": pd.Series([item.output_change for item in facts], dtype="Float64"),
            "completeness_error": pd.Series([item.relative_error for item in facts], dtype="Float64"),
            "method": pd.Series([item.method for item in facts], dtype="str"),
            "steps": pd.Series([item.steps for item in facts], dtype="int64"),
            "evaluations": pd.Series([item.evaluations for item in facts], dtype="int64"),
            "resolved": pd.Series([item.resolved for item in facts], dtype="Float64"),
            "status": pd.Series([item.status for item in facts], dtype="str"),
            "reason": pd.Series([item.reason for item in facts], dtype="str"),
            "tokens": pd.Series([item.tokens for item in facts], dtype="int64"),
            "truncated": pd.Series([item.truncated for item in facts], dtype="bool"),
        }
    )
    for attribute in attributes:
        table[f"group:{attribute}"] = pd.Series([item.groups[attribute] for item in documents], dtype="str")
    return table
