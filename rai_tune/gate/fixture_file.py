"""The file of a pack's fixtures: its format, and how it is read. Internal to the gate; ``fixtures`` is what others use."""

from __future__ import annotations

from datetime import date  # noqa: TC003  (pydantic reads it)
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from rai_tune.core import UsageError, did_you_mean
from rai_tune.core.safe_yaml import load_yaml_file
from rai_tune.gate.checks.base import Name, Part
from rai_tune.gate.decision import Outcome, Role  # noqa: TC001  (pydantic reads them)
from rai_tune.gate.problems import parse

if TYPE_CHECKING:
    from rai_tune.gate.policy import LoadedPolicy

Finite = Annotated[float, Field(allow_inf_nan=False)]
End = Finite | Literal["unbounded"]


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
