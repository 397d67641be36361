"""Mean attribution of one word or column over documents, with the document as the unit. Internal to ``global_attributions``."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from rai_audits.explain.words import shown_word
from rai_audits.stats.interval import Side, tail
from rai_audits.stats.paired import paired_cluster_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rai_audits.explain.documents import Document

_SAME = 1e-6


@dataclass(frozen=True)
class Use:
    """One occurrence of a word, or the column of one document: its document and attribution in logits."""

    document: Document
    value: float


@dataclass(frozen=True)
class UnitMean:
    """A mean, or a difference of two. ``error`` is its standard error, ``freedom`` the degrees of freedom of Student's t.

    ``least_p`` is the smallest p-value that as many documents can give without assuming a shape; it stands in where no value varies.
    """

    mean: float
    error: float
    freedom: float
    documents: int
    uses: int
    least_p: float

    def ends(self, alpha: float, side: Side = "two-sided") -> tuple[float, float]:
        """Student's interval; no width where no value varies."""
        reach = float(special.stdtrit(self.freedom, 1 - tail(alpha, side))) * self.error
        return (
            -math.inf if side == "upper" else self.mean - reach,
            math.inf if side == "lower" else self.mean + reach,
        )

    @property
    def p_value(self) -> float:
        """Two-sided, that the mean is 0."""
        if self.mean == 0:
            return 1.0
        if self.error <= _SAME * abs(self.mean):
            return self.least_p
        return float(2 * special.stdtr(self.freedom, -abs(self.mean) / self.error))


def uses_of(documents: Iterable[Document], kind: Literal["word", "column"]) -> dict[str, list[Use]]:
    """Occurrences of every word (case-folded, with a letter or digit) or column of the documents that reached completeness, sorted by name."""
    found: dict[str, list[Use]] = defaultdict(list)
    for item in documents:
        if not item.ok:
            continue
        for unit in item.attribution.words if kind == "word" else item.attribution.columns:
            name = shown_word(unit) if kind == "word" else unit.unit
            if unit.kind == kind and not unit.fixed and name is not None:
                found[name].append(Use(item, unit.attribution))
    return {name: found[name] for name in sorted(found)}


def document_count(uses: Iterable[Use]) -> int:
    """Documents that hold at least one of the uses."""
    return len({use.document.row_id for use in uses})


def unit_mean(uses: Sequence[Use], *, absolute: bool = False) -> UnitMean | None:
    """Mean over uses with a variance robust to their sharing documents; None for fewer than two documents."""
    values = np.asarray([abs(use.value) if absolute else use.value for use in uses], dtype=np.float64)
    holders = np.asarray([use.document.row_id for use in uses], dtype=str)
    count = np.unique(holders).size
    if count < 2:
        return None
    found = paired_cluster_mean(values, holders)
    error = (found.high - found.estimate) / float(special.stdtrit(count - 1, 0.975))
    return UnitMean(found.estimate, error, count - 1.0, count, values.size, 2.0 ** (1 - count))


def unit_difference(first: UnitMean, second: UnitMean) -> UnitMean:
    """First minus second of disjoint documents, after Welch (1947)."""
    variances = [first.error**2, second.error**2]
    total = sum(variances)
    parts = sum(each**2 / mean.freedom for each, mean in zip(variances, (first, second), strict=True))
    freedom = total**2 / parts if parts > 0 else first.freedom + second.freedom
    documents = first.documents + second.documents
    least = min(1.0, 2 / math.comb(documents, first.documents))
    mean = first.mean - second.mean
    scale = max(abs(first.mean), abs(second.mean))
    if abs(mean) <= _SAME * scale and math.sqrt(total) <= _SAME * scale:
        mean = 0.0
    return UnitMean(mean, math.sqrt(total), freedom, documents, first.uses + second.uses, least)
