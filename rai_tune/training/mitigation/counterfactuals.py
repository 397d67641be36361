"""The same row about another group: templates are rendered again, free text goes through the term lists.

The words changed are those of the audit ``paired_swaps``: one attribute at a time, from a known group to every other known one. What a
group's column holds is read from training rows alone. Stable API: ``Counterfactual``, ``swapper``, ``check_counterfactuals``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.data.groups import CROSS
from rai_tune.data.prepared import UNKNOWN
from rai_tune.data.rerender import column_renderer, typical_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd

    from rai_audits.fairness.swapping import TermSwaps
    from rai_tune.data import PreparedData
    from rai_tune.recipe.schema import Recipe

_COLUMN, _GROUP = "col:", "group:"
_ALIKE = 2
"""Groups that a term list and an attribute of another name must share to be about the same thing, as ``gender`` and ``sex`` are."""


@dataclass(frozen=True)
class Counterfactual:
    """One row about another group: its text, and every column of the prepared row that reads otherwise now, the text included."""

    attribute: str
    group: str
    text: str
    changes: Mapping[str, Any]


def swapper(
    recipe: Recipe, data: PreparedData, frame: pd.DataFrame, attributes: tuple[str, ...]
) -> Callable[[int], tuple[Counterfactual, ...]]:
    """A function from a row's position in ``frame`` to the row about every other group, each text once; empty where none can be made.

    Nothing is rendered or looked up before the first call.
    """
    makers: list[_Rendering | _Wording] = []

    def swaps(position: int) -> tuple[Counterfactual, ...]:
        if not makers:
            make = _Wording if recipe.data.template is None else _Rendering
            makers.append(make(recipe, data, frame, attributes))
        unique: dict[str, Counterfactual] = {}
        for found in makers[0].of(position):
            if found.text != makers[0].texts[position]:
                unique.setdefault(found.text, found)
        return tuple(unique.values())

    return swaps


def check_counterfactuals(
    method: str, recipe: Recipe, data: PreparedData, attributes: tuple[str, ...], positions: Sequence[int] | None = None
) -> None:
    """Refuse ``method`` where it could change no training row. ``positions`` are those that it changes, by default all.

    Raises ``UsageError`` with the reason and what to do.
    """
    frame = data.split("train")
    swaps = swapper(recipe, data, frame, attributes)
    if not any(swaps(position) for position in (range(len(frame)) if positions is None else positions)):
        raise UsageError(f"mitigation {method} needs rows about another group, but {_why(recipe, data, attributes)}")


class _Moving:
    """What changes in a prepared row when one of its attributes does: the group, its column, what shares that column, and crossings."""

    def __init__(self, recipe: Recipe, data: PreparedData, frame: pd.DataFrame) -> None:
        train = data.rows[data.rows["split"] == "train"]
        self.columns = {spec.attribute: spec.column for spec in recipe.data.groups}
        self.values = {
            attribute: {
                group: value for group, value in typical_values(train, attribute, column).items() if group != UNKNOWN
            }
            for attribute, column in self.columns.items()
        }
        self._together = {
            (attribute, group): self._beside(train, attribute, group)
            for attribute in self.values
            for group in self.values[attribute]
        }
        self._crossings = recipe.data.intersections
        self._groups = {attribute: frame[_GROUP + attribute].astype(str).tolist() for attribute in self.columns}

    def group(self, attribute: str, position: int) -> str:
        """The group that a row is in."""
        return self._groups[attribute][position]

    def changes(self, position: int, attribute: str, group: str) -> dict[str, Any]:
        """The columns of a row that is now in ``group``; ``unknown`` empties the attribute's column."""
        now = {name: groups[position] for name, groups in self._groups.items()}
        now |= self._together.get((attribute, group), {attribute: group})
        crossed = {CROSS.join(names): [now[name] for name in names] for names in self._crossings}
        now |= {name: UNKNOWN if UNKNOWN in parts else CROSS.join(parts) for name, parts in crossed.items()}
        value = self.values[attribute].get(group)
        return {_COLUMN + self.columns[attribute]: value, **{_GROUP + name: cell for name, cell in now.items()}}

    def _beside(self, train: pd.DataFrame, attribute: str, group: str) -> dict[str, str]:
        """The groups that the typical value of a group means, of every attribute that is read from the same column."""
        column = self.columns[attribute]
        held = train[(train[_GROUP + attribute] == group) & (train[_COLUMN + column] == self.values[attribute][group])]
        return {name: str(held[_GROUP + name].iloc[0]) for name, other in self.columns.items() if other == column}


class _Rendering:
    """Rows of a template, rendered again with the column of a group changed."""

    def __init__(self, recipe: Recipe, data: PreparedData, frame: pd.DataFrame, attributes: tuple[str, ...]) -> None:
        self.texts = frame["text"].tolist()
        self._moving = _Moving(recipe, data, frame)
        render = column_renderer(recipe.data, data.rows)
        assert render is not None
        self._render = render
        self._attributes = [name for name in _parts(recipe, attributes) if data.seen_by_model[name]]
        self._cells = {_COLUMN + name: frame[_COLUMN + name].tolist() for name in data.columns_in_text}

    def of(self, position: int) -> Iterator[Counterfactual]:
        row = {name: cells[position] for name, cells in self._cells.items()}
        for attribute in self._attributes:
            group = self._moving.group(attribute, position)
            for to, value in self._moving.values[attribute].items():
                if group in (UNKNOWN, to):
                    continue
                rendered = self._render(row, {self._moving.columns[attribute]: value})
                if rendered is not None:
                    text, segments = rendered
                    changes = self._moving.changes(position, attribute, to)
                    yield Counterfactual(attribute, to, text, {**changes, "text": text, "segments": list(segments)})


class _Wording:
    """Free text with the words of one group replaced by those of another.

    A list belongs to the attribute of its name, else to one with which it shares two groups. Where the replaced words name the group that
    the row is in, the row is in the other group from then on, or in none that is known where the recipe declares no such group.
    """

    def __init__(self, recipe: Recipe, data: PreparedData, frame: pd.DataFrame, attributes: tuple[str, ...]) -> None:
        self.texts = frame["text"].tolist()
        self._column = _COLUMN + str(recipe.data.text)
        self._moving = _Moving(recipe, data, frame)
        self._names = {
            name: {group.casefold(): group for group in data.groups[name] if group != UNKNOWN}
            for name in self._moving.columns
        }
        self._lists = [(swaps, self._attribute_of(swaps)) for swaps in _term_swaps(recipe)]
        if recipe.mitigation is not None and recipe.mitigation.attributes:
            asked = _parts(recipe, attributes)
            self._lists = [(swaps, name) for swaps, name in self._lists if name in asked]

    def of(self, position: int) -> Iterator[Counterfactual]:
        for swaps, attribute in self._lists:
            for swap in swaps.of("", self.texts[position]):
                text = swap.swapped
                changes = self._moved(position, attribute, swap.group, swap.to) if attribute else {}
                yield Counterfactual(swaps.attribute, swap.to, text, {**changes, "text": text, self._column: text})

    def _moved(self, position: int, attribute: str, group: str, to: str) -> dict[str, Any]:
        if self._moving.group(attribute, position).casefold() != group.casefold():
            return {}
        return self._moving.changes(position, attribute, self._names[attribute].get(to.casefold(), UNKNOWN))

    def _attribute_of(self, swaps: TermSwaps) -> str | None:
        if swaps.attribute in self._names:
            return swaps.attribute
        named = {group.casefold() for group in swaps.groups}
        return next((name for name, groups in self._names.items() if len(named & set(groups)) >= _ALIKE), None)


def _term_swaps(recipe: Recipe) -> list[TermSwaps]:
    from rai_audits.fairness.swapping import TermSwaps
    from rai_audits.fairness.term_swaps import merged_terms

    return [TermSwaps(name, lists) for name, lists in merged_terms(recipe.audits.fairness.swap_terms).items()]


def _parts(recipe: Recipe, attributes: Sequence[str]) -> tuple[str, ...]:
    """The attributes with a column of their own, in place of the crossings of them."""
    crossings = {CROSS.join(names): names for names in recipe.data.intersections}
    return tuple(dict.fromkeys(part for name in attributes for part in crossings.get(name, (name,))))


def _why(recipe: Recipe, data: PreparedData, attributes: Sequence[str]) -> str:
    """Why no training row can be changed, and what to do about it."""
    parts = _parts(recipe, attributes)
    told = ", ".join(parts)
    if recipe.data.template is None:
        about = f" about {told}" if recipe.mitigation is not None and recipe.mitigation.attributes else ""
        return (
            f"no training text holds a word of the term lists{about}: list words that name the groups under "
            "audits.fairness.swap_terms, or choose another method"
        )
    if not parts:
        return "the recipe declares none: name them under data.groups"
    if any(data.seen_by_model[name] for name in parts):
        return (
            f"no training row reads otherwise with another group of {told}: choose an attribute with two known groups that the template "
            "shows, or another method"
        )
    hidden = (
        "data.hide_groups keeps it out of the text; set that to false and name" if recipe.data.hide_groups else "name"
    )
    return (
        f"the template never reads the column of {told}, so that every copy would read the same: {hidden} the column in data.template where "
        "the model may know it, or choose another method"
    )
