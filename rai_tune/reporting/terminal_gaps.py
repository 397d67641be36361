"""The gaps that a table is too small to show, as the terminal says them. Internal to the reporting room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from rai_tune.reporting.text import named

if TYPE_CHECKING:
    from rai_tune.reporting.model import GroupTable

_MOST = 3


def missed_gaps(table: GroupTable) -> Group:
    """A line for each of the groups of which "no gap was found" says the least."""
    sizes = {row.group: row.rows.text for row in table.rows if row.rows is not None}
    rows = [row for row in table.detectable if row.value.status != "suppressed"]
    rows.sort(key=lambda row: -(2.0 if row.value.estimate is None else row.value.estimate))
    lines = []
    for row in rows[:_MOST]:
        group, reference = named(row.value.ref.group or ""), named(row.value.ref.reference or "")
        size = "of any size may go unseen"
        if row.value.estimate is not None:
            size = f"below {row.value.text} goes unseen 1 time in 5 or more"
        lines.append(Text(f"{group}, {sizes.get(group, '–')} rows: a gap to {reference} {size}"))
    return Group(*lines)
