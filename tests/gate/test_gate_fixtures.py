"""The fixtures that ship with a pack, and that they notice every change of a threshold or direction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rai_tune.core import UsageError
from rai_tune.gate import check_fixtures, known_policies, load_policy

if TYPE_CHECKING:
    from rai_tune.gate import LoadedPolicy

JUST = 0.002
OTHER_WAY = {"at_least": "at_most", "at_most": "at_least"}


def with_check(loaded: LoadedPolicy, control_id: str, **changes) -> LoadedPolicy:
    controls = tuple(
        control.model_copy(update={"check": control.check.model_copy(update=changes)})
        if control.id == control_id
        else control
        for control in loaded.policy.controls
    )
    return replace(loaded, policy=loaded.policy.model_copy(update={"controls": controls}))


def broken(loaded: LoadedPolicy) -> set[str]:
    return {result.control for result in check_fixtures(loaded) if not result.ok}


def mutations() -> list[tuple[str, str, str, dict[str, object]]]:
    found = []
    for name in known_policies():
        for control in load_policy(name).policy.controls:
            check = control.check
            if check is None:
                continue
            if getattr(check, "threshold", None) is not None:
                step = 1 if check.kind == "coverage" else JUST
                for sign in (-1, 1):
                    moved = check.threshold.model_copy(update={"value": round(check.threshold.value + sign * step, 6)})
                    found.append((name, control.id, f"threshold {moved.value}", {"threshold": moved}))
            if check.kind == "bound":
                found.append((name, control.id, "direction", {"direction": OTHER_WAY[check.direction]}))
                found.append((name, control.id, "alpha", {"alpha": 0.1}))
            if check.kind == "presence":
                for audit in check.audits:
                    rest = tuple(item for item in check.audits if item != audit)
                    found.append((name, control.id, f"without {audit}", {"audits": rest}))
    return found


@pytest.mark.parametrize("name", known_policies())
def test_every_fixture_gives_its_outcome_and_every_outcome_has_a_fixture(name):
    assert [result for result in check_fixtures(load_policy(name)) if not result.ok] == []


@pytest.mark.parametrize(
    ("name", "control", "changes"),
    [pytest.param(name, control, changes, id=f"{control} {what}") for name, control, what, changes in mutations()],
)
def test_a_changed_threshold_direction_or_level_breaks_a_fixture_of_that_control(name, control, changes):
    assert broken(with_check(load_policy(name), control, **changes)) == {control}


PACK = """
id: own
version: 0.1.0
title: Own
issuer: Us
summary: For a test.
status: organisation
verified_on: 2026-11-25
sources: [us]
controls:
  - id: P-1
    reference: "1"
    title: Tables
    asks: Tables are stored.
    mode: hybrid
    severity: block
    check: {kind: presence, audits: [rates], artifacts: [table], metrics: [accuracy]}
  - {id: P-2, reference: "2", title: A person, asks: A person looked., mode: attestation, severity: block}
"""


def write(tmp_path, fixtures: str):
    (tmp_path / "fixtures").mkdir(exist_ok=True)
    (tmp_path / "own.yaml").write_text(PACK, encoding="utf-8")
    (tmp_path / "fixtures" / "own.yaml").write_text(fixtures, encoding="utf-8")
    return load_policy(tmp_path / "own.yaml")


def test_a_hybrid_waits_where_its_measured_part_passes_and_a_person_needs_no_fixture(tmp_path):
    loaded = write(
        tmp_path,
        """
policy: own
fixtures:
  - control: P-1
    expect: awaiting_signoff
    says: all is there
    artifacts: [table]
    readings: [{audit: rates, metric: accuracy, estimate: 0.9}]
  - control: P-1
    expect: insufficient_evidence
    says: no table
    readings: [{audit: rates, metric: accuracy, estimate: 0.9}]
""",
    )
    assert all(result.ok for result in check_fixtures(loaded))


def test_an_outcome_without_a_fixture_is_reported(tmp_path):
    loaded = write(tmp_path, "policy: own\nfixtures: []\n")
    missing = [(result.control, result.expected, result.found) for result in check_fixtures(loaded)]
    assert missing == [
        ("P-1", "awaiting_signoff", "no fixture"),
        ("P-1", "insufficient_evidence", "no fixture"),
    ]


@pytest.mark.parametrize(
    ("fixtures", "message"),
    [
        ("policy: other\nfixtures: []\n", "'other' is not the pack 'own'"),
        ("policy: own\nfixtures: [{control: P-9, expect: pass, says: x}]\n", r"unknown control 'P-9'. Did you mean"),
        (
            "policy: own\nfixtures: [{control: P-1, expct: pass, says: x}]\n",
            r"expct: unknown key. Did you mean 'expect'\?",
        ),
        (
            "policy: own\nfixtures: [{control: P-1, expect: pass, says: x, readings: [{estimate: 1}]}]\n",
            "names no audit",
        ),
    ],
)
def test_malformed_fixtures_are_refused(tmp_path, fixtures, message):
    with pytest.raises(UsageError, match=message):
        check_fixtures(write(tmp_path, fixtures))


def test_a_pack_without_fixtures_is_refused(tmp_path):
    loaded = write(tmp_path, "policy: own\nfixtures: []\n")
    (tmp_path / "fixtures" / "own.yaml").unlink()
    with pytest.raises(UsageError, match="no such file"):
        check_fixtures(loaded)
