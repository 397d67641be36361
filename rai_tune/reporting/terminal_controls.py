"""Controls of a policy as the terminal shows them, and the colours of outcomes. Internal to the reporting room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rai_tune.reporting.model import ControlRow

STYLES = {
    "fail": "bold dark_orange3",
    "insufficient_evidence": "bold yellow",
    "awaiting_signoff": "bold cyan",
    "pass": "bold blue",
    "not_applicable": "dim",
    "no_verdict": "bold",
}


def controls_of(controls: tuple[ControlRow, ...], *, whole: bool = False) -> Group:
    """Each control on a line; ``whole`` adds the full reason and what would settle it.

    Else the reason is cut to two lines, and controls that nothing but a person decides share a line.
    """
    lines: list[RenderableType] = []
    waiting = [] if whole else [each for each in controls if each.outcome == "awaiting_signoff" and not each.readings]
    waiting = [each for each in waiting if each.mode == "attestation"]
    for control in (each for each in controls if each not in waiting):
        style = STYLES[control.outcome]
        quiet = control.severity == "blocks" or control.outcome in {"pass", "not_applicable"}
        word = control.word + ("" if quiet else f" ({control.severity})")
        line = Text(f"{control.icon} {control.id} ", style=style)
        line.append(control.title, style="not bold default")
        line.append(f" - {word}", style=style)
        lines.append(line)
        if control.outcome in {"fail", "insufficient_evidence", "awaiting_signoff"}:
            reason = control.reason if whole else _short(control.reason)
            lines.append(Padding(Text(reason, style="dim"), (0, 0, 0, 2)))
            if whole and control.settle:
                lines.append(Padding(Text(f"To settle it: {control.settle}"), (0, 0, 0, 2)))
    for severity in dict.fromkeys(each.severity for each in waiting):
        names = [each.id for each in waiting if each.severity == severity]
        word = "" if severity == "blocks" else f" ({severity})"
        line = Text(f"… {len(names)} for a person to attest{word}: ", style=STYLES["awaiting_signoff"])
        lines.append(line.append(", ".join(names), style="not bold default"))
    return Group(*lines)


def _short(text: str) -> str:
    """Two lines at most: the whole sentence is in the report."""
    return text if len(text) <= 140 else text[:139].rstrip() + "…"
