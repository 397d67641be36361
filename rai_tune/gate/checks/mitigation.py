"""The check ``mitigation``: what was done about bias is nothing that a policy forbids, by name or because it needs a person's group at a decision.

It reads two facts of the run: ``run.mitigation``, which is an empty list where nothing was done, and ``run.groups_at_use``. A fact that is not
stated is never a pass.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from rai_tune.gate.checks.base import Asked, CheckKind, Gap, Name, Part, Verdict
from rai_tune.gate.checks.find import quoted
from rai_tune.gate.facts import how_to_state, stated

if TYPE_CHECKING:
    from rai_tune.gate.decision import Evidence

BUILT_IN_METHODS = (
    "balance",
    "counterfactual_augment",
    "exponentiated_gradient",
    "fair_loss",
    "group_dro",
    "logit_pairing",
    "reweigh",
    "threshold",
)
"""Methods that come with the tool. The gate loads none, and a test holds this list against those that there are."""

_NEAR = 0.8
"""Likeness (difflib) from which a name that is no built-in method is taken for a slip: a veto on a name that nobody has would veto nothing."""


class MitigationCheck(Part):
    """None of the forbidden mitigation methods was used."""

    kind: Literal["mitigation"]
    """``mitigation``."""

    forbids: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    """Methods that are forbidden, by name; those of other packages may be named too."""

    forbids_groups_at_use: bool = False
    """Forbid every method that needs to know a person's group when a decision about them is made, whatever its name."""

    @field_validator("forbids")
    @classmethod
    def _no_slips(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            near = [] if name in BUILT_IN_METHODS else get_close_matches(name, BUILT_IN_METHODS, n=1, cutoff=_NEAR)
            if near:
                raise ValueError(
                    f"{name!r} is not a method of this tool, and near to one, so the veto would miss. Did you mean {near[0]!r}?"
                )
        if len(set(names)) != len(names):
            raise ValueError("a method is named twice")
        return names

    @model_validator(mode="after")
    def _forbids_something(self) -> MitigationCheck:
        if not self.forbids and not self.forbids_groups_at_use:
            raise ValueError(
                "a check of kind mitigation forbids something: name methods under forbids, or set forbids_groups_at_use: true"
            )
        return self


def judge_mitigation(check: MitigationCheck, evidence: Evidence, asked: Asked) -> Verdict:  # noqa: ARG001  (one signature for all)
    """Fail on what is forbidden, insufficient where what was done is not stated, else pass."""
    methods, at_use = stated(evidence.facts, "run.mitigation"), stated(evidence.facts, "run.groups_at_use")
    used = methods if isinstance(methods, tuple) else ()
    forbidden = [name for name in check.forbids if name in used]
    broken = [f"the run used {quoted(forbidden)}, which this policy forbids"] if forbidden else []
    if check.forbids_groups_at_use and at_use is True:
        broken.append(
            "a method of the run needs the group of a person when a decision is made, which this policy forbids"
        )
    if broken:
        return Verdict("fail", "; ".join(broken))
    missing = [
        name
        for name, read, known in (
            ("run.mitigation", bool(check.forbids), isinstance(methods, tuple)),
            ("run.groups_at_use", check.forbids_groups_at_use, isinstance(at_use, bool)),
        )
        if read and not known
    ]
    if missing:
        return Gap(f"{quoted(missing)} is not stated", how_to_state(missing[0])).verdict()
    did = (
        f"it used {quoted(used)}"
        if used
        else "it used none"
        if isinstance(methods, tuple)
        else "none needs a group at a decision"
    )
    return Verdict("pass", f"no forbidden mitigation method was used: {did}")


KIND = CheckKind("mitigation", MitigationCheck, judge_mitigation, ("pass", "fail", "insufficient_evidence"))
