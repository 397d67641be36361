"""``raitune ui``: open the review app."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from rai_tune.cli.options import WorkspaceOption


def ui(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on this machine.")] = 8501,
    address: Annotated[str, typer.Option("--address", help="Address to listen on.")] = "localhost",
    allowed_host: Annotated[
        str | None, typer.Option("--allowed-host", help="Host name by which browsers reach a proxy in front.")
    ] = None,
    without_sign_in: Annotated[
        bool,
        typer.Option(
            "--without-sign-in", help="Other machines may read every run, start runs and stop them, without signing in."
        ),
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve the review app, on this machine only unless told otherwise; Ctrl-C stops it."""
    from rai_tune.cli.serving import LOOPBACK, check_host, check_reach, options, secrets_files
    from rai_tune.workspace import Workspace

    host = check_host(allowed_host) if allowed_host is not None else None
    reached = host if host is not None and address in LOOPBACK else address
    check_reach(reached, anyone=without_sign_in, secrets=secrets_files(Path.cwd()))
    root = Workspace.open(workspace).root
    command = [sys.executable, "-m", "streamlit", "run", str(app_file()), *options(port, address, host)]
    raise typer.Exit(
        subprocess.run(command, env={**os.environ, "RAITUNE_WORKSPACE": str(root)}, check=False).returncode
    )


def app_file() -> str:
    """Path of the app's entry script: the packaged one."""
    from rai_tune.core import resource_path

    return str(resource_path("app.py"))
