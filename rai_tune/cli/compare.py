"""``raitune compare``: what a new model would change for the same people."""

from __future__ import annotations

from typing import Annotated

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption


def compare(
    candidate: Annotated[str, typer.Argument(help="Run id of the new model, or latest.")],
    production: Annotated[str, typer.Argument(help="Run id of the model in use.")],
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Compare two runs on the same test rows: quality, groups, and whose decision changes. It decides nothing: exit 0."""
    from rai_tune.cli.console import print_json
    from rai_tune.reporting.comparing import compare_runs, comparison_json, print_comparison
    from rai_tune.workspace import Workspace

    store = Workspace.open(workspace, create=False)
    found = compare_runs(store, candidate, production)
    if as_json:
        print_json(comparison_json(found))
    else:
        print_comparison(found)
