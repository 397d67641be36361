"""A classifier whose head was not trained by gradient steps: an encoder, the mean over its tokens, standardised, and a fitted head.

Used where a head is fitted on frozen embeddings (a logistic regression, or a mixture of several). It takes and answers what a transformers classifier
does (``input_ids`` and ``attention_mask`` to ``logits``), so it is scored and explained in the same way. It is saved as safetensors and one
JSON file, with no ``config.json``: no transformers class has this head, and none should load the encoder and add a fresh one in silence.

Stable API: ``Head``, ``linear_head``, ``mixture_head``, ``pooled_model``, ``save_pooled``, ``load_pooled``, ``POOLED_FILE``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import nn

from rai_tune.core import UsageError, canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

POOLED_FILE = "pooled.json"
WEIGHTS_FILE = "model.safetensors"
SCHEMA = "rai-tune/pooled/v1"
Kind = Literal["linear", "mixture"]


@dataclass(frozen=True)
class Head:
    """A fitted head on standardised embeddings: ``x = (embedding - mean) / spread``, ``z = weight x + bias``.

    ``linear``: one row of ``weight`` for each class, and the logits are ``z``. ``mixture``: one row for each of several classifiers of the class at
    ``positive`` (of two), and ``p = sum chances * sigmoid(z)``; the logits are the logarithms of ``1 - p`` and ``p``. Shapes: ``weight``
    (rows, width), ``bias`` and ``chances`` (rows,), ``mean`` and ``spread`` (width,).
    """

    kind: Kind
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    chances: NDArray[np.float64] | None = None
    positive: int = 1


def linear_head(
    coefficients: NDArray[np.float64],
    intercept: NDArray[np.float64],
    fitted: Sequence[str],
    classes: Sequence[str],
    mean: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> Head:
    """A head from a logistic regression on standardised embeddings, its classes ``fitted`` put in the order of ``classes``.

    ``coefficients`` is of shape (classes, width), or (1, width) for two, as scikit-learn has it. Raises ``UsageError`` when a class was not fitted.
    """
    if set(fitted) != set(classes):
        raise UsageError(f"the head was fitted on the classes {', '.join(fitted)}; it needs {', '.join(classes)}")
    weight, bias = np.atleast_2d(coefficients), np.atleast_1d(intercept)
    if len(weight) == 1:
        weight, bias = np.vstack([np.zeros_like(weight), weight]), np.append(0.0, bias)
    order = [list(fitted).index(name) for name in classes]
    return Head("linear", weight[order], bias[order], mean, spread)


def mixture_head(
    coefficients: NDArray[np.float64],
    intercepts: NDArray[np.float64],
    chances: NDArray[np.float64],
    positive: int,
    mean: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> Head:
    """A head that averages binary classifiers of the class at ``positive``; ``coefficients`` (classifiers, width), the others (classifiers,)."""
    if len(chances) != len(coefficients) or chances.min() < 0 or abs(float(chances.sum()) - 1.0) > 1e-6:
        raise ValueError("a mixture has one chance for each classifier, not negative, and they sum to 1")
    used = chances > 0
    return Head("mixture", coefficients[used], intercepts[used], mean, spread, chances[used], positive)


class PooledClassifier(nn.Module):
    """The encoder, and the head on the mean of its last hidden states over the tokens that are not padding."""

    def __init__(self, encoder: Any, kind: Kind, rows: int, width: int, positive: int) -> None:
        super().__init__()
        if getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None  # Never read here, and its weights would be carried and randomised for nothing.
        self.encoder = encoder
        self.kind: Kind = kind
        self.positive = positive
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        if kind == "mixture":
            self.register_buffer("log_chances", torch.zeros(rows))
        self.head = nn.Linear(width, rows)

    @property
    def classes(self) -> int:
        """Number of logits."""
        return 2 if self.kind == "mixture" else self.head.out_features

    @property
    def config(self) -> Any:
        """The encoder's configuration."""
        return self.encoder.config

    def get_input_embeddings(self) -> nn.Module:
        """The layer that turns token ids into vectors."""
        layer: nn.Module = self.encoder.get_input_embeddings()
        return layer

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
    ) -> Any:
        """Logits of shape (rows, classes), as ``logits`` of the answer. Without a mask every token counts."""
        from transformers.modeling_outputs import SequenceClassifierOutput

        given = {"input_ids": input_ids} if inputs_embeds is None else {"inputs_embeds": inputs_embeds}
        hidden = self.encoder(attention_mask=attention_mask, **given).last_hidden_state
        weight = torch.ones(hidden.shape[:2], device=hidden.device) if attention_mask is None else attention_mask
        weight = weight.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
        found = self.head((pooled - self.mean) / self.spread)
        return SequenceClassifierOutput(logits=found if self.kind == "linear" else self._mixed(found))

    def _mixed(self, found: torch.Tensor) -> torch.Tensor:
        """Logarithms of the mixture's probabilities, without forming ``p``, so that a sure score keeps its gradient."""
        chances = self.get_buffer("log_chances")
        yes = torch.logsumexp(chances + nn.functional.logsigmoid(found), dim=1)
        no = torch.logsumexp(chances + nn.functional.logsigmoid(-found), dim=1)
        return torch.stack([no, yes] if self.positive == 1 else [yes, no], dim=1)

    def save_pretrained(self, folder: str, **_options: Any) -> None:
        """Write the model; the name is that of transformers, so that every kind of model is saved by one call."""
        from pathlib import Path

        save_pooled(self, Path(folder))


def pooled_model(encoder: Any, head: Head, pooling: Literal["mean"] = "mean") -> PooledClassifier:
    """A classifier of an encoder (as ``load_encoder`` gives it; it is taken over) and a fitted head."""
    assert pooling == "mean"
    rows, width = head.weight.shape
    model = PooledClassifier(encoder, head.kind, rows, width, head.positive)
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(head.weight))
        model.head.bias.copy_(torch.from_numpy(head.bias))
        model.get_buffer("mean").copy_(torch.from_numpy(head.mean))
        model.get_buffer("spread").copy_(torch.from_numpy(head.spread))
        if head.chances is not None:
            model.get_buffer("log_chances").copy_(torch.from_numpy(np.log(head.chances)))
    return model.eval()


def save_pooled(model: PooledClassifier, folder: Path) -> None:
    """Write ``model.safetensors`` and ``pooled.json``."""
    from safetensors.torch import save_model

    folder.mkdir(parents=True, exist_ok=True)
    save_model(model, str(folder / WEIGHTS_FILE), metadata={"format": "pt"})
    config = {name: value for name, value in model.config.to_dict().items() if name != "_name_or_path"}
    body = {
        "schema": SCHEMA,
        "pooling": "mean",
        "head": model.kind,
        "positive": model.positive,
        "rows": model.head.out_features,
        "width": model.head.in_features,
        "encoder": json.loads(json.dumps(config)),
    }
    (folder / POOLED_FILE).write_bytes(canonical_json(body))


def load_pooled(folder: Path) -> PooledClassifier:
    """What ``save_pooled`` wrote. Raises ``UsageError`` for a file that is not one."""
    from safetensors.torch import load_model
    from transformers import AutoConfig, AutoModel

    path = folder / POOLED_FILE
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        if body["schema"] != SCHEMA or body["pooling"] != "mean" or body["head"] not in ("linear", "mixture"):
            raise ValueError("another schema")
        settings = dict(body["encoder"])
        config = AutoConfig.for_model(settings.pop("model_type"), **settings)
        shape = int(body["rows"]), int(body["width"]), int(body["positive"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: not the head of a model ({error})") from error
    encoder = AutoModel.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]
    model = PooledClassifier(encoder, body["head"], *shape)
    load_model(model, str(folder / WEIGHTS_FILE), strict=True)
    return model.eval()
