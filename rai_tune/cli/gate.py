"""``raitune gate``: judge a run's stored evidence under one or more policies."""

from __future__ import annotations

from typing import Annotated

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption


def gate(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    policy: Annotated[
        str | None, typer.Option("--policy", help="Policy ids or files, comma-separated (default: the recipe's).")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Decide control by control. Exits 0 on pass, 3 on fail, 4 on insufficient evidence, 5 when waiting for sign-off."""
    from rai_tune import pipeline
    from rai_tune.cli.console import print_json
    from rai_tune.gate import load_policy
    from rai_tune.gate.decision import EXIT_CODES
    from rai_tune.reporting import decisions_json, print_decisions
    from rai_tune.reporting.stored import stored_results
    from rai_tune.workspace import Workspace

    store = Workspace.open(workspace, create=False)
    record = store.run(run)
    names = [name.strip() for name in policy.split(",") if name.strip()] if policy else list(record.recipe["policies"])
    outcome = pipeline.decide(record.id, store, tuple(load_policy(name) for name in names))
    hidden_below = int(record.recipe["audits"]["suppress_below"])
    results = stored_results(store, record.id)
    if as_json:
        print_json(decisions_json(outcome.decisions, results, suppress_below=hidden_below))
    else:
        print_decisions(outcome.decisions, results=results, suppress_below=hidden_below)
    raise typer.Exit(EXIT_CODES[outcome.outcome])
