"""The recipe's ``search``: which settings ``raitune tune`` may change, and what it looks for.

Stable API: ``SearchSpec``, ``Range``, ``Choice``. A trial is an ordinary recipe without this section; names of fields and of objectives
are checked when the search begins.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from rai_tune.recipe.part import Part, Positive, Text

Value = bool | int | float | str | None | tuple[int | float | str, ...]


class Range(Part):
    """Numbers from ``low`` to ``high``, both included."""

    low: Annotated[float, Field(allow_inf_nan=False)]
    """Smallest value."""

    high: Annotated[float, Field(allow_inf_nan=False)]
    """Largest value."""

    log: bool = False
    """Search on a logarithmic scale, for values that differ by factors."""

    whole: bool = False
    """Whole numbers only."""

    @model_validator(mode="after")
    def _some_room(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"a range from {self.low:g} to {self.high:g} holds no two values; low must be below high")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range begins above 0")
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("a range of whole numbers has whole ends")
        return self


class Choice(Part):
    """One of several values."""

    choices: tuple[Value, ...]
    """The values; a list is one value, such as LoRA ranks by layer."""

    @model_validator(mode="after")
    def _differ(self) -> Choice:
        if len(self.choices) < 2:
            raise ValueError("one value leaves no choice; list at least two, or set the field itself")
        seen: list[Any] = []
        for value in self.choices:
            if any(value == other and type(value) is type(other) for other in seen):
                raise ValueError(f"the choice {value!r} is listed twice")
            seen.append(value)
        return self


def _kind(given: Any) -> str:
    """Which of the two is meant: only a choice lists values. Told apart first, so that an error speaks of what was written."""
    listed = "choices" in given if isinstance(given, dict) else isinstance(given, Choice)
    return "choice" if listed else "range"


Domain = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choice, Tag("choice")],
    Discriminator(_kind),
]


class SearchSpec(Part):
    """How ``raitune tune`` searches; every field may also be given on the command line."""

    space: dict[Text, Domain] = Field(default_factory=dict)
    """Fields of the recipe by dotted name and what each may be; left out, a space that suits the data and the base is made."""

    objectives: Annotated[tuple[Text, ...], Field(min_length=1, max_length=3)] = (
        "roc_auc",
        "equalized_odds_difference",
    )
    """What is looked for, measured on validation rows; ``raitune tune --list-objectives`` names them all."""

    trials: Annotated[int, Field(ge=1, le=100_000)] = 40
    """Trials in all, those of earlier calls with ``--resume`` included."""

    minutes: Positive | None = None
    """No trial begins after so many minutes of this call."""

    sampler: Literal["tpe", "nsga2", "random"] = "tpe"
    """How the next trial is chosen: a tree-structured Parzen estimator, a genetic algorithm (NSGA-II), or at random."""

    prune: bool = True
    """Stop a trial at an evaluation where it is below the median of earlier trials in quality and above it in the gap."""

    structure: bool = True
    """Let the space that is made also shape the adapter: rank by layer, layers kept, modules adapted."""
