"""Method ``logit_pairing``: a row and the same row about another group are pulled to the same score (Garg et al. 2019).

The penalty is the paper's, on all rows: ``strength * mean over rows of the mean over the row's counterfactuals of |g(x) - g(x')|``, with g the
logit. Its variant on negative rows alone is not offered. Stable API: ``METHOD``, ``pairing_gap``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.training.mitigation.base import LossBatch, MethodCard, Mitigation
from rai_tune.training.mitigation.counterfactuals import check_counterfactuals
from rai_tune.training.mitigation.registry import mitigation

if TYPE_CHECKING:
    import torch

    from rai_tune.data import PreparedData
    from rai_tune.recipe.mitigation import MitigationSpec
    from rai_tune.recipe.schema import Recipe
    from rai_tune.training.mitigation.base import TrainingRows

CARD = MethodCard(
    name="logit_pairing",
    title="Counterfactual logit pairing",
    does=(
        "Training is penalised where a row and the same row about another group get different scores; each batch also reads those other "
        "rows, which makes it slower in proportion."
    ),
    slots=("penalty",),
    groups_at_training=False,
    groups_at_use=False,
    law=(
        "None known against such a penalty. A template that shows a group's column makes it an input of every decision, which credit law "
        "forbids for a prohibited basis (12 CFR 1002.6(b)); free text needs no such column."
    ),
    source="Garg et al. 2019 (arXiv:1809.10610)",
)


def _check(recipe: Recipe, data: PreparedData, attributes: tuple[str, ...]) -> None:
    check_counterfactuals(CARD.name, recipe, data, attributes)


@mitigation(CARD, _check)
class LogitPairing(Mitigation):
    """Adds the gap between logits to the loss. ``facts``: rows with counterfactuals, and texts read beside them in each epoch."""

    card = CARD

    def __init__(self, spec: MitigationSpec) -> None:
        self._strength = spec.logit_pairing.strength
        self._paired = 0
        self._texts = 0

    def pairs(self, rows: TrainingRows) -> list[tuple[str, ...]]:
        """The texts of each row about every other group."""
        found = [tuple(other.text for other in rows.swaps(position)) for position in range(len(rows.labels))]
        self._paired, self._texts = sum(map(bool, found)), sum(map(len, found))
        return found

    def penalty(self, batch: LossBatch) -> torch.Tensor | None:
        """Strength times the gap; None for a batch in which no row has a counterfactual."""
        if batch.pair_logits is None or batch.pair_of is None or not len(batch.pair_of):
            return None
        return self._strength * pairing_gap(batch.logits, batch.pair_logits, batch.pair_of)

    def facts(self) -> dict[str, Any]:
        return {"rows_paired": self._paired, "texts_beside": self._texts}


METHOD = LogitPairing


def pairing_gap(logits: torch.Tensor, pair_logits: torch.Tensor, pair_of: torch.Tensor) -> torch.Tensor:
    """Mean over rows of the mean absolute difference of logits to the row's counterfactuals; a row without any counts as 0.

    Shapes: (rows, classes), (pairs, classes), (pairs,) with the row of each pair. Logits are taken from their mean over classes, since adding
    one number to all of them changes no score, and differences are summed over classes: with two classes that is the difference of log-odds,
    the paper's logit.
    """
    import torch

    moved = logits.float()[pair_of] - pair_logits.float()
    size = (moved - moved.mean(dim=1, keepdim=True)).abs().sum(dim=1)
    each = torch.bincount(pair_of, minlength=len(logits)).to(size)
    return (size / each[pair_of]).sum() / len(logits)
