"""A head fitted on a frozen encoder's embeddings in place of the Trainer, by the mitigation method that acts there.

Stable API: ``fit_mitigated_head``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.training.mitigation.base import Embedded
from rai_tune.training.predicting import mean_embeddings
from rai_tune.training.trainer import TrainResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from rai_tune.recipe.schema import TrainingSpec
    from rai_tune.training.hardware import Hardware
    from rai_tune.training.mitigation.base import TrainingRows
    from rai_tune.training.mitigation.composing import Applied
    from rai_tune.training.tokens import Tokens
    from rai_tune.training.trainer import Recorder


def fit_mitigated_head(
    model: Any,
    mitigation: Applied,
    tokens: Mapping[str, Tokens],
    *,
    pad_id: int,
    spec: TrainingSpec,
    hardware: Hardware,
    recorder: Recorder,
) -> TrainResult:
    """Embed training and validation rows with the encoder of ``model`` and fit its head. Nothing of it is random, so a resumed run starts over.

    ``model`` is a transformers classifier, whose own head is left behind.
    """
    from rai_tune.tasks.pooled import pooled_model

    started, cpu_started = time.perf_counter(), time.process_time()
    encoder = model.base_model
    ids = [*tokens["train"].ids, *tokens["validation"].ids]
    features: NDArray[np.float64] = mean_embeddings(
        encoder,
        ids,
        pad_id=pad_id,
        batch_size=spec.eval_batch_size,
        device=hardware.device,
        progress=lambda done, total: recorder.progress("embedding", done, total),
    ).astype(np.float64)
    cut = len(tokens["train"].ids)
    head = mitigation.fit_head(
        Embedded(mitigation.rows, features[:cut]),
        Embedded(mitigation.validation, features[cut:]),
        class_weights(spec, mitigation.rows),
    )
    return TrainResult(
        model=pooled_model(encoder, head),
        epochs_done=1.0,
        steps=0,
        best_step=None,
        best_metric=None,
        stopped_early=False,
        resumed_from=None,
        duration_s=time.perf_counter() - started,
        cpu_s=time.process_time() - cpu_started,
        real_tokens=tokens["train"].total,
        head=head.kind,
    )


def class_weights(spec: TrainingSpec, rows: TrainingRows) -> dict[str, float]:
    """Weight of each class, as in the loss of the Trainer: 1, inverse to its frequency, or as given."""
    if spec.class_weights == "balanced":
        counts = np.bincount(rows.labels, minlength=len(rows.classes))
        return {
            name: len(rows.labels) / (len(rows.classes) * max(1, int(count)))
            for name, count in zip(rows.classes, counts, strict=True)
        }
    given = {} if spec.class_weights == "none" else spec.class_weights
    return {name: float(given.get(name, 1.0)) for name in rows.classes}
