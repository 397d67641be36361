"""The same row about another group: templates are rendered again, free text goes through the term lists.

Stable API: ``swapper``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.data.rerender import rerenderer

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from rai_tune.data import PreparedData
    from rai_tune.recipe.schema import Recipe


def swapper(
    recipe: Recipe, data: PreparedData, frame: pd.DataFrame, attributes: tuple[str, ...]
) -> Callable[[int], tuple[str, ...]]:
    """A function from a row's position in ``frame`` to its texts about every other group, each once."""
    render = rerenderer(recipe.data, data.rows)
    records: list[dict[Any, Any]] = []

    def swaps(position: int) -> tuple[str, ...]:
        if render is None:
            return ()
        if not records:
            records.extend(frame.to_dict("records"))
        row = records[position]
        found = [
            render(row, attribute, group)
            for attribute in attributes
            for group in data.groups[attribute]
            if group != row[f"group:{attribute}"]
        ]
        return tuple(dict.fromkeys(text for text in found if text is not None and text != row["text"]))

    return swaps
