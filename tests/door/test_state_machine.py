"""People do anything in any order, and time passes; a model that knows nothing of the code says what must come of it.

The model decides alone, from the list of what people did, who is an author, which waivers hold and what may be promoted. After every
deed the door and the model agree on whether it was let through, and what the aliases stand for.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

import rai_tune.promoting as door
import small_run as small
from rai_tune.core import RaiError
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, revoke
from rai_tune.promotion.serving import current, promotions
from rai_tune.workspace import Workspace

ROLES = {
    "ada": ("Ada", {"author", "approver"}),
    "bo": ("Bo", {"author", "reviewer"}),
    "cy": ("Cy", {"approver"}),
    "cy-again": (
        "\uff23\uff39",
        {"author", "reviewer", "approver"},
    ),  # the same person in full-width letters, with a key of their own
    "dee": ("Dee", {"reviewer", "approver"}),
}
PERSON = {name: name.partition("-")[0] for name in ROLES}
TEXT = "The operator on duty may stop the system at any time with the switch beside the screen."
FRESH_DAYS = 12
KEYS, RUNS = st.sampled_from(sorted(ROLES)), st.integers(0, 2)
AUTHORS, APPROVERS = st.sampled_from(["ada", "bo"]), st.sampled_from(["cy", "cy", "dee", "ada"])
ALIASES = st.sampled_from(["staging", "production", "production"])


@dataclass
class Run:
    """What the model knows of a run: what was measured now, and what people did about it."""

    stored: object
    good: bool
    variant: int
    attested: bool
    quorum: int
    signed: list[tuple[str, str, tuple[bool, int]]] = field(default_factory=list)
    waived: list[tuple[str, str, object]] = field(default_factory=list)
    stated: list[str] = field(default_factory=list)

    @property
    def evidence(self):
        return (self.good, self.variant)

    @property
    def authors(self):
        return {PERSON[key] for key, role, _ in self.signed if role == "author"}


class Door(RuleBasedStateMachine):
    """The workspace on one side, the model on the other."""

    template: Path
    done: Counter[str]
    """How often each thing was done, over all examples."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copytree(self.template, self.folder / "ws")
        self.ws = Workspace.open(self.folder / "ws")
        self.ledger = Ledger(self.ws)
        self.start = datetime.now(UTC).date()
        self.day = 0
        self.runs: list[Run] = []
        self.revoked: set[str] = set()
        self.history: dict[str, list[Run]] = {"staging": [], "production": []}
        self.before = door.today
        door.today = lambda: self.start + timedelta(days=self.day)

    def teardown(self) -> None:
        try:
            assert check_ledger(self.ledger).entries == self.ledger.head().size
            self._every_promotion_was_allowed()
        finally:
            door.today = self.before
            self.ws.close()
            shutil.rmtree(self.folder)

    # What people do

    @initialize()
    def two_runs_that_could_go_through(self):
        for quorum in (1, 2):
            self._complete(good=True, attested=quorum == 2, quorum=quorum)

    @precondition(lambda self: len(self.runs) < 3)
    @rule(good=st.booleans(), attested=st.booleans(), quorum=st.sampled_from([1, 1, 2]))
    def complete(self, good, attested, quorum):
        self._complete(good, attested, quorum)

    @rule(number=RUNS, key=KEYS, role=st.sampled_from(["author", "author", "reviewer", "approver"]))
    def sign(self, number, key, role):
        run = self._run(number)
        allowed = key not in self.revoked and role in ROLES[key][1]
        if role == "author":
            allowed &= not any(PERSON[other] == PERSON[key] and r != "author" for other, r, _ in self._counted(run))
        else:
            allowed &= PERSON[key] not in run.authors
            allowed &= any(r == "author" and seen == run.evidence for _, r, seen in self._counted(run))
        now = (PERSON[key], role, run.evidence)  # nobody signs the same twice
        allowed &= now not in [(PERSON[other], r, seen) for other, r, seen in self._counted(run)]
        if self._try(allowed, lambda: door.sign_run(self.ws, run.stored.id, self.signers[key], role)):
            run.signed.append((key, role, run.evidence))

    @rule(number=RUNS, key=KEYS)
    def attest(self, number, key):
        run = self._run(number)
        allowed = run.attested and key not in self.revoked and key not in run.stated
        if self._try(allowed, lambda: door.attest_control(self.ws, run.stored.id, self.signers[key], "T-2", TEXT)):
            run.stated.append(key)

    @rule(number=RUNS, key=KEYS, control=st.sampled_from(["T-1", "T-1", "T-2"]), days=st.integers(-1, 6))
    def waive(self, number, key, control, days):
        run = self._run(number)
        until = self.start + timedelta(days=self.day + days)
        allowed = days >= 0 and key not in self.revoked and "approver" in ROLES[key][1]
        allowed &= PERSON[key] not in run.authors and (control == "T-1" or run.attested)
        allowed &= (key, control, until) not in run.waived
        reason = "The clinic needs it this week."
        deed = lambda: door.waive_control(self.ws, run.stored.id, self.signers[key], control, reason, until)  # noqa: E731
        if self._try(allowed, deed):
            run.waived.append((key, control, until))

    @rule(days=st.integers(1, 3))
    def time_passes(self, days):
        self.day += days

    @precondition(lambda self: len(self.revoked) < 1 and self.day > 2)
    @rule(key=KEYS)
    def revoke_a_key(self, key):
        allowed = key not in self.revoked
        registered = next(item for item in read_registry(self.ledger).keys if item.key_id == self.signers[key].key_id)
        if self._try(allowed, lambda: revoke(self.ledger, registered, "the laptop was stolen")):
            self.revoked.add(key)

    @rule(number=RUNS, good=st.booleans(), variant=st.integers(0, 1))
    def measure_again(self, number, good, variant):
        run = self._run(number)
        run.good, run.variant = good, variant
        self._store(run)

    @rule(number=RUNS, key=KEYS, alias=ALIASES)
    def promote(self, number, key, alias):
        run = self._run(number)
        if self._try(
            self._may_promote(run, key), lambda: door.promote_run(self.ws, run.stored.id, alias, self.signers[key])
        ):
            self.history[alias].append(run)

    @rule(number=RUNS, author=AUTHORS, approver=APPROVERS, alias=ALIASES, good=st.booleans(), days=st.integers(0, 3))
    def the_usual_path(self, number, author, approver, alias, good, days):
        """Measured, signed, attested, waived if need be, promoted: single deeds in any order would seldom come to the end of it."""
        self.measure_again(number, good, 0)
        self.sign(number, author, "author")
        if self._run(number).attested:
            self.attest(number, author)
        if not good:
            self.waive(number, approver, "T-1", days)
        if self._run(number).quorum > 1:
            self.sign(number, "dee", "reviewer")
        self.promote(number, approver, alias)

    @rule(author=AUTHORS, approver=APPROVERS, alias=ALIASES)
    def two_in_turn_and_back(self, author, approver, alias):
        for number in range(2):
            self.the_usual_path(number, author, approver, alias, good=True, days=0)
        self.roll_back(approver, alias)

    @rule(key=KEYS, alias=ALIASES)
    def roll_back(self, key, alias):
        past = self.history[alias]
        target = next((run for run in reversed(past) if run is not past[-1]), None)
        allowed = target is not None and self._may_promote(target, key)
        if self._try(allowed, lambda: door.roll_back(self.ws, alias, self.signers[key])):
            past.append(target)

    # What the model says

    def _counted(self, run):
        """Signatures that count: the key was not revoked since, and an author's own review is none."""
        return [
            (key, role, seen)
            for key, role, seen in run.signed
            if key not in self.revoked and (role == "author" or PERSON[key] not in run.authors)
        ]

    def _is_waived(self, run, control):
        today = self.start + timedelta(days=self.day)
        return any(
            named == control and until >= today and key not in self.revoked and PERSON[key] not in run.authors
            for key, named, until in run.waived
        )

    def _passes(self, run):
        measured = run.good or self._is_waived(run, "T-1")
        stated = not run.attested or set(run.stated) - self.revoked or self._is_waived(run, "T-2")
        return bool(measured and stated and self.day <= FRESH_DAYS)

    def _may_promote(self, run, key):
        now = [(who, role) for who, role, seen in self._counted(run) if seen == run.evidence]
        people = {PERSON[key]} | {PERSON[who] for who, role in now if role != "author"}
        return (
            key not in self.revoked
            and "approver" in ROLES[key][1]
            and bool(run.authors)
            and PERSON[key] not in run.authors
            and self._passes(run)
            and any(role == "author" for _, role in now)
            and len(people) >= run.quorum
        )

    # Helpers

    def _run(self, number):
        return self.runs[number % len(self.runs)]

    def _complete(self, good, attested, quorum):
        check = {"kind": "freshness", "of": "evaluation", "threshold": {**small.LIMIT, "value": FRESH_DAYS}}
        controls = [small.bound_control(), {**small.bound_control("T-3"), "check": check}]
        controls += [small.attested_control()] if attested else []
        name = f"run-{len(self.runs)}"
        pack = small.trial_policy(*controls, quorum=quorum)
        stored = small.complete_run(self.ws, pack, name=name, weights=name.encode(), measurements=())
        self.runs.append(Run(stored, good, 0, attested, quorum))
        self._store(self.runs[-1])

    def _store(self, run):
        numbers = (0.9, 0.85 + run.variant / 100, 0.95) if run.good else (0.7, 0.6 + run.variant / 100, 0.75)
        stored = run.stored
        result = small.audit_result(stored.predictions_digest, stored.model_digest, small.accuracy(*numbers))
        small.attach(self.ws, stored.id, "audit:task_quality", result.to_json())

    def _try(self, allowed, deed):
        """Whether the deed was done, which must be what the model says; a refused one leaves the ledger as it was."""
        size = self.ws.chain_head().size
        try:
            deed()
        except RaiError as error:
            Door.done["refused"] += 1
            assert not allowed, f"refused, and should not have been: {error}"
            assert self.ws.chain_head().size == size
        else:
            assert allowed, "let through, and should not have been"
            self._aliases_are_the_models()
        return allowed

    def _aliases_are_the_models(self):
        for alias, past in self.history.items():
            served = current(self.ledger, alias)
            if served is not None and past and served.run_id == past[-1].stored.id:
                continue
            # The deed that was just done is noted after it: at most one promotion is ahead of the model.
            assert len(promotions(self.ledger, alias)) - len(past) in {0, 1}

    def _every_promotion_was_allowed(self):
        """From the ledger alone: who promoted is no author of the run, and each blocking control passes or is waived that day."""
        found = promotions(self.ledger)
        told = {alias: [run.stored.id for run in past] for alias, past in self.history.items()}
        assert {alias: [item.run_id for item in found if item.alias == alias] for alias in told} == told
        for item in found:
            earlier = [
                entry.predicate for entry in self.ledger.entries(("signoff",), item.run_id) if entry.seq < item.seq
            ]
            authors = {body["person"].casefold() for body in earlier if body["role"] == "author"}
            assert authors
            assert item.person.casefold() not in authors
            (decision,) = item.decisions
            Door.done["promotions"] += 1
            Door.done["rollbacks"] += item.rollback_of is not None
            Door.done["on waivers"] += decision["outcome"] != "pass"
            for control in decision["controls"]:
                assert control["outcome"] == "pass" or control["waived_until"] >= decision["as_of"]
                assert control["severity"] == "block"


@pytest.fixture
def template(tmp_path, monkeypatch):
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_KEY", "RAITUNE_WORKSPACE_KEY"):
        monkeypatch.delenv(name, raising=False)
    with Workspace.open(tmp_path / "ws") as workspace:
        signers = {key: small.person(workspace, name, *roles) for key, (name, roles) in ROLES.items()}
    return tmp_path / "ws", signers


@pytest.mark.slow
def test_no_path_promotes_without_a_passing_or_waived_decision_and_somebody_else(template):
    Door.template, Door.signers = template
    Door.done = Counter()
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    steps = settings(
        max_examples=40,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=slow,
        phases=[Phase.explicit, Phase.generate],  # a smaller failure would take minutes to find
    )
    run_state_machine_as_test(Door, settings=steps)
    # It went both ways often enough to mean something.
    assert Door.done["promotions"] >= 40, Door.done
    assert Door.done["refused"] >= 200, Door.done
    assert Door.done["on waivers"] >= 8, Door.done
    assert Door.done["rollbacks"] >= 6, Door.done
