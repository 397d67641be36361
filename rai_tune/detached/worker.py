"""The process of a detached run: ``python -m rai_tune.detached.worker WORKSPACE TOKEN``. Started by ``launching`` only."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rai_tune.core import RaiError, UsageError, canonical_json
from rai_tune.detached import starts
from rai_tune.detached.starts import folder_of, read
from rai_tune.workspace import Workspace, atomic_write
from rai_tune.workspace.locks import hold

if TYPE_CHECKING:
    from types import FrameType

LOG_FILE = "detached.log"
CANCELLED = "it was cancelled"
_INTERRUPTED = 130


def main(root: str, token: str) -> int:
    """Do what the start folder says; how it ended is left there. Returns an exit code, which nobody has to read."""
    signal.signal(signal.SIGINT, _stop_once)
    signal.signal(signal.SIGTERM, _stop_once)
    with Workspace.open(Path(root), create=False) as workspace:
        folder = folder_of(workspace, token)
        with hold(folder / starts.LOCK, f"start {token}"):
            return _carried_out(workspace, folder)


def _stop_once(_number: int, _frame: FrameType | None) -> None:
    """Stop as on Ctrl-C; what comes while the state is being written must not stop that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _carried_out(workspace: Workspace, folder: Path) -> int:
    asked = read(folder / starts.START) or {}
    try:
        _run(workspace, folder, asked)
    except KeyboardInterrupt:
        _say(workspace, folder, CANCELLED)
        return _INTERRUPTED
    except Exception as error:
        # The log is for whoever keeps the machine; the start folder and the run hold the sentence for people.
        traceback.print_exc()
        _say(workspace, folder, _sentence(error))
        return error.exit_code if isinstance(error, RaiError) else 1
    _say(workspace, folder, None)
    return 0


def _run(workspace: Workspace, folder: Path, asked: dict[str, Any]) -> None:
    from rai_tune import pipeline
    from rai_tune.recipe import parse_recipe

    if run_id := asked.get("run"):
        _write_log_to(workspace.run_dir(run_id))
        pipeline.resume(run_id, workspace, _silent)
        return

    def begun(run_id: str) -> None:
        atomic_write(folder / starts.RUN, canonical_json({"run": run_id}))
        _write_log_to(workspace.run_dir(run_id))

    loaded = parse_recipe(asked["recipe"], asked["source"], Path(asked["base_dir"]))
    planned = pipeline.plan(loaded)
    pipeline.start(planned, workspace, _silent, author_key=asked.get("author_key"), begun=begun)


def _silent(_what: str, _done: int, _total: int) -> None:
    """The run keeps its progress itself."""


def _write_log_to(folder: Path) -> None:
    """From here on what this process says may be about data, and belongs to what is deleted with the run."""
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(folder / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


def _say(workspace: Workspace, folder: Path, error: str | None) -> None:
    """How it ended; without an error the run, if there is one, says that."""
    _close(workspace, folder, error)
    atomic_write(folder / starts.OUTCOME, canonical_json({"error": error}))


def _close(workspace: Workspace, folder: Path, error: str | None) -> None:
    """A run that was stopped between its creation and its first stage must not look as if it still began."""
    made = read(folder / starts.RUN)
    if error is None or made is None:
        return
    if workspace.run(made["run"]).state == "created":
        workspace.set_state(made["run"], "failed", error=f"it stopped before its first stage: {error}")


def _sentence(error: Exception) -> str:
    known = isinstance(error, RaiError)
    return str(error) if known else f"something unexpected went wrong ({type(error).__name__}: {error})"[:2000]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise UsageError("this module is started by 'raitune run --detach' and by the review app")
    sys.exit(main(sys.argv[1], sys.argv[2]))
