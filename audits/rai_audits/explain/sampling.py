"""Which rows are explained: an even draw over label and group that does not depend on the order of the rows.

Strata are label crossed with the first group attribute. Rows are taken in turn from every stratum, in the order of a
hash of seed and row id, so small strata are taken whole and adding rows elsewhere moves nothing inside a stratum.
The draw is even on purpose: means over it give each stratum the same say, and are not means over the test rows.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import pandas as pd


def stratified_sample(
    row_ids: Sequence[str], strata: Sequence[tuple[str, ...]], documents: int, seed: int
) -> tuple[int, ...]:
    """Positions of at most ``documents`` rows, evenly over strata, ordered by row id.

    When the number does not divide, strata that sort first have one row more.
    """
    members: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for position, stratum in enumerate(strata):
        members[stratum].append(position)
    queues = [
        sorted(members[stratum], key=lambda position: _draw_key(seed, row_ids[position])) for stratum in sorted(members)
    ]
    turns = [(turn, place, position) for place, queue in enumerate(queues) for turn, position in enumerate(queue)]
    chosen = [position for _, _, position in sorted(turns)[:documents]]
    return tuple(sorted(chosen, key=lambda position: row_ids[position]))


def draw_documents(
    predictions: pd.DataFrame, rows: pd.DataFrame, *, attribute: str | None, split: str, documents: int, seed: int
) -> list[dict[Hashable, object]]:
    """Predictions of the drawn rows of one split, each with its ``text``, its source columns (``col:...``) and (for templated rows) ``segments``.

    Raises ``UsageError`` for a row id that occurs twice, or for a drawn row whose text is not in ``rows``.
    """
    scored = predictions[predictions["split"] == split]
    row_ids = scored["row_id"].astype(str).tolist()
    if len(set(row_ids)) != len(row_ids):
        raise UsageError(f"a row_id occurs twice in the predictions of split {split!r}")
    labels = scored["label"].astype(str).tolist()
    groups = scored[f"group:{attribute}"].astype(str).tolist() if attribute else [""] * len(labels)
    chosen = stratified_sample(row_ids, list(zip(labels, groups, strict=True)), documents, seed)
    texts = _texts_by_id(rows, {row_ids[position] for position in chosen})
    drawn = []
    for position in chosen:
        row_id = row_ids[position]
        if row_id not in texts:
            raise UsageError(f"row {row_id!r} has a prediction but no text")
        drawn.append({**scored.iloc[position].to_dict(), **texts[row_id], "row_id": row_id})
    return drawn


def _texts_by_id(rows: pd.DataFrame, wanted: set[str]) -> dict[str, dict[Hashable, object]]:
    columns = [name for name in rows.columns if name in {"text", "segments"} or str(name).startswith("col:")]
    if "text" not in columns:
        raise UsageError("the rows have no column 'text' to explain")
    row_ids = rows["row_id"].astype(str)
    mask = row_ids.isin(wanted).to_numpy()
    return dict(zip(row_ids[mask].tolist(), rows.loc[mask, columns].to_dict("records"), strict=True))


def _draw_key(seed: int, row_id: str) -> bytes:
    return hashlib.sha256(f"{seed}:{row_id}".encode()).digest()
