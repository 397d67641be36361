"""Render a row's template again: as if the person belonged to another group, or with other values in its columns.

Stable API: ``rerenderer``, ``column_renderer``, ``typical_values``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError, did_you_mean
from rai_tune.data.template import TextTemplate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from rai_tune.data.template import Segment
    from rai_tune.recipe.schema import DataSpec

    RenderColumns = Callable[[Mapping[Any, Any], Mapping[str, Any]], tuple[str, tuple[Segment, ...]] | None]

_PREFIX = "col:"


def rerenderer(data: DataSpec, rows: pd.DataFrame) -> Callable[[Mapping[Any, Any], str, str], str | None] | None:
    """A function (prepared row, attribute, group) -> text; None for free text.

    The group's column gets the value that most rows of that group hold (of equally frequent ones, the first by text). The function
    returns None where no row of the group is known or the template fails on the changed row.
    """
    template, change = _template(data, rows), column_renderer(data, rows)
    if template is None or change is None:
        return None
    source = {spec.attribute: spec.column for spec in data.groups}
    typical = {attribute: typical_values(rows, attribute, column) for attribute, column in source.items()}

    def render(row: Mapping[Any, Any], attribute: str, group: str) -> str | None:
        if source.get(attribute) not in template.columns or group not in typical[attribute]:
            return None
        changed = change(row, {source[attribute]: typical[attribute][group]})
        return None if changed is None else changed[0]

    return render


def column_renderer(data: DataSpec, rows: pd.DataFrame) -> RenderColumns | None:
    """A function (prepared row, {column: value}) -> (text, segments), with the columns not named as they are; None for free text.

    The function returns None where the template fails on the changed row. Raises ``UsageError`` for a column that the template never reads.
    """
    template = _template(data, rows)
    if template is None:
        return None

    def render(row: Mapping[Any, Any], changes: Mapping[str, Any]) -> tuple[str, tuple[Segment, ...]] | None:
        for name in changes:
            if name not in template.columns:
                raise UsageError(f"the template never reads column {name!r}.{did_you_mean(name, template.columns)}")
        values = {name: row[_PREFIX + name] for name in template.columns}
        try:
            rendered = template.render({**values, **changes})
        except UsageError:
            return None
        return rendered.text, rendered.segments

    return render


def _template(data: DataSpec, rows: pd.DataFrame) -> TextTemplate | None:
    if data.template is None:
        return None
    columns = [name.removeprefix(_PREFIX) for name in map(str, rows.columns) if name.startswith(_PREFIX)]
    return TextTemplate.from_string(data.template, columns)


def typical_values(rows: pd.DataFrame, attribute: str, column: str) -> dict[str, Any]:
    """What most rows of each group hold in the group's column, of equally frequent values the first by text; no entry where none is known."""
    found: dict[str, Any] = {}
    for group, cells in rows.groupby(f"group:{attribute}")[_PREFIX + column]:
        counts = cells.dropna().value_counts()
        if len(counts):
            most = counts[counts == counts.max()].index
            found[str(group)] = min(most, key=str)
    return found
