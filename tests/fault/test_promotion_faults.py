"""One thing broken at a time, in a run that would go through: the door stays shut, says why, and writes nothing."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from rai_tune.core import IntegrityError, RaiError
from rai_tune.promoting import attest_control, decisions_today
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.serving import promotions
from rai_tune.workspace import Workspace

pytestmark = pytest.mark.slow
"""A hundred runs and their signatures take twenty seconds together."""


def _load(name: str) -> Any:
    """A module beside this file, by path, because tests are not packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


case_module = _load("promotion_case")
evidence_faults = _load("evidence_faults")
_load("signature_faults")
_load("ledger_faults")
Case, FAULTS, TEXT, small = case_module.Case, case_module.FAULTS, case_module.TEXT, case_module.small


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A workspace with its people, made once and copied: opening an empty one takes longer than most faults."""
    root = tmp_path_factory.mktemp("template") / "ws"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_WORKSPACE_KEY"):
            patch.delenv(name, raising=False)
        with Workspace.open(root) as ws:
            people = {
                "ada": small.person(ws, "Ada", "author"),
                "bo": small.person(ws, "Bo", "reviewer"),
                "cy": small.person(ws, "Cy", "approver", "author"),
            }
    return root, people


@pytest.fixture
def case(template, tmp_path, monkeypatch):
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_WORKSPACE_KEY", "RAITUNE_KEY"):
        monkeypatch.delenv(name, raising=False)
    root, people = template
    shutil.copytree(root, tmp_path / "ws")
    with Workspace.open(tmp_path / "ws") as ws:
        yield Case(ws, dict(people), monkeypatch, tmp_path)


def _rows(case: Case) -> tuple[Any, ...]:
    return (case.ws.chain_rows(), case.ws.chain_heads())


def _outcomes(case: Case) -> set[str]:
    try:
        return {decision.outcome for decision in decisions_today(case.ws, case.ws.run(case.run.id))}
    except IntegrityError:
        return set()


def _let_through(case: Case) -> set[int]:
    try:
        return {item.seq for item in promotions(case.ledger)}
    except IntegrityError:
        return set(case.allowed)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda item: item.name)
def test_a_fault_keeps_the_door_shut_and_is_named(case, fault):
    fault.break_(case)
    before = _rows(case)
    with pytest.raises(RaiError, match=f"(?s){fault.cause}") as refused:
        (case.deed or case.promote)()
    assert refused.value.exit_code == fault.exit_code
    if case.deed:
        with pytest.raises(RaiError):
            case.promote()
    assert _rows(case) == before
    assert _let_through(case) == case.allowed
    if fault.evidence:
        assert "pass" not in _outcomes(case)


def test_without_a_fault_it_goes_through(case):
    controls = (
        small.bound_control(),
        small.attested_control(),
        evidence_faults.freshness(),
        evidence_faults.ordering(),
    )
    case.complete(*controls, policy={"quorum": 2})
    case.opened_now()
    case.sign()
    attest_control(case.ws, case.run.id, case.people["bo"], "T-2", TEXT)
    case.sign("bo", "reviewer")
    assert _outcomes(case) == {"pass"}
    entry = case.promote()
    assert [item.seq for item in promotions(case.ledger, "production")] == [entry.seq]
    assert check_ledger(case.ledger).entries == entry.seq + 1


def test_a_waived_failure_goes_through(case):
    case.failing()
    case.waive()
    assert _outcomes(case) == {"fail"}
    entry = case.promote()
    assert [item.seq for item in promotions(case.ledger, "production")] == [entry.seq]


def test_there_are_enough_faults_and_none_twice():
    assert len(FAULTS) >= 45
    assert len({item.name for item in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("state", ["interrupted", "diverged", "failed", "auditing", "deciding"])
def test_a_run_in_another_state_stays_out_although_its_evidence_was_signed(case, state):
    case.ready()
    case.sql("UPDATE runs SET state = ?", state)
    with pytest.raises(RaiError, match=rf"run {case.run.id}.*{state}") as refused:
        case.promote()
    assert refused.value.exit_code == 4
    with pytest.raises(RaiError, match=f"is {state}; people sign what a completed run leaves"):
        case.sign("bo", "reviewer")
    assert promotions(case.ledger) == ()
