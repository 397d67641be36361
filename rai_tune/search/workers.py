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
"""Times that a trial is begun whose process was killed; one that dies each time is recorded as failed."""

_PARENT_POLL_S = 1.0


class Workers:
    """At most ``count`` trials at a time. A trial whose process dies goes on from its last checkpoint in another one."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = self._new_pool()
        self._jobs: dict[Future[Outcome], TrialJob] = {}
        self._attempts: dict[int, int] = {}

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
        return self._count - len(self._jobs)

    def begin(self, job: TrialJob) -> None:
        """Hand over a trial."""
        self._attempts[job.number] = self._attempts.get(job.number, 0) + 1
        self._jobs[self._pool.submit(run_trial, job)] = job

    def finished(self, timeout_s: float) -> list[tuple[TrialJob, Outcome]]:
        """Trials that ended, waiting ``timeout_s`` seconds for one."""
        done, _ = wait(self._jobs, timeout=timeout_s, return_when=FIRST_COMPLETED)
        ended: list[tuple[TrialJob, Outcome]] = []
        lost: list[TrialJob] = []
        for future in done:
            job = self._jobs.pop(future)
            try:
                ended.append((job, future.result()))
            except BrokenProcessPool:
                lost.append(job)
            except StorageError:
                raise
            except Exception as error:
                ended.append((job, Outcome("failed", error=f"{type(error).__name__}: {error}")))
        return ended + self._again(lost)

    def _again(self, lost: list[TrialJob]) -> list[tuple[TrialJob, Outcome]]:
        """Begin trials anew whose process died. One death breaks the whole pool, so those beside it are begun again too."""
        if not lost:
            return []
        lost += self._jobs.values()
        self._jobs.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._new_pool()
        given_up: list[tuple[TrialJob, Outcome]] = []
        for job in lost:
            if self._attempts[job.number] < _ATTEMPTS:
                self.begin(job)
            else:
                given_up.append((job, Outcome("failed", error=f"its process was killed {_ATTEMPTS} times")))
        return given_up

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
