"""``raitune bundle``: the evidence of a run in one file that anybody can check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rai_tune.cli.options import WorkspaceOption


def bundle(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, such as evidence.zip.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Write evidence, decisions, policies, signatures, the ledger and the documents of a run to one file.

    The file holds counts of small groups unhidden, since the decisions rest on them: give it to who may see them.
    """
    from rai_tune.bundling import bundle_run
    from rai_tune.core import UsageError
    from rai_tune.promotion.bundle import unpack
    from rai_tune.workspace import Workspace, atomic_write

    if not output.parent.is_dir():
        raise UsageError(f"-o {output}: there is no folder {output.parent}")
    if output.is_dir():
        raise UsageError(f"-o {output}: that is a folder; give a file name")
    store = Workspace.open(workspace, create=False)
    data = bundle_run(store, store.run(run).id)
    atomic_write(output, data)
    contents = unpack(data)
    head = contents.manifest["head"]
    typer.echo(
        f"wrote {output}: {len(contents.files)} files, {len(data):,} bytes, about run {contents.run_id}", err=True
    )
    typer.echo(f"ledger head {head['size']}:{head['root']}; who keeps it elsewhere can check with --head", err=True)
