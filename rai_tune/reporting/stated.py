"""What the recipe's ``system:`` section states about the system, as a report prints it. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.model import Fact
from rai_tune.reporting.text import sentence

if TYPE_CHECKING:
    from rai_tune.recipe.schema import Recipe

_NAMES = {
    "name": "Name of the system",
    "version": "Version",
    "provider": "Provider",
    "contact": "Contact",
    "role": "Our role (provider or deployer)",
    "annex_iii": "Point of Annex III, Regulation (EU) 2024/1689",
    "domain": "Area of life",
    "workplace": "Used at a workplace",
    "deployer_public": "Deployer is a public body",
    "deployer_public_service": "Deployer provides public services",
    "special_categories": "Special categories of data used against bias",
    "base_training_flops": "Operations that trained the base model, by its provider's word",
    "intended_users": "Who is meant to use it",
    "out_of_scope": "What it is not made for",
    "interactions": "What it works with",
    "oversight": "Human oversight",
    "maintenance": "Upkeep",
}
_KEPT = {
    "logs_days": "Logs are kept",
    "documentation_days": "Documentation is kept",
    "records_days": "Records of audits and decisions are kept",
    "posting_days": "A published summary stays up after the last use",
    "texts_days": "Texts and tables of a run are kept",
}


def stated_facts(recipe: Recipe) -> tuple[Fact, ...]:
    """Every field that somebody filled, in words; nothing is guessed for the others."""
    spec = recipe.system
    if spec is None:
        return ()
    found = [Fact(name, _words(getattr(spec, key))) for key, name in _NAMES.items() if getattr(spec, key) is not None]
    kept = [(name, getattr(spec.retention, key)) for key, name in _KEPT.items()]
    return (*found, *(Fact(name, f"{days:,} days") for name, days in kept if days is not None))


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return sentence(f"{value:g}" if isinstance(value, float) else value)
