"""``raitune run``: carry out a recipe from data to verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rai_tune.cli.options import JsonOption, SetOption, WorkspaceOption

if TYPE_CHECKING:
    from rai_tune.pipeline import RunOutcome
    from rai_tune.recipe import LoadedRecipe
    from rai_tune.workspace import Workspace


def run(
    recipe: Annotated[Path | None, typer.Argument(help="Recipe file; may be left out with --resume.")] = None,
    overrides: SetOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and estimate the time; train nothing.")
    ] = False,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with a run that stopped.")
    ] = None,
    merge: Annotated[
        Path | None, typer.Option("--merge", help="Also export a plain model with the adapter folded in.")
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Fine-tune, audit and gate one recipe. Exits 0 on pass, 3 on fail, 4 on insufficient evidence, 5 when waiting."""
    from rai_tune.core import UsageError
    from rai_tune.recipe import load_recipe

    if resume and overrides:
        raise UsageError("--set cannot change a run that already began; start a new run instead of --resume")
    if resume and dry_run:
        raise UsageError("--dry-run looks at a recipe; it cannot be joined with --resume")
    if recipe is None and not resume:
        raise UsageError("give a recipe file, or --resume RUN. 'raitune init data.csv' proposes a recipe.")
    loaded = load_recipe(recipe, overrides or ()) if recipe else None
    if merge and merge.exists() and (merge.is_file() or any(merge.iterdir())):
        raise UsageError(f"--merge {merge}: the folder is not empty")
    if dry_run and loaded:
        _dry_run(loaded, as_json=as_json)
        return
    raise typer.Exit(execute(loaded, resume, workspace, as_json=as_json, merge=merge))


def execute(
    loaded: LoadedRecipe | None,
    resume: str | None,
    workspace_path: Path | None,
    *,
    as_json: bool,
    merge: Path | None = None,
) -> int:
    """Run or resume, print the summary, and return the exit code of the verdict."""
    from rai_tune.cli.console import progress
    from rai_tune.gate.decision import EXIT_CODES

    with progress() as show:
        outcome, workspace = _carry_out(loaded, resume, workspace_path, show)
    if merge:
        _merge(workspace, outcome.run_id, merge)
    show_run(workspace, outcome.run_id, as_json=as_json)
    return EXIT_CODES[outcome.outcome]


def show_run(workspace: Workspace, run_id: str, *, as_json: bool) -> None:
    """Print the run's summary, or its report as JSON."""
    from rai_tune.cli.console import print_json
    from rai_tune.reported_run import reported
    from rai_tune.reporting import build_view, print_summary, report_json

    inputs = reported(workspace, run_id)
    if as_json:
        print_json(report_json(inputs))
    else:
        print_summary(build_view(inputs))


def _carry_out(
    loaded: LoadedRecipe | None, resume: str | None, path: Path | None, show: object
) -> tuple[RunOutcome, Workspace]:
    from rai_tune import pipeline
    from rai_tune.core import UsageError
    from rai_tune.workspace import Workspace

    if resume:
        workspace = Workspace.open(path, create=False)
        record = workspace.run(resume)
        if loaded and loaded.digest != record.recipe_digest:
            raise UsageError(f"{loaded.source} is not the recipe that run {record.id} began with")
        return pipeline.resume(record.id, workspace, show), workspace  # type: ignore[arg-type]
    assert loaded is not None
    # Everything a recipe can get wrong is found before the workspace is touched.
    planned = pipeline.plan(loaded)
    workspace = Workspace.open(path)
    return pipeline.start(planned, workspace, show), workspace  # type: ignore[arg-type]


def _merge(workspace: Workspace, run_id: str, folder: Path) -> None:
    from rai_tune.pipeline import load_model
    from rai_tune.training.saved_model import merge_adapter

    merge_adapter(load_model(workspace, workspace.run(run_id)), folder)
    typer.echo(f"merged model: {folder}", err=True)


def _dry_run(loaded: LoadedRecipe, *, as_json: bool) -> None:
    from rai_tune import pipeline
    from rai_tune.cli.console import print_json
    from rai_tune.training.estimate import estimate

    planned = pipeline.plan(loaded)
    found = estimate(planned.recipe, planned.data, planned.base)
    if as_json:
        print_json(found)
        return
    typer.echo(f"recipe   {loaded.source}: fine")
    for split, counts in found["splits"].items():
        typer.echo(
            f"{split:<10} {counts['rows']:>8} rows {counts['tokens']:>10} tokens  {counts['truncated']} truncated"
        )
    typer.echo(f"steps    {found['steps']} of batch {found['batch_size']}, on {found['device']} ({found['precision']})")
    typer.echo(f"trained  {found['trained_parameters']:,} of {found['parameters']:,} parameters")
    typer.echo(f"training about {found['training_s']:.0f} s (from {found['timed_steps']} timed steps on this machine)")
    for note in found["notes"]:
        typer.echo(f"note     {note}")
