"""The recipe's ``mitigation``: what is done about bias while the model learns or after it, and with which settings.

Stable API: ``MitigationSpec`` and its parts. A method is named; what it may be joined with, and what it needs, is checked when the run is
planned, since a method may come from another package.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from rai_tune.recipe.part import Name, NotNegative, Part, Positive, Text

Constraint = Literal["equalized_odds", "demographic_parity"]


def _count(given: object) -> str:
    """Whether one method is named or several; told apart first, so that an error speaks of what was written."""
    return "several" if isinstance(given, list | tuple) else "one"


Methods = Annotated[
    Annotated[Name, Tag("one")] | Annotated[tuple[Name, ...], Field(min_length=1, max_length=10), Tag("several")],
    Discriminator(_count),
]


class GroupDroSpec(Part):
    """Group distributionally robust optimisation (Sagawa et al. 2020): the group with the largest loss weighs most."""

    step_size: Positive = 0.01
    """Rate at which a group's weight follows its loss; the paper's 0.01."""

    adjustment: NotNegative = 0.0
    """Added to a group's loss as ``adjustment / sqrt(rows of the group)``, so that small groups are not fitted by heart (the paper's C)."""

    weight_decay: NotNegative = 0.1
    """L2 penalty while this method trains, in place of ``training.weight_decay``: without a strong one it gains nothing over plain training."""


class AugmentSpec(Part):
    """Counterfactual augmentation: the same rows about people of another group, with the same label."""

    share: Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)] = 1.0
    """Share of the training rows that get a copy for each other group; training takes longer in proportion."""


class PairingSpec(Part):
    """Counterfactual logit pairing (Garg et al. 2019): a row and its copy about another group are pulled to the same score."""

    strength: Positive = 1.0
    """Weight of the mean absolute difference of logits beside the loss."""


class FairLossSpec(Part):
    """A differentiable penalty on the gap between groups, from a running estimate over batches."""

    constraint: Constraint = "equalized_odds"
    """Gap that is penalised: of rates by label (equalized_odds) or of all rows (demographic_parity)."""

    strength: Positive = 1.0
    """Weight of the penalty beside the loss."""

    memory: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    """Share of the running estimate that stays at each batch; 0 reads the batch alone, in which small groups may be absent."""


class ThresholdSpec(Part):
    """Thresholds by group, chosen on validation rows (Hardt et al. 2016). The group of a person must be known when a decision is made.

    ``decision.rule`` still chooses one threshold, which decides for people whose group is not known and for groups with too few validation rows.
    """

    constraint: Constraint = "equalized_odds"
    """What is made alike between groups."""

    randomised: bool = False
    """Draw between two thresholds of a group, as Fairlearn's ``ThresholdOptimizer`` does; false gives like people like decisions."""

    objective: Literal["balanced_accuracy", "accuracy"] = "balanced_accuracy"
    """Quality that is kept as high as it can be. Accuracy on rare labels is highest where hardly anybody is decided positive."""

    grid: Annotated[int, Field(ge=10, le=10_000)] = 500
    """Points of the grid on which the constraint is searched: rates for a draw, cutoffs of a group otherwise."""


class ExponentiatedGradientSpec(Part):
    """Fairlearn's reduction to weighted classification (Agarwal et al. 2018), on the features of a frozen encoder."""

    constraint: Constraint = "equalized_odds"
    """What is made alike between groups."""

    eps: Annotated[float, Field(gt=0.0, lt=1.0, allow_inf_nan=False)] = 0.02
    """Difference that is allowed on the training rows between a group's rate and that of all rows; two groups may differ by twice as much."""

    max_iter: Annotated[int, Field(ge=1, le=1000)] = 50
    """Classifiers that are fitted at most."""


class MitigationSpec(Part):
    """What is done about bias. Every run that does something also trains without it, so that the report shows before and after."""

    method: Methods
    """A method by name, or several that may be joined: ``reweigh``, ``balance``, ``group_dro``, ``counterfactual_augment``,
    ``logit_pairing``, ``fair_loss``, ``threshold``, ``exponentiated_gradient``."""

    attributes: tuple[Name, ...] = ()
    """Group attributes that the method reads, by name; several are crossed. By default every declared attribute that crosses no others."""

    group_dro: GroupDroSpec = GroupDroSpec()
    """Settings of ``group_dro``."""

    counterfactual_augment: AugmentSpec = AugmentSpec()
    """Settings of ``counterfactual_augment``."""

    logit_pairing: PairingSpec = PairingSpec()
    """Settings of ``logit_pairing``."""

    fair_loss: FairLossSpec = FairLossSpec()
    """Settings of ``fair_loss``."""

    threshold: ThresholdSpec = ThresholdSpec()
    """Settings of ``threshold``."""

    exponentiated_gradient: ExponentiatedGradientSpec = ExponentiatedGradientSpec()
    """Settings of ``exponentiated_gradient``."""

    options: dict[Text, int | float | str | bool | None] = Field(default_factory=dict)
    """Settings of a method from another package, by that method's own names."""

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods in the order given."""
        return (self.method,) if isinstance(self.method, str) else self.method

    @model_validator(mode="after")
    def _each_once(self) -> MitigationSpec:
        for what, names in (("method", self.methods), ("attributes", self.attributes)):
            if len(set(names)) != len(names):
                raise ValueError(f"mitigation.{what} lists a name twice")
        return self
