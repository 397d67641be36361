"""Options of the audits of the suite ``explain``, checked. Internal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def whole_option(given: Mapping[str, Any], name: str, default: int, least: int = 1) -> int:
    """A whole number of at least ``least``. Raises ``UsageError`` for anything else."""
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"option {name!r} must be a whole number of at least {least}, got {value!r}")
    return value


def share_option(given: Mapping[str, Any], name: str, default: float) -> float:
    """A number from 0 to 1. Raises ``UsageError`` for anything else."""
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and 0 <= value <= 1):
        raise UsageError(f"option {name!r} must be a number from 0 to 1, got {value!r}")
    return float(value)
