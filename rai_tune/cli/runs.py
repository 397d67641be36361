"""``raitune runs``: what this workspace holds."""

from __future__ import annotations

from typing import Annotated

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption


def runs(
    as_json: JsonOption = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Show only the newest so many.")] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """List runs, newest first, with state and verdict."""
    from rai_tune.cli.console import print_json
    from rai_tune.workspace import Workspace

    store = Workspace.open(workspace, create=False)
    records = store.runs(limit)
    working = {record.id: store.is_alive(record.id) for record in records}
    if as_json:
        keys = ("id", "name", "state", "verdict", "created_at", "updated_at", "recipe_digest", "model_digest", "error")
        rows = [{key: getattr(record, key) for key in keys} | {"working": working[record.id]} for record in records]
        print_json({"schema": "rai-tune/runs/v1", "runs": rows})
        return
    if not records:
        typer.echo("no runs yet; 'raitune demo lending' makes one")
        return
    typer.echo(f"{'run':<30} {'state':<12} {'verdict':<22} {'began (UTC)':<16}")
    for record in records:
        state = record.state if record.state in _RESTING or working[record.id] else "stopped"
        verdict = (record.verdict or "-").replace("_", " ")
        typer.echo(f"{record.id:<30} {state:<12} {verdict:<22} {record.created_at[:16].replace('T', ' '):<16}")


_RESTING = ("completed", "diverged", "failed", "interrupted")
