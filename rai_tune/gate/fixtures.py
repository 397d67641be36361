"""Fixtures of a policy pack: small invented evidence with the outcome that each control must give on it.

Use: ``check_fixtures(load_policy("baseline"))``. A pack keeps its fixtures in ``fixtures/<file name>`` beside itself. A fixture
writes only what its control reads; everything else about the run is filled in and is the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rai_tune.gate.checks import KINDS
from rai_tune.gate.evaluate import evaluate
from rai_tune.gate.fixture_evidence import fixture_evidence
from rai_tune.gate.fixture_file import read_fixtures

if TYPE_CHECKING:
    from collections.abc import Collection

    from rai_tune.gate.decision import Outcome
    from rai_tune.gate.fixture_file import Fixture, FixtureFile
    from rai_tune.gate.policy import Control, LoadedPolicy

_PERSONAL: tuple[Outcome, ...] = ("pass", "awaiting_signoff", "insufficient_evidence")


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


def check_fixtures(
    loaded: LoadedPolicy, file: FixtureFile | None = None, only: Collection[str] | None = None
) -> tuple[FixtureResult, ...]:
    """Try every fixture of a pack, and report each outcome that a control can reach without a fixture for it.

    ``file`` are the fixtures, those beside the pack when left out; ``only`` are ids of the controls to try, all when left out.
    Raises ``UsageError`` when the pack has no fixture file, or when the file is malformed or names an unknown control.
    """
    file = file or read_fixtures(loaded)
    asked = [control for control in loaded.policy.controls if only is None or control.id in only]
    packs = {control.id: _narrowed(loaded, control.id) for control in asked}
    results = [_try(packs[fixture.control], fixture, file) for fixture in file.fixtures if fixture.control in packs]
    shown = {(fixture.control, fixture.expect) for fixture in file.fixtures}
    for control in asked:
        for outcome in required_outcomes(control):
            if (control.id, outcome) not in shown:
                says = f"a fixture in which {control.id} ends in {outcome}"
                results.append(FixtureResult(control.id, says, outcome, "no fixture", "the fixture file has none"))
    return tuple(results)


def _narrowed(loaded: LoadedPolicy, control_id: str) -> LoadedPolicy:
    """The pack with one control and those whose outcomes it reads: the others cannot change what it says."""
    controls = {control.id: control for control in loaded.policy.controls}
    wanted, waiting = set[str](), [control_id]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += controls[name].reads
    kept = tuple(control for control in loaded.policy.controls if control.id in wanted)
    return replace(loaded, policy=loaded.policy.model_copy(update={"controls": kept}))


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


def _try(loaded: LoadedPolicy, fixture: Fixture, file: FixtureFile) -> FixtureResult:
    decision = evaluate(loaded, fixture_evidence(fixture, file, loaded.digest), fixture.as_of)
    outcome = next(item for item in decision.controls if item.id == fixture.control)
    return FixtureResult(fixture.control, fixture.says, fixture.expect, outcome.outcome, outcome.reason)
