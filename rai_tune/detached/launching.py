"""Beginning a run as a process of its own: a session of its own, no terminal, no shell, its words in a log file.

Everything that the process needs is in its start folder or in its environment; nothing is on its command line but where that folder is.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rai_tune.core import StorageError, UsageError, WorkspaceError, canonical_json
from rai_tune.detached import starts
from rai_tune.detached.starts import Start, find_start, folder_of, new_token, read
from rai_tune.promotion.identity import KEY_VARIABLE, PASSPHRASE_VARIABLE
from rai_tune.stored_run import check_trained
from rai_tune.workspace import atomic_write
from rai_tune.workspace.atomic import storage_errors
from rai_tune.workspace.locks import hold
from rai_tune.workspace.processes import mark_of
from rai_tune.workspace.runs import now

if TYPE_CHECKING:
    from rai_tune.recipe import LoadedRecipe
    from rai_tune.workspace import Workspace

_UNUSED = (KEY_VARIABLE, PASSPHRASE_VARIABLE)
"""A run signs nothing, so its process gets no key: whose run it is, is in the start folder."""

_WAIT_S = 10.0


def start_detached(
    workspace: Workspace, loaded: LoadedRecipe, *, token: str | None = None, author_key: str | None = None
) -> Start:
    """Begin a run of this recipe. A token that was used before begins nothing: its start comes back.

    ``author_key`` is the id of the author's public key. Raises ``StorageError`` or ``WorkspaceError`` when the workspace cannot be written. What
    is wrong with data or base is found by the process and told by ``find_start``.
    """
    asked = {
        "name": loaded.recipe.name,
        "recipe": loaded.recipe.model_dump(mode="json"),
        "source": loaded.source,
        "base_dir": str(loaded.base_dir),
        "author_key": author_key,
    }
    return _begin(workspace, token or new_token(), asked)


def resume_detached(workspace: Workspace, run_id: str) -> Start:
    """Go on with a run that stopped, from its last checkpoint. A run that somebody already goes on with is left to them.

    Raises ``UsageError`` for a run that cannot go on or that a process works on without having been started so.
    """
    run = workspace.run(run_id)
    if not run.resumable:
        raise UsageError(f"run {run.id} is {run.state} and cannot be resumed")
    check_trained(run, "goes on; start it again")
    with hold(_folder(workspace) / ".lock", "the list of starts", wait_s=_WAIT_S):
        for start in starts.all_starts(workspace):
            if start.run_id == run.id and start.state == "working":
                return start
        if workspace.is_alive(run.id):
            raise UsageError(f"a process already works on run {run.id}")
        return _launched(workspace, new_token(), {"name": run.name, "run": run.id})


def _begin(workspace: Workspace, token: str, asked: dict[str, Any]) -> Start:
    with hold(_folder(workspace) / ".lock", "the list of starts", wait_s=_WAIT_S):
        if read(folder_of(workspace, token) / starts.START) is not None:
            return find_start(workspace, token)
        return _launched(workspace, token, asked)


def _folder(workspace: Workspace) -> Path:
    folder = workspace.root / starts.FOLDER
    with storage_errors(folder):
        folder.mkdir(exist_ok=True)
    return folder


def _launched(workspace: Workspace, token: str, asked: dict[str, Any]) -> Start:
    folder = folder_of(workspace, token)
    with storage_errors(folder):
        folder.mkdir(exist_ok=True)
        atomic_write(folder / starts.START, canonical_json({"schema": starts.SCHEMA, "at": now(), **asked}))
    try:
        _spawn(workspace, token, folder)
    except (OSError, StorageError, WorkspaceError) as error:
        _say_failed(folder, f"the process could not be started: {error}")
        raise
    return find_start(workspace, token)


def _spawn(workspace: Workspace, token: str, folder: Path) -> None:
    command = [sys.executable, "-P", "-m", "rai_tune.detached.worker", str(workspace.root), token]
    with storage_errors(folder), (folder / starts.LOG).open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
            start_new_session=True,
        )
    # A process that has ended stays in the table until its parent asks for it.
    threading.Thread(target=process.wait, daemon=True, name=f"start {token}").start()
    # The worker holds a lock soon; until then this says who it is.
    found = {"pid": process.pid, "host": socket.gethostname(), "mark": mark_of(process.pid)}
    atomic_write(folder / starts.PROCESS, canonical_json(found))


def _environment() -> dict[str, str]:
    """What this process has, without keys, and with the code that it runs."""
    import rai_audits
    import rai_tune

    kept = {name: value for name, value in os.environ.items() if name not in _UNUSED}
    code = [str(Path(str(package.__file__)).resolve().parents[1]) for package in (rai_tune, rai_audits)]
    also = [path for path in kept.get("PYTHONPATH", "").split(os.pathsep) if path]
    kept["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*code, *also]))
    kept.setdefault("TOKENIZERS_PARALLELISM", "false")
    return kept


def _say_failed(folder: Path, why: str) -> None:
    try:
        atomic_write(folder / starts.OUTCOME, canonical_json({"error": why}))
    except (StorageError, WorkspaceError):
        return  # the disk that refused the start refuses this too; without a process the start reads as lost
