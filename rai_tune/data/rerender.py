"""Render a row's template again as if the person belonged to another group. Stable API: ``rerenderer``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.data.template import TextTemplate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from rai_tune.recipe.schema import DataSpec

_PREFIX = "col:"


def rerenderer(data: DataSpec, rows: pd.DataFrame) -> Callable[[Mapping[Any, Any], str, str], str | None] | None:
    """A function (prepared row, attribute, group) -> text; None for free text.

    The group's column gets the value that most rows of that group hold (of equally frequent ones, the first by text). The function
    returns None where no row of the group is known or the template fails on the changed row.
    """
    if data.template is None:
        return None
    from rai_tune.core import UsageError

    columns = [name.removeprefix(_PREFIX) for name in map(str, rows.columns) if name.startswith(_PREFIX)]
    template = TextTemplate.from_string(data.template, columns)
    source = {spec.attribute: spec.column for spec in data.groups}
    typical = {attribute: _typical(rows, attribute, column) for attribute, column in source.items()}

    def render(row: Mapping[Any, Any], attribute: str, group: str) -> str | None:
        if attribute not in source or group not in typical[attribute]:
            return None
        values = {name: row[_PREFIX + name] for name in template.columns}
        values[source[attribute]] = typical[attribute][group]
        try:
            return template.render(values).text
        except UsageError:
            return None

    return render


def _typical(rows: pd.DataFrame, attribute: str, column: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for group, cells in rows.groupby(f"group:{attribute}")[_PREFIX + column]:
        counts = cells.dropna().value_counts()
        if len(counts):
            most = counts[counts == counts.max()].index
            found[str(group)] = min(most, key=str)
    return found
