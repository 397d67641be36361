"""From a table to a search: a recipe, what to look for and what to try, all written out so that a person can read and change it.

Stable API: ``zero_config``, ``ZeroConfig``. What the rows do not say and would change what is measured is asked for, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.planning import Plan, plan
from rai_tune.recipe import parse_recipe, propose_recipe
from rai_tune.recipe.export import recipe_yaml
from rai_tune.recipe.overrides import apply_overrides
from rai_tune.recipe.search import Choice, Range
from rai_tune.search.measurable import unmeasurable
from rai_tune.search.objectives import load_objectives
from rai_tune.search.space import RANKS, Parameter, Space, space_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rai_tune.recipe import LoadedRecipe, Proposal

ASKED = {"data.label": "--label", "data.favourable": "--favourable"}
"""Fields that are never guessed unless the table says them, and the options that answer. A positive class that is the other way round
turns no objective around."""


@dataclass(frozen=True)
class ZeroConfig:
    """What was decided for a table. ``text`` is the recipe as a file, with the reasons and the space as comments; the same table gives the same text."""

    loaded: LoadedRecipe
    planned: Plan
    space: Space
    text: str


def zero_config(
    table: Path, answers: Mapping[str, str], base_dir: Path, overrides: Sequence[str] = (), trials: int | None = None
) -> ZeroConfig:
    """A recipe, objectives and a space for a CSV, Parquet or JSON Lines file.

    ``answers`` are by field of the recipe, such as ``{"data.label": "approved"}``; ``base_dir`` is the folder that the recipe will lie in.
    Raises ``UsageError`` for a question that only a person can answer, and for whatever a run of the recipe would be refused for.
    """
    proposal = propose_recipe(table, answers, base_dir)
    _ask(proposal)
    source = f"the recipe proposed for {table}"
    begun = apply_overrides(proposal.mapping, overrides)
    planned = plan(parse_recipe(begun, source, base_dir))
    given = begun.get("search") or {}
    search = {"objectives": _objectives(planned), **({} if trials is None else {"trials": trials}), **given}
    mapping = {**begun, "search": search}
    loaded = parse_recipe(mapping, source, base_dir)
    planned = Plan(loaded, planned.data, planned.base, planned.policies)
    space = space_of(loaded, planned)
    return ZeroConfig(loaded, planned, space, _text(proposal, mapping, space))


def _ask(proposal: Proposal) -> None:
    """Raise ``UsageError`` with the first question that has to be answered."""
    for question in proposal.questions:
        option = ASKED.get(question.field)
        if option is not None:
            known = ", ".join(map(repr, question.options))
            raise UsageError(f"{question.text} The table does not say. Add {option} with one of {known}.")


def _objectives(planned: Plan) -> list[str]:
    """Quality first, then the gap where the validation rows can measure one, then the size of what is trained where it can differ."""
    two = len(planned.data.classes) == 2
    wanted = ["roc_auc" if two else "macro_f1"]
    gap = "equalized_odds_difference" if two else "demographic_parity_difference"
    if planned.data.groups and not unmeasurable(load_objectives([gap]), planned):
        wanted.append(gap)
    if planned.recipe.model.adapter.method == "lora":
        wanted.append("adapter_parameters")
    return wanted


def _text(proposal: Proposal, mapping: Mapping[str, Any], space: Space) -> str:
    header = [
        f"Decided by 'raitune tune --zero-config' from {proposal.path.name} ({proposal.rows:,} rows read).",
        *(f"{choice.field}: {choice.value!r}, {choice.reason}." for choice in proposal.choices),
    ]
    notes = {place: [f"CHECK: {text}" for text in texts] for place, texts in proposal.notes.items()}
    notes["search"] = ["What may be tried, made for these rows, this base and these policies:", *described(space)]
    return recipe_yaml(mapping, True, notes, header)


def described(space: Space) -> list[str]:
    """A line for each parameter of a space; ranks of layers share one where they may be the same."""
    lines = [_line(item.field, item) for item in space.parameters if not item.field.startswith(f"{RANKS}[")]
    layers = [item for item in space.parameters if item.field.startswith(f"{RANKS}[")]
    for domain in dict.fromkeys(_domain(item.domain) for item in layers):
        count = sum(_domain(item.domain) == domain for item in layers)
        lines.append(f"{RANKS}: {domain}, for each of {count} layers that is kept")
    return lines


def _line(name: str, item: Parameter) -> str:
    only = f", only where {item.on} is {' or '.join(map(str, item.values))}" if item.on is not None else ""
    return f"{name}: {_domain(item.domain)}{only}"


def _domain(domain: Range | Choice) -> str:
    if isinstance(domain, Choice):
        told = [
            "none" if value is None else f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
            for value in domain.choices
        ]
        return f"one of {', '.join(told)}"
    scale = ", searched by factors" if domain.log else ""
    return f"{domain.low:g} to {domain.high:g}{', whole' if domain.whole else ''}{scale}"
