"""Names of the base model and the data as documents give them to others: without the folders of the machine they lay on. Internal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from rai_tune.reporting.text import clean, sentence

if TYPE_CHECKING:
    from rai_tune.reporting.documents.subject import Subject
    from rai_tune.reporting.model import Fact


def base_name(subject: Subject) -> str:
    """Name of the base model; of a folder on somebody's disk only its last part."""
    found = subject.real.training.get("base")
    name = found.get("name") if isinstance(found, Mapping) else None
    return _without_folder(str(name or subject.recipe.model.base))


def data_name(subject: Subject) -> str:
    """Name of the data set; of a file on somebody's disk only its last part."""
    source = subject.recipe.data.source
    origin = str(subject.real.data.get("origin") or source.name or source.path or "not recorded")
    return _without_folder(origin) if source.path else sentence(origin)


def _without_folder(name: str) -> str:
    """A hub id keeps its owner; a path loses its folders."""
    if name.count("/") == 1 and not name.startswith((".", "/", "~")) and "\\" not in name:
        return clean(name)
    return clean(re.split(r"[/\\]", name.rstrip("/\\"))[-1] or "not recorded")


def system_facts(subject: Subject) -> tuple[Fact, ...]:
    """The report's facts about the system, the base model by its name alone."""
    return _with(subject.view.system, "Base model", base_name(subject))


def data_facts(subject: Subject) -> tuple[Fact, ...]:
    """The report's facts about the data, their origin by its name alone."""
    return _with(subject.view.data.facts, "Origin", data_name(subject))


def _with(facts: tuple[Fact, ...], name: str, text: str) -> tuple[Fact, ...]:
    return tuple(replace(fact, text=text) if fact.name == name else fact for fact in facts)
