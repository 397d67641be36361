"""What is trained on top of the base model: LoRA, everything, a head alone, or another PEFT method by its name."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError, did_you_mean
from rai_tune.training.structure import ranks_by_layer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.recipe.schema import AdapterSpec

_OWN = ("full", "frozen")
_HEAD_NAMES = ("classifier", "score", "pre_classifier", "classification_head")


def known_methods() -> tuple[str, ...]:
    """Every adapter method that a recipe may name."""
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    return tuple(sorted({*_OWN, *(kind.value.lower() for kind in PEFT_TYPE_TO_CONFIG_MAPPING)}))


def check_method(method: str) -> None:
    """Raise ``UsageError`` naming the nearest method when ``method`` is unknown."""
    known = known_methods()
    if method not in known:
        raise UsageError(f"model.adapter.method: unknown method {method!r}.{did_you_mean(method, known)}")


def apply_adapter(model: Any, spec: AdapterSpec) -> Any:
    """Return the model with only the chosen weights trainable."""
    check_method(spec.method)
    if spec.method == "full":
        return model
    if spec.method == "frozen":
        return _freeze_encoder(model)
    from peft import get_peft_model

    with quiet_peft():
        return get_peft_model(model, _peft_config(model, spec))


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Hide one warning that no user can act on: peft 0.21 reads an attribute that transformers 5.24 renamed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        yield


def is_adapter(spec: AdapterSpec) -> bool:
    """Whether the result is stored as a PEFT adapter beside its base."""
    return spec.method not in _OWN


def _freeze_encoder(model: Any) -> Any:
    heads = [module for name, module in model.named_children() if name in _HEAD_NAMES]
    if not heads:
        raise UsageError("model.adapter.method frozen: this model has no classification head under a known name")
    model.requires_grad_(False)
    for head in heads:
        head.requires_grad_(True)
    return model


def _peft_config(model: Any, spec: AdapterSpec) -> Any:
    from peft import TaskType
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    if spec.method == "lora":
        return _lora(spec) if spec.layer_ranks is None else _lora_by_layer(model, spec)
    kinds: dict[str, Any] = {kind.value.lower(): config for kind, config in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    try:
        return kinds[spec.method](task_type=TaskType.SEQ_CLS, **spec.options)
    except TypeError as error:
        raise UsageError(f"model.adapter.options do not fit PEFT method {spec.method!r}: {error}") from error


def _lora(spec: AdapterSpec) -> Any:
    from peft import LoraConfig, TaskType

    modules = spec.target_modules if isinstance(spec.target_modules, str) else list(spec.target_modules)
    return LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=spec.rank,
        lora_alpha=spec.alpha,  # type: ignore[arg-type]  # PEFT's own scaling takes fractions
        lora_dropout=spec.dropout,
        target_modules=modules,
    )


def _lora_by_layer(model: Any, spec: AdapterSpec) -> Any:
    from peft import LoraConfig, TaskType

    found = ranks_by_layer(model, spec)
    return LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=max(found.ranks.values()),
        rank_pattern=found.ranks,
        alpha_pattern=found.alphas,
        lora_dropout=spec.dropout,
        target_modules=found.modules,
        layers_to_transform=found.layers,
        layers_pattern=found.pattern,
    )
