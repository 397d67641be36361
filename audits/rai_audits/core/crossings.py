"""Which attributes are crossings of others, as their names say. Stable API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_JOINS = (" & ", " x ")


def plain_attributes(names: Iterable[str]) -> tuple[str, ...]:
    """Attributes that cross no others of the list: what is crossed already is not crossed again by default."""
    known = tuple(names)
    return tuple(name for name in known if not any(_crosses(name, joiner, known) for joiner in _JOINS))


def _crosses(name: str, joiner: str, known: tuple[str, ...]) -> bool:
    parts = name.split(joiner)
    return len(parts) > 1 and all(part in known for part in parts)
