"""The facts that a condition may read: a closed list, each with a type and a sentence. Stable API: ``FACTS``, ``stated``.

Facts come from the recipe (``system``, ``retention``), the run (``run``) and its rows (``data``). A fact that nobody stated is absent,
and so is one of the wrong type: a condition that needs it cannot be decided, and nothing passes on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Type = Literal["text", "bool", "number", "list"]
Fact = str | bool | float | tuple[str, ...]

LARGEST = 1e60
"""Largest magnitude of a number; products of a few facts then stay finite."""


@dataclass(frozen=True)
class FactKind:
    """Type and meaning of one fact; ``words`` are the only texts that it can be, when they are a closed list."""

    type: Type
    sentence: str
    words: tuple[str, ...] = ()


DOMAINS = ("employment", "credit", "housing", "insurance", "education", "health", "public_services", "other")
ROLES = ("provider", "deployer", "both")

FACTS: dict[str, FactKind] = {
    "system.annex_iii": FactKind("text", 'Point of Annex III of Regulation (EU) 2024/1689, such as "5b", or "none".'),
    "system.domain": FactKind("text", "Area of life that the system decides about.", DOMAINS),
    "system.role": FactKind("text", "What the organisation is to the system.", ROLES),
    "system.deployer_public": FactKind("bool", "The deployer is governed by public law."),
    "system.deployer_public_service": FactKind(
        "bool", "The deployer is a private entity that provides public services."
    ),
    "system.workplace": FactKind("bool", "The system is used at a workplace."),
    "system.special_categories": FactKind(
        "bool", "Special categories of personal data were used to find or correct bias."
    ),
    "system.base_training_flops": FactKind("number", "Operations that trained the base model."),
    "retention.logs_days": FactKind("number", "Days that logs of the system are kept."),
    "retention.documentation_days": FactKind("number", "Days that the technical documentation is kept."),
    "retention.records_days": FactKind("number", "Days that records of the audits are kept."),
    "retention.posting_days": FactKind("number", "Days that the published summary stays up after the last use."),
    "retention.texts_days": FactKind("number", "Days that texts and tables of a run are kept."),
    "run.task": FactKind("text", "Kind of task of the run, such as text_classification."),
    "run.generative": FactKind("bool", "The model writes text."),
    "run.adapter": FactKind("text", "What was trained on the base model, such as lora, full or frozen."),
    "run.trained": FactKind("bool", "This tool trained the model; a table of decisions names no model."),
    "run.mitigation": FactKind("list", "Methods against bias that the recipe names; empty where it names none."),
    "run.groups_at_use": FactKind("bool", "A method against bias needs a person's group when a decision is made."),
    "run.training_flops": FactKind("number", "Operations that this run spent on training."),
    "run.test_openings": FactKind("number", "Runs that have opened the same test rows, this one included."),
    "data.attributes": FactKind("list", "Names of the declared group attributes."),
    "data.rows": FactKind("number", "Rows of the data."),
}

SECTIONS = tuple(dict.fromkeys(name.split(".")[0] for name in FACTS))


def stated(facts: Mapping[str, Mapping[str, Any]], name: str) -> Fact | None:
    """The value of a known fact, or None when nobody stated it or it is not of its type."""
    section, _, key = name.partition(".")
    value = facts.get(section, {}).get(key)
    kind = FACTS[name]
    if kind.type == "bool":
        return value if isinstance(value, bool) else None
    if kind.type == "number":
        return _number(value)
    if kind.type == "list":
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            return None
        return tuple(value)
    known = isinstance(value, str) and value.strip() != "" and (not kind.words or value in kind.words)
    return value if known else None


def how_to_state(name: str) -> str:
    """What brings a fact that is not stated."""
    section, _, key = name.partition(".")
    if section == "system":
        return f"state system.{key} in the recipe"
    if section == "retention":
        return f"state system.retention.{key} in the recipe"
    return f"a run whose evidence states {name}"


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) <= LARGEST and math.isfinite(value) else None
