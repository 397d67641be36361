"""Step 3 of a new run: the base model, the method, what is done about unfairness, and who judges."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import UsageError
from rai_tune.gate.choices import PolicyChoice, policy_choices
from rai_tune.reporting.text import clean, named
from rai_tune.review.components import Heading, Paragraph, literal
from rai_tune.review.sections.new_form import Form, buttons, entered, go_to, head, tried
from rai_tune.review.sections.new_mitigation import check_chosen, show_mitigation
from rai_tune.training.bases import BUILT_IN, listed_bases

if TYPE_CHECKING:
    from rai_tune.recipe.answers import Method

MODELS_FOLDER = "RAITUNE_MODELS_DIR"
METHODS: dict[Method, str] = {
    "lora": "LoRA: small additions to every layer are trained",
    "full": "Full: every weight is trained",
    "frozen": "Head only: the model stays as it is, a new last layer is trained",
}
_COSTS: dict[Method, str] = {
    "lora": "The usual choice. Nearly as good as full training, faster and smaller.",
    "full": "Slowest, and takes several times the memory. Worth it with many thousands of rows.",
    "frozen": "Quickest, and learns least. Good for a first look.",
}
_STANDING = {
    "in_force": "law in force",
    "guidance": "guidance, not law",
    "voluntary": "a standard that nobody is obliged to follow",
    "organisation": "the organisation's own rules",
    "future": "law that is to come",
}


def show_model(form: Form) -> None:
    """Draw the step."""
    head(
        3,
        "What is trained, what is done so that people are treated alike, and which policies judge the result. Policies freeze when the run starts.",
    )
    _model(form)
    _fairness(form)
    _policies(form)
    show_mitigation(form)
    if buttons(2, "Next: check"):
        tried("One thing is missing", lambda: _onward(form))


def _onward(form: Form) -> None:
    if not form.policies:
        raise UsageError("choose at least one policy: a run without one has no verdict")
    check_chosen(form)
    go_to(4)


def _model(form: Form) -> None:
    literal("new-base-head", Heading(3, "Model"))
    folder = Path(given).expanduser() if (given := os.environ.get(MODELS_FOLDER)) else None
    names = [BUILT_IN, *(str(folder / name) for name in listed_bases(folder))] if folder else [BUILT_IN]
    now = names.index(form.base) if form.base in names else 0

    def shown(place: int) -> str:
        return "MiniLM, built in: 22.7 million weights, English" if place == 0 else named(Path(names[place]).name)

    form.base = names[
        st.selectbox("Base model", range(len(names)), index=entered("base", now), format_func=shown, key="new-base")
    ]
    literal(
        "new-base-said",
        Paragraph(
            "It has learned language already, from texts that nobody here has seen; what it brings along is part of what is measured. "
            "Other models can be named in a recipe for 'raitune run'.",
            muted=True,
        ),
    )
    methods = list(METHODS)
    form.method = st.radio(
        "Method",
        methods,
        index=entered("method", methods.index(form.method)),
        format_func=METHODS.__getitem__,
        captions=list(_COSTS.values()),
        key="new-method",
    )
    form.epochs = int(
        st.number_input(
            "Passes over the rows", min_value=1, max_value=50, value=entered("epochs", form.epochs), key="new-epochs"
        )
    )
    literal(
        "new-epochs-said",
        Paragraph("More passes take as much longer. The best one by validation rows is kept.", muted=True),
    )


def _fairness(form: Form) -> None:
    literal("new-fair-head", Heading(3, "So that people are treated alike"))
    form.hide_groups = st.checkbox(
        "Keep columns of groups out of what the model reads", entered("hide_groups", form.hide_groups), key="new-hide"
    )
    literal(
        "new-hide-said",
        Paragraph(
            "Costs nothing, and is not enough: other columns can carry the same information, and a text may name a group itself. Treatment is "
            "measured either way.",
            muted=True,
        ),
    )
    form.balance_classes = st.checkbox(
        "Weigh rare outcomes more", entered("balance", form.balance_classes), key="new-balance"
    )
    literal(
        "new-balance-said",
        Paragraph(
            "Helps where one outcome is rare, so that the model does not learn to say the other one always. Scores then are no longer shares; the "
            "threshold takes that up.",
            muted=True,
        ),
    )


def _policies(form: Form) -> None:
    literal("new-policies-head", Heading(3, "Policies that judge"))
    chosen = []
    for choice in policy_choices():
        # Titles come with the tool, and are cut to plain words all the same: a label is read as Markdown.
        on = st.checkbox(
            _plain(choice.title),
            entered(f"policy-{choice.id}", choice.id in form.policies),
            key=f"new-policy-{choice.id}",
        )
        literal(
            f"new-policy-{choice.id}-said", Paragraph(_about(choice)), Paragraph(clean(choice.brief, 400), muted=True)
        )
        if on:
            chosen.append(choice.id)
    form.policies = tuple(chosen)
    literal(
        "new-policies-said",
        Paragraph(
            "Each policy adds the audits that its checks read; they take time, and groups need enough rows. Facts about the system that some "
            "policies ask for (its role, its area of life) are not asked here: state them under 'system' in a recipe for 'raitune run'.",
            muted=True,
        ),
    )


def _about(choice: PolicyChoice) -> str:
    where = f", {clean(choice.jurisdiction)}" if choice.jurisdiction else ""
    return f"{_STANDING.get(choice.standing, choice.standing).capitalize()}{where}. {choice.needs}"


def _plain(text: str) -> str:
    return "".join(letter for letter in clean(text, 120) if letter.isalnum() or letter in " ,.-/()':")
