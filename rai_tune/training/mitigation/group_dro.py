"""Method ``group_dro``: the cell of group and label with the largest loss weighs most (Sagawa et al. 2020).

Algorithm 1 of the paper, as its published code does it: for each batch q_g grows by the factor exp(step_size * loss_g) and q is scaled to sum to 1;
the loss of the batch is the sum of q_g * loss_g. With ``adjustment`` C the loss that q follows has C / sqrt(n_g) added. A cell that is absent from a
batch has loss 0 in it. The paper's point is that this gains nothing without a strong penalty on weights, so one is part of the method.

All rows of a cell have one label, so ``training.class_weights`` cancel out within it and change nothing for rows of known group. On validation rows
the loss counts all cells alike rather than by q: q differs from checkpoint to checkpoint, and losses under different weights cannot be compared.
Stable API: ``METHOD``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.training.mitigation.base import UNKNOWN_GROUP, LossBatch, MethodCard, Mitigation
from rai_tune.training.mitigation.cells import cell_names, cells_of
from rai_tune.training.mitigation.law import TRAINING_ONLY
from rai_tune.training.mitigation.registry import mitigation

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from rai_tune.recipe.mitigation import MitigationSpec
    from rai_tune.training.mitigation.base import TrainingRows

CARD = MethodCard(
    name="group_dro",
    title="Group DRO",
    does="Training follows the combination of group and label that is learned worst, under a strong penalty on weights.",
    slots=("reduction",),
    groups_at_training=True,
    groups_at_use=False,
    law=TRAINING_ONLY,
    source="Sagawa et al. 2020 (arXiv:1911.08731)",
    excludes={
        "reweigh": "group DRO weighs the cells itself, by their losses, and weights within a cell that are all alike cancel out",
    },
)


@mitigation(CARD)
class GroupDro(Mitigation):
    """Weights q of the cells, followed from batch to batch. ``facts``: q after training, by cell."""

    card = CARD

    def __init__(self, spec: MitigationSpec) -> None:
        self._spec = spec.group_dro
        self._names: list[str] = []
        self._labels = 1
        self._q = np.ones(1)
        self._added = np.zeros(1)
        self._alike = np.ones(2)

    def begin(self, rows: TrainingRows) -> None:
        """Start with equal weight on every cell that has rows; a cell without any can never weigh."""
        counts = cells_of(rows).sums.ravel()
        self._names, self._labels = cell_names(rows), len(rows.classes)
        filled = counts > 0
        self._q = filled / max(int(filled.sum()), 1)
        self._added = np.divide(self._spec.adjustment, np.sqrt(counts), out=np.zeros_like(counts), where=filled)
        own = rows.frame["weight"].to_numpy(dtype=float) if "weight" in rows.frame else None
        sums = cells_of(rows, own).sums.ravel()
        each = sums.sum() / max(int(filled.sum()), 1)
        alike = np.divide(each, sums, out=np.zeros_like(sums), where=filled)
        self._alike = np.append(alike, 1.0)  # the last is for rows of unknown group

    @property
    def weight_decay(self) -> float:
        return self._spec.weight_decay

    def reduce(self, batch: LossBatch) -> torch.Tensor | None:
        """Sum of q times the mean loss of each cell; rows of unknown group count by their share of the batch. Validation rows leave q as it is."""
        import torch

        if not batch.training:
            return self._measured(batch)
        known = batch.groups != UNKNOWN_GROUP
        cells = torch.where(known, batch.groups * self._labels + batch.labels, 0)
        weights = batch.weights * known
        losses = self._sums(cells, batch.losses * weights) / self._sums(cells, weights).clamp(min=1e-12)
        self._follow(losses.detach().double().cpu().numpy())
        q = torch.as_tensor(self._q, dtype=losses.dtype, device=losses.device)
        robust = (q * losses).sum()
        unknown = batch.weights * ~known
        share = unknown.sum() / batch.weights.sum()
        if not bool(share > 0):
            return robust
        rest = (batch.losses * unknown).sum() / unknown.sum()
        return (1 - share) * robust + share * rest

    def _measured(self, batch: LossBatch) -> torch.Tensor:
        """Mean loss with every cell alike, by shares of the rows that are learned from, so that means of batches add up to that of all rows."""
        import torch

        cells = torch.where(batch.groups != UNKNOWN_GROUP, batch.groups * self._labels + batch.labels, len(self._q))
        own = torch.ones_like(batch.losses) if batch.row_weights is None else batch.row_weights.to(batch.losses)
        alike = torch.as_tensor(self._alike, dtype=batch.losses.dtype, device=batch.losses.device)[cells]
        return (batch.losses * own * alike).sum() / own.sum()

    def _sums(self, cells: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return values.new_zeros(len(self._q)).index_add(0, cells, values)

    def _follow(self, losses: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        # The largest exponent is taken off first: it cancels when q is scaled, and a diverging loss must not overflow before it is seen.
        grown = self._spec.step_size * np.nan_to_num(losses + self._added, nan=0.0, posinf=1e6)
        followed = self._q * np.exp(grown - grown.max())
        self._q = followed / followed.sum()

    def state(self) -> dict[str, Any]:
        return {"q": self._q.tolist()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._q = np.asarray(state["q"], dtype=np.float64)

    def facts(self) -> dict[str, Any]:
        return {"weight_by_cell": {name: float(q) for name, q in zip(self._names, self._q, strict=False) if q > 0}}


METHOD = GroupDro
