"""What an explanation must reach to be shown as trusted, and how much work goes into finding out. The organisation's choices: no law names them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from rai_audits.core import UsageError, did_you_mean
from rai_audits.explain.methods import METHODS
from rai_audits.robustness.edits import EDITS

MIN_DOCUMENTS = 5
"""Fewest documents that a mean is judged on."""


@dataclass(frozen=True)
class Thresholds:
    """Where each check draws its line. The defaults were set on the tuning seeds of ``benchmarks/explanation_checks.py``.

    They lie where shuffled and wrong-model attributions and sound ones are furthest apart (docs/explanation-checks.md).
    """

    completeness: float = 0.10
    """Largest share of documents whose attributions do not sum to the output change: one in ten is what a reviewer can set aside by hand."""
    comprehensiveness: float = 0.50
    """Least share of leave-one-out's advantage over a random order that deleting the method's top words must reach: half. Chance reaches 0."""
    sufficiency: float = 0.50
    """The same for keeping nothing but the top words."""
    randomisation: float = 0.50
    """Largest mean rank correlation with the attributions of the same model with random weights. A method blind to the model has 1."""
    edits: float = 0.50
    """Least mean cosine between the attributions of a text and those after a harmless edit. Unchanged is 1."""
    agreement: float = 0.20
    """Least mean rank correlation with another method. Chance is 0; methods that define importance differently seldom reach 0.7."""

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
                raise UsageError(f"threshold {item.name!r} must be a number from 0 to 1, got {value!r}")


@dataclass(frozen=True)
class Options:
    """How much work the checks do. Documents are drawn by a hash of their row id, so row order does not matter."""

    documents: int = 40
    """Documents for faithfulness and for agreement: enough for a mean within about 0.1."""
    random_orders: int = 4
    """Random orders for each document that the method must beat."""
    randomisation_documents: int = 20
    """Documents explained again at every stage of random weights; a method blind to the model is found out on 20, not on 16."""
    randomisation_draws: int = 2
    """Draws of random weights for the whole model, because one draw is shared by all documents."""
    edit_documents: int = 20
    """Documents whose edited texts are explained again; each costs as much as explaining it did, once for each edit."""
    edits: tuple[str, ...] = ("punctuation", "case", "paraphrase")
    """Harmless edits by registered name. Typing errors are left out: a misspelt word is another token, and may well matter."""
    agreement_with: str | None = None
    """The other method; None takes occlusion, and integrated gradients where occlusion is the method itself."""
    low_steps: int = 8
    """Path points (and 16 samples, 64 evaluations) for attributions under random weights, where completeness is not asked for."""

    def __post_init__(self) -> None:
        whole = ("documents", "random_orders", "randomisation_documents", "randomisation_draws", "edit_documents")
        for name, least in (*((item, 1) for item in whole), ("low_steps", 2)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UsageError(
                    f"option {name!r} of the checks must be a whole number of at least {least}, got {value!r}"
                )
        for name in self.edits:
            if name not in EDITS:
                raise UsageError(f"option 'edits' of the checks: unknown edit {name!r}.{did_you_mean(name, EDITS)}")
        if self.agreement_with is not None and self.agreement_with not in METHODS:
            raise UsageError(
                f"option 'agreement_with' of the checks: unknown method {self.agreement_with!r}."
                f"{did_you_mean(self.agreement_with, METHODS)}"
            )
