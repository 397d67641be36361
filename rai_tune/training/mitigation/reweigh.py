"""Method ``reweigh``: rows weigh as if group and label were independent (Kamiran and Calders 2012).

A row of group g and label y weighs P(g) P(y) / P(g, y), with probabilities of the training rows, in which a row counts by its own weight where the
data have weights. This is the formula of AIF360's ``Reweighing``, with every label rather than two. Stable API: ``METHOD``, ``cell_weights``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.training.mitigation.base import MethodCard, Mitigation
from rai_tune.training.mitigation.cells import cell_names, cells_of
from rai_tune.training.mitigation.law import TRAINING_ONLY
from rai_tune.training.mitigation.registry import mitigation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rai_tune.recipe.mitigation import MitigationSpec
    from rai_tune.training.mitigation.base import TrainingRows

CARD = MethodCard(
    name="reweigh",
    title="Reweighing",
    does="Training rows weigh as if group and label were independent: a label that is rare in a group counts more there.",
    slots=("weights",),
    groups_at_training=True,
    groups_at_use=False,
    law=TRAINING_ONLY,
    source="Kamiran and Calders 2012 (doi:10.1007/s10115-011-0463-8); formula as in AIF360",
    excludes={
        "balance": "each alone makes group and label independent in what is learned from, and both together correct twice",
        "group_dro": "group DRO weighs the cells itself, by their losses, and weights within a cell that are all alike cancel out",
    },
)


@mitigation(CARD)
class Reweigh(Mitigation):
    """Weights by cell. ``facts``: the weight of each cell that has rows."""

    card = CARD

    def __init__(self, spec: MitigationSpec) -> None:
        del spec
        self._told: dict[str, float] = {}

    def weights(self, rows: TrainingRows) -> NDArray[np.float64]:
        """A factor for each row; 1 where the group is not known."""
        own = rows.frame["weight"].to_numpy(dtype=float) if "weight" in rows.frame else None
        cells = cells_of(rows, own)
        by_cell = cell_weights(cells.sums)
        flat = by_cell.ravel()
        self._told = {
            name: float(flat[place]) for place, name in enumerate(cell_names(rows)) if cells.sums.ravel()[place] > 0
        }
        factors: NDArray[np.float64] = np.where(cells.of < 0, 1.0, flat[np.maximum(cells.of, 0)])
        return factors

    def facts(self) -> dict[str, Any]:
        return {"weight_by_cell": self._told}


METHOD = Reweigh


def cell_weights(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(g) P(y) / P(g, y) from sums by group and label, shape (groups, labels); 1 for a cell without rows, which no row reads."""
    total = sums.sum()
    expected = sums.sum(axis=1, keepdims=True) * sums.sum(axis=0, keepdims=True) / max(total, 1e-300)
    weights: NDArray[np.float64] = np.divide(expected, sums, out=np.ones_like(sums), where=sums > 0)
    return weights
