"""Facts about a run for the conditions of a policy. Stable API: ``facts_of``.

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
