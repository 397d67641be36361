"""The text that the model reads, from a column or a template. Internal to ``rai_tune.data``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.core import UsageError
from rai_tune.data.cells import Column, need_column

if TYPE_CHECKING:
    from rai_tune.data.template import Segment
    from rai_tune.recipe.schema import DataSpec


@dataclass(frozen=True)
class Texts:
    """One text per row; ``segments`` is None for free text. ``columns`` are those that the text is made from."""

    texts: list[str]
    segments: list[list[Segment]] | None
    columns: tuple[str, ...]

    @property
    def empty(self) -> int:
        return sum(not text.strip() for text in self.texts)


def build_texts(columns: dict[str, Column], data: DataSpec, origin: str) -> Texts:
    """Read or render every text. Raises ``UsageError`` when a template fails, or shows what it must not show."""
    if data.text is not None:
        column = need_column(columns, data.text, "data.text", origin)
        return Texts(column.text(), None, (data.text,))
    from rai_tune.data.template import TextTemplate

    try:
        template = TextTemplate.from_string(data.template or "", columns)
        if data.label in template.columns:
            raise UsageError(f"the template names {data.label!r}, the label: the model would read the answer")
        _check_hidden(data, template.columns)
        rendered = template.render_columns({name: columns[name].values for name in template.columns})
    except UsageError as error:
        raise UsageError(f"{origin}, data.template: {error}") from error
    return Texts([row.text for row in rendered], [list(row.segments) for row in rendered], template.columns)


def _check_hidden(data: DataSpec, shown: tuple[str, ...]) -> None:
    for group in data.groups:
        if data.hide_groups and group.column in shown:
            raise UsageError(
                f"the template names {group.column!r}, the column of the group {group.attribute!r}, and data.hide_groups is true. "
                "Leave it out of the template, or set data.hide_groups: false to show it to the model on purpose"
            )
