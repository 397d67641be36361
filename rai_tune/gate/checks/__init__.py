"""The kinds of check a policy may use, by name. A pack can only choose among these; it cannot bring code.

A new kind is one file with its settings and its function, one member of ``Check`` and one entry in ``KINDS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rai_tune.gate.checks import (
    bound,
    coverage,
    expression,
    freshness,
    information,
    mitigation,
    ordering,
    presence,
    retention,
    signature,
)
from rai_tune.gate.checks.base import Asked, Verdict
from rai_tune.gate.checks.bound import BoundCheck
from rai_tune.gate.checks.coverage import CoverageCheck
from rai_tune.gate.checks.expression import ExpressionCheck
from rai_tune.gate.checks.freshness import FreshnessCheck
from rai_tune.gate.checks.information import InformationCheck
from rai_tune.gate.checks.mitigation import MitigationCheck
from rai_tune.gate.checks.ordering import OrderingCheck
from rai_tune.gate.checks.presence import PresenceCheck
from rai_tune.gate.checks.retention import RetentionCheck
from rai_tune.gate.checks.signature import SignatureCheck

if TYPE_CHECKING:
    from rai_tune.gate.decision import Evidence

__all__ = [
    "KINDS",
    "Asked",
    "BoundCheck",
    "Check",
    "CoverageCheck",
    "ExpressionCheck",
    "FreshnessCheck",
    "InformationCheck",
    "MitigationCheck",
    "OrderingCheck",
    "PresenceCheck",
    "RetentionCheck",
    "SignatureCheck",
    "Verdict",
    "judge",
]

Check = Annotated[
    BoundCheck
    | CoverageCheck
    | PresenceCheck
    | OrderingCheck
    | SignatureCheck
    | RetentionCheck
    | FreshnessCheck
    | InformationCheck
    | MitigationCheck
    | ExpressionCheck,
    Field(discriminator="kind"),
]

KINDS = {
    kind.name: kind
    for kind in (
        bound.KIND,
        coverage.KIND,
        presence.KIND,
        ordering.KIND,
        signature.KIND,
        retention.KIND,
        freshness.KIND,
        information.KIND,
        mitigation.KIND,
        expression.KIND,
    )
}


def judge(check: Check, evidence: Evidence, asked: Asked) -> Verdict:
    """Apply a check to the evidence."""
    return KINDS[check.kind].judge(check, evidence, asked)
