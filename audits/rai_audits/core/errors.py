"""Errors that a person can act on.

Every error carries the sentence to show and the process exit code of the public contract, so that the command
line, the app and a notebook all say the same thing.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class RaiError(Exception):
    """Base of all errors raised on purpose. ``exit_code`` follows the command-line contract."""

    exit_code = 1


class UsageError(RaiError):
    """Bad input or configuration: names the file, row or field (exit 2)."""

    exit_code = 2


class IntegrityError(RaiError):
    """Stored bytes are not what was recorded (exit 6)."""

    exit_code = 6


class ConflictError(RaiError):
    """Somebody else changed the same thing first (exit 7)."""

    exit_code = 7


def did_you_mean(unknown: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the nearest known name, else the sorted list of what is known."""
    names = sorted(known)
    near = get_close_matches(unknown, names, n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(names)}."
