"""Options that several commands share."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", help="Folder of runs and evidence (default: RAITUNE_WORKSPACE, else .raitune here)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print only JSON on standard output.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="FIELD=VALUE", help="Override a recipe field, such as training.epochs=2. Repeatable."
    ),
]


def parse_day(text: str, option: str) -> date:
    """A day as it was given to an option. ``UsageError`` for anything but YYYY-MM-DD."""
    from rai_tune.core import UsageError

    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise UsageError(f"{option} {text[:40]!r} is not a day; write it as 2027-12-02")
