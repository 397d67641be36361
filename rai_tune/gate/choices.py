"""The policy packs as somebody chooses among them: what each judges, and what it needs before it can pass.

Stable API: ``policy_choices``, ``PolicyChoice``, ``audits_of``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.gate.load import known_policies, load_policy

if TYPE_CHECKING:
    from rai_tune.gate.policy import Control, Policy


@dataclass(frozen=True)
class PolicyChoice:
    """One pack. ``audits`` are those that its checks read; ``measured`` and ``stated`` count controls that block, by who decides them."""

    id: str
    title: str
    summary: str
    standing: str
    jurisdiction: str
    measured: int
    stated: int
    other: int
    audits: tuple[str, ...]

    @property
    def needs(self) -> str:
        """What a pass takes, in a sentence."""
        if self.stated:
            wait = "one waits" if self.stated == 1 else f"{self.stated} wait"
            people = f"{wait} for a statement by a person, so a run alone never passes it"
        else:
            people = "none waits for a person"
        more = f"; {self.other} more only warn or inform" if self.other else ""
        return f"{self.measured + self.stated} controls can stop a promotion; {people}{more}."

    @property
    def brief(self) -> str:
        """The summary's first sentence."""
        return self.summary.split(". ")[0].rstrip(".") + "."


def policy_choices() -> tuple[PolicyChoice, ...]:
    """Every pack that comes with the tool, the baseline first."""
    names = sorted(known_policies(), key=lambda name: (name != "baseline", name))
    return tuple(_choice(load_policy(name).policy) for name in names)


def _choice(policy: Policy) -> PolicyChoice:
    blocking = Counter(control.mode == "automated" for control in policy.controls if control.severity == "block")
    return PolicyChoice(
        id=policy.id,
        title=policy.title,
        summary=policy.summary,
        standing=policy.status,
        jurisdiction=policy.jurisdiction or "",
        measured=blocking[True],
        stated=blocking[False],
        other=len(policy.controls) - blocking.total(),
        audits=audits_of(policy),
    )


def audits_of(policy: Policy) -> tuple[str, ...]:
    """The audits that the checks of a pack read, each once."""
    return tuple(dict.fromkeys(audit for control in policy.controls for audit in _audits(control)))


def _audits(control: Control) -> tuple[str, ...]:
    one, several = getattr(control.check, "audit", None), getattr(control.check, "audits", ())
    return (*((one,) if isinstance(one, str) else ()), *(several if isinstance(several, tuple) else ()))
