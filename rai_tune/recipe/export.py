"""Recipes written out: as commented YAML for people, and as a JSON Schema for editors.

Stable API: ``recipe_json_schema`` and ``recipe_yaml``. What ``recipe_yaml`` writes, ``load_yaml`` reads back to the same
mapping, whatever text the mapping holds.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

from rai_tune.recipe.fields import fields_of, part_at, values_of
from rai_tune.recipe.schema import Recipe
from rai_tune.recipe.yaml_scalars import flow, key_text, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH = 80
_LONGEST_KEY = 1000
"""YAML reads ``key: value`` only up to 1,024 characters; a longer key needs the ``? key`` form."""


def recipe_json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a recipe file, with a description for each field."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Recipe.model_json_schema(by_alias=True)}


def recipe_yaml(
    mapping: Mapping[str, Any],
    comments: bool = True,
    notes: Mapping[str, Sequence[str]] | None = None,
    header: Sequence[str] = (),
) -> str:
    """Write a mapping as YAML; with ``comments``, each known field is preceded by its sentence, wrapped to 80 columns.

    ``notes`` are further comments by dotted path, such as ``{"data.label": ["CHECK: ..."]}``; ``header`` comes first.
    Raises ``ValueError`` for what a recipe cannot hold: numbers that are not finite, integers beyond 2^53 - 1, other types.
    """
    writer = _Writer(comments, notes or {})
    lines = [line for text in header for line in comment(text, 0)]
    lines += [""] if header else []
    lines += writer.block(mapping, Recipe, "", 0) if mapping else ["{}"]
    return "\n".join(lines) + "\n"


def comment(text: str, indent: int) -> list[str]:
    """Comment lines of a text, wrapped; anything that could end the comment early is written as an escape."""
    safe = re.sub(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\u2028\u2029]", _escape, text)
    start = " " * indent + "# "
    return textwrap.wrap(
        safe, WIDTH, initial_indent=start, subsequent_indent=start, break_long_words=False, break_on_hyphens=False
    )


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\U{code:08X}" if code > 0xFFFF else f"\\u{code:04X}"


class _Writer:
    """Writes block YAML; a comment is written once for each field of a list's items."""

    def __init__(self, comments: bool, notes: Mapping[str, Sequence[str]]) -> None:
        self._comments = comments
        self._notes = notes

    def block(
        self, mapping: Mapping[str, Any], annotation: Any, path: str, indent: int, explain: bool = True
    ) -> list[str]:
        """Lines of a mapping's entries."""
        lines: list[str] = []
        part = part_at(annotation)
        known = fields_of(part) if part else {}
        for key, value in mapping.items():
            info = known.get(key)
            below = info.annotation if info else values_of(annotation, dict)
            here = f"{path}.{key}" if path else str(key)
            if indent == 0 and lines and self._comments:
                lines.append("")
            if self._comments and explain and info and info.description:
                lines += comment(" ".join(info.description.replace("``", "`").split()), indent)
            for note in self._notes.get(here, ()):
                lines += comment(note, indent)
            lines += self._entry(key, value, below, here, indent, explain)
        return lines

    def _entry(self, key: Any, value: Any, annotation: Any, path: str, indent: int, explain: bool) -> list[str]:
        space = " " * indent
        name = key_text(key)
        start = f"{space}{name}:"
        if len(name) > _LONGEST_KEY:
            opening, start = [f"{space}? {name}"], f"{space}:"
        else:
            opening = []
        inline = self._inline(value, len(start) + 1, indent)
        if inline is not None:
            return [*opening, f"{start} {inline}"]
        if isinstance(value, list | tuple):
            return [*opening, start, *self._items(value, annotation, path, indent + 2, explain)]
        return [*opening, start, *self.block(value, annotation, path, indent + 2, explain)]

    def _inline(self, value: Any, used: int, indent: int) -> str | None:
        """The value on its key's line, or None when it needs lines of its own."""
        if isinstance(value, dict):
            return None if value else "{}"
        if isinstance(value, list | tuple):
            text = flow(value)
            return text if text is not None and (not value or used + len(text) <= WIDTH) else None
        return scalar(value, used, indent + 2, WIDTH)

    def _items(self, items: Sequence[Any], annotation: Any, path: str, indent: int, explain: bool) -> list[str]:
        space = " " * indent
        below = values_of(annotation, tuple)
        lines: list[str] = []
        for place, item in enumerate(items):
            here = f"{path}.{place}"
            for note in self._notes.get(here, ()):
                lines += comment(note, indent)
            inline = self._inline(item, indent + 2, indent)
            if inline is not None:
                lines.append(f"{space}- {inline}")
                continue
            first = explain and place == 0
            if isinstance(item, dict):
                nested = self.block(item, below, here, indent + 2, first)
            else:
                nested = self._items(item, below, here, indent + 2, first)
            # Comments before the first entry go above the dash, where people read them.
            split = next(i for i, line in enumerate(nested) if not line.lstrip().startswith("#"))
            lines += [line[2:] for line in nested[:split]]
            lines += [f"{space}- {nested[split][indent + 2 :]}", *nested[split + 1 :]]
        return lines
