"""Checked options of an audit, for people who pass them directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def whole_number(options: Mapping[str, Any], name: str, default: int, *, at_least: int) -> int:
    """Return the option as a whole number. Raises ``UsageError`` naming it."""
    value = options.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise UsageError(f"option {name!r} must be a whole number of at least {at_least}, got {value!r}")
    return value


def share(options: Mapping[str, Any], name: str, default: float) -> float:
    """Return the option as a number above 0 and at most 1. Raises ``UsageError`` naming it."""
    value = options.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        raise UsageError(f"option {name!r} must be a number above 0 and at most 1, got {value!r}")
    return float(value)
