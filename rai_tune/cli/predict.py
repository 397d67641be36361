"""``raitune predict``: score new rows with the model of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rai_tune.cli.options import WorkspaceOption

_FORMATS = (".parquet", ".csv", ".jsonl")


def predict(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    rows: Annotated[Path, typer.Argument(help="CSV, Parquet or JSONL file with the columns that the model reads.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write: .parquet, .csv or .jsonl.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Write one prediction for each row: the decision, its score and the class probabilities."""
    from rai_tune import pipeline
    from rai_tune.cli.console import progress
    from rai_tune.core import UsageError
    from rai_tune.data import read_source
    from rai_tune.recipe.schema import SourceSpec
    from rai_tune.workspace import Workspace

    if output.suffix.lower() not in _FORMATS:
        raise UsageError(f"--output {output}: the ending must be one of {', '.join(_FORMATS)}")
    if not output.absolute().parent.is_dir():
        raise UsageError(f"--output {output}: there is no folder {output.parent}")
    if rows.suffix.lower() not in {*_FORMATS, ".pq", ".ndjson"}:
        raise UsageError(f"{rows}: the ending must be one of {', '.join(_FORMATS)}")
    store = Workspace.open(workspace, create=False)
    record = store.run(run)
    table = read_source(SourceSpec(path=str(rows.absolute())), rows.absolute().parent)
    with progress() as show:
        scored = pipeline.predict(record.id, store, table.frame, table.origin, show)
    _write(scored, output)
    typer.echo(f"wrote {len(scored)} rows to {output}", err=True)


def _write(table: object, path: Path) -> None:
    import pandas as pd

    from rai_tune.workspace import atomic_file

    assert isinstance(table, pd.DataFrame)
    with atomic_file(path) as handle:
        if path.suffix.lower() == ".parquet":
            table.to_parquet(handle, index=False)
        elif path.suffix.lower() == ".csv":
            handle.write(table.to_csv(index=False).encode())
        else:
            handle.write(table.to_json(orient="records", lines=True, force_ascii=False).encode())
