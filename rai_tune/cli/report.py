"""``raitune report``: the evidence of a run as text, JSON or PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption


def report(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    as_json: JsonOption = False,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Write the report as PDF to this file.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Show what is known about a run."""
    from rai_tune.cli.run import show_run
    from rai_tune.workspace import Workspace

    store = Workspace.open(workspace, create=False)
    record = store.run(run)
    if pdf:
        write_pdf(store, record.id, pdf)
        typer.echo(f"wrote {pdf}", err=True)
    if as_json or not pdf:
        show_run(store, record.id, as_json=as_json)


def write_pdf(store: object, run_id: str, path: Path) -> None:
    """Render the report of a run to ``path``, whole or not at all."""
    from rai_tune.core import UsageError
    from rai_tune.reporting import render_report, report_inputs
    from rai_tune.workspace import atomic_write

    if not path.parent.is_dir():
        raise UsageError(f"--pdf {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UsageError(f"--pdf {path}: that is a folder; give a file name")
    atomic_write(path, render_report(report_inputs(store, run_id)))  # type: ignore[arg-type]
