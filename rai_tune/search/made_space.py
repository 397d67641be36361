"""A search space that suits the rows, the base and the policies, for a recipe that writes none. Stable API: ``made_space``.

Ranges are those that practice starts from (LoRA: Hu et al. 2022; learning rates around ten times those of full fine-tuning), narrowed by what there is:
rows, layers, groups, texts that can be changed, and methods that a policy of the recipe forbids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.planning import check_vetoes
from rai_tune.recipe.search import Choice, Range
from rai_tune.search.space import Parameter, Space, trial_recipe
from rai_tune.training.few_shot import check_few_shot, learned_from
from rai_tune.training.mitigation.composing import check_mitigation
from rai_tune.training.structure import layers_of, linear_modules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.planning import Plan

METHODS = ("reweigh", "balance", "group_dro", "fair_loss", "counterfactual_augment", "logit_pairing", "threshold")
"""Methods that a made space may try, where they suit."""

_STRENGTHS = {
    "fair_loss": ("mitigation.fair_loss.strength", Range(low=0.1, high=10.0, log=True)),
    "logit_pairing": ("mitigation.logit_pairing.strength", Range(low=0.1, high=10.0, log=True)),
    "group_dro": ("mitigation.group_dro.step_size", Range(low=1e-3, high=1e-1, log=True)),
    "counterfactual_augment": ("mitigation.counterfactual_augment.share", Range(low=0.25, high=1.0)),
}
_RANKS = (0, 2, 4, 8, 16)
_MOST_LAYERS = 24
_FEW = 1000
"""Training rows under which more passes and smaller batches are worth trying."""


def made_space(planned: Plan) -> Space:
    """The space for a plan: rate, batch, epochs, method and strength of mitigation and, unless the recipe says not, structure."""
    structure = planned.recipe.search is None or planned.recipe.search.structure
    adapter = planned.recipe.model.adapter.method
    return Space(
        (
            *_training(planned, adapter),
            *_mitigation(planned),
            *(_structure(planned) if structure and adapter == "lora" else ()),
        )
    )


def _training(planned: Plan, adapter: str) -> Iterator[Parameter]:
    spec = planned.recipe.training
    rows = int((planned.data.rows["split"] == "train").sum())
    few = rows < _FEW or spec.few_shot is not None
    yield _plain("training.batch_size", Choice(choices=(8, 16, 32) if few else (16, 32, 64)))
    if spec.few_shot is not None:
        # With a frozen encoder nothing is warmed up, and the head has no rate of its own.
        if adapter != "frozen":
            low, high = (2e-5, 5e-4) if adapter == "full" else (2e-4, 5e-3)
            yield _plain("training.few_shot.learning_rate", Range(low=low, high=high, log=True))
            yield _plain("training.few_shot.epochs", Range(low=5, high=40, whole=True))
        return
    low, high = {"full": (5e-6, 2e-4), "frozen": (1e-4, 3e-2)}.get(adapter, (2e-4, 5e-3))
    yield _plain("training.learning_rate", Range(low=low, high=high, log=True))
    # A patience as long as the training is refused, so no trial is as short.
    fewest = 1 + (spec.early_stopping.patience if spec.checkpoint_every == "epoch" else 0)
    yield _plain("training.epochs", Range(low=fewest, high=max(8 if few else 4, fewest + 1), whole=True))


def _mitigation(planned: Plan) -> Iterator[Parameter]:
    """Nothing where the recipe names a method itself: that was somebody's decision."""
    if planned.recipe.mitigation is not None:
        return
    methods = [name for name in METHODS if _suits(planned, name)]
    if not methods:
        return
    yield _plain("mitigation.method", Choice(choices=(None, *methods)))
    for name in methods:
        if name in _STRENGTHS:
            field, domain = _STRENGTHS[name]
            yield Parameter(field, field, domain, on="mitigation.method", values=(name,))


def _suits(planned: Plan, name: str) -> bool:
    """Whether a method can be planned for this data under these policies."""
    try:
        recipe = trial_recipe(planned.loaded, {"mitigation.method": name}).recipe
        check_vetoes(recipe, planned.policies, {"groups": planned.data.groups, "rows": len(planned.data.rows)})
        check_few_shot(recipe)
        check_mitigation(recipe, learned_from(recipe, planned.data))
    except UsageError:
        return False
    return True


def _structure(planned: Plan) -> Iterator[Parameter]:
    """Layers kept, a rank for each, and the modules adapted; one rank where the base does not say its layers or has very many."""
    there, adapter = layers_of(planned.base), planned.recipe.model.adapter
    if there is None or there > _MOST_LAYERS:
        yield _plain("model.adapter.rank", Choice(choices=_RANKS[1:]))
        return
    kept = planned.recipe.model.layers
    fewest = there if kept is not None or adapter.layer_ranks is not None else max(1, there // 2)
    most = kept or there
    if fewest < most:
        yield _plain("model.layers", Range(low=fewest, high=most, whole=True))
    if adapter.layer_ranks is None:
        for layer in range(most):
            field = f"model.adapter.layer_ranks[{layer}]"
            only: dict[str, Any] = (
                {"on": "model.layers", "values": tuple(range(layer + 1, most + 1))} if layer >= fewest else {}
            )
            yield Parameter(field, field, Choice(choices=_RANKS), **only)
    modules = [name for name in ("query", "key", "value", "q_lin", "v_lin") if name in linear_modules(planned.base)]
    if adapter.target_modules == "all-linear" and len(modules) > 1:
        yield _plain("model.adapter.target_modules", Choice(choices=("all-linear", tuple(modules))))


def _plain(field: str, domain: Range | Choice) -> Parameter:
    return Parameter(field, field, domain)
