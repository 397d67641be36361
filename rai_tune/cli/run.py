"""``raitune run``: carry out a recipe from data to verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rai_tune.cli.options import JsonOption, SetOption, WorkspaceOption

if TYPE_CHECKING:
    from rai_tune.pipeline import RunOutcome
    from rai_tune.recipe import LoadedRecipe
    from rai_tune.workspace import RunRecord, Workspace

_BEGINNING_S = 120.0
"""How long ``--detach`` waits for the run to be there; data and base are read by then, or it says that they are not."""


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
    detach: Annotated[
        bool, typer.Option("--detach", help="Start it as a process of its own, say its id and return.")
    ] = False,
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
    if detach and (dry_run or merge):
        raise UsageError("--detach goes with a recipe or --resume, not with --dry-run or --merge")
    if recipe is None and not resume:
        raise UsageError("give a recipe file, or --resume RUN. 'raitune init data.csv' proposes a recipe.")
    loaded = load_recipe(recipe, overrides or ()) if recipe else None
    if merge and merge.exists() and (merge.is_file() or any(merge.iterdir())):
        raise UsageError(f"--merge {merge}: the folder is not empty")
    if dry_run and loaded:
        _dry_run(loaded, as_json=as_json)
        return
    if detach:
        _detached(loaded, resume, workspace, as_json=as_json)
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

    if merge and loaded is not None:
        _check_mergeable(loaded)
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
    from rai_tune.training.mitigation.composing import mitigation_notes
    from rai_tune.workspace import Workspace

    if resume:
        workspace = Workspace.open(path, create=False)
        record = workspace.run(resume)
        _same_recipe(loaded, record)
        return pipeline.resume(record.id, workspace, show), workspace  # type: ignore[arg-type]
    assert loaded is not None
    # Everything a recipe can get wrong is found before the workspace is touched.
    planned = pipeline.plan(loaded)
    for note in mitigation_notes(planned.recipe.mitigation):
        typer.echo(f"note: {note}", err=True)
    workspace = Workspace.open(path)
    return pipeline.start(planned, workspace, show), workspace  # type: ignore[arg-type]


def _same_recipe(loaded: LoadedRecipe | None, record: RunRecord) -> None:
    from rai_tune.core import UsageError

    if loaded and loaded.digest != record.recipe_digest:
        raise UsageError(f"{loaded.source} is not the recipe that run {record.id} began with")


def _detached(loaded: LoadedRecipe | None, resume: str | None, path: Path | None, *, as_json: bool) -> None:
    """Start the process and say which run it has; what is wrong with data or base is said here too, as long as it is found soon."""
    from rai_tune.cli.console import print_json
    from rai_tune.core import UsageError
    from rai_tune.detached import resume_detached, start_detached, wait_for_run
    from rai_tune.promotion.identity import named_key_id
    from rai_tune.workspace import Workspace

    author = named_key_id()
    store = Workspace.open(path, create=resume is None)
    if resume:
        _same_recipe(loaded, store.run(resume))
        start = resume_detached(store, resume)
    else:
        assert loaded is not None
        start = start_detached(store, loaded, author_key=author)
    start = wait_for_run(store, start.token, _BEGINNING_S)
    if start.state == "failed":
        raise UsageError(f"it did not begin: {start.error}")
    if as_json:
        print_json({"schema": "rai-tune/detached/v1", "start": start.token, "run": start.run_id})
        return
    run = start.run_id or "latest"
    found = f"run {start.run_id} is at work" if start.run_id else "it still reads data and base model"
    typer.echo(f"{found}; 'raitune runs watch {run}' follows it, 'raitune runs cancel {run}' stops it")


def _check_mergeable(loaded: LoadedRecipe) -> None:
    """Refuse before anything is trained what could not be written as a plain transformers model."""
    from rai_tune.core import UsageError
    from rai_tune.training.mitigation import card_of

    recipe = loaded.recipe
    methods = recipe.mitigation.methods if recipe.mitigation else ()
    fitted = [f"mitigation {name}" for name in methods if "fit" in card_of(name).slots]
    if recipe.training.few_shot is not None:
        fitted.append("training.few_shot")
    if fitted:
        raise UsageError(
            f"--merge: {fitted[0]} fits a head on embeddings, which no class of transformers holds; leave out --merge"
        )


def _merge(workspace: Workspace, run_id: str, folder: Path) -> None:
    from rai_tune.pipeline import load_model
    from rai_tune.training.postprocessing import POST_FILE
    from rai_tune.training.saved_model import merge_adapter

    loaded = load_model(workspace, workspace.run(run_id))
    merge_adapter(loaded, folder)
    typer.echo(f"merged model: {folder}", err=True)
    if loaded.post is not None:
        typer.echo(
            f"its cutoffs by group of {' & '.join(loaded.post.attributes)} lie beside it in {POST_FILE}; transformers does not apply them, "
            "and without them it is not the model that was measured",
            err=True,
        )


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
    if found["twin_s"]:
        typer.echo(
            f"twin     about {found['twin_s']:.0f} s more, to train the same without mitigation if no run did so here"
        )
    needed, free = (found[name] / 2**30 for name in ("memory_bytes", "memory_free_bytes"))
    typer.echo(f"memory   about {needed:.1f} GiB, of {free:.1f} GiB that this machine has left for it")
    for note in found["notes"]:
        typer.echo(f"note     {note}")
