"""Fixtures of a policy pack: small invented evidence with the outcome that each control must give on it.

Use: ``check_fixtures(load_policy("baseline"))``. A pack keeps its fixtures in ``fixtures/<file name>`` beside itself. A fixture
writes only what its control reads; everything else about the run is filled in here and is the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from rai_tune.core import AuditResult, Bound, Measurement, UsageError, did_you_mean
from rai_tune.core.safe_yaml import load_yaml_file
from rai_tune.gate.checks import KINDS
from rai_tune.gate.checks.base import Name, Part
from rai_tune.gate.decision import Attestation, Evidence, Outcome, Role, SignOff
from rai_tune.gate.evaluate import evaluate
from rai_tune.gate.problems import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.gate.policy import Control, LoadedPolicy

Finite = Annotated[float, Field(allow_inf_nan=False)]
End = Finite | Literal["unbounded"]

_PREDICTIONS = "fixture-predictions"
_MODEL = "fixture-model"
_STATEMENT = "fixture-statement"
_DAY = timedelta(days=1)
_EVALUATED = date(2026, 1, 2)


class FixtureReading(Part):
    """One measurement, in short. What is left out comes from the fixture."""

    audit: Name | None = None
    """Audit that measured it."""

    metric: Name | None = None
    """What was measured."""

    attribute: Name | None = None
    """Group attribute."""

    group: Name | None = None
    """Group."""

    reference: Name | None = None
    """Other group of a pair."""

    label: Name | None = None
    """Column or class."""

    estimate: Finite | Literal["not_estimable", "not_applicable", "suppressed"]
    """The number, or the word for why there is none."""

    n: Annotated[int, Field(ge=0)] = 1000
    """Rows it rests on."""

    lower: End | None = None
    """One-sided lower bound, uncorrected."""

    upper: End | None = None
    """One-sided upper bound, uncorrected."""

    holm_lower: End | None = None
    """One-sided lower bound, adjusted for all readings of the fixture."""

    holm_upper: End | None = None
    """One-sided upper bound, adjusted for all readings of the fixture."""


class FixtureAttestation(Part):
    """What a person stated about the fixture's control, of this model and under this pack."""

    text: str
    """The statement."""

    person: Name = "Robin"
    """Who made it."""


class FixtureSignOff(Part):
    """A signature of the run's evidence."""

    role: Role
    """Role: author, reviewer or approver."""

    person: Name
    """Who signed."""

    stale: bool = False
    """Whether an earlier statement of the evidence was signed, and not the present one."""


class Fixture(Part):
    """Evidence for one control and the outcome it must give."""

    control: Name
    """Control that is tried."""

    expect: Outcome
    """Outcome that it must give."""

    says: Annotated[str, Field(min_length=1)]
    """What the fixture shows."""

    audit: Name | None = None
    """Audit of the readings that name none."""

    metric: Name | None = None
    """Metric of the readings that name none."""

    attribute: Name | None = None
    """Group attribute of the readings that name none."""

    split: Name | None = "test"
    """Split of the readings."""

    alpha: Finite = 0.05
    """Level of the one-sided bounds."""

    groups: dict[str, tuple[str, ...]] | None = None
    """Declared groups, when not the file's."""

    readings: tuple[FixtureReading, ...] = ()
    """What was measured."""

    measured: tuple[Name, ...] = ()
    """Audits that left some measurement, whatever it is."""

    artifacts: tuple[Name, ...] = ()
    """Names of the tables that each of these audits left."""

    crashed: tuple[Name, ...] = ()
    """Audits that stopped with an error."""

    facts: dict[Name, dict[Name, Any]] = Field(default_factory=dict)
    """Stated facts by section, such as ``{system: {workplace: true}}``; others are not stated."""

    attestations: tuple[FixtureAttestation, ...] = ()
    """What people stated about the control."""

    signoffs: tuple[FixtureSignOff, ...] = ()
    """Who signed the evidence."""

    author: Name | None = "Alex"
    """Person who made the run."""

    frozen: bool = False
    """Whether this pack was frozen when the run began, a day before the evaluation unless 'frozen_at' says otherwise."""

    frozen_at: date | None = None
    """Day on which the policies were frozen."""

    evaluation_started_at: date | None = None
    """Day on which the evaluation began; a day after 'frozen_at' where only that is given or the pack is frozen."""

    as_of: date | None = None
    """Day of the decision; none when left out."""

    reaudited: tuple[Name, ...] = ()
    """Audits that were run again after the first decision."""

    test_openings: Annotated[int, Field(ge=1)] = 1
    """Runs that have opened the same test rows, this one included."""


class FixtureFile(Part):
    """Fixtures of one pack."""

    policy: Name
    """Id of the pack."""

    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Declared groups of every fixture that names none: attribute -> groups."""

    fixtures: tuple[Fixture, ...]
    """The fixtures."""


@dataclass(frozen=True)
class FixtureResult:
    """What became of one fixture. ``found`` is the outcome that was given, or "no fixture" for one that is not there."""

    control: str
    says: str
    expected: str
    found: str
    reason: str

    @property
    def ok(self) -> bool:
        return self.found == self.expected


def check_fixtures(loaded: LoadedPolicy) -> tuple[FixtureResult, ...]:
    """Try every fixture of a pack, and report each outcome that a control can reach without a fixture for it.

    Raises ``UsageError`` when the pack has no fixture file, or when the file is malformed or names an unknown control.
    """
    file = read_fixtures(loaded)
    results = [_try(loaded, fixture, file) for fixture in file.fixtures]
    shown = {(fixture.control, fixture.expect) for fixture in file.fixtures}
    for control in loaded.policy.controls:
        for outcome in required_outcomes(control):
            if (control.id, outcome) not in shown:
                says = f"a fixture in which {control.id} ends in {outcome}"
                results.append(FixtureResult(control.id, says, outcome, "no fixture", "the fixture file has none"))
    return tuple(results)


def read_fixtures(loaded: LoadedPolicy) -> FixtureFile:
    """The fixtures that lie beside a pack."""
    path = loaded.path.parent / "fixtures" / loaded.path.name
    parts: dict[str, type[Part]] = {
        "fixtures": Fixture,
        "readings": FixtureReading,
        "attestations": FixtureAttestation,
        "signoffs": FixtureSignOff,
    }
    file = parse(FixtureFile, load_yaml_file(path), str(path), parts=parts)
    if file.policy != loaded.policy.id:
        raise UsageError(f"{path}: policy: {file.policy!r} is not the pack {loaded.policy.id!r}.")
    known = {control.id for control in loaded.policy.controls}
    for index, fixture in enumerate(file.fixtures):
        if fixture.control not in known:
            problem = f"unknown control {fixture.control!r}.{did_you_mean(fixture.control, known)}"
            raise UsageError(f"{path}: fixtures[{index}].control: {problem}")
    return file


def required_outcomes(control: Control) -> tuple[Outcome, ...]:
    """Outcomes that the fixtures of a control must show: those that its kind, its mode and its condition can reach.

    A statement by a person passes, is awaited, or is a placeholder; a condition must also be seen not to hold.
    """
    reachable = KINDS[control.check.kind].outcomes if control.check is not None else ()
    if control.mode != "automated":
        reachable = (*reachable, *_PERSONAL)
    if control.when is not None:
        reachable = (*reachable, "not_applicable")
    return tuple(dict.fromkeys(reachable))


_PERSONAL: tuple[Outcome, ...] = ("pass", "awaiting_signoff", "insufficient_evidence")


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


def _try(loaded: LoadedPolicy, fixture: Fixture, file: FixtureFile) -> FixtureResult:
    decision = evaluate(loaded, fixture_evidence(fixture, file, loaded.digest), fixture.as_of)
    outcome = next(item for item in decision.controls if item.id == fixture.control)
    return FixtureResult(fixture.control, fixture.says, fixture.expect, outcome.outcome, outcome.reason)


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
