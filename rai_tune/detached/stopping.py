"""Asking a run to stop. It ends as ``interrupted``, keeps what it has, and can go on from its last checkpoint."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from rai_tune.core import UsageError
from rai_tune.selection import unchosen_trials
from rai_tune.workspace.processes import interrupt
from rai_tune.workspace.records import WORKING

if TYPE_CHECKING:
    from rai_tune.workspace import Workspace

_POLL_S = 0.1


def cancel(workspace: Workspace, run_id: str) -> None:
    """Send the process that works on a run what Ctrl-C sends. No other process is ever touched.

    Raises ``UsageError`` when nothing works on the run, when that happens on another machine, or when it cannot be told which process it is.
    """
    run = workspace.run(run_id)
    if run.state not in WORKING:
        raise UsageError(f"run {run.id} is {run.state}; there is nothing to cancel")
    if run.id in unchosen_trials(workspace):
        raise UsageError(
            f"run {run.id} is a trial of a search; stop the search itself with Ctrl-C, 'raitune tune SEARCH --resume' goes on"
        )
    if not workspace.is_alive(run.id):
        raise UsageError(f"no process works on run {run.id}; there is nothing to cancel")
    if run.host != socket.gethostname():
        raise UsageError(f"run {run.id} is at work on {run.host}; cancel it there")
    progress = workspace.progress(run.id)
    if progress is None or (progress.pid, progress.host) != (run.pid, run.host) or not progress.mark:
        raise UsageError(f"run {run.id} has not said yet which process it is; try again in a moment")
    if not interrupt(progress.pid, progress.mark):
        raise UsageError(f"the process of run {run.id} ended meanwhile")


def wait_until_stopped(workspace: Workspace, run_id: str, seconds: float) -> bool:
    """Wait until no process works on a run; returns whether that came within so many seconds."""
    until = time.monotonic() + seconds
    while workspace.is_alive(run_id):
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True
