"""``raitune ledger``: the record of who signed what, its head, and whether it was changed."""

from __future__ import annotations

from typing import Annotated

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption

app = typer.Typer(
    no_args_is_help=True, help="The record of who signed what, and whether it was changed.", add_completion=False
)


@app.command("show")
def show(
    run: Annotated[str | None, typer.Option("--run", help="Only entries about this run (an id, or latest).")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List the entries: place, time, kind, whose they are and what about."""
    from rai_tune.cli.console import print_json
    from rai_tune.promotion.ledger import Ledger
    from rai_tune.workspace import Workspace

    store = Workspace.open(workspace, create=False)
    run_id = store.run(run).id if run else None
    entries = Ledger(store).entries(run_id=run_id)
    if as_json:
        keys = ("seq", "at", "kind", "run_id", "leaf")
        print_json(
            {"schema": "rai-tune/ledger/v1", "entries": [{key: getattr(each, key) for key in keys} for each in entries]}
        )
        return
    for entry in entries:
        person = entry.predicate.get("person") or "the workspace"
        about = f" run {entry.run_id}" if entry.run_id else ""
        typer.echo(f"{entry.seq:>5}  {entry.at[:16].replace('T', ' ')}  {entry.kind:<12} {str(person)[:20]:<20}{about}")


@app.command("head")
def head(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Print the signed head. Kept elsewhere, it shows later whether anything before it was changed."""
    from rai_tune.cli.console import print_json
    from rai_tune.promotion.ledger import Ledger
    from rai_tune.workspace import Workspace

    found = Ledger(Workspace.open(workspace, create=False)).head()
    if as_json:
        print_json({"schema": "rai-tune/ledger-head/v1", "size": found.size, "root": found.root, "at": found.at})
    else:
        typer.echo(f"{found.size} entries, head {found.root}")


@app.command("verify")
def verify(
    known: Annotated[
        str | None, typer.Option("--head", metavar="HEX", help="A head kept elsewhere: the root in hex, or SIZE:HEX.")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Check every entry, signature and head; with --head also that nothing was rewritten or cut since. Exits 6 when something was."""
    from rai_tune.cli.console import print_json
    from rai_tune.promotion.checking import check_ledger
    from rai_tune.promotion.ledger import Ledger
    from rai_tune.workspace import Workspace

    found = check_ledger(Ledger(Workspace.open(workspace, create=False)), known)
    if as_json:
        print_json({"schema": "rai-tune/ledger-check/v1", **vars(found)})
        return
    typer.echo(f"sound: {found.entries} entries, {found.signatures} signatures, head {found.root}")
    if known is None:
        typer.echo(
            "without --head, a ledger that was cut or rewritten as a whole with the workspace's key would look the same"
        )
    else:
        typer.echo(
            f"the given head is that of the first {found.known_size} entries: nothing before it was changed or removed"
        )
