"""``raitune ui``: open the review app."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Annotated

import typer

from rai_tune.cli.options import WorkspaceOption


def ui(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on this machine.")] = 8501,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve the review app on this machine only; Ctrl-C stops it."""
    from rai_tune.workspace import Workspace

    root = Workspace.open(workspace).root
    command = [
        *(sys.executable, "-m", "streamlit", "run", str(app_file())),
        *("--server.port", str(port), "--server.address", "localhost", "--server.headless", "true"),
        *("--browser.gatherUsageStats", "false", "--client.showErrorDetails", "none"),
    ]
    raise typer.Exit(
        subprocess.run(command, env={**os.environ, "RAITUNE_WORKSPACE": str(root)}, check=False).returncode
    )


def app_file() -> str:
    """Path of the app's entry script: the packaged one."""
    from rai_tune.core import resource_path

    return str(resource_path("app.py"))
