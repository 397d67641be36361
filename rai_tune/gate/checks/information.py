"""The check ``information``: a clause that is shown to the reader and decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rai_tune.gate.checks.base import Asked, CheckKind, Part, Verdict

if TYPE_CHECKING:
    from rai_tune.gate.decision import Evidence


class InformationCheck(Part):
    """Nothing is checked."""

    kind: Literal["information"]
    """``information``; the severity of the control must be ``info``."""


def judge_information(check: InformationCheck, evidence: Evidence, asked: Asked) -> Verdict:  # noqa: ARG001  (it reads nothing)
    """Does not apply as a requirement, whatever the evidence."""
    return Verdict("not_applicable", "it is here for information; nothing is checked")


KIND = CheckKind("information", InformationCheck, judge_information, ("not_applicable",))
