"""What a search may change: fields of the recipe, each with the values it may take. Stable API: ``Space``, ``Parameter``, ``space_of``, ``trial_recipe``.

A space is written in the recipe (``search.space``) or made from the data, the base and the policies (``made_space``). A parameter may hang on
another: a rank for layer 4 has no meaning where three layers are kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.recipe import LoadedRecipe, parse_recipe
from rai_tune.recipe.overrides import apply_overrides
from rai_tune.recipe.part import Part
from rai_tune.recipe.schema import TRAINER_ONLY
from rai_tune.recipe.search import Choice, Range
from rai_tune.training.mitigation.registry import card_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.trial import BaseTrial

    from rai_tune.planning import Plan

FIXED = ("data", "seed", "policies", "audits", "system", "search", "name", "purpose", "task", "schema")
"""Parts of a recipe that no search may change: trials must learn from the same rows, and be judged alike."""

RANKS = "model.adapter.layer_ranks"
_OF_LORA = ("rank", "alpha", "dropout", "target_modules", "layer_ranks")
"""Settings of an adapter that no other method reads."""
_RANK_OF_LAYER = re.compile(r"model\.adapter\.layer_ranks\[(\d+)\]")


@dataclass(frozen=True)
class Parameter:
    """One dimension. ``name`` is its own in the search; ``field`` the recipe's. It is asked for only where ``on`` has one of ``values``."""

    name: str
    field: str
    domain: Range | Choice
    on: str | None = None
    values: tuple[Any, ...] = ()

    def suggest(self, trial: BaseTrial) -> Any:
        """A value for a trial."""
        if isinstance(self.domain, Choice):
            # Lists are no categories for Optuna, so a choice is asked for by its place.
            return self.domain.choices[trial.suggest_categorical(self.name, list(range(len(self.domain.choices))))]
        if self.domain.whole:
            return trial.suggest_int(self.name, int(self.domain.low), int(self.domain.high), log=self.domain.log)
        return trial.suggest_float(self.name, self.domain.low, self.domain.high, log=self.domain.log)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        told: dict[str, Any] = {"field": self.field, **self.domain.model_dump(mode="json")}
        return told if self.on is None else {**told, "only_where": self.on, "is": list(self.values)}


@dataclass(frozen=True)
class Space:
    """The parameters in the order in which they are asked for; one that another hangs on stands before it."""

    parameters: tuple[Parameter, ...]

    @property
    def points(self) -> int | None:
        """How many different trials there are, None for endlessly many. What hangs on another counts as if it always counted."""
        total = 1
        for item in self.parameters:
            if isinstance(item.domain, Range) and not item.domain.whole:
                return None
            total *= (
                len(item.domain.choices)
                if isinstance(item.domain, Choice)
                else int(item.domain.high - item.domain.low) + 1
            )
        return total

    def suggest(self, trial: BaseTrial) -> dict[str, Any]:
        """Settings of a trial: field of the recipe -> value, ranks of layers together as one list."""
        asked: dict[str, Any] = {}
        settings: dict[str, Any] = {}
        for item in self.parameters:
            if item.on is None or asked.get(item.on) in item.values:
                asked[item.name] = settings[item.field] = item.suggest(trial)
        return _with_ranks(settings)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, by parameter."""
        return {item.name: item.to_json() for item in self.parameters}


def space_of(loaded: LoadedRecipe, planned: Plan) -> Space:
    """The space of a recipe: the one it writes, else one that is made. Raises ``UsageError`` for one that cannot be searched."""
    written = loaded.recipe.search.space if loaded.recipe.search else {}
    if written:
        return written_space(loaded, written)
    from rai_tune.search.made_space import made_space

    return made_space(planned)


def written_space(loaded: LoadedRecipe, written: Mapping[str, Range | Choice]) -> Space:
    """Check a space that a recipe writes. Raises ``UsageError`` naming a field that is unknown, fixed, or takes a value of its domain in no trial.

    A setting of one method is asked for only in trials with that method: elsewhere it says nothing, and would mislead the sampler.
    """
    for field in written:
        if loaded.recipe.training.few_shot is not None and field.removeprefix("training.") in TRAINER_ONLY:
            raise UsageError(f"search.space: {field} has no meaning with training.few_shot, which does not read it")
        if isinstance(_part(loaded, field), Part):
            raise UsageError(
                f"search.space: {field} is a part of the recipe with settings of its own; name one of them"
            )
        if field.split(".")[0] in FIXED:
            raise UsageError(
                f"search.space: {field} is no setting that a search may change: trials learn from the same rows and are judged alike"
            )
        _check_field(loaded, field)
    parameters = [_written(loaded, field, written) for field in written]
    for item in parameters:
        _check_values(loaded, item)
    return Space(tuple(sorted(parameters, key=lambda item: item.on is not None)))


def _written(loaded: LoadedRecipe, field: str, written: Mapping[str, Range | Choice]) -> Parameter:
    on, method = method_of(field)
    if on is None:
        return Parameter(field, field, written[field])
    searched = written.get(on)
    given = searched.choices if isinstance(searched, Choice) else (_at(loaded, on),)
    values = tuple(value for value in given if _has(value, method))
    if not values:
        missing = f"the method {method!r}" if method else "a method"
        raise UsageError(
            f"search.space: {field} belongs to {missing}, which no trial would have; name it in {on}, in the recipe or in the space"
        )
    hung = isinstance(searched, Choice) and len(values) < len(given)
    return Parameter(field, field, written[field], on, values) if hung else Parameter(field, field, written[field])


def method_of(field: str) -> tuple[str | None, str | None]:
    """The field that chooses a method, and the method that this field is a setting of (None: any). Both are None for a field of no method."""
    keys = field.split(".")
    if keys[0] == "mitigation" and keys[1:] != ["method"]:
        return "mitigation.method", keys[1] if len(keys) > 2 and keys[1] != "options" else None
    if keys[:2] == ["model", "adapter"] and len(keys) > 2 and keys[2] in _OF_LORA:
        return "model.adapter.method", "lora"
    return None, None


def _has(value: Any, method: str | None) -> bool:
    return bool(_names(value)) if method is None else method in _names(value)


def _names(value: Any) -> tuple[Any, ...]:
    """The methods of a value: one by name, a list of them, or none."""
    return tuple(value or ()) if isinstance(value, list | tuple) or value is None else (value,)


def _check_values(loaded: LoadedRecipe, item: Parameter) -> None:
    """Refuse a value that the field never takes. One that only does not go with the rest of the recipe may go with another trial's."""
    domain = item.domain
    tried = domain.choices if isinstance(domain, Choice) else _points(domain)
    if item.field == "mitigation.method":
        for name in {str(name) for value in tried for name in _names(value)}:
            card_of(name)
    first = {} if item.on is None else {item.on: item.values[0]}
    if not first and not _there(loaded, item.field):
        return
    refused = [error for value in tried if (error := _refusal(loaded, {**first, item.field: value})) is not None]
    own = [error for error in refused if f": {item.field}: " in str(error)]
    # Where nothing of it can be tried, the first refusal is what is wrong with it.
    for error in own or (refused if len(refused) == len(tried) else []):
        raise error


def trial_recipe(loaded: LoadedRecipe, settings: Mapping[str, Any]) -> LoadedRecipe:
    """The recipe of a trial: these fields set, and no ``search``. Raises ``UsageError`` for settings that the recipe refuses together."""
    mapping = _mapping(loaded)
    for field, value in settings.items():
        _set(mapping, field.split("."), value)
    if settings.get("mitigation.method", ...) is None:
        mapping.pop("mitigation", None)
    adapter = mapping["model"]["adapter"]
    if adapter["method"] in {"full", "frozen"}:
        mapping["model"]["adapter"] = {"method": adapter["method"]}
    elif adapter.get("layer_ranks"):
        adapter.pop("rank", None)
    return parse_recipe(mapping, f"a trial of {loaded.source}", loaded.base_dir)


def _mapping(loaded: LoadedRecipe) -> dict[str, Any]:
    mapping: dict[str, Any] = loaded.recipe.model_dump(mode="json")
    mapping.pop("search", None)
    return mapping


def _set(mapping: dict[str, Any], keys: list[str], value: Any) -> None:
    here = mapping
    for key in keys[:-1]:
        here = here.setdefault(key, {})
    here[keys[-1]] = list(value) if isinstance(value, tuple) else value


def _check_field(loaded: LoadedRecipe, field: str) -> None:
    try:
        apply_overrides(_mapping(loaded), [f"{field}=null"])
    except UsageError as error:
        raise UsageError(f"search.space: {str(error).partition(': ')[2]}") from error
    above = field.rpartition(".")[0]
    value = _at(loaded, above)
    if value is not None and not isinstance(value, dict):
        raise UsageError(f"search.space: {field}: {above} has the value {value!r} and no settings of its own")


def _there(loaded: LoadedRecipe, field: str) -> bool:
    """Whether the part of a field is in the recipe: a strength of a method that another parameter chooses is not, and is tried with it."""
    here: Any = _mapping(loaded)
    for key in field.split(".")[:-1]:
        here = here.get(key) if isinstance(here, dict) else None
    return isinstance(here, dict)


def _refusal(loaded: LoadedRecipe, settings: Mapping[str, Any]) -> UsageError | None:
    try:
        trial_recipe(loaded, settings)
    except UsageError as error:
        return error
    return None


def _part(loaded: LoadedRecipe, field: str) -> Any:
    here: Any = loaded.recipe
    for key in field.split("."):
        here = getattr(here, key, None)
    return here


def _at(loaded: LoadedRecipe, field: str) -> Any:
    here: Any = _mapping(loaded)
    for key in field.split("."):
        here = here.get(key) if isinstance(here, dict) else None
    return here


def _points(domain: Range) -> tuple[float | int, ...]:
    """Both ends of a range, and a value between them: ends that are whole hide a field that takes whole numbers only."""
    if domain.whole:
        return int(domain.low), int(domain.high)
    return domain.low, domain.high, domain.low + (domain.high - domain.low) * 0.618


def _with_ranks(settings: dict[str, Any]) -> dict[str, Any]:
    """Put ranks by layer together; where all are 0 the last layer gets the smallest that PEFT takes, since something has to be trained."""
    ranks = {int(found[1]): value for field, value in settings.items() if (found := _RANK_OF_LAYER.fullmatch(field))}
    if not ranks:
        return settings
    told = {field: value for field, value in settings.items() if not _RANK_OF_LAYER.fullmatch(field)}
    listed = [ranks[place] for place in sorted(ranks)]
    if not any(listed):
        listed[-1] = 1
    return {**told, RANKS: tuple(listed)}
