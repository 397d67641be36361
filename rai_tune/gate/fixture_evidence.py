"""The evidence that a fixture stands for: what it writes down, and everything else about a run, the same for all. Internal to the gate."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from rai_tune.core import AuditResult, Bound, Measurement, UsageError
from rai_tune.gate.decision import Attestation, Evidence, SignOff
from rai_tune.gate.fixture_file import Fixture, FixtureAttestation, FixtureFile, FixtureReading, FixtureSignOff

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREDICTIONS = "fixture-predictions"
_MODEL = "fixture-model"
_STATEMENT = "fixture-statement"
_DAY = timedelta(days=1)
_EVALUATED = date(2026, 1, 2)


def fixture_evidence(fixture: Fixture, file: FixtureFile, digest: str = "") -> Evidence:
    """The evidence that a fixture stands for; ``digest`` is the pack's."""
    evaluated = fixture.evaluation_started_at
    if evaluated is None and (fixture.frozen or fixture.frozen_at):
        evaluated = fixture.frozen_at + _DAY if fixture.frozen_at else _EVALUATED
    frozen_at = fixture.frozen_at or (evaluated - _DAY if evaluated else None)
    return Evidence(
        run_id="fixture-00000000",
        state="completed",
        results=_results(fixture),
        groups=file.groups if fixture.groups is None else fixture.groups,
        model_digest=_MODEL,
        predictions_digest=_PREDICTIONS,
        frozen_policies={file.policy: digest} if fixture.frozen else {},
        test_openings=fixture.test_openings,
        frozen_at=_moment(frozen_at),
        evaluation_started_at=_moment(evaluated),
        reaudited=fixture.reaudited,
        facts=fixture.facts,
        author=fixture.author,
        statement=_STATEMENT,
        attestations=tuple(_attestation(item, fixture, file, digest) for item in fixture.attestations),
        signoffs=tuple(_signoff(item) for item in fixture.signoffs),
    )


def _moment(day: date | None) -> str:
    return f"{day.isoformat()}T00:00:00+00:00" if day else ""


def _attestation(item: FixtureAttestation, fixture: Fixture, file: FixtureFile, digest: str) -> Attestation:
    return Attestation(
        policy_id=file.policy,
        policy_digest=digest,
        control=fixture.control,
        model_digest=_MODEL,
        text=item.text,
        person=item.person,
        key_id=f"key of {item.person}",
        at=_moment(_EVALUATED),
    )


def _signoff(item: FixtureSignOff) -> SignOff:
    statement = "an earlier statement" if item.stale else _STATEMENT
    return SignOff(
        role=item.role,
        person=item.person,
        key_id=f"key of {item.person}",
        at=_moment(_EVALUATED),
        statement=statement,
    )


def _results(fixture: Fixture) -> tuple[AuditResult, ...]:
    measured: dict[str, list[Measurement]] = {name: [] for name in fixture.measured}
    for name in fixture.measured:
        measured[name].append(_measurement(fixture, FixtureReading(audit=name, metric="stand_in", estimate=0.5)))
    for reading in fixture.readings:
        item = _measurement(fixture, reading)
        measured.setdefault(item.audit, []).append(item)
    artifacts = dict.fromkeys(fixture.artifacts, "fixture-artifact")
    results = [_result(name, measurements=tuple(items), artifacts=artifacts) for name, items in measured.items()]
    results += [_result(name, status="error", reason="RuntimeError: a fixture") for name in fixture.crashed]
    return tuple(results)


def _result(audit: str, **fields: Any) -> AuditResult:
    inputs = {"predictions": _PREDICTIONS, "model": _MODEL}
    return AuditResult(audit=audit, suite="fixture", version="1", inputs=inputs, seed=0, duration_s=0.0, **fields)


def _measurement(fixture: Fixture, reading: FixtureReading) -> Measurement:
    audit, metric = reading.audit or fixture.audit, reading.metric or fixture.metric
    if audit is None or metric is None:
        raise UsageError(f"fixture of {fixture.control} ({fixture.says}): a reading names no audit or no metric.")
    number = not isinstance(reading.estimate, str)
    low = reading.lower if isinstance(reading.lower, float) else reading.estimate
    high = reading.estimate if reading.upper is None else reading.upper
    return Measurement(
        audit=audit,
        metric=metric,
        estimate=reading.estimate,
        low=low if number else reading.estimate,
        high=high if number else reading.estimate,
        method="fixture",
        n=reading.n,
        status="ok" if isinstance(reading.estimate, float) else reading.estimate,
        reason=None if number else "a fixture without a number",
        attribute=reading.attribute or (fixture.attribute if reading.group is not None else None),
        group=reading.group,
        reference=reading.reference,
        label=reading.label,
        split=fixture.split,
        bounds=_bounds(fixture, reading),
    )


def _bounds(fixture: Fixture, reading: FixtureReading) -> tuple[Bound, ...]:
    family: Sequence[FixtureReading] = fixture.readings
    ends = (
        ("lower", "none", reading.lower),
        ("upper", "none", reading.upper),
        ("lower", "holm", reading.holm_lower),
        ("upper", "holm", reading.holm_upper),
    )
    return tuple(
        Bound.model_validate(
            {
                "side": side,
                "alpha": fixture.alpha,
                "value": value,
                "method": "fixture",
                "correction": correction,
                "family": len(family) if correction == "holm" else 1,
            }
        )
        for side, correction, value in ends
        if value is not None
    )
