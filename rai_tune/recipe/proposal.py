"""What ``raitune init`` proposes: a recipe, how sure each choice is, and what to ask a person.

Stable API: ``Proposal``, ``Choice`` and ``Question``. ``Draft`` collects them while a proposal is made and is internal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rai_tune.core import UsageError, did_you_mean
from rai_tune.recipe.export import recipe_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Question:
    """One thing to ask. ``options`` are the possible answers (empty: free text); ``default`` is what the proposal took."""

    field: str
    text: str
    options: tuple[str, ...]
    default: str


@dataclass(frozen=True)
class Choice:
    """One decision of the proposal, and why."""

    field: str
    value: str
    confidence: Literal["sure", "unsure"]
    reason: str


@dataclass(frozen=True)
class Proposal:
    """A recipe proposed for a table.

    ``mapping`` loads as it is, guesses included. One answer can settle or raise other questions (another label has other
    classes), so ask the first of ``questions``, take ``answered``, and go on until none is left.
    """

    path: Path
    rows: int
    mapping: Mapping[str, Any]
    choices: tuple[Choice, ...]
    questions: tuple[Question, ...]
    notes: Mapping[str, tuple[str, ...]]
    answers: Mapping[str, str]
    base_dir: Path

    def answered(self, name: str, value: str) -> Proposal:
        """The proposal made anew with one more answer. Raises ``UsageError`` when the answer is not possible."""
        from rai_tune.recipe.scaffold import propose_recipe

        return propose_recipe(self.path, {**self.answers, name: value}, self.base_dir)

    def to_yaml(self) -> str:
        """The recipe with a sentence above each field and ``# CHECK:`` above each guess."""
        checks = sum(map(len, self.notes.values()))
        header = [f"Proposed by 'raitune init' from {self.path.name} ({self.rows:,} rows read)."]
        if checks:
            header.append(f"Lines marked CHECK ({checks}) are guesses: confirm or change the field below each.")
        notes = {place: [f"CHECK: {text}" for text in texts] for place, texts in self.notes.items()}
        return recipe_yaml(self.mapping, True, notes, header)


@dataclass
class Draft:
    """Choices, questions and notes of a proposal in the making; given answers take the place of guesses."""

    answers: Mapping[str, str]
    choices: list[Choice] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def decide(
        self,
        name: str,
        guess: str,
        reason: str,
        *,
        sure: bool,
        question: str = "",
        options: Sequence[str] = (),
        allowed: Sequence[str] | None = None,
        at: str | None = None,
        aliases: Mapping[str, str] | None = None,
    ) -> str:
        """The answer given for field ``name``, else the guess; an unsure guess becomes a question and a note at ``at``.

        ``aliases`` are other words for options, such as the values of the table for the names that were given to them.

        Raises ``UsageError`` for an answer that is not in ``allowed`` (default: the options, when there are any).
        """
        if name in self.answers:
            answer = self.answers[name].strip()
            possible = options if allowed is None else allowed
            if answer not in possible and aliases:
                answer = aliases.get(answer, answer)
            if possible and answer not in possible:
                raise UsageError(f"{name}: {answer!r} is not possible.{did_you_mean(answer, possible)}")
            self.choices.append(Choice(name, answer, "sure", "as answered"))
            return answer
        self.choices.append(Choice(name, guess, "sure" if sure else "unsure", reason))
        if not sure:
            self.questions.append(Question(name, question, tuple(options), guess))
            self.note(at or name, f"{question} Guessed {guess!r}: {reason}.")
        return guess

    def note(self, place: str, text: str) -> None:
        """Say something above the field at a dotted path of the recipe."""
        self.notes.setdefault(place, []).append(text)
