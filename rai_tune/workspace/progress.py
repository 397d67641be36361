"""How far a run is: a small file in its folder, replaced at most once a second, which anyone may read at any time.

Stable API: ``RunProgress``, ``Step``, ``ProgressLog`` and ``read_progress``. Nothing here is evidence and nothing rests on it: a file
that is missing, torn or of another version reads as "not known", and one that cannot be written is left out.
"""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.workspace.processes import mark_of
from rai_tune.workspace.runs import now

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRESS_FILE = "progress.json"
SCHEMA = "rai-tune/progress/v1"
_EVERY_S = 1.0
_TRUSTED_AFTER_S = 3.0
"""A rate seen for a shorter time says nothing about the time left: the first steps are the slow ones."""

_AUDIT = "audit: "
_AUDITS = "audits"
"""Audits take from a blink to many minutes each, so their number says nothing about the time left."""

_LARGEST = 1 << 16


@dataclass(frozen=True)
class Step:
    """Something counted: ``done`` of ``total``. ``left_s`` is the expected time to its end in seconds, None when unknown."""

    what: str
    done: int
    total: int
    left_s: float | None = None


@dataclass(frozen=True)
class StageTime:
    """A finished stage of the run and how long it took, in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True)
class RunProgress:
    """Where a run was at the moment ``at`` (ISO 8601, UTC).

    ``stage`` is the state of the run and ``stage_s`` the seconds that it had taken; ``step`` counts within it and ``part`` within one audit.
    ``pid``, ``host`` and ``mark`` name the process that wrote this.
    """

    stage: str
    stage_s: float
    step: Step | None
    part: Step | None
    finished: tuple[StageTime, ...]
    at: str
    pid: int
    host: str
    mark: str


class ProgressLog:
    """Takes what a run reports, passes it on, and keeps the file. Call it as ``(what, done, total)``."""

    def __init__(
        self, folder: Path, pass_on: Callable[[str, int, int], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = folder / PROGRESS_FILE
        self._pass_on = pass_on
        self._clock = clock
        self._finished: tuple[StageTime, ...] = ()
        self._stage, self._entered = "", clock()
        self._step: Step | None = None
        self._part: Step | None = None
        self._first: dict[str, tuple[float, int]] = {}
        self._written = -_EVERY_S
        self._mark = mark_of(os.getpid()) or ""

    def enter(self, stage: str) -> None:
        """A stage begins, and the one before it has ended."""
        moment = self._clock()
        if self._stage:
            self._finished = (*self._finished, StageTime(self._stage, moment - self._entered))
        self._stage, self._entered = stage, moment
        self._step = self._part = None
        self._first.clear()
        self._write(moment)

    def __call__(self, what: str, done: int, total: int) -> None:
        """So much of something is done."""
        self._pass_on(what, done, total)
        moment = self._clock()
        if what.startswith(_AUDIT) or what == _AUDITS:
            # What is counted within an audit begins anew in the next one.
            self._first.clear()
            self._step, self._part = Step(what, done, total), None
        elif self._step is not None and self._step.what.startswith(_AUDIT):
            self._part = Step(what, done, total, self._left(what, done, total, moment))
        else:
            self._step = Step(what, done, total, self._left(what, done, total, moment))
        if moment - self._written >= _EVERY_S:
            self._write(moment)

    def _left(self, what: str, done: int, total: int, moment: float) -> float | None:
        began, at_first = self._first.setdefault(what, (moment, done))
        if done < at_first:  # the same words for another count
            began, at_first = self._first[what] = (moment, done)
        passed, made = moment - began, done - at_first
        if done >= total:
            return 0.0
        return passed / made * (total - done) if made > 0 and passed >= _TRUSTED_AFTER_S else None

    def _write(self, moment: float) -> None:
        self._written = moment
        value = RunProgress(
            stage=self._stage,
            stage_s=moment - self._entered,
            step=self._step,
            part=self._part,
            finished=self._finished,
            at=now(),
            pid=os.getpid(),
            host=socket.gethostname(),
            mark=self._mark,
        )
        draft = self._path.with_name(f".{PROGRESS_FILE}.{os.getpid()}.tmp")
        # Not asked to reach the disk: after a power cut nobody is at work, whatever this file says.
        with suppress(OSError):
            draft.write_text(json.dumps({"schema": SCHEMA, **asdict(value)}), encoding="utf-8")
            draft.replace(self._path)


def read_progress(folder: Path) -> RunProgress | None:
    """What the file in a run's folder says, or None when it cannot be read as such."""
    path = folder / PROGRESS_FILE
    try:
        with path.open("rb") as handle:
            found = json.loads(handle.read(_LARGEST))
        if found["schema"] != SCHEMA:
            return None
        return RunProgress(
            stage=str(found["stage"]),
            stage_s=float(found["stage_s"]),
            step=_step(found["step"]),
            part=_step(found["part"]),
            finished=tuple(StageTime(str(item["name"]), float(item["seconds"])) for item in found["finished"]),
            at=str(found["at"]),
            pid=int(found["pid"]),
            host=str(found["host"]),
            mark=str(found["mark"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _step(value: Any) -> Step | None:
    if value is None:
        return None
    left = value["left_s"]
    return Step(
        str(value["what"]), int(value["done"]), int(value["total"]), None if left is None else max(0.0, float(left))
    )
