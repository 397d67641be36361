"""Standing of a control on the day of a decision: in force, not yet, or no longer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from rai_tune.gate.policy import Control, Policy


@dataclass(frozen=True)
class Force:
    """Standing of a control on the day of the decision, and why it does not block when it does not."""

    status: str
    applies_from: date | None
    applies_until: date | None
    idle_because: str | None = None


def force_of(control: Control, pack: Policy, day: date | None) -> Force:
    """Dates decide where there are any and the decision has a day; without a day what is written does, the strict reading."""
    status = control.status or pack.status
    starts, ends = control.applies_from or pack.applies_from, control.applies_until
    if day is not None and ends is not None and day >= ends:
        why = f"It applied until {ends.isoformat()}: shown for information, it does not block"
        return Force("superseded", starts, ends, why)
    if starts is not None and day is not None and starts > day:
        why = f"It applies from {starts.isoformat()}: until then shown for information, it does not block"
        return Force("future", starts, ends, why)
    if status == "superseded" and (ends is None or day is None):
        return Force(status, starts, ends, "It is superseded: shown for information, it does not block")
    dated = (status == "future" and starts is not None) or (status == "superseded" and ends is not None)
    return Force("in_force" if dated and day is not None else status, starts, ends)
