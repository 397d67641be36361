"""What a few-shot recipe cannot be joined with, told before any data is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.core import UsageError
from rai_tune.training.mitigation.registry import card_of

if TYPE_CHECKING:
    from rai_tune.recipe.schema import Recipe


def check_few_shot(recipe: Recipe) -> None:
    """Refuse mitigation that acts while a model learns. Raises ``UsageError`` naming the method.

    Methods that act on decisions alone, such as ``threshold``, are fitted on validation scores and do not mind how the scores came about.
    """
    if recipe.training.few_shot is None or recipe.mitigation is None:
        return
    for name in recipe.mitigation.methods:
        if set(card_of(name).slots) != {"decision"}:
            raise UsageError(
                f"mitigation {name} changes how the Trainer learns, and training.few_shot learns by a warm start and a fitted head instead: "
                "use a method that acts on decisions, such as threshold, or leave out training.few_shot"
            )
