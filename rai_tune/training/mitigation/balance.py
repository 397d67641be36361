"""Method ``balance``: every cell of group and label is drawn equally often (group-balanced sampling, Idrissi et al. 2022).

An epoch still draws as many rows as there are, with replacement: rows of a small cell are seen often, some of a large one not at all.
``training.class_weights: balanced`` then weighs classes by how often they are drawn; row weights of the data still count in the loss of what is drawn.
It may be joined with ``group_dro``, whose paper draws groups alike too.
Stable API: ``METHOD``.
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
    name="balance",
    title="Group-balanced sampling",
    does="Training draws every combination of group and label equally often, with replacement, so that the model sees each as much as the largest.",
    slots=("sampling",),
    groups_at_training=True,
    groups_at_use=False,
    law=TRAINING_ONLY,
    source="Idrissi et al. 2022 (arXiv:2110.14503)",
    excludes={
        "reweigh": "each alone makes group and label independent in what is learned from, and both together correct twice",
        "counterfactual_augment": "copies about other groups already change how often each group is seen, and a drawn copy may stand without its row",
    },
)


@mitigation(CARD)
class Balance(Mitigation):
    """Chances by cell. ``facts``: how often a row of each cell is drawn in an epoch, on average."""

    card = CARD

    def __init__(self, spec: MitigationSpec) -> None:
        del spec
        self._told: dict[str, float] = {}

    def sampling(self, rows: TrainingRows) -> NDArray[np.float64]:
        """Expected draws of each row in an epoch; a row of unknown group is drawn once on average, so that these keep their share."""
        cells = cells_of(rows)
        counts = cells.sums.ravel()
        filled = int((counts > 0).sum())
        draws = np.divide(counts.sum() / max(filled, 1), counts, out=np.zeros_like(counts), where=counts > 0)
        self._told = {name: float(draws[place]) for place, name in enumerate(cell_names(rows)) if counts[place] > 0}
        return np.where(cells.of < 0, 1.0, draws[np.maximum(cells.of, 0)])

    def facts(self) -> dict[str, Any]:
        return {"draws_by_cell": self._told}


METHOD = Balance
