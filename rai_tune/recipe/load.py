"""Loading a recipe: YAML file, dotted overrides, schema, and one clear message when something is wrong.

Stable API: ``load_recipe``, ``parse_recipe`` and ``LoadedRecipe``. Use these rather than ``Recipe.model_validate``, whose
errors speak of types and unions rather than of the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rai_audits.core import known_audits
from rai_audits.explain.methods import METHODS
from rai_tune.core import UsageError, did_you_mean, sha256_json
from rai_tune.core.safe_yaml import load_yaml_file
from rai_tune.recipe.fields import annotation_at, dotted, part_at, unknown_field
from rai_tune.recipe.overrides import apply_overrides
from rai_tune.recipe.schema import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

_MAX_PROBLEMS = 20
_PLAIN_WORDS = {
    "missing": "this field is required",
    "model_type": "Input should be a mapping of fields",
    "dict_type": "Input should be a mapping",
    "tuple_type": "Input should be a list",
    "string_type": "Input should be text",
}


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe with where it came from.

    ``base_dir`` is the absolute folder that ``data.source.path`` is relative to. ``digest`` is the SHA-256 of the canonical
    JSON of the resolved recipe: defaults and overrides included, comments and order of fields not.
    """

    recipe: Recipe
    source: str
    base_dir: Path
    digest: str


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """Load a recipe file with ``--set`` overrides. Raises ``UsageError`` with one line for each problem."""
    mapping = load_yaml_file(path, written=True)
    if mapping is None:
        raise UsageError(f"{path}: the file is empty; 'raitune init' proposes a recipe for your data.")
    return parse_recipe(mapping, str(path), Path(path).absolute().parent, overrides)


def parse_recipe(mapping: Any, source: str, base_dir: Path, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """Check a recipe given as a mapping; ``source`` is the name that errors begin with. Raises ``UsageError``."""
    if not isinstance(mapping, dict):
        raise UsageError(f"{source}: a recipe is a mapping of fields such as 'data:' and 'training:'.")
    resolved = apply_overrides(mapping, overrides)
    try:
        recipe = Recipe.model_validate(resolved)
    except ValidationError as error:
        problems = _problems(error, resolved)
        raise UsageError(_message(source, problems)) from None
    if problems := _unknown_audits(recipe):
        raise UsageError(_message(source, problems))
    return LoadedRecipe(recipe, source, base_dir.absolute(), sha256_json(recipe.model_dump(mode="json")))


def _message(source: str, problems: Sequence[str]) -> str:
    lines = [f"{source}: {problem}" for problem in problems[:_MAX_PROBLEMS]]
    if len(problems) > _MAX_PROBLEMS:
        lines.append(f"{source}: and {len(problems) - _MAX_PROBLEMS} more problems")
    return "\n".join(lines)


def _unknown_audits(recipe: Recipe) -> list[str]:
    known = known_audits()
    problems = [
        f"audits.include: unknown audit {name!r}.{did_you_mean(name, known)}"
        for name in recipe.audits.include
        if name not in known
    ]
    method = recipe.audits.explain.method
    if method not in METHODS:
        problems.append(f"audits.explain.method: unknown attribution method {method!r}.{did_you_mean(method, METHODS)}")
    return problems


def _problems(error: ValidationError, mapping: Mapping[str, Any]) -> list[str]:
    """One sentence for each place, in the order of the schema; the branches of a union become one sentence."""
    found: dict[tuple[str | int, ...], list[ErrorDetails]] = {}
    unions: set[tuple[str | int, ...]] = set()
    for detail in error.errors(include_url=False):
        path, union = _place(detail, mapping)
        found.setdefault(path, []).append(detail)
        if union is not None and len(path) > len(union):
            unions.add(union)
    # Where a union got as far as a value inside one branch, what the other branches expected is only noise.
    return [_sentence(path, details) for path, details in found.items() if path not in unions]


def _place(
    detail: ErrorDetails, mapping: Mapping[str, Any]
) -> tuple[tuple[str | int, ...], tuple[str | int, ...] | None]:
    """Path of an error in the file, and the path of the union whose branch it is in: pydantic's own marks dropped."""
    path: list[str | int] = []
    union: tuple[str | int, ...] | None = None
    here: Any = mapping
    for position, key in enumerate(detail["loc"]):
        inside = key in here if isinstance(here, dict) else isinstance(here, list | tuple) and isinstance(key, int)
        if inside:
            here = here[key]
        elif detail["type"] != "missing" or position < len(detail["loc"]) - 1:
            union = tuple(path) if key != "[key]" else union
            continue
        path.append(key)
    return tuple(path), union


def _sentence(path: tuple[str | int, ...], details: Sequence[ErrorDetails]) -> str:
    first = details[0]
    where = f"{dotted(path)}: " if path else ""
    if first["type"] == "extra_forbidden":
        part = part_at(annotation_at(path[:-1]))
        return where + (unknown_field(str(path[-1]), part) if part else "unknown field.")
    messages = list(dict.fromkeys(_PLAIN_WORDS.get(detail["type"], detail["msg"]) for detail in details))
    text = messages[0].removeprefix("Value error, ")
    for other in messages[1:]:
        text += f" or {other.removeprefix('Input should be ')}"
    return where + text + _written(first["input"])


def _written(value: Any) -> str:
    if isinstance(value, dict | list | tuple):
        return ""
    text = getattr(value, "text", None) or json.dumps(value, ensure_ascii=True, default=str)
    return f" (you wrote {text if len(text) <= 60 else text[:57] + '...'})"
