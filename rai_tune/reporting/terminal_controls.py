"""Controls of a policy as the terminal shows them, and the colours of outcomes. Internal to the reporting room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

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


_OPEN = frozenset({"fail", "insufficient_evidence", "awaiting_signoff"})
_MOST_READINGS = 3
_ORIGINS = {"law": "from law", "guidance": "from guidance"}


def controls_of(controls: tuple[ControlRow, ...], *, whole: bool = False) -> Group:
    """Each control on a line; ``whole`` adds what it read, its threshold and source, its condition and what would settle it.

    Else the reason is cut to two lines, and controls that nothing but a person decides share a line.
    """
    if whole:
        return Group(*(_whole(control) for control in controls))
    lines: list[RenderableType] = []
    waiting = [each for each in controls if each.outcome == "awaiting_signoff" and not each.readings]
    waiting = [each for each in waiting if each.mode == "attestation"]
    for control in (each for each in controls if each not in waiting):
        lines.append(_title(control))
        if control.outcome in _OPEN:
            lines.append(_below(_short(control.reason), dim=True))
    for severity in dict.fromkeys(each.severity for each in waiting):
        names = [each.id for each in waiting if each.severity == severity]
        word = "" if severity == "blocks" else f" ({severity})"
        line = Text(f"… {len(names)} for a person to attest{word}: ", style=STYLES["awaiting_signoff"])
        lines.append(line.append(", ".join(names), style="not bold default"))
    return Group(*lines)


def _title(control: ControlRow) -> Text:
    style = STYLES[control.outcome]
    quiet = control.severity == "blocks" or control.outcome in {"pass", "not_applicable"}
    word = control.word + ("" if quiet else f" ({control.severity})")
    line = Text(f"{control.icon} {control.id} ", style=style)
    line.append(control.title, style="not bold default")
    return line.append(f" - {word}", style=style)


def _whole(control: ControlRow) -> Group:
    lines: list[RenderableType] = [_title(control), _below(f"{control.reference}; {control.standing}", dim=True)]
    lines.append(_below(control.reason))
    lines += [_below(line) for line in _readings(control)]
    if control.threshold:
        lines.append(
            _below(f"Threshold: {control.threshold}, {_ORIGINS.get(control.origin, control.origin)}. {control.source}")
        )
    if control.condition:
        lines.append(_below(f"Applies when: {control.condition}"))
    lines += [_below(said) for said in control.people]
    if control.settle and control.outcome in _OPEN:
        lines.append(_below(f"To settle it: {control.settle}"))
    return Group(*lines, Text())


def _readings(control: ControlRow) -> Iterator[str]:
    """The first of what it read, those that decided before others: estimate, interval, deciding bound and rows."""
    for reading in control.readings[:_MOST_READINGS]:
        value = reading.value
        ends = f" ({value.confidence:.0%} interval {value.interval})" if value.interval else ""
        bound = f", deciding bound {reading.bound}" if reading.bound else ""
        yield f"Read: {reading.what} {value.text}{ends}{bound}, n {value.n_text}: {reading.word}"
    more = len(control.readings) + control.readings_left_out - _MOST_READINGS
    if more > 0:
        yield f"Read: {more} more (--json has them all)"


def _below(text: str, *, dim: bool = False) -> Padding:
    return Padding(Text(text, style="dim" if dim else ""), (0, 0, 0, 2))


def _short(text: str) -> str:
    """Two lines at most: the whole sentence is in the report."""
    return text if len(text) <= 140 else text[:139].rstrip() + "…"
