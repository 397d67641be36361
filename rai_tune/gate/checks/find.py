"""Finding what a check may read: sound audit results, declared groups, and names to speak of them.

Everything that is missing, crashed, ambiguous or measured on other bytes comes back as a ``Gap``, so that no check can
mistake it for evidence.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rai_tune.core import plain_attributes
from rai_tune.gate.checks.base import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rai_tune.core import AuditResult, Measurement
    from rai_tune.gate.checks.base import Attributes
    from rai_tune.gate.decision import Evidence

UNKNOWN = "unknown"
"""The group of people whose group is not recorded: counted everywhere, judged as a group nowhere."""

_LISTED = 3


def sound_result(evidence: Evidence, audit: str) -> AuditResult | Gap:
    """The one result of an audit that speaks of this run's predictions and model, else the gap."""
    found = [result for result in evidence.results if result.audit == audit]
    if not found:
        return Gap(f"the audit {audit} is not in the evidence", f"run the audit {audit}")
    if len(found) > 1:
        return Gap(
            f"the evidence holds {len(found)} results of the audit {audit}, and nothing says which one counts",
            f"keep one result of {audit}",
        )
    result = found[0]
    if result.status != "ok":
        return Gap(f"the audit {audit} stopped with an error: {result.reason}", f"run the audit {audit} again")
    return _stale(result, evidence) or result


def _stale(result: AuditResult, evidence: Evidence) -> Gap | None:
    again = f"run the audit {result.audit} again on this run's predictions"
    measured = result.inputs.get("predictions")
    if measured is None:
        return Gap(f"the audit {result.audit} does not say which predictions it measured", again)
    if measured != evidence.predictions_digest:
        return Gap(f"the audit {result.audit} was measured on other predictions ({measured[:12]})", again)
    # An audit of a table of predictions reads no model; the predictions themselves are bound to one.
    model = result.inputs.get("model")
    if model is not None and model != evidence.model_digest:
        return Gap(f"the audit {result.audit} was measured on another model ({model[:12]})", again)
    return None


def measurements_of(result: AuditResult, metric: str, split: str | None) -> list[Measurement]:
    """Measurements of one metric on one split, in an order that does not depend on how they were stored."""
    found = [
        item
        for item in result.measurements
        if item.audit == result.audit and item.metric == metric and item.split == split
    ]
    return sorted(found, key=_order)


def _order(item: Measurement) -> tuple[str, ...]:
    where = (item.attribute, item.group, item.reference, item.label)
    return (*(part or "" for part in where), item.model_dump_json())


def declared_groups(evidence: Evidence, attributes: Attributes) -> dict[str, tuple[str, ...]] | Gap:
    """Attribute -> the groups to be judged, sorted; the unknown group is left out."""
    if not evidence.groups:
        return Gap("the recipe declares no groups", "name the group columns under data.groups in the recipe")
    if attributes == "plain":
        names = sorted(plain_attributes(evidence.groups))
    else:
        names = sorted(evidence.groups) if attributes == "all" else list(attributes)
    absent = [name for name in names if name not in evidence.groups]
    if absent:
        return Gap(
            f"the recipe declares no group attribute {quoted(absent)}",
            f"name the column under data.groups in the recipe (declared now: {', '.join(sorted(evidence.groups))})",
        )
    return {name: tuple(sorted(set(evidence.groups[name]) - {UNKNOWN})) for name in names}


def place(item: Measurement) -> str:
    """Where a measurement was taken, in words, empty for an overall one. Names from data are quoted and escaped."""
    words = []
    if item.group is not None:
        words.append(f"group {item.group!r}")
    if item.reference is not None:
        words.append(f"against {item.reference!r}")
    if item.attribute is not None:
        words.append(f"of {item.attribute!r}" if words else f"attribute {item.attribute!r}")
    if item.label is not None:
        words.append(f"for {item.label!r}")
    return " ".join(words)


def quoted(names: Iterable[str]) -> str:
    """Names in quotes, joined by commas."""
    return ", ".join(repr(name) for name in names)


def listed(items: Sequence[str]) -> str:
    """The first few of a list, and how many more there are."""
    more = len(items) - _LISTED
    return ", ".join(items[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def shown(number: float | str, beside: float | None = None) -> str:
    """A number with three decimals, or as many as it takes to tell it from the one beside it."""
    if isinstance(number, str):
        return number
    for places in range(3, 16):
        text = f"{number:.{places}f}"
        if beside is None or number == beside or text != f"{beside:.{places}f}":
            break
    return text.rstrip("0").rstrip(".") if "." in text else text


def storable(number: float | str) -> float | str:
    """A number as it may enter a decision; one that is not finite becomes a word."""
    return number if isinstance(number, str) or math.isfinite(number) else str(number)
