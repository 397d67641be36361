"""What was answered so far about a new run, kept in this browser session, so that a step back loses nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from rai_tune.core import RaiError
from rai_tune.recipe.answers import Answers, Choices
from rai_tune.reporting.text import sentence
from rai_tune.review.components import Banner, Bullets, Heading, Paragraph, literal
from rai_tune.review.telling import without_folders

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.recipe.answers import ColumnGuess, Method, Role
    from rai_tune.workspace.uploads import KeptTable

_KEY = "new-form"
_ENTERED = "new-entered"
STEPS = ("Data", "Columns", "Model and fairness", "Check", "Start")


@dataclass
class Form:
    """The answers. A table or an example (``demo``) is chosen, never both."""

    step: int = 1
    table: KeptTable | None = None
    demo: str | None = None
    guesses: tuple[ColumnGuess, ...] = ()
    roles: dict[str, Role] = field(default_factory=dict)
    label: str | None = None
    positive: str | None = None
    favourable: str | None = None
    edges: dict[str, str] = field(default_factory=dict)
    name: str = ""
    purpose: str = ""
    base: str = Choices.base
    method: Method = Choices.method
    epochs: int = Choices.epochs
    balance_classes: bool = Choices.balance_classes
    hide_groups: bool = Choices.hide_groups
    policies: tuple[str, ...] = Choices.policies
    mitigation: tuple[str, ...] = Choices.mitigation
    token: str = ""
    token_for: str = ""

    def choices(self, audits: tuple[str, ...]) -> Choices:
        """The part about model and fairness."""
        return Choices(
            base=self.base,
            method=self.method,
            epochs=self.epochs,
            balance_classes=self.balance_classes,
            hide_groups=self.hide_groups,
            policies=self.policies,
            mitigation=self.mitigation,
            audits=audits,
        )

    def answers(self, audits: tuple[str, ...]) -> Answers:
        """Everything, about a table."""
        return Answers(
            roles=dict(self.roles),
            name=self.name,
            purpose=self.purpose,
            positive=self.positive,
            favourable=self.favourable,
            edges=dict(self.edges),
            choices=self.choices(audits),
        )


def form() -> Form:
    """The form of this session, an empty one to begin with."""
    found = st.session_state.get(_KEY)
    if not isinstance(found, Form):
        found = st.session_state[_KEY] = Form()
    return found


def forget() -> None:
    """Begin anew."""
    for name in (_KEY, _ENTERED):
        st.session_state.pop(name, None)


def entered(name: str, value: Any) -> Any:
    """What a field held when its step was opened. A widget is given this: one whose default changes while it is used begins anew."""
    return st.session_state.setdefault(_ENTERED, {}).setdefault(name, value)


def go_to(step: int) -> None:
    """Show another step."""
    form().step = step
    st.session_state.pop(_ENTERED, None)
    st.rerun()


def head(step: int, say: str) -> None:
    """Which step this is, and what it is for."""
    literal("new-head", Heading(2, f"Step {step} of {len(STEPS)}: {STEPS[step - 1]}"), Paragraph(say))


def buttons(back: int | None, onward: str, *, disabled: bool = False) -> bool:
    """The two ways from here; returns whether the one onward was taken."""
    with st.container(horizontal=True, key="new-ways"):
        if back is not None and st.button("Back", key="new-back"):
            go_to(back)
        return st.button(onward, key="new-next", type="primary", disabled=disabled)


def tried(what: str, deed: Callable[[], None]) -> bool:
    """Do something; say under it why it cannot be done, one line for each reason. Returns whether it was done."""
    try:
        deed()
    except RaiError as error:
        say_problem(what, str(error))
        return False
    return True


def say_problem(what: str, message: str) -> None:
    """A problem where the person acted."""
    first, *more = message.split("\n")
    literal(
        "new-problem",
        Banner("fail", "✗", what, ended(without_folders(first))),
        Bullets(tuple(ended(without_folders(line)) for line in more)),
    )


def ended(text: str) -> str:
    """Text as a sentence: with a capital letter and an end."""
    words = sentence(text)
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?", ")")) else ".")
