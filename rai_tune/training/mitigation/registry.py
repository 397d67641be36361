"""Mitigation methods by name. A recipe names a method; it never names a module.

A built-in method decorates its class; a third party ships an entry point in the group ``rai_tune.mitigations`` whose object is a decorated
class or factory. Stable API: ``mitigation``, ``known_methods``, ``is_built_in``, ``load_method``, ``card_of``, ``MethodSpec``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from rai_tune.core import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.data import PreparedData
    from rai_tune.recipe.mitigation import MitigationSpec
    from rai_tune.recipe.schema import Recipe
    from rai_tune.training.mitigation.base import MethodCard, Mitigation

    Check = Callable[[Recipe, PreparedData, tuple[str, ...]], None]

ENTRY_POINT_GROUP = "rai_tune.mitigations"

_BUILT_IN = {
    name: f"rai_tune.training.mitigation.{name}"
    for name in (
        "reweigh",
        "balance",
        "group_dro",
        "counterfactual_augment",
        "logit_pairing",
        "fair_loss",
        "threshold",
        "exponentiated_gradient",
    )
}


@dataclass(frozen=True)
class MethodSpec:
    """A registered method: its card, and what makes one for a run from the recipe's section."""

    card: MethodCard
    make: Callable[[MitigationSpec], Mitigation]
    check: Check | None = None
    """Refuses data that the method can do nothing with, when the run is planned: (recipe, data, attributes), raises ``UsageError``."""


def mitigation(
    card: MethodCard, check: Check | None = None
) -> Callable[[Callable[[MitigationSpec], Mitigation]], MethodSpec]:
    """Decorate a factory (a function or class of the recipe's ``mitigation`` section) as a method."""

    def wrap(make: Callable[[MitigationSpec], Mitigation]) -> MethodSpec:
        return MethodSpec(card, make, check)

    return wrap


def known_methods() -> tuple[str, ...]:
    """Names of all methods that can be loaded here, sorted."""
    return tuple(sorted({*_BUILT_IN, *(point.name for point in entry_points(group=ENTRY_POINT_GROUP))}))


def is_built_in(name: str) -> bool:
    """Whether a method comes with this package, and so reads its own section of the recipe and not ``mitigation.options``."""
    return name in _BUILT_IN


def load_method(name: str) -> MethodSpec:
    """Load a method. Raises ``UsageError`` naming the nearest known one."""
    if name in _BUILT_IN:
        spec = import_module(_BUILT_IN[name]).METHOD
    else:
        points = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name == name]
        if not points:
            raise UsageError(f"mitigation.method: unknown method {name!r}.{did_you_mean(name, known_methods())}")
        spec = points[0].load()
    if not isinstance(spec, MethodSpec) or spec.card.name != name:
        raise UsageError(f"mitigation method {name!r} is not decorated with rai_tune.training.mitigation.mitigation")
    return spec


def card_of(name: str) -> MethodCard:
    """What a method does and needs. Raises ``UsageError`` for an unknown name."""
    return load_method(name).card
