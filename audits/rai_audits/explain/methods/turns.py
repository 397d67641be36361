"""Many callers of one model, each in a thread of its own, that take turns: what they ask for is pooled into one pass.

For algorithms that call their model from deep inside and cannot be asked to stop there. Only one thread runs at any moment, so nothing is
shared and global random numbers can be kept apart. Stable within this package: ``Turn``, ``pooled``.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

Result = TypeVar("Result")


class _StoppedError(BaseException):
    """Ends a thread that waits for an answer which will not come; no ``except Exception`` on the way may swallow it."""


class Turn(Generic[Result]):
    """``work`` in a thread that sleeps whenever it asks; its draws from NumPy's global generator are those of ``seed`` alone."""

    def __init__(self, work: Callable[[Callable[[npt.NDArray[np.bool_]], npt.NDArray[np.float64]]], Result], seed: int):
        self._work = work
        self._random = np.random.RandomState(seed).get_state()
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._stopped = False
        self._answer: npt.NDArray[np.float64] | None = None
        self._error: BaseException | None = None
        self.asked: npt.NDArray[np.bool_] | None = None
        self.results: list[Result] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def go_on(self, answer: npt.NDArray[np.float64] | None = None) -> None:
        """Let the thread run until it asks again or ends. ``asked`` is None once it ended; what it raised is raised here."""
        self._answer, self.asked = answer, None
        before = np.random.get_state()  # noqa: NPY002  # shap draws from it
        np.random.set_state(self._random)  # noqa: NPY002  # shap draws from it
        try:
            if self._thread.ident is None:
                self._thread.start()
            else:
                self._mine.release()
            self._theirs.acquire()
            self._random = np.random.get_state()  # noqa: NPY002  # shap draws from it
        finally:
            np.random.set_state(before)  # noqa: NPY002  # shap draws from it
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End a thread that waits."""
        self._stopped = True
        if self._thread.is_alive():
            self._mine.release()
            self._thread.join()

    def _run(self) -> None:
        try:
            self.results.append(self._work(self._ask))
        except _StoppedError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self._theirs.release()

    def _ask(self, masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        self.asked = masks
        self._theirs.release()
        self._mine.acquire()
        if self._stopped or self._answer is None:
            raise _StoppedError
        return self._answer


def pooled(
    turns: Sequence[Turn[Result]],
    answer: Callable[[list[tuple[int, npt.NDArray[np.bool_]]]], list[npt.NDArray[np.float64]]],
    at_once: int,
) -> Iterator[tuple[int, Result]]:
    """Each turn's number and result as it ends. ``answer`` gets all that ``at_once`` turns wait for: (number, masks).

    What a turn or ``answer`` raises is raised here after every thread has been ended.
    """
    waiting = list(range(len(turns)))
    live: list[int] = []
    try:
        while waiting or live:
            answers: dict[int, npt.NDArray[np.float64]] = {}
            if live:
                found = answer([(number, _masks(turns[number])) for number in live])
                answers = dict(zip(live, found, strict=True))
            started, waiting = waiting[: at_once - len(live)], waiting[at_once - len(live) :]
            live += started
            for number in list(live):
                turns[number].go_on(answers.get(number))
                if turns[number].asked is None:
                    live.remove(number)
                    yield number, turns[number].results[0]
    finally:
        for number in live:
            turns[number].stop()


def _masks(turn: Turn[Result]) -> npt.NDArray[np.bool_]:
    assert turn.asked is not None
    return turn.asked
