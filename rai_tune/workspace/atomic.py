"""Files that are either the old ones or the new ones, whole, whatever happens in between. Stable API.

Use for every file whose loss or truncation would be evidence lost: write beside the target, fsync, rename, fsync the
folder. A killed process or a full disk leaves the old content in place.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from rai_tune.core import WorkspaceError
from rai_tune.core.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT})
_DENIED_ERRORS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR})


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn refusals of the disk into ``StorageError`` and of the permissions into ``WorkspaceError``."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in _DISK_ERRORS:
            raise StorageError(f"cannot write {path}: {reason}. What was there before is intact.") from error
        if error.errno in _DENIED_ERRORS:
            raise WorkspaceError(f"cannot write {path}: {reason}") from error
        raise


def fsync_directory(folder: Path) -> None:
    """Make a rename or a new entry in ``folder`` survive a power cut. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that becomes ``path`` when the block ends without an error, and vanishes otherwise.

    The folder must exist. Raises ``StorageError`` on a full or failing disk and ``WorkspaceError`` when the folder
    may not be written; ``path`` then holds what it held before.
    """
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
    with storage_errors(path):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        handle = os.fdopen(descriptor, "wb")
        try:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
            handle.close()
            temporary.replace(path)
        except BaseException:
            # Closing flushes what is left, which a full disk refuses a second time.
            with suppress(OSError):
                handle.close()
            with suppress(OSError):
                temporary.unlink()
            raise
        fsync_directory(path.parent)


def atomic_write(path: Path, data: bytes) -> None:
    """Replace the content of ``path`` with ``data``, all or nothing. Errors as for ``atomic_file``."""
    with atomic_file(path) as handle:
        handle.write(data)
