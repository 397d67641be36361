"""``raitune init``: propose a recipe for a table, asking or flagging what is unsure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.recipe import Proposal


def init(
    table: Annotated[Path | None, typer.Argument(help="CSV, Parquet or JSONL file.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Recipe to write (default: recipe.yaml here).")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; flag what is unsure in the file.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing recipe.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of recipes and stop.")] = False,
) -> None:
    """Propose a commented recipe: text, label, favourable outcome and groups, with group columns kept out of the text."""
    from rai_tune.cli.console import print_json
    from rai_tune.core import UsageError
    from rai_tune.recipe import propose_recipe, recipe_json_schema
    from rai_tune.workspace import atomic_write

    if schema:
        print_json(recipe_json_schema())
        return
    if table is None:
        raise UsageError("give the table to propose a recipe for: raitune init applications.csv")
    target = output or Path("recipe.yaml")
    if target.exists() and not force:
        raise UsageError(f"{target} exists; give another name with -o, or --force to replace it")
    proposal = propose_recipe(table, base_dir=target.absolute().parent)
    if proposal.questions and not yes and sys.stdin.isatty():
        proposal = _ask(proposal)
    atomic_write(target, proposal.to_yaml().encode())
    for question in proposal.questions:
        typer.echo(f"check    {question.field}: {question.text}", err=True)
    typer.echo(f"wrote {target}; next: raitune run {target} --dry-run", err=True)


def _ask(proposal: Proposal) -> Proposal:
    """Ask each open question in turn; an answer can change what is asked next."""
    from rai_tune.core import UsageError

    while proposal.questions:
        question = proposal.questions[0]
        typer.echo(f"\n{question.field}: {question.text}")
        for place, option in enumerate(question.options, start=1):
            typer.echo(f"  {place}. {option}")
        answer = typer.prompt("answer (value or number)", default=question.default or "")
        try:
            proposal = proposal.answered(question.field, _meant(answer, question.options))
        except UsageError as error:
            typer.echo(f"{error}", err=True)
    return proposal


def _meant(answer: str, options: Sequence[str]) -> str:
    """Return the option that is meant: its value as written, else its number in the list."""
    if answer not in options and answer.isdigit() and 0 < int(answer) <= len(options):
        return options[int(answer) - 1]
    return answer
