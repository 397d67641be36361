"""What policies would refuse of a recipe before anything is trained: methods against bias that a blocking control forbids.

Stable API: ``vetoes``, ``Veto``. The gate decides it, on the facts that a recipe states of itself; a control that cannot be decided on those
refuses nothing here and stays for the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.gate import Evidence
from rai_tune.gate.checks import MitigationCheck
from rai_tune.gate.evaluate import evaluate
from rai_tune.promotion.facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from rai_tune.gate import LoadedPolicy


@dataclass(frozen=True)
class Veto:
    """One blocking control and the methods of the recipe that it forbids."""

    policy: str
    control: str
    reference: str
    title: str
    methods: tuple[str, ...]

    @property
    def words(self) -> str:
        """Which policy forbids what, and by which clause; without a full stop."""
        title = self.title.rstrip(".")
        return f"policy {self.policy} forbids {', '.join(self.methods)} ({self.control}, {self.reference}: {title})"


def vetoes(
    recipe: Mapping[str, Any],
    policies: Iterable[LoadedPolicy],
    groups_at_use: Mapping[str, bool],
    day: date,
    data: Mapping[str, Any] | None = None,
) -> tuple[Veto, ...]:
    """The controls that block on ``day`` and forbid a method of the recipe.

    ``recipe`` is its JSON; ``groups_at_use`` says of each of its methods whether it needs a person's group at a decision; ``data`` holds ``groups``
    and ``rows`` of the data where they are known.
    """
    cards = [{"name": name, "groups_at_use": needed} for name, needed in groups_at_use.items()]
    evidence = _evidence(facts_of(recipe, data or {}, {"mitigation": {"methods": cards}}, 0))
    return tuple(veto for policy in policies for veto in _of_policy(policy, evidence, groups_at_use, day))


def _of_policy(
    policy: LoadedPolicy, evidence: Evidence, groups_at_use: Mapping[str, bool], day: date
) -> Iterable[Veto]:
    checks = {control.id: control.check for control in policy.policy.controls}
    if not any(isinstance(check, MitigationCheck) for check in checks.values()):
        return
    for found in evaluate(policy, evidence, day).controls:
        check = checks[found.id]
        if isinstance(check, MitigationCheck) and (found.outcome, found.severity) == ("fail", "block"):
            methods = tuple(name for name, needed in groups_at_use.items() if _forbidden(check, name, needed))
            yield Veto(policy.policy.id, found.id, found.reference, found.title, methods)


def _forbidden(check: MitigationCheck, method: str, needed: bool) -> bool:
    return method in check.forbids or (check.forbids_groups_at_use and needed)


def _evidence(facts: dict[str, dict[str, Any]]) -> Evidence:
    """Evidence that holds what a recipe states, and nothing else."""
    return Evidence(
        run_id="planned",
        state="completed",
        results=(),
        groups={},
        model_digest="",
        predictions_digest="",
        frozen_policies={},
        test_openings=0,
        facts=facts,
    )
