"""A run at work in words: which stage, how far, how long still. The app and ``raitune runs watch`` say the same.

Stable API: ``look`` and ``Look``. A time left is given only where one was measured; otherwise it says that none is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from rai_tune.detached.starts import all_starts
from rai_tune.workspace.records import UNFINISHED

if TYPE_CHECKING:
    from rai_tune.detached.starts import Start
    from rai_tune.workspace import RunRecord, Workspace
    from rai_tune.workspace.progress import RunProgress, Step

STAGES = {
    "preparing": "Get ready",
    "training": "Train the model",
    "predicting": "Score every row",
    "auditing": "Measure: quality, groups, explanations",
    "deciding": "Judge by the policies",
}
"""Stages of a run in their order, by the state that it has meanwhile."""

_AUDIT = "audit: "

Status = Literal["working", "starting", "stopped", "over"]


@dataclass(frozen=True)
class StageLine:
    """One stage: ``done``, ``now``, ``to come`` or ``not known``, and the time that it took."""

    name: str
    state: str
    took: str


@dataclass(frozen=True)
class Look:
    """A run as it is now.

    ``working``: a process is at it. ``starting``: one was started and has not come to it yet. ``stopped``: none is, and the run can go on.
    ``over``: completed, or it cannot go on. ``now`` says what happens, ``left`` for how long still, ``heard`` when it said so.
    """

    status: Status
    now: str
    left: str
    heard: str
    stages: tuple[StageLine, ...]


def look(workspace: Workspace, run_id: str) -> Look:
    """Look at a run in any state. Raises ``UsageError`` for an id that names none."""
    # Whether somebody is at it is asked before the state is read: a run that ends in between is not taken for one that stopped.
    alive = workspace.is_alive(run_id)
    run = workspace.run(run_id)
    said = workspace.progress(run.id)
    if said is not None and (said.host, said.pid) != (run.host, run.pid):
        said = None  # of an earlier process; the present one has said nothing yet
    status = _status(workspace, run, alive)
    if status != "working":
        said = None if status == "starting" else said
        return Look(status, _still(run, status), "", "", _stages(run, said, working=False))
    return Look(status, _doing(run, said), _left(said), _heard(said), _stages(run, said, working=True))


def latest_start(workspace: Workspace, run_id: str) -> Start | None:
    """The newest start of a run, None when it was never started as a process of its own."""
    return next((start for start in all_starts(workspace) if start.run_id == run_id), None)


def duration(seconds: float) -> str:
    """``12 seconds``, ``3 minutes``, ``2.5 hours``: as exact as an expectation deserves."""
    if seconds < 90:
        count, unit = max(1, round(seconds)) if seconds < 10 else 5 * max(2, round(seconds / 5)), "second"
    elif seconds < 90 * 60:
        count, unit = round(seconds / 60), "minute"
    else:
        hours = round(seconds / 1800) / 2
        return f"{hours:g} hours"
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _status(workspace: Workspace, run: RunRecord, alive: bool) -> Status:
    unfinished = run.state in UNFINISHED
    if alive and unfinished:
        return "working"
    start = latest_start(workspace, run.id) if run.resumable or unfinished else None
    if start is not None and start.state == "working":
        return "starting"
    # A trial of a search that is trained goes on by being chosen and not by a resume.
    return "stopped" if run.resumable and run.state != "trained" else "over"


def _still(run: RunRecord, status: Status) -> str:
    if status == "starting":
        return "A process was started and reads data and base model."
    if status == "over":
        return f"The run is {run.state}."
    if run.state in {"failed", "interrupted"}:
        return f"The run is {run.state}. Nothing works on it; resume goes on from the last checkpoint."
    return "The process that worked on it is gone. Resume goes on from the last checkpoint."


def _doing(run: RunRecord, said: RunProgress | None) -> str:
    stage = STAGES.get(run.state, "Begin")
    if said is None or said.stage != run.state or said.step is None:
        return f"{stage}."
    step = said.step
    if step.what.startswith(_AUDIT):
        within = f", {_count(said.part)}" if said.part else ""
        name = step.what.removeprefix(_AUDIT).replace("_", " ")
        return f"{stage}: {name}, audit {step.done + 1} of {step.total}{within}."
    unit = {"training": "step", "predicting": "row"}.get(run.state, "")
    return f"{stage}: {unit} {step.done:,} of {step.total:,}.".replace(":  ", ": ")


def _count(step: Step | None) -> str:
    return "" if step is None else f"{step.what} {step.done:,} of {step.total:,}"


def _left(said: RunProgress | None) -> str:
    step = said.step if said else None
    if step is None or step.left_s is None:
        return "not known"
    return f"about {duration(step.left_s)} in this stage; the stages after it are not estimated"


def _heard(said: RunProgress | None) -> str:
    try:
        moment = datetime.fromisoformat(said.at) if said else None
    except ValueError:
        moment = None
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else "nothing yet"


def _stages(run: RunRecord, said: RunProgress | None, *, working: bool) -> tuple[StageLine, ...]:
    took = {item.name: item.seconds for item in said.finished} if said else {}
    order = list(STAGES)
    present = order.index(run.state) if run.state in order and working else None
    lines = []
    for place, (state, name) in enumerate(STAGES.items()):
        if state in took:
            lines.append(StageLine(name, "done", _took(took[state])))
        elif run.state == "completed":
            lines.append(StageLine(name, "done", "before"))
        elif place == present:
            lines.append(StageLine(name, "now", _took(said.stage_s) + " so far" if said else "–"))
        elif present is not None and place < present:
            lines.append(StageLine(name, "done before", "–"))
        else:
            lines.append(StageLine(name, "to come", "–"))
    return tuple(lines)


def _took(seconds: float) -> str:
    return "under a second" if seconds < 1 else duration(seconds)
