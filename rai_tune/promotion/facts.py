"""Facts about a run for the conditions of a policy. Stable API: ``facts_of``, ``written``, ``read_back``.

Pure: a stored recipe, the description of its data and of its training go in; the facts that somebody stated or the run counted come
out. A fact that is not known is left out, so that a condition that needs it cannot be decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.core import plain_attributes
from rai_tune.gate.facts import FACTS

if TYPE_CHECKING:
    from collections.abc import Mapping

_GENERATIVE = {"text_classification": False}
"""Whether the models of a task write text."""

_OPERATIONS = 6
"""Floating-point operations for each parameter and token of training: two forward, four backward (Kaplan et al. 2020, section 2.1)."""


def facts_of(
    recipe: Mapping[str, Any], data: Mapping[str, Any], training: Mapping[str, Any], openings: int
) -> dict[str, dict[str, Any]]:
    """Facts by section (``system``, ``retention``, ``run``, ``data``); what nobody stated is left out.

    ``recipe`` is the run's resolved recipe, ``data`` and ``training`` its artifacts of these names (empty where there are none).
    """
    system = dict(recipe.get("system") or {})
    retention = dict(system.get("retention") or {})
    method = ((recipe.get("model") or {}).get("adapter") or {}).get("method")
    found: dict[str, Any] = {
        **{name: system.get(name.partition(".")[2]) for name in FACTS if name.startswith("system.")},
        **{name: retention.get(name.partition(".")[2]) for name in FACTS if name.startswith("retention.")},
        "run.task": recipe.get("task"),
        "run.generative": _GENERATIVE.get(str(recipe.get("task"))),
        "run.adapter": method,
        "run.trained": True if method is not None else None,
        "run.mitigation": _methods(recipe) if method is not None else None,
        "run.groups_at_use": _groups_at_use(recipe, training) if method is not None else None,
        "run.training_flops": _operations(training),
        "run.test_openings": openings or None,
        "data.attributes": sorted(plain_attributes(data["groups"])) if "groups" in data else None,
        "data.rows": data.get("rows"),
    }
    facts: dict[str, dict[str, Any]] = {}
    for name, value in found.items():
        if value is not None:
            section, _, key = name.partition(".")
            facts.setdefault(section, {})[key] = value
    return facts


def written(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Facts as an evidence statement writes them: that nothing was done about bias goes unsaid, as it did before anything could be.

    So a run that was signed before there was mitigation keeps its statement, and the signatures under it count on.
    """
    run = facts.get("run", {})
    nothing = all(run.get(name) == value for name, value in _NOTHING_DONE.items())
    unsaid = {"trained", *(_NOTHING_DONE if nothing else ())}
    return {
        section: {key: value for key, value in values.items() if section != "run" or key not in unsaid}
        for section, values in facts.items()
    }


def read_back(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Facts of an evidence statement with what ``written`` left unsaid."""
    run = dict(facts.get("run", {}))
    if "adapter" in run:
        run = {**(_NOTHING_DONE if "mitigation" not in run else {}), **run, "trained": True}
    return {**{section: dict(values) for section, values in facts.items()}, **({"run": run} if run else {})}


_NOTHING_DONE: dict[str, Any] = {"mitigation": [], "groups_at_use": False}


def _methods(recipe: Mapping[str, Any]) -> list[str]:
    """The methods that a recipe names; none where it has no section ``mitigation``."""
    named = (recipe.get("mitigation") or {}).get("method") or ()
    return [named] if isinstance(named, str) else [str(name) for name in named]


def _groups_at_use(recipe: Mapping[str, Any], training: Mapping[str, Any]) -> bool | None:
    """Whether a decision needs a person's group: by the cards that training recorded, or thresholds by group that it left; None where it says nothing."""
    done = training.get("mitigation") or {}
    cards = {card.get("name"): card.get("groups_at_use") for card in done.get("methods") or ()}
    if done.get("postprocessing") or True in cards.values():
        return True
    known = all(cards.get(name) is False for name in _methods(recipe))
    return False if known else None


def _operations(training: Mapping[str, Any]) -> float | None:
    """Operations that training took: six for each parameter and token seen, whether or not the parameter was trained.

    For an adapter this counts too much rather than too little, since the gradients of frozen weights are never taken.
    """
    parameters = (training.get("parameters") or {}).get("total")
    tokens = (training.get("tokens") or {}).get("train")
    epochs = training.get("epochs_done")
    if not all(isinstance(part, (int, float)) and part > 0 for part in (parameters, tokens, epochs)):
        return None
    return float(_OPERATIONS) * float(parameters or 0) * float(tokens or 0) * float(epochs or 0)
