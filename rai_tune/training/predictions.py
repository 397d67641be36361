"""The predictions table: what the model says of every row, in the form that every audit reads.

Columns: ``row_id``, ``split``, ``label``, ``prediction``, ``score`` (probability of the positive class, where there is
one), ``score:<class>`` for every class, ``group:<attribute>``, ``weight`` where given, ``base_digest``, ``model_digest``, and ``cutoff`` (score at
and above which the row is decided positive) where the model decides by group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.tasks import load_task
from rai_tune.training.predicting import predict_logits
from rai_tune.training.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from rai_tune.training.saved_model import LoadedModel

PREDICTIONS_SCHEMA = "rai-tune/predictions/v1"


def predictions_table(
    loaded: LoadedModel,
    rows: pd.DataFrame,
    *,
    base_digest: str,
    batch_size: int,
    device: str,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[pd.DataFrame, int]:
    """Score ``rows`` (with ``row_id`` and ``text``); return the table and the number of truncated texts.

    Raises ``UsageError`` when the model decides by group and ``rows`` lack the column of one.
    """
    facts = loaded.facts
    # Before anything is scored: without the groups that a cutoff hangs on, nobody can be decided.
    cutoffs = loaded.post.cutoffs(rows) if loaded.post else None
    tokens = tokenize(loaded.tokenizer, rows["text"].tolist(), facts.max_tokens)
    logits = predict_logits(
        loaded.model,
        tokens.ids,
        pad_id=loaded.tokenizer.pad_token_id,
        batch_size=batch_size,
        device=device,
        progress=progress,
    )
    task = load_task(facts.task)
    probabilities = task.probabilities(logits)
    keep = [name for name in ("row_id", "split", "label") if name in rows]
    table = rows[keep].reset_index(drop=True)
    threshold = facts.threshold if cutoffs is None else cutoffs
    table["prediction"] = task.decide(probabilities, facts.classes, facts.positive, threshold)
    if cutoffs is not None:
        table["cutoff"] = cutoffs
    if facts.positive is not None:
        table["score"] = probabilities[:, facts.classes.index(facts.positive)]
    for place, name in enumerate(facts.classes):
        table[f"score:{name}"] = probabilities[:, place]
    for name in [name for name in map(str, rows.columns) if name.startswith("group:") or name == "weight"]:
        table[name] = rows[name].to_numpy()
    table["base_digest"] = base_digest
    table["model_digest"] = loaded.digest
    return table, tokens.truncated
