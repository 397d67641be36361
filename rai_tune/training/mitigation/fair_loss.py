"""Method ``fair_loss``: a differentiable penalty on the gap between groups, beside the loss.

The rate of a group is the mean probability of the positive class over its rows: by label for equalized odds, over all of them for demographic
parity. A batch may hold few rows of a small group or none, so what is compared is a running mean over batches (an exponential moving average) and the
gradient is that of the batch's own mean. The penalty is the mean absolute difference between the rates of every two groups (Zafar et al. 2017 and
Wick et al. 2019 penalise such gaps; the running estimate is ours). Rows count by their own weight, not by that of their class. On validation rows the
penalty is that of the running rates as training left them: a batch alone would add its own noise to it. Stable API: ``METHOD``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.training.mitigation.base import LossBatch, MethodCard, Mitigation
from rai_tune.training.mitigation.law import TRAINING_ONLY
from rai_tune.training.mitigation.registry import card_of, mitigation

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from rai_tune.data import PreparedData
    from rai_tune.recipe.mitigation import MitigationSpec
    from rai_tune.recipe.schema import Recipe
    from rai_tune.training.mitigation.base import TrainingRows

CARD = MethodCard(
    name="fair_loss",
    title="Penalty on the gap",
    does="Training is penalised for the difference between groups in the mean score, by label (equalized odds) or overall (demographic parity).",
    slots=("penalty",),
    groups_at_training=True,
    groups_at_use=False,
    law=TRAINING_ONLY,
    source="Zafar et al. 2017 (arXiv:1507.05259), Wick et al. 2019; the running estimate is our own",
    binary_only=True,
)


def _check(recipe: Recipe, data: PreparedData, attributes: tuple[str, ...]) -> None:
    """Parity is about the rows of a group as they are. Rates by label do not change when cells are weighed or drawn otherwise."""
    del data, attributes
    assert recipe.mitigation is not None
    if recipe.mitigation.fair_loss.constraint != "demographic_parity":
        return
    for name in recipe.mitigation.methods:
        if {"weights", "sampling"} & set(card_of(name).slots):
            raise UsageError(
                f"mitigation.method: fair_loss for demographic_parity and {name} cannot be joined: parity compares all rows of a group, and "
                f"{name} changes how much each label counts among them; set mitigation.fair_loss.constraint to equalized_odds or leave one out"
            )


@mitigation(CARD, _check)
class FairLoss(Mitigation):
    """Running rates by stratum (label or everybody) and group. ``facts``: the rates after training."""

    card = CARD

    def __init__(self, spec: MitigationSpec) -> None:
        self._spec = spec.fair_loss
        self._positive = 1
        self._strata: tuple[str, ...] = ()
        self._groups: tuple[str, ...] = ()
        self._rates: list[list[float | None]] = []

    def begin(self, rows: TrainingRows) -> None:
        """No rate is known before the first batch that shows it."""
        self._positive = rows.classes.index(rows.positive) if rows.positive in rows.classes else 1
        by_label = self._spec.constraint == "equalized_odds"
        self._strata = rows.classes if by_label else ("everybody",)
        self._groups = rows.group_names
        self._rates = [[None] * len(self._groups) for _ in self._strata]

    def penalty(self, batch: LossBatch) -> torch.Tensor:
        """Strength times the mean gap over strata and pairs of groups that were seen; 0 while there is no pair."""
        import torch

        scores = batch.logits.float().softmax(dim=-1)[:, self._positive]
        total, pairs = scores.sum() * 0.0, 0
        for stratum in range(len(self._strata)):
            inside = batch.labels == stratum if len(self._strata) > 1 else batch.labels >= 0
            rates = [self._rate(batch, scores, inside, stratum, group) for group in range(len(self._groups))]
            seen = [rate for rate in rates if rate is not None]
            if len(seen) > 1:
                together = torch.stack(seen)
                total = total + (together[:, None] - together[None, :]).abs().sum() / 2
                pairs += len(seen) * (len(seen) - 1) // 2
        return self._spec.strength * total / max(pairs, 1)

    def _rate(
        self, batch: LossBatch, scores: torch.Tensor, inside: torch.Tensor, stratum: int, group: int
    ) -> torch.Tensor | None:
        """The running rate, with the gradient of the batch's own where the group is in it."""
        rows = inside & (batch.groups == group)
        before = self._rates[stratum][group]
        if not batch.training or not bool(rows.any()):
            return None if before is None else scores.new_tensor(before)
        weights = scores.new_ones(len(scores)) if batch.row_weights is None else batch.row_weights.to(scores)
        own = (scores[rows] * weights[rows]).sum() / weights[rows].sum()
        value = float(own.detach())
        kept = value if before is None else self._spec.memory * before + (1 - self._spec.memory) * value
        self._rates[stratum][group] = kept
        return own - own.detach() + kept

    def state(self) -> dict[str, Any]:
        return {"rates": self._rates}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self._rates = [list(rates) for rates in state["rates"]]

    def facts(self) -> dict[str, Any]:
        told = zip(self._strata, self._rates, strict=True)
        return {"mean_score": {stratum: dict(zip(self._groups, rates, strict=True)) for stratum, rates in told}}


METHOD = FairLoss
