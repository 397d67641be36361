"""What is wrong with a policy file or its fixtures, in sentences that name the file, the control and the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from rai_tune.core import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

Parsed = TypeVar("Parsed", bound=BaseModel)

_SHOWN = 5


def parse(
    model: type[Parsed],
    data: object,
    source: str,
    *,
    parts: Mapping[str, type[BaseModel] | tuple[type[BaseModel], ...]],
    kinds: Iterable[str] = (),
) -> Parsed:
    """Validate data as a model. Raises ``UsageError`` with up to five problems, each with its place.

    ``parts`` maps the name of a nested field to its model (or models, where several fields have that name), so that an unknown key is answered with the nearest known one;
    ``kinds`` are the tags of the union, which pydantic writes into places although the file does not hold them.
    """
    if not isinstance(data, dict):
        raise UsageError(f"{source}: expected a mapping of fields, found {type(data).__name__}.")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        tags = tuple(kinds)
        problems = error.errors(include_url=False)
        lines = [
            f"{source}: {_place(problem, data, tags)}: {_sentence(problem, model, parts, tags)}" for problem in problems
        ]
        more = f"\n... and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
        raise UsageError("\n".join(lines[:_SHOWN]) + more) from None


def _place(problem: ErrorDetails, data: object, kinds: tuple[str, ...]) -> str:
    words: list[str] = []
    here: object = data
    for before, part in zip((None, *problem["loc"]), problem["loc"], strict=False):
        if before == "check" and part in kinds:
            continue
        here = _step(here, part)
        if isinstance(part, int):
            named = here.get("id") or here.get("control") if isinstance(here, dict) else None
            words[-1:] = [f"{words[-1] if words else ''}[{part}]" + (f" ({named})" if isinstance(named, str) else "")]
        else:
            words.append(part)
    return ".".join(words) or "the file"


def _step(here: object, part: int | str) -> object:
    if isinstance(here, dict):
        return here.get(part)
    if isinstance(here, list) and isinstance(part, int) and part < len(here):
        return here[part]
    return None


def _sentence(
    problem: ErrorDetails,
    model: type[BaseModel],
    parts: Mapping[str, type[BaseModel] | tuple[type[BaseModel], ...]],
    kinds: tuple[str, ...],
) -> str:
    kind, place = problem["type"], problem["loc"]
    if kind == "extra_forbidden":
        above = next((parts[part] for part in reversed(place[:-1]) if isinstance(part, str) and part in parts), model)
        models = above if isinstance(above, tuple) else (above,)
        known = [field.alias or name for part in models for name, field in part.model_fields.items()]
        return f"unknown key.{did_you_mean(str(place[-1]), known)}"
    if kind == "union_tag_invalid":
        tag = problem["ctx"]["tag"]
        return f"unknown kind {tag!r}.{did_you_mean(tag, kinds)}"
    if kind == "union_tag_not_found":
        return f"a check needs a kind: {', '.join(sorted(kinds))}."
    if kind == "missing":
        return "required, and not there."
    return problem["msg"].removeprefix("Value error, ").rstrip(".") + "."
