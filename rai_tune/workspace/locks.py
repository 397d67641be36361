"""Locks between processes: held by the operating system, so a killed holder leaves nothing to clean up.

The lock is the truth; the text in the lock file only says who holds it.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rai_tune.core import ConflictError
from rai_tune.workspace.atomic import storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLL_S = 0.02
_PROBE_GRACE_S = 0.5
"""``is_held`` takes the lock for an instant; a claim waits this long before it believes that somebody works here."""

_held: set[int] = set()

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # Windows forbids reading locked bytes: lock one far behind the text

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _forget_in_child() -> None:
        # A forked child shares the lock: if it outlived a killed parent, the run would look alive.
        while _held:
            os.close(_held.pop())

    os.register_at_fork(after_in_child=_forget_in_child)


@contextmanager
def hold(path: Path, what: str, wait_s: float = _PROBE_GRACE_S) -> Iterator[None]:
    """Hold the lock file ``path`` for the block. Raises ``ConflictError`` naming the holder after ``wait_s`` seconds."""
    with storage_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    owner = os.getpid()
    _held.add(descriptor)
    try:
        _wait_for(descriptor, path, what, wait_s)
        try:
            with storage_errors(path):
                _sign(descriptor)
            yield
        finally:
            if os.getpid() == owner:
                _unlock(descriptor)
    finally:
        if descriptor in _held and os.getpid() == owner:
            _held.discard(descriptor)
            os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether some process, this one included, holds the lock file ``path`` now."""
    try:
        with storage_errors(path):
            descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        free = _try_lock(descriptor)
        if free:
            _unlock(descriptor)
        return not free
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path, what: str, wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while not _try_lock(descriptor):
        if time.monotonic() >= deadline:
            raise ConflictError(f"{what} is in use by {_holder(path)}")
        time.sleep(_POLL_S)


def _sign(descriptor: int) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())


def _holder(path: Path) -> str:
    pid, _, host = path.read_text("utf-8", errors="replace").strip().partition(" ")
    return f"process {pid} on {host}" if pid.isdigit() else "another process"
