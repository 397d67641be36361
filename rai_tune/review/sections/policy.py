"""The policy page: each policy's controls by the clause that they speak to, one control whole, and decisions made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.reporting.redecided import by_clause, open_first
from rai_tune.review.components import Bullets, Cell, Heading, Paragraph, Table, literal
from rai_tune.review.navigation import parameter
from rai_tune.review.sections.one_control import show_one_control
from rai_tune.review.sections.redeciding import show_redeciding, show_today
from rai_tune.review.tones import tone_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.reporting.model import ControlRow, DecisionView
    from rai_tune.review.components.literal import Block
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace

_ONLY_OPEN = "policy-open"


def show_policy(page: RunPage, workspace: Workspace) -> None:
    """What each policy asked and decided. An address that names a control, or another day or pack, shows that first."""
    parts: dict[str, Callable[[RunPage, Workspace], None]] = {
        "again": show_redeciding,
        "control": show_one_control,
        "all": _overview,
    }
    asked = [("again", parameter("as_of") or parameter("under")), ("control", parameter("control")), ("all", "always")]
    first = [name for name, named in asked if named]
    for name in [*first, *(name for name in ("control", "again") if name not in first)]:
        parts[name](page, workspace)


def _overview(page: RunPage, workspace: Workspace) -> None:
    decisions = page.view.decisions
    st.header("What each policy asks", anchor="controls")
    if not decisions:
        literal("policies-none", Paragraph("No policy has decided on this run."))
        return
    show_today(page, workspace)
    only_open = st.checkbox(
        "Only controls that are open: not met, not decided, or waiting for a person", key=_ONLY_OPEN
    )
    for place, decision in enumerate(decisions):
        _decision(f"policy-{place}", decision, only_open=only_open)


def _decision(key: str, decision: DecisionView, *, only_open: bool) -> None:
    shown = open_first(decision.controls) if only_open else decision.controls
    tables: list[Block] = [
        block
        for clause, controls in by_clause(shown).items()
        for block in (Heading(4, clause), _table(clause, controls))
    ]
    literal(
        key,
        Heading(3, f"{decision.title}, version {decision.version}"),
        Paragraph(f"{decision.icon} {decision.word}. {_counts(decision)}"),
        Bullets(decision.notes),
        *(tables or [Paragraph("No control of this policy is open." if only_open else "This policy has no controls.")]),
    )


def _settles(control: ControlRow) -> tuple[str, ...]:
    return (f"What would settle it: {control.settle}",) if control.settle else ()


def _counts(decision: DecisionView) -> str:
    counted: dict[str, int] = {}
    for control in decision.controls:
        counted[control.word] = counted.get(control.word, 0) + 1
    total = len(decision.controls)
    return (
        f"{total:,} control{'s' if total != 1 else ''}: "
        + ", ".join(f"{n:,} {word}" for word, n in counted.items())
        + "."
    )


def _table(clause: str, controls: tuple[ControlRow, ...]) -> Table:
    return Table(
        f"Controls on {clause}",
        {
            "Control": "",
            "Outcome": "",
            "Effect": "",
            "Threshold": "short",
            "Origin of the threshold": "wide",
            "Why, and what would settle it": "wide",
        },
        tuple(
            (
                Cell(f"{control.id}: {control.title}", control.reference),
                Cell(f"{control.icon} {control.word}", tone=tone_of(control.outcome)),
                Cell(control.severity, control.standing),
                Cell(control.threshold or "–"),
                Cell(control.origin or "–", control.source),
                Cell(control.reason, " ".join([*control.people, *_settles(control)])),
            )
            for control in controls
        ),
    )
