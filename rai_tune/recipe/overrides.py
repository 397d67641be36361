"""Dotted overrides: ``training.epochs=2`` on the command line changes one field of a recipe.

Stable API: ``apply_overrides``. Values are read by the rules of recipe files; a later override wins over an earlier one.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.core.safe_yaml import load_yaml
from rai_tune.recipe.fields import dotted, fields_of, is_text, part_at, unknown_field, values_of
from rai_tune.recipe.schema import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FORM = "write it as path.to.field=value, such as training.epochs=2 or data.groups.0.column=sex"


def apply_overrides(mapping: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A copy of ``mapping`` with each ``path=value`` applied in order; missing mappings on the way are made.

    A number in a path is a place in a list (the first free place adds an item). Below a field of free keys, such as
    ``data.label_names``, the rest of the path is the key, dots included. Raises ``UsageError`` naming the override.
    """
    result = deepcopy(dict(mapping))
    for override in overrides:
        _apply(result, override)
    return result


def _apply(root: dict[str, Any], override: str) -> None:
    path, sign, text = override.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not sign or not all(keys):
        raise UsageError(f"--set {override!r}: {_FORM}.")
    here: Any = root
    annotation: Any = Recipe
    seen: list[str | int] = []
    while keys:
        key, annotation = _step(keys, annotation, seen, override)
        last = not keys
        if isinstance(key, int):
            _make_room(here, key, seen, override)
        if last:
            here[key] = _value(text, annotation, override)
            return
        here = _descend(here, key, annotation, [*seen, key], override)
        seen.append(key)


def _step(keys: list[str], annotation: Any, seen: list[str | int], override: str) -> tuple[str | int, Any]:
    """Take the next key off the path: the key and what the schema says about the field there."""
    if part := part_at(annotation):
        key = keys.pop(0)
        info = fields_of(part).get(key)
        if info is None:
            raise UsageError(f"--set {override!r}: {dotted([*seen, key])}: {unknown_field(key, part)}")
        return key, info.annotation
    items, entries = values_of(annotation, tuple), values_of(annotation, dict)
    if items is not None and (keys[0].isdecimal() or entries is None):
        key = keys.pop(0)
        if not (key.isascii() and key.isdecimal() and len(key) <= 6):
            raise UsageError(
                f"--set {override!r}: {dotted(seen)} is a list; name a place in it, such as {dotted(seen)}.0."
            )
        return int(key), items
    if entries is not None:
        key = ".".join(keys)
        keys.clear()
        return key, entries
    raise UsageError(f"--set {override!r}: {dotted(seen)} is a single value; nothing is below it.")


def _make_room(items: list[Any], place: int, seen: list[str | int], override: str) -> None:
    if place > len(items):
        raise UsageError(
            f"--set {override!r}: {dotted(seen)} has {len(items)} item{'' if len(items) == 1 else 's'}; "
            f"the next free place is {dotted(seen)}.{len(items)}."
        )
    if place == len(items):
        items.append(None)


def _descend(here: Any, key: str | int, annotation: Any, seen: list[str | int], override: str) -> Any:
    """The container at ``key``, made or replaced where the schema has one there and the recipe does not."""
    kinds = [kind for kind, fits in _containers(annotation).items() if fits]
    found = here[key] if isinstance(key, int) else here.get(key)
    if isinstance(found, tuple):
        found = list(found)
        here[key] = found
    if isinstance(found, tuple(kinds) if kinds else ()):
        return found
    if not kinds:
        raise UsageError(f"--set {override!r}: {dotted(seen)} is a single value; nothing is below it.")
    here[key] = kinds[0]()
    return here[key]


def _containers(annotation: Any) -> dict[type, bool]:
    return {
        dict: part_at(annotation) is not None or values_of(annotation, dict) is not None,
        list: values_of(annotation, tuple) is not None,
    }


def _value(text: str, annotation: Any, override: str) -> Any:
    """Read a value as in a recipe file; for a field of text, what is no plain value there is the text itself."""
    source = f"--set {override!r}"
    if not is_text(annotation):
        return load_yaml(text, source, written=True)
    try:
        value = load_yaml(text, source, written=True)
    except UsageError:
        return text
    return text if isinstance(value, dict | list) else value
