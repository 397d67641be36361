"""The model's word embedding layer, and the two temporary states in which a model is explained: frozen and substituted."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

_NO_EMBEDDING = (
    "cannot find the word embedding layer of {model}: model.get_input_embeddings() must return a module "
    "(transformers models and PEFT wrappers of them have it)"
)


def input_embedding(model: Any) -> torch.nn.Module:
    """The layer that turns token ids into vectors, also below a PEFT wrapper.

    Raises ``UsageError`` when the model has no such layer or does not say which it is.
    """
    from torch import nn

    try:
        layer = model.get_input_embeddings()
    except (AttributeError, NotImplementedError) as error:
        raise UsageError(_NO_EMBEDDING.format(model=type(model).__name__)) from error
    if not isinstance(layer, nn.Module):
        raise UsageError(_NO_EMBEDDING.format(model=type(model).__name__))
    return layer


@contextmanager
def frozen(model: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients for weights inside the block; every flag is put back afterwards.

    With weights frozen a backward pass computes gradients along activations only, about a seventh less work.
    """
    gradients = [(weight, weight.requires_grad) for weight in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        for weight, _ in gradients:
            weight.requires_grad_(False)
        yield
    finally:
        for weight, flag in gradients:
            weight.requires_grad_(flag)
        for module, mode in modes:
            module.training = mode


@dataclass
class Calls:
    """How often the substituted layer was used in a block."""

    count: int = 0


@contextmanager
def substituted(layer: torch.nn.Module, vectors: torch.Tensor) -> Iterator[Calls]:
    """Let the layer answer ``vectors`` (batch, tokens, width) whatever ids it is asked for.

    The end points of the path are measured this way, so that everything derived from ids (positions in RoBERTa, the
    last token in decoder classifiers) is the same at the baseline as along the path.
    """
    calls = Calls()

    def answer(_module: torch.nn.Module, _inputs: Any, _output: torch.Tensor) -> torch.Tensor:
        calls.count += 1
        return vectors

    handle = layer.register_forward_hook(answer)
    try:
        yield calls
    finally:
        handle.remove()
