"""Which process is which. A process number is used again after its process ended, so a number alone proves nothing.

Stable API: ``mark_of`` and ``interrupt``.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

_START, _STATE = 19, 0
"""Places in ``/proc/PID/stat`` after the name: ticks from boot to the start of the process, and its state (proc(5))."""


def mark_of(pid: int) -> str | None:
    """What tells the process that has this number now from any other that had or will have it; None when none runs.

    One that has ended and only waits for its parent to take note of it does not run.
    """
    return _mark_in_proc(pid) if sys.platform == "linux" else _mark_by_time(pid)


def interrupt(pid: int, mark: str) -> bool:
    """Ask a process to stop, as Ctrl-C does, if it still is the one with this mark; returns whether it was asked."""
    if sys.platform == "linux":
        try:
            # Held open, the number cannot pass to another process between the look and the signal.
            handle = os.pidfd_open(pid)
        except OSError:
            return False
        try:
            if mark_of(pid) != mark:
                return False
            signal.pidfd_send_signal(handle, signal.SIGINT)
        except OSError:
            return False
        finally:
            os.close(handle)
        return True
    if mark_of(pid) != mark:
        return False
    os.kill(pid, signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
    return True


def _mark_in_proc(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    if len(fields) <= _START or fields[_STATE] in {"Z", "X"}:
        return None
    return f"ticks {fields[_START]}"


def _mark_by_time(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"began {process.create_time():.2f}"
    except psutil.Error:
        return None
