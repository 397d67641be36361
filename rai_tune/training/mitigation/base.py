"""What a mitigation method is: a card that says what it needs, and an object with the hooks that training calls.

Stable API. A method overrides the hooks of the slots on its card and leaves the others alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import pandas as pd
    import torch
    from numpy.typing import NDArray

    from rai_tune.tasks.pooled import Head
    from rai_tune.training.mitigation.counterfactuals import Counterfactual
    from rai_tune.training.postprocessing import PostProcessing

Slot = Literal["rows", "weights", "sampling", "reduction", "penalty", "fit", "decision"]
"""Where a method acts. Two methods may be joined where they act in different slots; penalties may be added to each other.

``rows``: which rows are learned from. ``weights``: how much each counts. ``sampling``: how often each is drawn. ``reduction``: how the losses of
rows become the loss of a batch. ``penalty``: what is added to it. ``fit``: another learner in place of the Trainer. ``decision``: how a score
becomes a decision, after training.
"""

UNKNOWN_GROUP = -1
"""Index of a row whose group is not known; such a row is in no group's loss, weight or rate."""


@dataclass(frozen=True)
class MethodCard:
    """What a method does and needs, in words that a person who decides about its use can read."""

    name: str
    title: str
    """Name in plain words, such as "Group DRO"."""
    does: str
    """What it does, in one sentence."""
    slots: tuple[Slot, ...]
    groups_at_training: bool
    """Whether the group of each training or validation row must be known."""
    groups_at_use: bool
    """Whether the group of a person must be known when a decision about them is made."""
    law: str
    """Where law may forbid that use of groups, with its reference; empty where none is known."""
    source: str
    """Paper or law that it comes from."""
    binary_only: bool = False
    excludes: Mapping[str, str] = field(default_factory=dict)
    """Methods it cannot be joined with although their slots differ, each with the reason."""


@dataclass(frozen=True)
class TrainingRows:
    """The rows of one split as a method sees them, in the order of training. All arrays have shape (rows,).

    ``groups`` is the index of each row's group in ``group_names`` (crossed where several attributes are read), ``UNKNOWN_GROUP`` where it is not known.
    ``labels`` are indices into ``classes``. ``swaps`` gives the row at a position about every other group, each text once; empty where none can
    be made.
    """

    frame: pd.DataFrame
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    group_names: tuple[str, ...]
    attributes: tuple[str, ...]
    classes: tuple[str, ...]
    positive: str | None
    favourable: str | None
    seed: int
    swaps: Callable[[int], tuple[Counterfactual, ...]] = lambda _position: ()


@dataclass(frozen=True)
class Embedded:
    """Rows with the frozen encoder's mean-pooled embeddings, ``features`` of shape (rows, width)."""

    rows: TrainingRows
    features: NDArray[np.float64]


@dataclass(frozen=True)
class LossBatch:
    """One batch as a loss sees it. ``rows`` is the number of rows, ``classes`` of classes.

    ``pair_logits`` (pairs, classes) are those of the rows' counterfactuals and ``pair_of`` (pairs,) the row in the batch that each belongs to.
    """

    logits: torch.Tensor
    """(rows, classes)"""
    labels: torch.Tensor
    """(rows,)"""
    losses: torch.Tensor
    """Cross-entropy of each row, (rows,)."""
    weights: torch.Tensor
    """Row weight times class weight, (rows,)."""
    groups: torch.Tensor
    """(rows,), ``UNKNOWN_GROUP`` where not known."""
    pair_logits: torch.Tensor | None = None
    pair_of: torch.Tensor | None = None
    training: bool = True
    """False where the loss is only measured, on validation rows: no state may change then."""
    row_weights: torch.Tensor | None = None
    """Weight of each row without that of its class, (rows,): what rates of a group are taken with. None where all are 1."""


class Mitigation:
    """Base of all methods: every hook does nothing. A method is made anew for each run from the recipe and the training rows.

    ``state`` and ``load_state`` carry what training changed through a checkpoint, as JSON, so that a resumed run has the same weights.
    """

    card: MethodCard

    def augment(self, rows: TrainingRows) -> pd.DataFrame | None:
        """Slot ``rows``: the rows to learn from, with the columns of ``rows.frame``; new ones have ids of their own. None leaves them."""
        del rows
        return None

    def pairs(self, rows: TrainingRows) -> list[tuple[str, ...]] | None:
        """Slot ``penalty``: counterfactual texts of each row, whose logits the penalty then finds in ``LossBatch.pair_logits``."""
        del rows
        return None

    def weights(self, rows: TrainingRows) -> NDArray[np.float64] | None:
        """Slot ``weights``: a positive factor for each row, of mean about 1, shape (rows,)."""
        del rows
        return None

    def sampling(self, rows: TrainingRows) -> NDArray[np.float64] | None:
        """Slot ``sampling``: the relative chance of each row to be drawn, shape (rows,)."""
        del rows
        return None

    def begin(self, rows: TrainingRows) -> None:
        """Called once before training, with the rows that are learned from: counts and running estimates begin here."""
        del rows

    def reduce(self, batch: LossBatch) -> torch.Tensor | None:
        """Slot ``reduction``: the loss of a batch, in place of the weighted mean."""
        del batch
        return None

    def penalty(self, batch: LossBatch) -> torch.Tensor | None:
        """Slot ``penalty``: a number of at least 0 that is added to the loss."""
        del batch
        return None

    def fit_head(self, train: Embedded, validation: Embedded, class_weights: Mapping[str, float]) -> Head | None:
        """Slot ``fit``: a head on the encoder's embeddings, in place of the Trainer. ``class_weights`` has every class."""
        del train, validation, class_weights
        return None

    @property
    def weight_decay(self) -> float | None:
        """L2 penalty that the method trains with in place of the recipe's; None leaves that."""
        return None

    def post(self, scores: NDArray[np.float64], rows: TrainingRows) -> PostProcessing | None:
        """Slot ``decision``: how scores of the positive class on validation rows become decisions; shape (rows,)."""
        del scores, rows
        return None

    def state(self) -> dict[str, Any]:
        """What training changed, as JSON values."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that ``state`` gave."""
        del state

    def facts(self) -> dict[str, Any]:
        """What is worth recording after training, as finite JSON values: final group weights, rows added, the chosen thresholds."""
        return {}
