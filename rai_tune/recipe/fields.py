"""Finding one's way in the recipe's schema: which fields are at a place, and what may stand below one.

Internal to the recipe room; loading, overrides and export share it so that all three know the same fields.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from rai_tune.core import did_you_mean
from rai_tune.recipe.schema import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic.fields import FieldInfo


def fields_of(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Fields of a part by the name they have in a file (``schema``, not ``schema_``)."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Types that a field accepts, with ``Annotated``, unions and None unwrapped."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return tuple(kind for part in get_args(annotation) for kind in alternatives(part) if kind is not NoneType)
    return (annotation,)


def part_at(annotation: Any) -> type[BaseModel] | None:
    """The recipe part that a field holds, or None for a plain value."""
    for kind in alternatives(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def values_of(annotation: Any, container: type) -> Any:
    """Annotation of the values of a ``dict`` or ``tuple`` field, or None when the field is no such container."""
    for kind in alternatives(annotation):
        if get_origin(kind) is container:
            arguments = get_args(kind)
            return arguments[1] if container is dict else arguments[0]
    return None


def is_text(annotation: Any) -> bool:
    """Whether a field takes text and nothing else."""
    return all(kind is str for kind in alternatives(annotation))


def annotation_at(path: Sequence[str | int]) -> Any:
    """Annotation of the field at a path of keys and list places, or None when there is no such field."""
    annotation: Any = Recipe
    for key in path:
        if isinstance(key, int):
            annotation = values_of(annotation, tuple)
        elif part := part_at(annotation):
            info = fields_of(part).get(key)
            annotation = info.annotation if info else None
        else:
            annotation = values_of(annotation, dict)
        if annotation is None:
            return None
    return annotation


def unknown_field(key: str, part: type[BaseModel]) -> str:
    """Why ``key`` is no field of ``part``: the place where a field of that name is, or the nearest field here."""
    elsewhere = [path for path in _paths(Recipe, "") if path.rpartition(".")[2] == key]
    hint = f" It belongs at '{elsewhere[0]}'." if elsewhere else did_you_mean(key, fields_of(part))
    return f"unknown field.{hint}"


def _paths(part: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, info in fields_of(part).items():
        yield f"{prefix}{name}"
        if below := part_at(info.annotation):
            yield from _paths(below, f"{prefix}{name}.")


def shown(key: str | int) -> str:
    """A key as it can be printed in a message: hostile ones escaped and shortened."""
    text = str(key)
    return text if text.isprintable() and 0 < len(text) <= 80 else ascii(text[:80])


def dotted(path: Sequence[str | int]) -> str:
    """``("data", "groups", 0, "column")`` as ``data.groups.0.column``."""
    return ".".join(shown(key) for key in path)
