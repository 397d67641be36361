"""What a run keeps of its rows: their description, their texts and what the model says of them.

Stable API: ``data_facts``, ``predict_and_store``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rai_tune.planning import Plan, device_of
from rai_tune.stored_run import PARQUET, attach
from rai_tune.training.predictions import PREDICTIONS_SCHEMA, predictions_table

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from rai_tune.data import PreparedData
    from rai_tune.training.saved_model import LoadedModel
    from rai_tune.workspace import Workspace


@dataclass(frozen=True)
class StoredPredictions:
    """The predictions table, and how many texts were cut at the model's longest."""

    predictions: pd.DataFrame
    truncated: int


def predict_and_store(
    planned: Plan, workspace: Workspace, run_id: str, loaded: LoadedModel, progress: Callable[[str, int, int], None]
) -> StoredPredictions:
    """Score every row and keep rows and scores in the run, whose state is ``predicting``."""
    # From here on the test rows have been looked at, whatever comes of it.
    workspace.open_test_rows(run_id, planned.data.test_digest)
    opening = {"test_digest": planned.data.test_digest, "at": datetime.now(UTC).isoformat(timespec="microseconds")}
    attach(workspace, run_id, "opening", opening)
    table, truncated = predictions_table(
        loaded,
        planned.data.rows,
        base_digest=planned.base.digest,
        batch_size=planned.recipe.training.eval_batch_size,
        device=device_of(planned.recipe),
        progress=lambda done, total: progress("predicting", done, total),
    )
    metadata = {"schema": PREDICTIONS_SCHEMA, "run": run_id, "truncated": str(truncated)}
    digest = workspace.put_table(table, metadata)
    workspace.attach(run_id, "rows", workspace.put_table(_rows_to_store(planned.data)), PARQUET)
    workspace.update_run(run_id, predictions_digest=digest)
    workspace.attach(run_id, "predictions", digest, PARQUET)
    return StoredPredictions(table, truncated)


def data_facts(data: PreparedData) -> dict[str, Any]:
    """The rows of a run described without a single one of them: counts, classes, groups, digests, notes."""
    splits = {}
    for name, rows in data.rows.groupby("split"):
        splits[str(name)] = {"rows": len(rows), "classes": {k: int(v) for k, v in rows["label"].value_counts().items()}}
    return {
        "schema": "rai-tune/data/v1",
        "origin": data.origin,
        "rows": len(data.rows),
        "splits": splits,
        "source_digest": data.source_digest,
        "data_digest": data.data_digest,
        "test_digest": data.test_digest,
        "classes": list(data.classes),
        "positive": data.positive,
        "favourable": data.favourable,
        "groups": {name: list(values) for name, values in data.groups.items()},
        "group_columns": dict(data.group_columns),
        "columns_in_text": list(data.columns_in_text),
        "seen_by_model": dict(data.seen_by_model),
        "notes": list(data.notes),
        "counts": dict(data.counts),
    }


def _rows_to_store(data: PreparedData) -> pd.DataFrame:
    """Id, split, text and segments (as JSON) of every row: what a page needs to show a decision."""
    table = data.rows[["row_id", "split", "text"]].copy()
    if "segments" in data.rows:
        table["segments"] = [json.dumps(cell) for cell in data.rows["segments"]]
    return table
