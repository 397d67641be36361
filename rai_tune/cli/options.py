"""Options that several commands share."""

from __future__ import annotations

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
