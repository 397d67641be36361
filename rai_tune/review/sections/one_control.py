"""One control whole: the clause, what it asks, how that is checked, what it read, and the statement that a person makes about it.

``/policy?run=ID&control=ID`` leads here; ``policy=ID`` says of which pack, where several have a control of that id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.candidates import find_control
from rai_tune.core import UsageError
from rai_tune.gate.shown import check_words
from rai_tune.reporting.text import clean, sentence
from rai_tune.review.components import Banner, Bullets, Facts, Heading, Paragraph, literal
from rai_tune.review.navigation import parameter, set_parameter
from rai_tune.review.sections.attesting import show_attesting
from rai_tune.review.sections.controls import readings_of
from rai_tune.review.sections.redeciding import decided_today
from rai_tune.review.tones import tone_of

if TYPE_CHECKING:
    from rai_tune.reporting.model import ControlRow, DecisionView
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace

_CHOSEN, _ADDRESSED = "policy-control", "policy-addressed"
_PERSONAL = frozenset({"attestation", "hybrid"})


def show_one_control(page: RunPage, workspace: Workspace) -> None:
    """A choice among all controls of the run's decisions, and the chosen one whole."""
    every = {
        (decision.policy, control.id): (decision, control)
        for decision in page.view.decisions
        for control in decision.controls
    }
    if not every:
        return
    st.header("One control", anchor="control")
    named = _named(list(every))
    if parameter("control") and named is None:
        literal("no-control", Paragraph(f"No decision of this run has a control {parameter('control')}."))
    options = list(every)
    if st.session_state.get(_CHOSEN) not in options or st.session_state.get(_ADDRESSED) != named:
        st.session_state[_CHOSEN] = named
    st.session_state[_ADDRESSED] = named
    chosen = st.selectbox(
        "Control",
        options,
        index=None,
        key=_CHOSEN,
        format_func=" · ".join,
        placeholder="Choose a control",
        on_change=_keep,
    )
    if chosen is not None:
        _whole(page, workspace, *every[chosen])


def _named(options: list[tuple[str, str]]) -> tuple[str, str] | None:
    """The control that the address names."""
    policy, control = parameter("policy"), parameter("control")
    return next((each for each in options if each[1] == control and policy in {None, each[0]}), None)


def _keep() -> None:
    """The address names what was chosen, so that it can be sent to somebody."""
    chosen = st.session_state[_CHOSEN]
    set_parameter("policy", chosen[0] if chosen else None)
    set_parameter("control", chosen[1] if chosen else None)


def _whole(page: RunPage, workspace: Workspace, decision: DecisionView, control: ControlRow) -> None:
    checked = _check(page, workspace, decision, control)
    literal(
        "one-control",
        Heading(3, f"{control.id}: {control.title}"),
        Banner(tone_of(control.outcome), control.icon, control.word.capitalize(), control.reason),
        Bullets(control.people),
        Paragraph(control.asks),
        Facts(
            tuple(
                (name, text)
                for name, text in (
                    ("Clause", control.reference),
                    ("Policy", f"{decision.title}, version {decision.version}"),
                    ("Standing", control.standing),
                    ("Effect", control.severity),
                    ("Decided by", _MODES.get(control.mode, control.mode)),
                    ("Check", checked),
                    ("Threshold", control.threshold),
                    ("Origin of the threshold", ". ".join(filter(None, (control.origin, control.source)))),
                    ("Applies when", control.condition),
                    ("What would settle it", control.settle),
                )
                if text
            )
        ),
        Bullets(tuple(f"Source: {source}" for source in control.sources)),
        *readings_of(control),
    )
    _today(page, workspace, decision, control)
    if control.mode in _PERSONAL:
        show_attesting(page, workspace, decision, control)


def _today(page: RunPage, workspace: Workspace, decision: DecisionView, control: ControlRow) -> None:
    """How the control would end today, where that is not how it is stored."""
    (found,) = [
        each
        for view in decided_today(page, workspace)
        for each in view.controls
        if (view.policy, each.id) == (decision.policy, control.id)
    ] or [control]
    if found.word != control.word:
        word = f"Decided today: {found.word}"
        sentences = " ".join(
            [found.reason, *found.people, "The stored decision, above, stays until the gate decides again."]
        )
        literal("one-today", Banner(tone_of(found.outcome), found.icon, word, sentences))


_MODES = {
    "automated": "evidence alone",
    "hybrid": "evidence, and a person for the rest",
    "attestation": "a person alone",
}


def _check(page: RunPage, workspace: Workspace, decision: DecisionView, control: ControlRow) -> str:
    """How evidence is held against the clause, from the pack that decided; empty where that pack is no longer at hand."""
    try:
        pack, found = find_control(workspace, workspace.run(page.view.run_id), control.id, decision.policy)
    except UsageError:
        return ""
    if found.check is None or pack.digest != decision.digest:
        return ""
    return sentence(clean(check_words(found.check.model_dump(mode="json")), 600))
