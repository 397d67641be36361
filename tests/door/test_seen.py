"""Two people before one run: whoever acts on a state that is no longer there is told what changed, and nothing is entered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rai_tune.core import ConflictError, UsageError
from rai_tune.promoting import (
    attest_control,
    changed_since,
    promote_run,
    roll_back,
    seen_now,
    sign_run,
    today,
    waive_control,
)
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, revoke
from rai_tune.promotion.seen import ChangedError
from rai_tune.promotion.serving import promotions

TEXT = "The operator on duty may stop the system at any time with the switch beside the screen."


def size(workspace):
    return Ledger(workspace).head().size


def measured_again(workspace, small, run, *numbers):
    result = small.audit_result(run.predictions_digest, run.model_digest, small.accuracy(*numbers))
    small.attach(workspace, run.id, "audit:task_quality", result.to_json())


def test_the_second_of_two_reviewers_is_told_who_signed_and_looks_again(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    seen = seen_now(workspace, run.id)
    first = sign_run(workspace, run.id, people["bo"], "reviewer", seen=seen)
    with pytest.raises(ChangedError) as refused:
        sign_run(workspace, run.id, people["cy"], "approver", seen=seen)
    minute = first.at[:16].replace("T", " ")
    assert [change.sentence for change in refused.value.changes] == [
        f"Bo signed as reviewer (ledger entry {first.seq}, {minute} UTC)."
    ]
    assert refused.value.exit_code == 7
    assert size(workspace) == first.seq + 1
    after = sign_run(workspace, run.id, people["cy"], "approver", seen=seen_now(workspace, run.id))
    assert after.seq == first.seq + 1


def test_the_first_signature_enters_the_evidence_and_is_no_change_of_it(workspace, people, small):
    run = small.complete_run(workspace)
    seen = seen_now(workspace, run.id)
    entry = sign_run(workspace, run.id, people["ada"], "author", seen=seen)
    assert entry.seq == seen.size + 1
    assert [each.kind for each in Ledger(workspace).entries(first=seen.size)] == ["evidence", "signoff"]
    assert check_ledger(Ledger(workspace)).entries == seen.size + 2


def test_what_happens_to_other_runs_disturbs_nobody(workspace, people, small):
    run, other = small.complete_run(workspace), small.complete_run(workspace, name="other", weights=b"other")
    seen = seen_now(workspace, run.id)
    sign_run(workspace, other.id, people["ada"], "author")
    sign_run(workspace, other.id, people["bo"], "reviewer")
    promote_run(workspace, other.id, "production", people["cy"])
    small.person(workspace, "Dee", "approver")
    revoke(Ledger(workspace), read_registry(Ledger(workspace)).named("Dee"), "left the company")
    sign_run(workspace, run.id, people["ada"], "author", seen=seen)
    with pytest.raises(ChangedError, match="production"):
        promote_run(workspace, run.id, "production", people["cy"], seen=seen)


def test_a_second_measurement_is_another_statement_than_the_one_that_was_read(workspace, people, small):
    run = small.complete_run(workspace)
    seen = seen_now(workspace, run.id)
    measured_again(workspace, small, run, 0.7, 0.6, 0.75)
    now = seen_now(workspace, run.id)
    with pytest.raises(ChangedError) as refused:
        sign_run(workspace, run.id, people["ada"], "author", seen=seen)
    assert [change.sentence for change in refused.value.changes] == [
        f"The evidence of run {run.id} is {now.statement[:8]} now, not {seen.statement[:8]}.",
        "The policy trial was pass, and is fail now.",
    ]
    assert size(workspace) == seen.size


def test_a_key_that_signed_about_the_run_and_is_revoked_is_a_change(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    sign_run(workspace, run.id, people["bo"], "reviewer")
    seen = seen_now(workspace, run.id)
    revoke(Ledger(workspace), read_registry(Ledger(workspace)).named("Bo"), "the laptop was stolen")
    (change,) = changed_since(workspace, seen)
    assert change.sentence.startswith(f"The workspace revoked the key of Bo (ledger entry {seen.size}, ")
    with pytest.raises(ChangedError, match="revoked the key of Bo"):
        promote_run(workspace, run.id, "staging", people["cy"], seen=seen)


def test_a_statement_and_a_waiver_rest_on_what_was_seen_as_well(workspace, people, small):
    pack = small.trial_policy(small.bound_control(), small.attested_control())
    run = small.complete_run(workspace, pack, measurements=(small.accuracy(0.7, 0.6, 0.75),))
    seen = seen_now(workspace, run.id)
    attest_control(workspace, run.id, people["ada"], "T-2", TEXT, seen=seen)
    with pytest.raises(ChangedError, match="Ada attested to T-2"):
        attest_control(workspace, run.id, people["bo"], "T-2", TEXT, seen=seen)
    again = seen_now(workspace, run.id)
    until = today() + timedelta(days=3)
    waive_control(workspace, run.id, people["cy"], "T-1", "The clinic needs it.", until, seen=again)
    with pytest.raises(ChangedError, match="Cy waived T-1"):
        waive_control(workspace, run.id, people["cy"], "T-1", "The clinic needs it.", until, seen=again)


def test_what_people_say_twice_is_entered_once(workspace, people, small):
    pack = small.trial_policy(small.bound_control(), small.attested_control())
    run = small.complete_run(workspace, pack, measurements=(small.accuracy(0.7, 0.6, 0.75),))
    until = today() + timedelta(days=3)
    first = sign_run(workspace, run.id, people["ada"], "author")
    with pytest.raises(
        ConflictError, match=rf"Ada signed this evidence as author already \(ledger entry {first.seq}\)"
    ):
        sign_run(workspace, run.id, people["ada"], "author", "once more")
    attest_control(workspace, run.id, people["bo"], "T-2", TEXT)
    with pytest.raises(ConflictError, match="Bo entered the same attestation already"):
        attest_control(workspace, run.id, people["bo"], "T-2", TEXT)
    waive_control(workspace, run.id, people["cy"], "T-1", "The clinic needs it.", until)
    with pytest.raises(ConflictError, match="Cy entered the same waiver already"):
        waive_control(workspace, run.id, people["cy"], "T-1", "The clinic needs it.", until)
    waive_control(workspace, run.id, people["cy"], "T-1", "The clinic needs it.", until + timedelta(days=1))
    measured_again(workspace, small, run, 0.71, 0.6, 0.75)
    assert sign_run(workspace, run.id, people["ada"], "author").seq == size(workspace) - 1


def test_a_second_click_on_promote_enters_nothing(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    seen = seen_now(workspace, run.id)
    entry = promote_run(workspace, run.id, "production", people["cy"], seen=seen)
    with pytest.raises(ChangedError, match=f"Cy promoted run {run.id} to production"):
        promote_run(workspace, run.id, "production", people["cy"], seen=seen)
    with pytest.raises(ConflictError, match=rf"production serves run {run.id} already \(ledger entry {entry.seq}\)"):
        promote_run(workspace, run.id, "production", people["cy"], seen=seen_now(workspace, run.id))
    promote_run(workspace, run.id, "staging", people["cy"], seen=seen_now(workspace, run.id))
    assert [(item.alias, item.run_id) for item in promotions(Ledger(workspace))] == [
        ("production", run.id),
        ("staging", run.id),
    ]


def test_a_rollback_rests_on_the_alias_and_on_both_runs(workspace, people, small):
    runs = [small.complete_run(workspace, name=name, weights=name.encode()) for name in ("one", "two")]
    for run in runs:
        sign_run(workspace, run.id, people["ada"], "author")
        promote_run(workspace, run.id, "production", people["cy"])
    seen = seen_now(workspace, runs[1].id)
    sign_run(workspace, runs[0].id, people["bo"], "reviewer")
    with pytest.raises(ChangedError, match="Bo signed as reviewer"):
        roll_back(workspace, "production", people["cy"], seen=seen)
    seen = seen_now(workspace, runs[1].id)
    back = roll_back(workspace, "production", people["cy"], seen=seen)
    assert (back.run_id, back.predicate["rollback_of"]) == (runs[0].id, promotions(Ledger(workspace))[1].seq)
    with pytest.raises(ChangedError, match="promoted run"):
        roll_back(workspace, "production", people["cy"], seen=seen)


def test_self_approval_is_refused_with_what_was_seen_too(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["cy"], "author")
    with pytest.raises(UsageError, match="an author never approves it"):
        sign_run(workspace, run.id, people["cy"], "approver", seen=seen_now(workspace, run.id))
