"""Text classification with two or more classes.

Probabilities have shape (rows, classes) in the order of ``classes``. With two classes a threshold on the positive
class decides; with more, the most probable class does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class TextClassification:
    """The text classification task."""

    name: str = "text_classification"

    def load_base(self, path: str, classes: Sequence[str], layers: int | None = None, **options: Any) -> Any:
        """Load an encoder with a fresh classification head, its first ``layers`` layers only where that is given. Only safetensors weights are read."""
        from transformers import AutoModelForSequenceClassification

        _quiet()
        return AutoModelForSequenceClassification.from_pretrained(
            path,
            num_labels=len(classes),
            id2label=dict(enumerate(classes)),
            label2id={name: index for index, name in enumerate(classes)},
            use_safetensors=True,
            trust_remote_code=False,
            **_first(layers),
            **options,
        )

    def load_encoder(self, path: str, layers: int | None = None) -> Any:
        """Load an encoder without any head, for its embeddings, its first ``layers`` layers where given. Only safetensors weights are read."""
        from transformers import AutoModel

        _quiet()
        return AutoModel.from_pretrained(path, use_safetensors=True, trust_remote_code=False, **_first(layers))

    def probabilities(self, logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Softmax over the last axis, in double precision."""
        shifted = logits.astype(np.float64)
        shifted = shifted - shifted.max(axis=-1, keepdims=True)
        exponentials = np.exp(shifted)
        result: NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
        return result

    def decide(
        self,
        probabilities: NDArray[np.float64],
        classes: Sequence[str],
        positive: str | None,
        threshold: float | NDArray[np.float64] | None,
    ) -> list[str]:
        """Class decided for each row; ``threshold`` is one for all rows or of shape (rows,)."""
        if len(classes) == 2 and positive is not None and threshold is not None:
            place = list(classes).index(positive)
            other = classes[1 - place]
            return [positive if above else other for above in (probabilities[:, place] >= threshold).tolist()]
        return [classes[index] for index in probabilities.argmax(axis=1)]


def _first(layers: int | None) -> dict[str, int]:
    """The option that makes transformers build that many layers; weights of the others stay unread."""
    return {} if layers is None else {"num_hidden_layers": layers}


def _quiet() -> None:
    from transformers.utils import logging

    # The library's report that a fresh head has no weights yet is what we asked for, and its bars would mix with ours.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


TASK = TextClassification()
