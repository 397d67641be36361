"""From what a person answers about a table to a recipe: the roles of columns, the outcome, the model, what is measured.

Stable API: ``guess``, ``outcome_of``, ``compose`` and ``with_choices``. The review app asks with these; ``raitune init`` proposes from the
same guesses. Nothing here reads more of a table than its first rows, and every answer that cannot be is a sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rai_tune.core import UsageError
from rai_tune.recipe import roles
from rai_tune.recipe.outcomes import Outcome, guess_outcome
from rai_tune.recipe.proposal import Draft
from rai_tune.recipe.schema import RECIPE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rai_tune.recipe.proposal import Proposal
    from rai_tune.recipe.sample import ColumnSample, TableSample

Role = Literal["label", "text", "part", "group", "id", "entity", "weight", "out"]
Method = Literal["lora", "full", "frozen"]

_RATES: dict[Method, float] = {"lora": 1e-3, "full": 2e-5, "frozen": 1e-3}
_EXAMPLES = 3
_LONGEST_EXAMPLE = 60


@dataclass(frozen=True)
class ColumnGuess:
    """What a column probably is. ``doubt`` is why a person should look, empty when nothing speaks against it."""

    name: str
    role: Role
    reason: str
    doubt: str
    distinct: int
    missing: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class OutcomeGuess:
    """The classes of the label by readable name, and which is probably positive and which favourable, with the doubt about each."""

    outcome: Outcome
    doubts: Mapping[str, str]


@dataclass(frozen=True)
class Choices:
    """The model and what is asked of it. ``mitigation`` are methods against bias; ``audits`` are those to run, empty for the recipe's own."""

    base: str = "minilm"
    method: Method = "lora"
    epochs: int = 3
    balance_classes: bool = False
    hide_groups: bool = True
    policies: tuple[str, ...] = ("baseline",)
    mitigation: tuple[str, ...] = ()
    audits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answers:
    """What a person said about a table. ``edges`` are by column, for groups that are cut out of numbers."""

    roles: Mapping[str, Role]
    name: str
    purpose: str = ""
    positive: str | None = None
    favourable: str | None = None
    edges: Mapping[str, str] = field(default_factory=dict)
    choices: Choices = Choices()


def guess(table: TableSample, proposal: Proposal) -> tuple[ColumnGuess, ...]:
    """The role of every column as ``propose_recipe`` has it, with its reason and what is doubtful about it."""
    data = proposal.mapping["data"]
    label = table.column(data["label"])
    said = {(choice.field, choice.value): choice for choice in proposal.choices}
    asked = {question.field: question.text for question in proposal.questions}
    return tuple(_guess(table, column, label, data, said, asked) for column in table.columns)


def _guess(
    table: TableSample,
    column: ColumnSample,
    label: ColumnSample,
    data: Mapping[str, Any],
    said: Mapping[tuple[str, str], Any],
    asked: Mapping[str, str],
) -> ColumnGuess:
    role = _role(column, data)
    place = {"label": "data.label", "text": "data.text", "id": "data.id", "entity": "data.entity"}.get(role, "")
    choice = said.get((place, column.name))
    reason = choice.reason if choice is not None else _reason(table, column, label, role)
    doubt = asked.get(place, "") if choice is not None else ""
    if role == "group":
        doubt = asked.get(f"data.groups.{column.name}", "") or asked.get(f"data.groups.{column.name}.bins", "")
    elif role == "part" and roles.stands_in(column):
        doubt = "It may stand in for a group of people; should the model read it?"
    elif role == "part" and (telling := roles.why_not_read(table, column, label)):
        doubt = f"Was it known before the outcome? {telling[0].upper()}{telling[1:]}."
    elif role == "out" and roles.is_weight(column):
        doubt = asked.get("data.weight", "")
    return ColumnGuess(
        name=column.name,
        role=role,
        reason=reason,
        doubt=doubt,
        distinct=column.distinct,
        missing=column.missing,
        examples=tuple(_examples(column)),
    )


def _role(column: ColumnSample, data: Mapping[str, Any]) -> Role:
    name = column.name
    if name == data["label"]:
        return "label"
    if name in {group["column"] for group in data["groups"]}:
        return "group"
    for role, key in (("text", "text"), ("id", "id"), ("entity", "entity"), ("weight", "weight")):
        if name == data.get(key):
            return role  # type: ignore[return-value]  # the literals above are roles
    return "part" if roles.in_line(data.get("template", ""), name) else "out"


def _reason(table: TableSample, column: ColumnSample, label: ColumnSample, role: Role) -> str:
    if role == "group":
        return f"its name is that of an attribute of people, with {column.distinct:,} values"
    if role == "part":
        return "it may tell something about the outcome"
    if column.distinct > roles.MAX_GROUPS and roles.is_group(column) and not column.numeric:
        return f"it has {column.distinct:,} values, too many for groups of people"
    return roles.why_not_read(table, column, label) or "nothing says what it is for"


def _examples(column: ColumnSample) -> Iterator[str]:
    for value, _ in column.counts.most_common(_EXAMPLES):
        yield value if len(value) <= _LONGEST_EXAMPLE else value[: _LONGEST_EXAMPLE - 1] + "…"


def outcome_of(table: TableSample, label: str) -> OutcomeGuess:
    """The classes of a column and the two words about them. Raises ``UsageError`` when it cannot be a label."""
    column = table.column(label)
    if not 2 <= column.distinct <= 100:
        values = f"{column.distinct:,} different value{'' if column.distinct == 1 else 's'}"
        raise UsageError(f"column {label[:80]!r} cannot be the outcome: it has {values}; 2 to 100 are needed")
    draft = Draft({})
    outcome = guess_outcome(column, has_groups=True, draft=draft)
    doubts = {choice.field: choice.reason for choice in draft.choices if choice.confidence == "unsure"}
    return OutcomeGuess(outcome, doubts)


def compose(table: TableSample, source: str, answers: Answers) -> dict[str, Any]:
    """The recipe of these answers as a mapping; ``source`` is the path of the table as the recipe names it.

    Raises ``UsageError``, one line for each answer that cannot be.
    """
    problems = list(_problems(table, answers))
    if problems:
        raise UsageError("\n".join(problems))
    by_role = {role: _columns(table, answers, role) for role in ("label", "text", "part", "group", "id", "entity")}
    weights = _columns(table, answers, "weight")
    outcome = outcome_of(table, by_role["label"][0].name).outcome
    read = [*by_role["part"], *(() if answers.choices.hide_groups else by_role["group"])]
    order = [column for column in table.columns if column in read]
    text, parts = by_role["text"], by_role["part"]
    data: dict[str, Any] = {
        "source": {"path": source},
        **({"template": roles.line_of(table, order)} if parts else {"text": text[0].name}),
        "label": by_role["label"][0].name,
        **({"label_names": outcome.label_names} if outcome.label_names else {}),
        **({"positive": answers.positive} if answers.positive else {}),
        **({"favourable": answers.favourable} if answers.favourable else {}),
        "groups": [roles.group_entry(column, answers.edges.get(column.name)) for column in by_role["group"]],
        "hide_groups": answers.choices.hide_groups,
        **{
            name: columns[0].name
            for name, columns in (("id", by_role["id"]), ("entity", by_role["entity"]), ("weight", weights))
            if columns
        },
    }
    recipe = {
        "schema": RECIPE_SCHEMA,
        "name": run_name(answers.name),
        "purpose": answers.purpose.strip(),
        "task": "text_classification",
        "data": data,
        **({"decision": {"rule": "match_base_rate"}} if len(outcome.classes) == 2 else {}),
        "seed": 0,
    }
    return with_choices(recipe, answers.choices)


def with_choices(recipe: Mapping[str, Any], choices: Choices) -> dict[str, Any]:
    """A recipe with another model, method, weighting of classes, mitigation, policies and audits. Its data stay as they are."""
    given = dict(recipe.get("training", {}))
    training = {
        **given,
        "epochs": choices.epochs,
        "learning_rate": _RATES[choices.method],
        "class_weights": "balanced" if choices.balance_classes else "none",
    }
    audits = {**recipe.get("audits", {}), **({"include": list(choices.audits)} if choices.audits else {})}
    kept = {name: part for name, part in recipe.items() if name != "mitigation"}
    methods = choices.mitigation[0] if len(choices.mitigation) == 1 else list(choices.mitigation)
    return {
        **kept,
        "model": {"base": choices.base, "adapter": {"method": choices.method}},
        "training": training,
        **({"mitigation": {"method": methods}} if methods else {}),
        **({"audits": audits} if audits else {}),
        "policies": list(choices.policies),
    }


def run_name(text: str) -> str:
    """A short name made of what a person typed: plain letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "run"


def warnings(table: TableSample, answers: Answers) -> tuple[str, ...]:
    """What is allowed and should be looked at: columns that tell the outcome, or stand in for groups."""
    label = _columns(table, answers, "label")
    found = []
    for column in _columns(table, answers, "part"):
        if label and (reason := roles.why_not_read(table, column, label[0])):
            found.append(f"{column.name[:80]!r} is part of what the model reads, and {reason}.")
        if roles.stands_in(column):
            found.append(f"{column.name[:80]!r} may stand in for a group of people.")
    if not _columns(table, answers, "group"):
        found.append(
            "No column is a group of people, so no treatment of groups is measured and policies that ask for it do not pass."
        )
    return tuple(found)


def _columns(table: TableSample, answers: Answers, role: Role) -> list[ColumnSample]:
    return [column for column in table.columns if answers.roles.get(column.name) == role]


def _problems(table: TableSample, answers: Answers) -> Iterator[str]:
    count = {
        role: len(_columns(table, answers, role))
        for role in ("label", "text", "part", "group", "id", "entity", "weight")
    }
    if count["label"] != 1:
        yield f"Exactly one column is the outcome to learn; {count['label']} are."
    if count["text"] and count["part"]:
        yield "The model reads either one column of text or a line made of columns; both are chosen."
    if not count["text"] and not count["part"]:
        yield "The model has nothing to read: choose a column of text, or columns that make a line."
    for role, words in (
        ("text", "text to read"),
        ("id", "the name of the row"),
        ("entity", "the person or household"),
        ("weight", "the row weight"),
    ):
        if count[role] > 1:
            yield f"At most one column is {words}; {count[role]} are."
    if count["label"] == 1:
        yield from _label_problems(table, answers, count["group"])


def _label_problems(table: TableSample, answers: Answers, groups: int) -> Iterator[str]:
    label = _columns(table, answers, "label")[0]
    if label.present and label.missing:
        yield f"The outcome is empty in {label.missing:,} rows; fill or remove them."
    try:
        outcome = outcome_of(table, label.name).outcome
    except UsageError as error:
        yield str(error)
        return
    for word, value in (("positive", answers.positive), ("favourable", answers.favourable)):
        if value is not None and value not in outcome.classes:
            yield f"The {word} class {value[:80]!r} is not one of the outcomes of {label.name[:80]!r}."
    if groups and answers.favourable is None:
        yield "Groups are measured, so say which outcome a person wants for themselves."
    if len(outcome.classes) == 2 and answers.positive is None:
        yield "Say which outcome the model should find."
