"""Labels as readable classes, and the two words that must not be mixed: positive and favourable. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.core import UsageError
from rai_tune.data.cells import names_phrase, need_column, rows_phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.data.cells import Column
    from rai_tune.recipe.schema import DataSpec

MAX_CLASSES = 100
_USUAL_POSITIVE = frozenset({"1", "true", "yes"})


def read_labels(columns: dict[str, Column], data: DataSpec, origin: str) -> list[str]:
    """Readable class of each row.

    Raises ``UsageError`` for a missing label (which rows), a name for a value that never occurs, fewer than two classes or
    more than 100.
    """
    written = _written(columns, data, origin)
    occurring = sorted(set(written))
    for name in data.label_names:
        if name not in occurring:
            raise UsageError(
                f"data.label_names names {name!r}, which never occurs in column {data.label!r} of {origin}; "
                f"what occurs: {names_phrase(occurring)}"
            )
    labels = [data.label_names.get(cell, cell) for cell in written]
    classes = sorted(set(labels))
    if len(classes) < 2:
        raise UsageError(
            f"{origin}: every row has the label {classes[0]!r} (column {data.label!r}); two classes are needed"
        )
    if len(classes) > MAX_CLASSES:
        raise UsageError(
            f"{origin}: the label column {data.label!r} has {len(classes):,} different values; more than {MAX_CLASSES} look like "
            "a number or free text, not classes"
        )
    return labels


def read_known_labels(columns: dict[str, Column], data: DataSpec, classes: Sequence[str], origin: str) -> list[str]:
    """Readable class of each row that a trained model is measured on; not every class need occur.

    Raises ``UsageError`` for a missing label and for one that is none of the model's ``classes``.
    """
    labels = [data.label_names.get(cell, cell) for cell in _written(columns, data, origin)]
    strange = [row for row, label in enumerate(labels) if label not in classes]
    if strange:
        raise UsageError(
            f"{origin}, row {strange[0] + 1}: the label column {data.label!r} says {labels[strange[0]]!r}, which the model does not "
            f"know; its classes are {names_phrase(classes)}"
        )
    return labels


def choose_positive(classes: Sequence[str], data: DataSpec) -> str | None:
    """The class that TPR, FPR, precision and AUC speak of, or None for several classes when none is named."""
    if data.positive is not None:
        return _occurring(data.positive, "data.positive", classes, data)
    if len(classes) > 2:
        return None
    usual = [name for name in classes if name.casefold() in _USUAL_POSITIVE]
    if len(usual) != 1:
        raise UsageError(
            f"say which class is the positive one: set data.positive to one of {names_phrase(classes)} "
            "(true positive rate, precision and AUC speak of it)"
        )
    return usual[0]


def check_favourable(classes: Sequence[str], data: DataSpec) -> str | None:
    """The outcome that a person wants, checked to occur."""
    return None if data.favourable is None else _occurring(data.favourable, "data.favourable", classes, data)


def _written(columns: dict[str, Column], data: DataSpec, origin: str) -> list[str]:
    column = need_column(columns, data.label, "data.label", origin)
    missing = [row for row, cell in enumerate(column.written) if cell is None]
    if missing:
        raise UsageError(
            f"{origin}: the label column {data.label!r} is empty in {len(missing):,} of {len(column.written):,} rows "
            f"({rows_phrase(missing)})"
        )
    return [str(cell) for cell in column.written]


def _occurring(value: str, field: str, classes: Sequence[str], data: DataSpec) -> str:
    if value not in classes:
        raise UsageError(
            f"{field} is {value!r}, which never occurs in column {data.label!r}; what occurs: {names_phrase(classes)}"
        )
    return value
