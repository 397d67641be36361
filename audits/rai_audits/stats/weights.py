"""Row weights: what many unequal rows are worth in equal ones. Stable API: ``effective_rows``.

Every interval of a weighted number counts rows at this number, and the audits that use weights disclose it as ``effective_n``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rai_audits.stats.interval import FloatArray


def effective_rows(weights: FloatArray) -> float:
    """Kish's effective sample size (1965), (sum w)^2 / sum w^2; the number of rows when all weights are equal, 0 for none."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
