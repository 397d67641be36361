"""Moments and days as evidence holds them, read without guessing: what cannot be read is None."""

from __future__ import annotations

from datetime import UTC, date, datetime


def moment(text: str) -> datetime | None:
    """A moment in ISO 8601, in UTC; one without a zone is taken as UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def day_of(text: str) -> date | None:
    """The day, in UTC, of a moment in ISO 8601."""
    found = moment(text)
    return found.date() if found else None
