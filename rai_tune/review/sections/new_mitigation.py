"""Step 3 of a new run, one part of it: methods against bias, each with what it does, needs and may meet in law."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import RaiError, UsageError
from rai_tune.gate import load_policy
from rai_tune.promotion.vetoes import Veto, vetoes
from rai_tune.reporting.text import clean
from rai_tune.review.components import Banner, Facts, Heading, Paragraph, literal
from rai_tune.review.sections.new_form import ended, entered
from rai_tune.training.mitigation import card_of, known_methods
from rai_tune.training.mitigation.composing import check_joined

if TYPE_CHECKING:
    from rai_tune.review.sections.new_form import Form
    from rai_tune.training.mitigation import MethodCard

_LONGEST = 600


def show_mitigation(form: Form) -> None:
    """Every method that can be loaded, to choose from; one that a chosen policy forbids says so, and the step is not left with it."""
    literal(
        "new-mitigation-head",
        Heading(3, "Methods against bias"),
        Paragraph(
            "None is needed. A run that uses one also trains without it, which takes about twice as long, and the report shows before and after for "
            "the same people with what it cost in quality. No method makes a use lawful; a policy can forbid one."
        ),
    )
    chosen = []
    for card in _cards():
        forbidden, key = forbidden_by(form, card), f"new-mitigation-{card.name}"
        on = st.checkbox(
            _plain(card.title),
            entered(f"mitigation-{card.name}", card.name in form.mitigation),
            key=key,
        )
        literal(
            f"{key}-said",
            Paragraph(clean(card.does, _LONGEST)),
            Facts((("Needs", needs_of(card)), ("Law", clean(card.law, _LONGEST) or "Nothing known that forbids it."))),
            *(Banner("fail", "✗", "Forbidden", ended(_capital(veto.words))) for veto in forbidden),
        )
        if on:
            chosen.append(card.name)
    form.mitigation = tuple(chosen)


def check_chosen(form: Form) -> None:
    """Refuse methods that cannot be joined, or that a chosen policy forbids. Raises ``UsageError``, one line for each reason."""
    cards = [card_of(name) for name in form.mitigation]
    problems = [veto.words for card in cards for veto in forbidden_by(form, card)]
    if problems:
        told = "\n".join(dict.fromkeys(problems))
        raise UsageError(f"{told}\ntake the method or the policy back")
    check_joined(cards)


def forbidden_by(form: Form, card: MethodCard) -> tuple[Veto, ...]:
    """The vetoes of the chosen policies on one method."""
    recipe = {"model": {"adapter": {"method": form.method}}, "mitigation": {"method": card.name}}
    policies = [load_policy(name) for name in form.policies]
    return vetoes(recipe, policies, {card.name: card.groups_at_use}, datetime.now(UTC).date())


def needs_of(card: MethodCard) -> str:
    """What has to be known for a method, in sentences."""
    training = "The group of people in training and validation rows." if card.groups_at_training else ""
    if "rows" in card.slots or (not card.groups_at_training and "penalty" in card.slots):
        training = training or "Texts that name groups, or group columns that the model reads."
    use = (
        "The group of each person whenever a decision is made about them."
        if card.groups_at_use
        else "No group when a decision is made."
    )
    two = "Two outcomes." if card.binary_only else ""
    return " ".join(part for part in (training, use, two) if part)


def _cards() -> list[MethodCard]:
    """Cards of the methods that can be loaded; one of another package that is broken is left out, and a recipe that names it says why."""
    found = []
    for name in known_methods():
        try:
            found.append(card_of(name))
        except (RaiError, ImportError, AttributeError):
            continue
    return found


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(text: str) -> str:
    """A title without what Markdown gives a meaning to: labels of fields are read as Markdown."""
    return "".join(letter for letter in clean(text, 120) if letter.isalnum() or letter in " ,.-/()':")
