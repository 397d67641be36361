"""The kinds of check a policy may use, by name. A pack can only choose among these; it cannot bring code.

A new kind is one file with its settings and its function, one member of ``Check`` and one entry in ``KINDS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rai_tune.gate.checks import bound, coverage, presence
from rai_tune.gate.checks.base import Verdict
from rai_tune.gate.checks.bound import BoundCheck
from rai_tune.gate.checks.coverage import CoverageCheck
from rai_tune.gate.checks.presence import PresenceCheck

if TYPE_CHECKING:
    from rai_tune.gate.decision import Evidence

__all__ = ["KINDS", "BoundCheck", "Check", "CoverageCheck", "PresenceCheck", "Verdict", "judge"]

Check = Annotated[BoundCheck | CoverageCheck | PresenceCheck, Field(discriminator="kind")]

KINDS = {kind.name: kind for kind in (bound.KIND, coverage.KIND, presence.KIND)}


def judge(check: Check, evidence: Evidence) -> Verdict:
    """Apply a check to the evidence."""
    return KINDS[check.kind].judge(check, evidence)
