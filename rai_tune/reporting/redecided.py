"""A decision made again, on another day or under another pack, beside the one that is stored; and controls by the clause that they speak to.

Stable API: ``differences``, ``by_clause``, ``worse_now``. The first two work on finished views, in which small cells are hidden.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.reporting.controls import WORST_FIRST
from rai_tune.reporting.text import clean
from rai_tune.reporting.wording import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rai_tune.gate import Decision
    from rai_tune.reporting.model import ControlRow, DecisionView

_OPEN = ("fail", "insufficient_evidence", "awaiting_signoff")
_NUMBERED = re.compile(r"[A-Z]{3,} \d+(?=\.)")
_PART = re.compile(r"sections? [IVXLC]+\b|[A-Z]\.\d+\b")


@dataclass(frozen=True)
class Difference:
    """A control that does not end as it was stored. ``before`` and ``after`` are None where a side does not have it."""

    policy: str
    before: ControlRow | None
    after: ControlRow | None

    @property
    def either(self) -> ControlRow:
        found = self.after or self.before
        assert found is not None
        return found


def differences(stored: Sequence[DecisionView], again: Sequence[DecisionView]) -> tuple[Difference, ...]:
    """Controls that end otherwise, weigh otherwise or rest on another threshold, in the order of the packs.

    Packs are matched by id. Where the stored run has no decision under a pack, every control of it is a difference.
    """
    before = {view.policy: {control.id: control for control in view.controls} for view in stored}
    return tuple(found for view in again for found in _of_one(view, before.get(view.policy, {})))


def worse_now(stored: Sequence[Decision], now: Sequence[Decision]) -> tuple[str, ...]:
    """What today's decisions take back of those that are stored, one sentence for each policy; nothing where none is worse."""
    before = {decision.policy_id: decision for decision in stored}
    return tuple(
        said
        for decision in now
        if decision.policy_id in before
        for said in _taken_back(before[decision.policy_id], decision)
    )


def _taken_back(stored: Decision, now: Decision) -> Iterator[str]:
    title, word, was = (clean(now.policy_title, 120), *(OUTCOMES[each.outcome][0] for each in (now, stored)))
    if WORST_FIRST.index(now.outcome) < WORST_FIRST.index(stored.outcome):
        yield f"{title}: decided today it is '{word}', and it is stored as '{was}'."
    elif stored.promotable and not now.promotable:
        yield f"{title}: a waiver or statement on which the stored decision rests no longer counts."


def by_clause(controls: Iterable[ControlRow]) -> dict[str, tuple[ControlRow, ...]]:
    """Controls by the article, section or rule that they speak to, in the order of the pack."""
    found: dict[str, list[ControlRow]] = {}
    for control in controls:
        found.setdefault(clause_of(control.reference), []).append(control)
    return {clause: tuple(rows) for clause, rows in found.items()}


def clause_of(reference: str) -> str:
    """``Art. 10`` of ``Art. 10(3); Art. 3(32)``; the whole reference where it has no finer parts."""
    first = re.split(r"[;(]", reference, maxsplit=1)[0].strip()
    numbered = _NUMBERED.match(first)
    if numbered:
        return numbered[0]
    head, _, rest = first.partition(", ")
    part = _PART.match(rest)
    return f"{head}, {part[0]}" if part else head or reference


def open_first(controls: Iterable[ControlRow]) -> tuple[ControlRow, ...]:
    """Controls that are not met, not decided or waiting: those that block first, the worst outcome first."""
    found = [control for control in controls if control.outcome in _OPEN]
    return tuple(sorted(found, key=lambda control: (control.severity != "blocks", _OPEN.index(control.outcome))))


def _of_one(view: DecisionView, old: Mapping[str, ControlRow]) -> Iterator[Difference]:
    new = {control.id: control for control in view.controls}
    for name in dict.fromkeys([*new, *old]):
        if _weight(old.get(name)) != _weight(new.get(name)):
            yield Difference(view.policy, old.get(name), new.get(name))


def _weight(control: ControlRow | None) -> tuple[str, ...] | None:
    return None if control is None else (control.outcome, control.word, control.severity, control.threshold)
