"""Rows of a stored table, a few at a time: only the columns and the row groups that are asked for are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.core import UsageError
from rai_tune.review.verified import verified_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from rai_tune.workspace import Workspace

ROW_ID = "row_id"


def row_count(workspace: Workspace, run_id: str, artifact: str) -> int:
    """Rows of a Parquet artifact, from its footer; 0 when the run has none of that name or gave it up."""
    import pyarrow.parquet as pq

    path = _path(workspace, run_id, artifact)
    return int(pq.read_metadata(path).num_rows) if path else 0


def row_page(
    workspace: Workspace, run_id: str, artifact: str, offset: int, count: int, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Rows ``offset`` to ``offset + count`` in stored order. Raises ``UsageError`` when the run has no such table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = _needed(workspace, run_id, artifact)
    with pq.ParquetFile(path) as file:
        parts, start = [], 0
        for group in range(file.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            if start < offset + count and end > offset:
                part = file.read_row_group(group, columns=columns)
                parts.append(part.slice(max(0, offset - start), min(end, offset + count) - max(start, offset)))
            start = end
        table = pa.concat_tables(parts) if parts else file.schema_arrow.empty_table()
    found: pd.DataFrame = table.to_pandas()
    return found


def rows_by_id(
    workspace: Workspace, run_id: str, artifact: str, row_ids: Sequence[str], columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """The rows with these ids, in stored order; ids that are not there are left out. ``UsageError`` when the run has no such table."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    wanted, kept = pa.array(list(row_ids), pa.large_string()), list(columns) if columns else None
    with pq.ParquetFile(_needed(workspace, run_id, artifact)) as file:
        parts = []
        # The ids first, a group of rows at a time; the rest of a group is read only where an id was found.
        for group in range(file.num_row_groups):
            ids = file.read_row_group(group, columns=[ROW_ID])[ROW_ID].cast(pa.large_string())
            found = pc.is_in(ids, value_set=wanted)
            if pc.any(found).as_py():
                parts.append(file.read_row_group(group, columns=kept).filter(found))
        none = file.schema_arrow.empty_table()
        table = pa.concat_tables(parts) if parts else none.select(kept or none.column_names)
    rows: pd.DataFrame = table.to_pandas()
    return rows


def _needed(workspace: Workspace, run_id: str, artifact: str) -> Path:
    path = _path(workspace, run_id, artifact)
    if path is None:
        raise UsageError(f"run {run_id} holds no table {artifact!r}, or its texts and tables were deleted")
    return path


def _path(workspace: Workspace, run_id: str, artifact: str) -> Path | None:
    ref = workspace.artifacts(run_id).get(artifact)
    if ref is None or any(ref.digest in gone.digests.values() for gone in workspace.deletions(run_id)):
        return None
    return verified_path(workspace, ref.digest)
