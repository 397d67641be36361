"""Measurement and AuditResult: the values that flow from audits to the gate, the reports and the store.

Stable API. All values are frozen. An undefined number is a value of its own (``not_estimable`` with a reason), never
0, NaN or null, and it survives a round trip through JSON.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MEASUREMENT_SCHEMA = "rai-audits/measurement/v1"
RESULT_SCHEMA = "rai-audits/result/v1"

Finite = Annotated[float, Field(allow_inf_nan=False)]
Status = Literal["ok", "not_estimable", "not_applicable", "suppressed"]
Undefined = Literal["not_estimable", "not_applicable", "suppressed"]
Number = Finite | Undefined
"""A finite number, or the word for why there is none."""


class Value(BaseModel):
    """Base of frozen, schema-checked values."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, ready for canonical serialisation."""
        return self.model_dump(mode="json")


class Bound(Value):
    """A one-sided confidence bound that a policy check may read.

    ``correction`` is ``none`` (per comparison) or ``holm``: the bound at the level that the most extreme of ``family``
    comparisons must clear in Holm's procedure, alpha / family. ``unbounded`` means that the data set no limit on that side.
    """

    side: Literal["lower", "upper"]
    alpha: Finite
    value: Finite | Literal["unbounded"]
    method: str
    correction: Literal["none", "holm"] = "none"
    family: int = 1


class Measurement(Value):
    """One measured number about a model or a data set, with what it takes to judge it.

    ``group`` is a value of ``attribute``; ``reference`` names the other group of a pair (the denominator of a ratio).
    ``low`` and ``high`` are the two-sided interval at ``confidence``; ``bounds`` are one-sided and feed the gate.
    ``n_pos`` and ``n_neg`` count successes and failures of a rate, or label positives and negatives of a score metric.
    """

    audit: str
    metric: str
    estimate: Number
    low: Number
    high: Finite | Undefined | Literal["unbounded"]
    confidence: Finite = 0.95
    method: str
    n: int
    n_pos: int | None = None
    n_neg: int | None = None
    status: Status = "ok"
    reason: str | None = None
    attribute: str | None = None
    group: str | None = None
    reference: str | None = None
    label: str | None = None
    split: str | None = None
    threshold: Finite | Literal["by group"] | None = None
    positive: str | None = None
    favourable: str | None = None
    bounds: tuple[Bound, ...] = ()

    @model_validator(mode="after")
    def _status_matches(self) -> Measurement:
        if self.status == "ok":
            if isinstance(self.estimate, str):
                raise ValueError(f"{self.metric}: status ok needs a number, got {self.estimate!r}")
        elif self.estimate != self.status:
            raise ValueError(f"{self.metric}: estimate {self.estimate!r} does not match status {self.status!r}")
        elif not self.reason:
            raise ValueError(f"{self.metric}: {self.status} needs a reason")
        return self

    @property
    def value(self) -> float:
        """The estimate as a number. Raises ``ValueError`` when there is none, so that nothing computes with a gap."""
        if isinstance(self.estimate, str):
            raise ValueError(f"{self.metric} is {self.status}: {self.reason}")
        return self.estimate

    def bound(self, side: str, alpha: float, correction: str = "none") -> Bound | None:
        """The stored one-sided bound at exactly this level, or None when it was not measured."""
        for item in self.bounds:
            if item.side == side and item.correction == correction and math.isclose(item.alpha, alpha):
                return item
        return None


def undefined(
    status: Undefined, reason: str, *, audit: str, metric: str, method: str, n: int, **where: Any
) -> Measurement:
    """A measurement that has no number, with the reason why."""
    return Measurement(
        audit=audit,
        metric=metric,
        estimate=status,
        low=status,
        high=status,
        method=method,
        n=n,
        status=status,
        reason=reason,
        **where,
    )


class AuditResult(Value):
    """What one audit measured, from which bytes, and which artifacts it left.

    ``status`` is ``error`` when the audit crashed: its measurements are then empty and a gate finds nothing to pass on.
    """

    schema_: str = Field(default=RESULT_SCHEMA, alias="schema")
    audit: str
    suite: str
    version: str
    status: Literal["ok", "error"] = "ok"
    reason: str | None = None
    measurements: tuple[Measurement, ...] = ()
    artifacts: dict[str, str] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)
    facts: dict[str, Any] = Field(default_factory=dict)
    seed: int
    duration_s: Finite

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)
