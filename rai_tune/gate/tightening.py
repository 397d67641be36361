"""Whether a changed field of a pack asks for more or for less than before, where that can be said. Pure; internal to the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Tightening = Literal["stricter", "looser"]

_SEVERITIES = ("info", "warn", "block")
_HIGHER_IS_STRICTER = {"check.min_n": True, "check.alpha": False, "quorum": True}
_LIMITS = frozenset({"check.threshold.value", "check.people.value"})
_LISTS = frozenset({"check.audits", "check.metrics", "check.artifacts", "check.forbids", "sections"})
_AT_MOST_KINDS = frozenset({"freshness"})
_IDLE = frozenset({"superseded", "future"})


def tightening(
    field: str, before: Any, after: Any, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Tightening | None:
    """``field`` is a dotted name, ``old`` and ``new`` the controls (empty for a field of the pack); None is an absent value."""
    if field == "severity":
        return _side(_SEVERITIES.index(after) > _SEVERITIES.index(before))
    if field == "mode" and {before, after} == {"hybrid", "automated"}:
        return _side(after == "hybrid")
    if field == "status" and (before in _IDLE) != (after in _IDLE):
        return _side(before in _IDLE)
    if field == "check.forbids_groups_at_use":
        return _side(bool(after))
    if field in {"when", "applies_until", "applies_from", "divide_alpha_by_openings"}:
        return _reach(field, before, after)
    if field in _LISTS:
        return _lists(set(before or ()), set(after or ()))
    return _numbers(field, before, after, old, new)


def _reach(field: str, before: Any, after: Any) -> Tightening | None:
    """Fields that say when and to what a control applies: fewer days and cases are less to meet."""
    if field == "divide_alpha_by_openings":
        return _side(bool(after))
    if field == "when":
        return _side(after is None) if None in {before, after} else None
    if None in {before, after}:
        return _side(after is None)
    return _side((after > before) == (field == "applies_until"))


def _lists(before: set[Any], after: set[Any]) -> Tightening | None:
    return _side(after > before) if after > before or after < before else None


def _numbers(field: str, before: Any, after: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> Tightening | None:
    higher = _higher_is_stricter(old["check"], new["check"]) if field in _LIMITS else _HIGHER_IS_STRICTER.get(field)
    if field in {"quorum", "check.min_n"}:
        before, after = before or 1, after or 1  # left out, one person or one row is enough
    both = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (before, after))
    if higher is None or not both or before == after:
        return None
    return _side((after > before) == higher)


def _higher_is_stricter(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool | None:
    if old.get("direction") != new.get("direction") or "expression" in {old["kind"], new["kind"]}:
        return None
    if "direction" in new:
        return bool(new["direction"] == "at_least")
    return new["kind"] not in _AT_MOST_KINDS


def _side(stricter: bool) -> Tightening:
    return "stricter" if stricter else "looser"
