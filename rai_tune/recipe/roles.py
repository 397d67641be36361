"""Guessing groups of people, identities, weights and the text line from columns. Internal to ``raitune init``."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.recipe import hints
from rai_tune.recipe.proposal import Draft

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.recipe.sample import ColumnSample, TableSample

MAX_NAME = 120
FEW_GROUPS = 12
MAX_GROUPS = 50
MAX_TEMPLATE_COLUMNS = 40
AGE_EDGES = (30.0, 50.0)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PERSON = frozenset(
    {"first", "last", "full", "given", "family", "middle", "maiden", "applicant", "person", "customer", "candidate"}
)


def is_group(column: ColumnSample) -> bool:
    """Whether the name is that of an attribute of people, and the cells could be groups."""
    words = set(hints.words_of(column.name))
    if column.nested or column.free_text or not 0 < len(column.name) <= MAX_NAME or words & hints.BIRTH_WORDS:
        return False
    by_name = hints.whole(column.name) in hints.GROUP_NAMES and (column.distinct <= 4 or column.numeric)
    return column.distinct >= 2 and (by_name or bool(words & hints.GROUP_WORDS))


def group_specs(columns: Sequence[ColumnSample], draft: Draft) -> list[dict[str, Any]]:
    """Group entries of the recipe, in the order of the columns."""
    specs: list[dict[str, Any]] = []
    for column in columns:
        spec = _group_spec(column, f"data.groups.{len(specs)}", draft)
        if spec is not None:
            specs.append(spec)
    return specs


def _group_spec(column: ColumnSample, place: str, draft: Draft) -> dict[str, Any] | None:
    if column.numeric and column.distinct > FEW_GROUPS:
        edges = _edges(column, place, draft)
        return {"column": column.name, "bins": edges} if edges else None
    if column.distinct > MAX_GROUPS:
        draft.note(
            "data.groups", f"{column.name!r} has {column.distinct:,} values, too many for groups; it is left out."
        )
        return None
    keep = draft.decide(
        f"data.groups.{column.name}",
        "yes",
        f"its name is that of an attribute of people, with {column.distinct} values",
        sure=column.distinct <= FEW_GROUPS,
        question=f"Measure treatment by {column.name!r}? Small groups leave evidence insufficient.",
        options=("yes", "no"),
        at=place,
    )
    if keep == "no":
        return None
    spec: dict[str, Any] = {"column": column.name}
    if "?" in column.counts:
        spec["values"] = {"?": "unknown"}
    return spec


def _edges(column: ColumnSample, place: str, draft: Draft) -> list[float] | None:
    low, high = column.numbers[0], column.numbers[-1]
    middle = column.numbers[len(column.numbers) // 2]
    if "age" in hints.words_of(column.name):
        edges = [edge for edge in AGE_EDGES if low < edge <= high] or [middle]
    else:
        edges = [0.5] if low >= 0 and high <= 1 else [middle]
    answer = draft.decide(
        f"data.groups.{column.name}.bins",
        ", ".join(f"{edge:g}" for edge in edges),
        f"it runs from {low:g} to {high:g}",
        sure=False,
        question=f"Where should {column.name!r} be cut into groups? (numbers, or none to leave it out)",
        at=f"{place}.bins",
    )
    if answer.casefold() == "none":
        return None
    try:
        edges = sorted({float(edge) for edge in answer.replace(",", " ").strip("[] ").split()})
    except ValueError:
        edges = []
    if not edges or not all(map(math.isfinite, edges)):
        raise UsageError(f"data.groups.{column.name}.bins: {answer!r} is not a list of numbers such as 30, 50.")
    return [int(edge) if edge.is_integer() else edge for edge in edges]


def is_identity(column: ColumnSample) -> bool:
    """Whether the name says that cells name rows, people or things."""
    words = hints.words_of(column.name)
    named = (
        hints.whole(column.name) in hints.ID_WORDS or (words and words[-1] in hints.ID_WORDS) or words[:1] == ("id",)
    )
    return bool(named) and not column.nested and len(column.name) <= MAX_NAME


def guess_identities(columns: Sequence[ColumnSample], draft: Draft) -> dict[str, str | None]:
    """``id`` for a column that is different in every row, ``entity`` for one that repeats."""
    found: dict[str, str | None] = {}
    for column in columns:
        rows = len(column.cells)
        if column.unique and "id" not in found:
            found["id"] = draft.decide("data.id", column.name, "it is different in every row", sure=True)
        elif not column.unique and not column.missing and 1 < rows / column.distinct <= 50 and "entity" not in found:
            answer = draft.decide(
                "data.entity",
                column.name,
                f"it names {column.distinct:,} things in {rows:,} rows",
                sure=False,
                question="Do rows of one person or household share this column? They then stay in one split.",
                options=(column.name, "none"),
            )
            found["entity"] = None if answer == "none" else answer
    return found


def is_weight(column: ColumnSample) -> bool:
    """Whether the column could hold row weights."""
    return (
        hints.whole(column.name) in hints.WEIGHT_NAMES
        and column.numeric
        and column.numbers[0] > 0
        and not column.missing
    )


def guess_weight(columns: Sequence[ColumnSample], draft: Draft) -> dict[str, str | None]:
    """Row weights are asked about and never taken unasked: they change every number in the loss."""
    if not columns:
        return {}
    answer = draft.decide(
        "data.weight",
        "none",
        f"{columns[0].name!r} looks like row weights, which are used only if you say so",
        sure=False,
        question="Does a column hold row weights?",
        options=("none", *(column.name for column in columns)),
    )
    return {"weight": None if answer == "none" else answer}


def template_line(table: TableSample, columns: Sequence[ColumnSample], label: ColumnSample, draft: Draft) -> str:
    """One short line of text per row: ``Income: {{ income }}. ...``. Raises ``UsageError`` when no column can be in it."""
    spelled = Counter(map(hints.template_name, table.names))
    reasons = {column.name: _unnameable(column.name, spelled) or _unfit(column) for column in columns}
    telling = [column.name for column in columns if not reasons[column.name] and _tells_label(column, label)]
    fit = [name for name, reason in reasons.items() if not reason and name not in telling]
    if fit:
        reasons |= dict.fromkeys(telling, "it tells the label exactly, so the model would read the answer")
    elif telling:
        fit = telling
        draft.note("data.template", f"{_listed(telling)} tells the label exactly; was it known before the outcome?")
    reasons |= dict.fromkeys(fit[MAX_TEMPLATE_COLUMNS:], f"the line has {MAX_TEMPLATE_COLUMNS} columns already")
    left_out: dict[str, list[str]] = defaultdict(list)
    for name, reason in reasons.items():
        if reason:
            left_out[reason].append(name)
    said = [f"left out {_listed(names)}: {reason}." for reason, names in left_out.items()]
    if not fit:
        raise UsageError(f"{table.path}: no column is left for the model to read. {' '.join(said)}")
    chosen = fit[:MAX_TEMPLATE_COLUMNS]
    for name in chosen:
        if hints.PROXY_WORDS & set(hints.words_of(name)):
            draft.note("data.template", f"{name!r} may stand in for a group of people; should the model read it?")
    for sentence in said:
        draft.note("data.template", sentence)
    return " ".join(f"{_caption(name)}: {{{{ {hints.template_name(name)} }}}}." for name in chosen)


def line_of(table: TableSample, columns: Sequence[ColumnSample]) -> str:
    """The line of columns that a person chose, in their order. Raises ``UsageError`` for one that a template cannot name, and for too many."""
    spelled = Counter(map(hints.template_name, table.names))
    for column in columns:
        if reason := _unnameable(column.name, spelled):
            raise UsageError(f"column {column.name[:80]!r} cannot be part of the line: {reason}")
    if len(columns) > MAX_TEMPLATE_COLUMNS:
        raise UsageError(f"{len(columns)} columns are part of the line; at most {MAX_TEMPLATE_COLUMNS} can be")
    return " ".join(f"{_caption(column.name)}: {{{{ {hints.template_name(column.name)} }}}}." for column in columns)


def in_line(template: str, column: str) -> bool:
    """Whether a line made here names this column."""
    return f"{{{{ {hints.template_name(column)} }}}}" in template


def why_not_read(table: TableSample, column: ColumnSample, label: ColumnSample) -> str | None:
    """Why a column should not be part of what the model reads, or None."""
    spelled = Counter(map(hints.template_name, table.names))
    if reason := _unnameable(column.name, spelled) or _unfit(column):
        return reason
    return "it tells the outcome exactly, so the model would read the answer" if _tells_label(column, label) else None


def stands_in(column: ColumnSample) -> bool:
    """Whether a column may stand in for a group of people though it is not one."""
    return bool(hints.PROXY_WORDS & set(hints.words_of(column.name)))


def group_entry(column: ColumnSample, edges: str | None = None) -> dict[str, Any]:
    """The recipe's entry for a group that a person chose; ``edges`` cut a column of numbers, such as ``30, 50``.

    Raises ``UsageError`` when the column cannot be groups of people.
    """
    answers = {f"data.groups.{column.name}": "yes"}
    if edges is not None:
        answers[f"data.groups.{column.name}.bins"] = edges
    if column.nested or column.distinct < 2:
        why = "it holds lists or objects" if column.nested else "it says the same in every row"
        raise UsageError(f"column {column.name[:80]!r} cannot be a group of people: {why}")
    spec = _group_spec(column, "data.groups.0", Draft(answers))
    if spec is None:
        raise UsageError(
            f"column {column.name[:80]!r} has {column.distinct:,} values, too many for groups of people; "
            f"at most {MAX_GROUPS} can be compared. Leave it out, or put its values into fewer classes in the file"
        )
    return spec


def needs_edges(column: ColumnSample) -> bool:
    """Whether a group of this column has to be cut out of numbers."""
    return column.numeric and column.distinct > FEW_GROUPS


def _caption(name: str) -> str:
    return " ".join(re.findall(r"[A-Za-z0-9]+", name)).capitalize()


def _listed(names: Sequence[str], shown: int = 12) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(repr(name[:80]) for name in names[:shown]) + more


def _unnameable(name: str, spelled: Counter[str]) -> str | None:
    """Why a template cannot call a column by name, or None."""
    variable = hints.template_name(name)
    if not (_IDENTIFIER.fullmatch(variable) and _caption(name)):
        return "a template cannot name it; rename it to plain letters, digits and '_'"
    if spelled[variable] > 1 and variable != name:
        return f"its name in a template, {variable[:80]}, means another column too; rename one"
    return None


def _unfit(column: ColumnSample) -> str | None:
    """Why a column should not be in the text, or None."""
    words = hints.words_of(column.name)
    if column.nested:
        return "it holds lists or objects"
    if not column.present:
        return "it is empty in every row"
    if column.distinct < 2:
        return "it says the same in every row"
    if hints.whole(column.name) in hints.NAME_WORDS or (words[-1:] == ("name",) and _PERSON & set(words)):
        return "names of people stand in for their groups"
    if hints.BIRTH_WORDS & set(words):
        return "birth dates stand in for age"
    if column.unique and not column.numeric and column.median_words <= 1 and len(column.cells) >= 10:
        return "it is a different code in every row"
    return None


def _tells_label(column: ColumnSample, label: ColumnSample) -> bool:
    if len(column.cells) < 50 or column.distinct > 10 or min(column.counts.values()) < 3:
        return False
    seen: dict[str, str | None] = {}
    return all(
        cell is None or seen.setdefault(cell, said) == said
        for cell, said in zip(column.cells, label.cells, strict=True)
    )
