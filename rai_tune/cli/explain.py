"""``raitune explain``: what one decision leans on, how far to believe it, and what would have turned it."""

from __future__ import annotations

from typing import Annotated

import typer

from rai_tune.cli.options import JsonOption, SetOption, WorkspaceOption

_CANNOT_BE_EXPLAINED = 4


def explain(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    row: Annotated[str, typer.Option("--row", help="Id of a row that the run decided.")],
    method: Annotated[
        str | None, typer.Option("--method", help="Attribution method instead of the recipe's, such as occlusion.")
    ] = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Explain one decision of a run: words and columns with sign, checks, the nearest counterfactual. Exits 4 where it cannot."""
    from rai_tune.cli.console import print_json, progress
    from rai_tune.explaining import explain_row
    from rai_tune.reaudit import check_overrides
    from rai_tune.reporting.one_decision import decision_json, print_decision
    from rai_tune.workspace import Workspace

    chosen = [*(overrides or ()), *([f"audits.explain.method={method}"] if method else ())]
    check_overrides("explain", chosen)
    store = Workspace.open(workspace, create=False)
    record = store.run(run)
    with progress() as show:
        found = explain_row(record.id, store, row, show, chosen)
    if as_json:
        print_json(
            decision_json(
                found.one, run=found.run_id, split=found.split, threshold=found.threshold, verdict=found.verdict
            )
        )
    else:
        print_decision(
            found.one,
            run=found.run_id,
            split=found.split,
            threshold=found.threshold,
            verdict=found.verdict,
            told=found.verdict_sentence,
        )
    if found.one.document.attribution.status != "ok":
        raise typer.Exit(_CANNOT_BE_EXPLAINED)
