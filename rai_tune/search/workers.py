"""Processes that carry out trials: each loads torch once, takes one trial at a time, and ends with the process that began it. Stable API: ``Workers``."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING

from rai_tune.core import StorageError
from rai_tune.search.trial import Outcome, TrialJob, run_trial

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_ATTEMPTS = 3
"""Times that a trial's process may die with no other trial at work; then it is recorded as failed."""

_PARENT_POLL_S = 1.0


class Workers:
    """At most ``count`` trials at a time. A trial whose process dies goes on from its last checkpoint in another one."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = self._new_pool()
        self._jobs: dict[Future[Outcome], TrialJob] = {}
        self._deaths: dict[int, int] = {}
        self._suspects: list[TrialJob] = []
        """Trials that were at work when a process died, to be tried one at a time: which one it was is not known."""
        self._tried: TrialJob | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            # Somebody interrupted, or the search itself failed: trials at work go on from their checkpoints later.
            self._kill()
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def free(self) -> int:
        """Trials that could begin now."""
        return 0 if self._suspects or self._tried is not None else self._count - len(self._jobs)

    @property
    def at_work(self) -> int:
        """Trials that have begun and not ended, those to be begun again included."""
        return len(self._jobs) + len(self._suspects)

    def begin(self, job: TrialJob) -> None:
        """Hand over a trial."""
        try:
            self._jobs[self._pool.submit(run_trial, job)] = job
        except BrokenProcessPool:
            # A process died since anybody looked; the trials at work are found lost by ``finished``.
            self._suspects.append(job)
            if not self._jobs:
                self._renew()

    def finished(self, timeout_s: float) -> list[tuple[TrialJob, Outcome]]:
        """Trials that ended, waiting ``timeout_s`` seconds for one."""
        done, _ = wait(self._jobs, timeout=timeout_s, return_when=FIRST_COMPLETED)
        ended: list[tuple[TrialJob, Outcome]] = []
        lost: list[TrialJob] = []
        for future in done:
            job = self._jobs.pop(future)
            self._tried = None
            try:
                ended.append((job, future.result()))
            except BrokenProcessPool:
                lost.append(job)
            except StorageError:
                raise
            except Exception as error:
                ended.append((job, Outcome("failed", error=f"{type(error).__name__}: {error}")))
        if lost:
            ended += self._given_up(lost)
        if self._suspects and not self._jobs:
            job = self._tried = self._suspects.pop(0)
            self.begin(job)
        return ended

    def _given_up(self, lost: list[TrialJob]) -> list[tuple[TrialJob, Outcome]]:
        """Trials that are not begun anew after a death. It broke the whole pool; only a trial that was alone is known to be the one that died."""
        lost += self._jobs.values()
        self._jobs.clear()
        self._renew()
        if len(lost) == 1:
            (job,) = lost
            self._deaths[job.number] = self._deaths.get(job.number, 0) + 1
            if self._deaths[job.number] == _ATTEMPTS:
                return [(job, Outcome("failed", error=f"its process was killed {_ATTEMPTS} times"))]
        self._suspects = sorted([*lost, *self._suspects], key=lambda job: job.number)
        return []

    def _renew(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        # Spawned and not forked: torch's threads do not survive a fork.
        return ProcessPoolExecutor(
            self._count, mp_context=get_context("spawn"), initializer=_settle, initargs=(os.getpid(),)
        )

    def _kill(self) -> None:
        for process in list((self._pool._processes or {}).values()):
            process.kill()


def _settle(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone: a trial that nobody counts must not go on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_S)
    os._exit(1)
