"""Builders of small evidence and small policies; session-wide, because they hold no state."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rai_tune.core import AuditResult, Bound, Measurement
from rai_tune.gate import Evidence, Policy, policy_digest
from rai_tune.gate.evaluate import evaluate

PREDICTIONS, MODEL = "digest-of-predictions", "digest-of-model"
LIMIT = {"value": 0.8, "origin": "organisation", "source": "set for a test"}


def bound(side: str, value: float | str, *, alpha: float = 0.05, family: int = 0) -> Bound:
    correction = "holm" if family else "none"
    return Bound.model_validate(
        {
            "side": side,
            "alpha": alpha,
            "value": value,
            "method": "by hand",
            "correction": correction,
            "family": family or 1,
        }
    )


def measurement(
    estimate: float | str,
    *,
    lower: float | str | None = None,
    upper: float | str | None = None,
    holm_upper: float | str | None = None,
    holm_lower: float | str | None = None,
    family: int = 2,
    alpha: float = 0.05,
    **fields: Any,
) -> Measurement:
    bounds = [
        bound(side, value, alpha=alpha, family=size)
        for side, value, size in (
            ("lower", lower, 0),
            ("upper", upper, 0),
            ("lower", holm_lower, family),
            ("upper", holm_upper, family),
        )
        if value is not None
    ]
    word = isinstance(estimate, str)
    filled = {
        "audit": "rates",
        "metric": "impact_ratio",
        "method": "by hand",
        "n": 100,
        "split": "test",
        "low": estimate,
        "high": estimate,
        "status": estimate if word else "ok",
        "reason": "no rows" if word else None,
        **fields,
    }
    return Measurement(estimate=estimate, bounds=tuple(bounds), **filled)


def pair(group: str, reference: str, estimate: float | str, **fields: Any) -> Measurement:
    return measurement(estimate, attribute="race", group=group, reference=reference, **fields)


def result(*measurements: Measurement, **fields: Any) -> AuditResult:
    filled = {
        "audit": "rates",
        "suite": "fairness",
        "version": "1",
        "inputs": {"predictions": PREDICTIONS, "model": MODEL},
        "seed": 0,
        "duration_s": 0.5,
        **fields,
    }
    return AuditResult(measurements=measurements, **filled)


def evidence(*results: AuditResult, **fields: Any) -> Evidence:
    filled = {
        "run_id": "loan-0123abcd",
        "state": "completed",
        "groups": {"race": ("a", "b", "unknown")},
        "model_digest": MODEL,
        "predictions_digest": PREDICTIONS,
        "frozen_policies": {},
        "test_openings": 1,
        **fields,
    }
    return Evidence(results=results, **filled)


def control(check: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
    filled = {
        "id": "C-1",
        "reference": "1",
        "title": "A control",
        "asks": "Something.",
        "mode": "automated",
        "severity": "block",
        **fields,
    }
    return {**filled, "check": check} if check else filled


def bound_check(**fields: Any) -> dict[str, Any]:
    filled = {
        "kind": "bound",
        "audit": "rates",
        "metric": "impact_ratio",
        "direction": "at_least",
        "threshold": LIMIT,
        "over": "pairs",
    }
    return {**filled, **fields}


def policy(*controls: dict[str, Any], **fields: Any) -> Policy:
    filled = {
        "id": "trial",
        "version": "1.0.0",
        "title": "Trial",
        "issuer": "A test",
        "summary": "For tests.",
        "status": "organisation",
        "verified_on": "2026-11-25",
        "sources": ["a test"],
        **fields,
    }
    return Policy.model_validate({**filled, "controls": list(controls)})


def decide(pack: Policy | dict[str, Any], seen: Evidence, **options: Any):
    """Decide a pack, or one control made of a check."""
    chosen = pack if isinstance(pack, Policy) else policy(control(pack))
    return evaluate((chosen, policy_digest(chosen)), seen, **options)


def one(check: dict[str, Any], seen: Evidence):
    return decide(check, seen).controls[0]


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    names = (bound, measurement, pair, result, evidence, control, bound_check, policy, decide, one)
    return SimpleNamespace(predictions=PREDICTIONS, model=MODEL, limit=LIMIT, **{item.__name__: item for item in names})
