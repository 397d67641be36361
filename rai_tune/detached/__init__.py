"""Runs as processes of their own, which outlive the terminal or the browser that started them. Stable API.

``start_detached`` and ``resume_detached`` begin one, ``cancel`` asks one to stop, ``find_start`` and ``all_starts`` say what became of a beginning.
A start has a folder ``starts/TOKEN`` in the workspace until it has a run; from then on the run says everything.
"""

from rai_tune.detached.launching import resume_detached, start_detached
from rai_tune.detached.starts import Start, all_starts, at_work, find_start, new_token, wait_for_run
from rai_tune.detached.stopping import cancel, wait_until_stopped

__all__ = [
    "Start",
    "all_starts",
    "at_work",
    "cancel",
    "find_start",
    "new_token",
    "resume_detached",
    "start_detached",
    "wait_for_run",
    "wait_until_stopped",
]
