"""``raitune predict``: score new rows with the model of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rai_tune.cli.options import WorkspaceOption

if TYPE_CHECKING:
    import pandas as pd

_FORMATS = (".parquet", ".csv", ".jsonl")
_NAMED = 5
"""Groups that a note lists by name."""


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
    told = _without_rule(store.run_dir(record.id) / "model", scored)
    if told:
        typer.echo(told, err=True)


def _without_rule(folder: Path, scored: pd.DataFrame) -> str:
    """Who was decided by no cutoff of their group, where the model decides by group: a group spelt in another way would go unseen."""
    from rai_tune.reporting.text import clean
    from rai_tune.training.postprocessing import read_postprocessing

    post = read_postprocessing(folder)
    found = post.without_rule(scored) if post else {}
    if post is None or not found:
        return ""
    named = ", ".join(f"{clean(group, 60)} ({count:,})" for group, count in list(found.items())[:_NAMED])
    more = f" and {len(found) - _NAMED:,} more groups" if len(found) > _NAMED else ""
    return (
        f"note: {sum(found.values()):,} of {len(scored):,} rows are of no group with a cutoff of its own and were decided by the threshold for "
        f"people whose group is not known: {named}{more}. Groups with a cutoff: {', '.join(clean(group, 60) for group in post.rules)}"
    )


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
