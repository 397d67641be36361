"""A recipe whose every input was found and checked, before anything is stored.

Stable API: ``Plan``, ``plan``, ``check_vetoes``, ``group_rows``, ``audits_for``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.data.preparing import prepare
from rai_tune.gate import alphas_of, load_policy
from rai_tune.promotion.vetoes import vetoes
from rai_tune.training.adapters import check_method
from rai_tune.training.base_model import BaseModel, find_base
from rai_tune.training.few_shot import check_few_shot, check_shots, learned_from
from rai_tune.training.mitigation.composing import check_mitigation
from rai_tune.training.mitigation.registry import card_of
from rai_tune.training.structure import check_structure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_tune.data import PreparedData
    from rai_tune.gate import LoadedPolicy
    from rai_tune.recipe import LoadedRecipe
    from rai_tune.recipe.schema import Recipe


@dataclass(frozen=True)
class Plan:
    """What a run is made of: the recipe, the rows, the base model and the policies that will judge."""

    loaded: LoadedRecipe
    data: PreparedData
    base: BaseModel
    policies: tuple[LoadedPolicy, ...]

    @property
    def recipe(self) -> Recipe:
        return self.loaded.recipe

    def alphas(self, openings: int = 1) -> tuple[float, ...]:
        """Every level at which some control will read a bound, and the usual 0.05.

        ``openings`` is the number of runs that have opened the test rows, by which a policy may divide.
        """
        return tuple(sorted({0.05, *alphas_of((policy.policy for policy in self.policies), openings)}))


def plan(loaded: LoadedRecipe) -> Plan:
    """Check everything a recipe names. Raises ``UsageError`` before anything is written."""
    recipe = loaded.recipe
    policies = tuple(load_policy(name) for name in recipe.policies)
    check_method(recipe.model.adapter.method)
    base = find_base(recipe.model.base, recipe.model.revision, loaded.base_dir)
    check_structure(recipe.model, base)
    check_few_shot(recipe)
    data = prepare(recipe.data, recipe.seed, loaded.base_dir)
    _check_measures(recipe, data)
    check_vetoes(recipe, policies, {"groups": data.groups, "rows": len(data.rows)})
    check_shots(recipe, data)
    check_mitigation(recipe, learned_from(recipe, data))
    return Plan(loaded, data, base, policies)


def check_vetoes(recipe: Recipe, policies: Sequence[LoadedPolicy], data: Mapping[str, Any] | None = None) -> None:
    """Refuse a method against bias that a blocking control of these policies forbids today.

    Raises ``UsageError`` naming policy, control, clause and method.
    """
    if recipe.mitigation is None:
        return
    needed = {name: card_of(name).groups_at_use for name in recipe.mitigation.methods}
    found = vetoes(recipe.model_dump(mode="json"), policies, needed, datetime.now(UTC).date(), data)
    if found:
        raise UsageError(
            f"mitigation.method: {'; '.join(veto.words for veto in found)}. Choose another method, or leave the policy out of the recipe if it "
            "does not apply to this system"
        )


@dataclass(frozen=True)
class GroupRows:
    """Rows of one group by split. ``few``: the test split has fewer than a ratio may use (``audits.min_group_rows``)."""

    attribute: str
    group: str
    train: int
    validation: int
    test: int
    few: bool


def group_rows(planned: Plan) -> tuple[GroupRows, ...]:
    """Every group of every attribute, by the number of its test rows, fewest first."""
    counts, least = planned.data.counts["groups"], planned.recipe.audits.min_group_rows
    rows = []
    for attribute, groups in planned.data.groups.items():
        by_split = counts.get(attribute, {})
        for group in groups:
            train, validation, test = (
                int(by_split.get(split, {}).get(group, 0)) for split in ("train", "validation", "test")
            )
            rows.append(GroupRows(attribute, group, train, validation, test, test < least))
    return tuple(sorted(rows, key=lambda row: (row.attribute, row.test, row.group)))


def audits_for(policies: Sequence[str]) -> tuple[str, ...]:
    """The audits of every run, and after them those that the checks of these policies read. ``UsageError`` for an unknown policy."""
    from rai_audits.core import known_audits
    from rai_tune.gate.choices import audits_of
    from rai_tune.recipe.audits import AuditsSpec

    known = known_audits()
    asked = [audit for name in policies for audit in audits_of(load_policy(name).policy) if audit in known]
    return tuple(dict.fromkeys([*AuditsSpec().include, *asked]))


def _check_measures(recipe: Recipe, data: PreparedData) -> None:
    """Refuse settings that do not fit the classes found in the data."""
    if isinstance(recipe.training.class_weights, dict):
        unknown = sorted(set(recipe.training.class_weights) - set(data.classes))
        if unknown:
            raise UsageError(f"training.class_weights names {unknown[0]!r}; the classes are {', '.join(data.classes)}")
    if len(data.classes) > 2 and recipe.decision.rule != "fixed":
        raise UsageError(
            f"decision.rule {recipe.decision.rule!r} sets a threshold, which needs two classes; "
            f"this data has {len(data.classes)}, and the most probable one is decided"
        )


def device_of(recipe: Recipe) -> str:
    """Where this recipe's model runs here, such as ``cpu``."""
    from rai_tune.training.hardware import choose_hardware

    return choose_hardware(recipe.training).device
