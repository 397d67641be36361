"""What was started and what became of it, read from the folder ``starts/TOKEN`` that launcher and worker share.

``start.json`` is what to do, ``process.json`` which process does it, ``run.json`` the run that it has, ``outcome.json`` how it ended.
Each is written whole or not at all; one that is missing says that it did not come so far.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rai_tune.core import UsageError
from rai_tune.workspace.locks import is_held
from rai_tune.workspace.processes import mark_of
from rai_tune.workspace.records import UNFINISHED

if TYPE_CHECKING:
    from pathlib import Path

    from rai_tune.workspace import RunRecord, Workspace

SCHEMA = "rai-tune/start/v1"
START, PROCESS, RUN, OUTCOME, LOCK, LOG = "start.json", "process.json", "run.json", "outcome.json", "lock", "log.txt"
FOLDER = "starts"
_TOKEN = re.compile(r"[0-9a-f]{16,64}")
_POLL_S = 0.1

StartState = Literal["working", "ended", "failed", "lost"]


@dataclass(frozen=True)
class Start:
    """A beginning. ``run_id`` is the run that it made or goes on with, None while there is none.

    ``working``: a process is at it. ``ended``: it is over, and the run says how. ``failed``: it stopped for the reason in ``error`` before there was
    a run, or when it was to go on with one. ``lost``: its process is gone without a word and without a run.
    """

    token: str
    at: str
    name: str
    resumes: bool
    run_id: str | None
    state: StartState
    error: str | None


def new_token() -> str:
    """A name for one start: whoever starts twice under one token starts once."""
    return secrets.token_hex(8)


def folder_of(workspace: Workspace, token: str) -> Path:
    """Where a start has its files. Raises ``UsageError`` for what is no token."""
    if not _TOKEN.fullmatch(token):
        raise UsageError(f"{token[:80]!r} names no start")
    return workspace.root / FOLDER / token


def find_start(workspace: Workspace, token: str) -> Start:
    """A start by its token. Raises ``UsageError`` when there is none."""
    folder = folder_of(workspace, token)
    asked = read(folder / START)
    if asked is None:
        raise UsageError(f"there is no start {token!r} in this workspace")
    # In this order, because it may end between two looks; and a process takes seconds to go after its last word.
    working = _working(folder)
    outcome = read(folder / OUTCOME)
    working = working and outcome is None
    run_id = asked.get("run") or (read(folder / RUN) or {}).get("run")
    error = None if outcome is None else outcome.get("error")
    return Start(
        token=token,
        at=str(asked.get("at", "")),
        name=str(asked.get("name", "")),
        resumes=bool(asked.get("run")),
        run_id=str(run_id) if run_id else None,
        state=_state(working, bool(run_id), bool(asked.get("run")), bool(error)),
        error=str(error) if error else None,
    )


def _state(working: bool, has_run: bool, resumes: bool, error: bool) -> StartState:
    if working:
        return "working"
    if error and (resumes or not has_run):
        return "failed"
    return "ended" if has_run else "lost"


def all_starts(workspace: Workspace) -> tuple[Start, ...]:
    """Every start of this workspace, newest first."""
    folder = workspace.root / FOLDER
    tokens = [path.name for path in folder.iterdir() if _TOKEN.fullmatch(path.name)] if folder.is_dir() else []
    found = [find_start(workspace, token) for token in tokens if (folder / token / START).is_file()]
    return tuple(sorted(found, key=lambda start: start.at, reverse=True))


def at_work(workspace: Workspace) -> tuple[RunRecord, ...]:
    """Runs of this workspace that a process works on now, detached or not, newest first."""
    unfinished = (run for run in workspace.runs() if run.state in UNFINISHED)
    return tuple(run for run in unfinished if workspace.is_alive(run.id))


def wait_for_run(workspace: Workspace, token: str, seconds: float) -> Start:
    """Wait until a start has its run, or has ended without one; the start as it is after so long at most."""
    until = time.monotonic() + seconds
    while True:
        start = find_start(workspace, token)
        if start.state != "working" or (start.run_id and not start.resumes) or time.monotonic() > until:
            return start
        if start.resumes and start.run_id and workspace.is_alive(start.run_id):
            return start
        time.sleep(_POLL_S)


def read(path: Path) -> dict[str, Any] | None:
    """A small JSON object, or None when it is not there or not one."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _working(folder: Path) -> bool:
    """Whether a process is at it: the lock says so, and before the process has come to take it, its mark does."""
    if is_held(folder / LOCK):
        return True
    process = read(folder / PROCESS) or {}
    # Without a mark the process was gone before anybody could look at it.
    mark = process.get("mark")
    return bool(mark) and process.get("host") == socket.gethostname() and mark_of(int(process["pid"])) == mark
