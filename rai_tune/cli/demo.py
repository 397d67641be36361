"""``raitune demo``: the built-in demos, on real data, to a verdict and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rai_tune.cli.options import JsonOption, SetOption, WorkspaceOption


def demo(
    name: Annotated[str, typer.Argument(help="Which demo: lending or hiring.")] = "lending",
    blind: Annotated[
        bool, typer.Option("--blind", help="Keep group columns out of the text that the model reads.")
    ] = False,
    overrides: SetOption = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Also write the report as PDF to this file.")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Fine-tune, audit and gate on real mortgage or hiring data. A refused model is a successful demo: exit 0, verdict said loudly."""
    from rai_tune.cli.report import write_pdf
    from rai_tune.cli.run import execute
    from rai_tune.core import UsageError, did_you_mean
    from rai_tune.data import hiring_recipe, lending_recipe
    from rai_tune.recipe import parse_recipe
    from rai_tune.workspace import Workspace

    recipes = {"lending": lending_recipe, "hiring": hiring_recipe}
    if name not in recipes:
        raise UsageError(f"unknown demo {name!r}.{did_you_mean(name, recipes)}")
    loaded = parse_recipe(recipes[name](blind), f"demo {name}", Path.cwd(), overrides or ())
    execute(loaded, None, workspace, as_json=as_json)
    if pdf:
        store = Workspace.open(workspace, create=False)
        write_pdf(store, store.run("latest").id, pdf)
        typer.echo(f"report: {pdf}", err=as_json)
