"""Decide again: as of another day, or under another pack. Shown beside what is stored, and never stored."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import RaiError, UsageError
from rai_tune.gate import known_policies, load_policy
from rai_tune.promoting import decisions_as_of, today
from rai_tune.reporting import build_view
from rai_tune.reporting.redecided import differences
from rai_tune.review.components import Banner, Bullets, Cell, Paragraph, Table, literal
from rai_tune.review.navigation import parameter, set_parameter
from rai_tune.review.telling import without_folders
from rai_tune.review.tones import tone_of

if TYPE_CHECKING:
    from rai_tune.gate import LoadedPolicy
    from rai_tune.reporting.model import ControlRow, DecisionView
    from rai_tune.reporting.redecided import Difference
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace

_DAY, _PACK = "policy-day", "policy-pack"
_OWN = "the run's own policies, as they were"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def show_redeciding(page: RunPage, workspace: Workspace) -> None:
    """A day and a pack to decide under, and what would end otherwise. ``as_of`` and ``under`` in the address choose them."""
    st.header("Decide again, as of a day", anchor="again")
    literal(
        "again-what",
        Paragraph(
            "The same evidence, held against the clauses that apply on that day, the waivers that hold on it and the age of the evidence "
            "then. A re-decision is shown beside what is stored, and changes nothing."
        ),
    )
    _from_address()
    packs = [_OWN, *known_policies()]
    with st.container(horizontal=True):
        st.date_input("Decide as of", value=None, key=_DAY, format="YYYY-MM-DD", on_change=_keep)
        st.selectbox("Under", packs, key=_PACK, on_change=_keep)
    try:
        day = _day()
    except UsageError as error:
        literal("again", Banner("fail", "✗", "No day", f"{without_folders(error)}."))
        return
    pack = st.session_state[_PACK]
    if day is None and pack == _OWN:
        return
    _again(page, workspace, day or today(), None if pack == _OWN else pack)


def decided_today(page: RunPage, workspace: Workspace) -> tuple[DecisionView, ...]:
    """The run's own policies, decided today: what people entered since the stored decision is read."""
    return _decided(page.key, today(), "", None, page, workspace)


@st.cache_resource(max_entries=16, show_spinner=False)
def _decided(
    key: str,  # noqa: ARG001  (it names this state of the evidence)
    day: date,
    digest: str,  # noqa: ARG001  (it names the pack)
    _pack: LoadedPolicy | None,
    _page: RunPage,
    _workspace: Workspace,
) -> tuple[DecisionView, ...]:
    run = _workspace.run(_page.view.run_id)
    decided = decisions_as_of(_workspace, run, day, (_pack,) if _pack else None)
    return build_view(replace(_page.inputs, decisions=decided)).decisions


def show_today(page: RunPage, workspace: Workspace) -> None:
    """Which controls would end otherwise today than they are stored; nothing where none would."""
    found = differences(page.view.decisions, decided_today(page, workspace)) if page.view.decisions else ()
    if found:
        literal(
            "today",
            Banner(
                "none",
                "↻",
                "Decided today, some controls end otherwise",
                "Below is the decision that is stored. What people entered since, and the day, are not in it; a promotion decides anew.",
            ),
            *_differing(found),
        )


def _again(page: RunPage, workspace: Workspace, day: date, pack: str | None) -> None:
    try:
        loaded = load_policy(pack) if pack else None
        again = _decided(page.key, day, loaded.digest if loaded else "", loaded, page, workspace)
    except RaiError as error:
        literal("again", Banner("fail", "✗", "No decision", f"{without_folders(error).rstrip('.')}."))
        return
    literal(
        "again",
        Banner(
            "none",
            "↻",
            f"A re-decision as of {day.isoformat()}, not stored",
            f"Under {pack or _OWN}. The run's own decisions stay as they are.",
        ),
        _outcomes(page.view.decisions, again),
        *(block for decision in again for block in (Bullets(decision.notes),)),
        *_differing(differences(page.view.decisions, again)),
    )


def _outcomes(stored: tuple[DecisionView, ...], again: tuple[DecisionView, ...]) -> Table:
    before = {decision.policy: decision for decision in stored}
    return Table(
        "The outcome of each policy, as stored and decided again",
        {"Policy": "", "Stored": "", "Decided again": ""},
        tuple(
            (
                Cell(decision.title, f"{decision.policy} {decision.version}"),
                _outcome(before.get(decision.policy)),
                _outcome(decision),
            )
            for decision in again
        ),
    )


def _differing(found: tuple[Difference, ...]) -> tuple[Paragraph | Table, ...]:
    if not found:
        return (Paragraph("No control ends otherwise than it is stored."),)
    table = Table(
        "Controls that end otherwise",
        {"Control": "", "Stored": "", "Decided again": "", "Why": "wide"},
        tuple(
            (
                Cell(f"{item.either.id}: {item.either.title}", f"{item.policy} · {item.either.reference}"),
                _control(item.before, "not decided"),
                _control(item.after, "no such control"),
                Cell(item.either.reason),
            )
            for item in found
        ),
    )
    return (table,)


def _outcome(decision: DecisionView | None) -> Cell:
    return (
        Cell("not decided")
        if decision is None
        else Cell(f"{decision.icon} {decision.word}", tone=tone_of(decision.outcome))
    )


def _control(control: ControlRow | None, missing: str) -> Cell:
    if control is None:
        return Cell(missing)
    return Cell(f"{control.icon} {control.word}", control.severity, tone=tone_of(control.outcome))


def _from_address() -> None:
    """The address chooses until somebody chooses on the page, which then is the address."""
    named = (parameter("as_of"), parameter("under"))
    if st.session_state.get("policy-again") == named:
        return
    st.session_state["policy-again"] = named
    day, under = named
    st.session_state[_DAY] = date.fromisoformat(day) if day and _is_day(day) else None
    st.session_state[_PACK] = under if under in known_policies() else _OWN


def _keep() -> None:
    day, pack = st.session_state[_DAY], st.session_state[_PACK]
    set_parameter("as_of", day.isoformat() if isinstance(day, date) else None)
    set_parameter("under", None if pack == _OWN else pack)
    st.session_state["policy-again"] = (parameter("as_of"), parameter("under"))


def _day() -> date | None:
    """The chosen day; ``UsageError`` for an address whose day is none."""
    named = parameter("as_of")
    if named and not _is_day(named):
        raise UsageError(f"the address names {named!r} as a day; days are written YYYY-MM-DD")
    found = st.session_state[_DAY]
    return found if isinstance(found, date) else None


def _is_day(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and date.fromisoformat(text) is not None
    except ValueError:
        return False
