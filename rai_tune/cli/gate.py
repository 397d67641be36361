"""``raitune gate``: judge a run's stored evidence under one or more policies."""

from __future__ import annotations

from typing import Annotated

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption, parse_day


def gate(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    policy: Annotated[
        str | None, typer.Option("--policy", help="Policy ids or files, comma-separated (default: the recipe's).")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Decide as on this day, YYYY-MM-DD, and keep nothing (default: today, kept)."),
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

    day = parse_day(as_of, "--as-of") if as_of is not None else None
    store = Workspace.open(workspace, create=False)
    record = store.run(run)
    names = _names(policy) or list(record.recipe["policies"])
    packs = tuple(load_policy(name) for name in names)
    outcome = pipeline.decide(record.id, store, packs, as_of=day, store=day is None)
    hidden_below = int(record.recipe["audits"]["suppress_below"])
    results = stored_results(store, record.id)
    if as_json:
        print_json(decisions_json(outcome.decisions, results, suppress_below=hidden_below))
    else:
        print_decisions(outcome.decisions, results=results, suppress_below=hidden_below)
    if day is not None:
        typer.echo(f"Decided as on {day} and not kept: the run's own decision is as it was.", err=True)
    raise typer.Exit(EXIT_CODES[outcome.outcome])


def _names(policy: str | None) -> list[str]:
    """Policies of a comma-separated list, each once. ``UsageError`` when the option is given and names none."""
    from rai_tune.core import UsageError

    if policy is None:
        return []
    names = list(dict.fromkeys(name.strip() for name in policy.split(",") if name.strip()))
    if not names:
        raise UsageError("--policy names no policy; leave it out for those of the recipe")
    return names
