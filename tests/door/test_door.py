"""The door as people use it: author, reviewer, approver; staging, production and back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.promoting import (
    attest_control,
    decisions_today,
    promote_run,
    roll_back,
    sign_run,
    statement_template,
    status_of,
    today,
    waive_control,
)
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.door import RefusedError
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, revoke
from rai_tune.promotion.serving import current, lay_out, promotions

TEXT = "The operator on duty may stop the system at any time with the switch beside the screen."


def test_two_people_bring_a_passing_run_to_production(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    entry = promote_run(workspace, run.id, "production", people["cy"])
    served = current(Ledger(workspace), "production")
    assert served is not None
    assert (served.run_id, served.seq, served.person) == (run.id, entry.seq, "Cy")
    assert served.model_digest == run.model_digest
    folder = lay_out(workspace, served)
    assert (folder / "model" / "model.safetensors").read_bytes() == b"weights"
    assert current(Ledger(workspace), "staging") is None
    assert check_ledger(Ledger(workspace)).entries == Ledger(workspace).head().size
    assert [decision.outcome for decision in status_of(workspace, "production").today] == ["pass"]


def test_one_person_with_one_key_never_promotes_alone(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["cy"], "author")
    with pytest.raises(UsageError, match="Cy is an author of this run"):
        promote_run(workspace, run.id, "production", people["cy"])
    with pytest.raises(UsageError, match="an author never approves"):
        sign_run(workspace, run.id, people["cy"], "approver")
    assert promotions(Ledger(workspace)) == ()


def test_a_second_key_of_the_same_person_is_the_same_person(workspace, people, small):
    run = small.complete_run(workspace)
    again = small.person(workspace, "  CY ", "approver")
    sign_run(workspace, run.id, people["cy"], "author")
    with pytest.raises(UsageError, match="is an author of this run"):
        promote_run(workspace, run.id, "production", again)


def test_a_run_that_was_started_with_a_key_has_that_author_before_anybody_signs(workspace, people, small):
    run = small.complete_run(workspace, context={"author_key": people["cy"].key_id})
    with pytest.raises(UsageError, match="another author's key"):
        sign_run(workspace, run.id, people["ada"], "author")
    with pytest.raises(UsageError, match="Cy is an author"):
        promote_run(workspace, run.id, "production", people["cy"])


def test_without_an_author_nobody_gets_through(workspace, people, small):
    run = small.complete_run(workspace)
    with pytest.raises(UsageError, match="no author signed"):
        sign_run(workspace, run.id, people["bo"], "reviewer")
    with pytest.raises(RefusedError, match="no author signed") as refused:
        promote_run(workspace, run.id, "production", people["cy"])
    assert refused.value.exit_code == 5


def test_a_policy_may_ask_for_more_people(workspace, people, small):
    run = small.complete_run(workspace, small.trial_policy(quorum=2))
    sign_run(workspace, run.id, people["ada"], "author")
    with pytest.raises(RefusedError, match="2 people besides the author") as refused:
        promote_run(workspace, run.id, "production", people["cy"])
    assert refused.value.exit_code == 5
    sign_run(workspace, run.id, people["bo"], "reviewer")
    promote_run(workspace, run.id, "production", people["cy"])


@pytest.mark.parametrize(
    ("measured", "exit_code", "word"),
    [({"estimate": 0.7, "lower": 0.6, "upper": 0.75}, 3, "fail"), ({"lower": 0.7}, 4, "insufficient evidence")],
)
def test_what_does_not_pass_stays_out_and_says_which_control(workspace, people, small, measured, exit_code, word):
    run = small.complete_run(workspace, measurements=(small.accuracy(**measured),))
    sign_run(workspace, run.id, people["ada"], "author")
    with pytest.raises(RefusedError, match=rf"trial: T-1 \({word}\)") as refused:
        promote_run(workspace, run.id, "production", people["cy"])
    assert refused.value.exit_code == exit_code


def test_a_waiver_lets_a_failure_through_until_its_day_and_changes_no_outcome(workspace, people, small, monkeypatch):
    run = small.complete_run(workspace, measurements=(small.accuracy(0.7, 0.6, 0.75),))
    sign_run(workspace, run.id, people["ada"], "author")
    until = today() + timedelta(days=3)
    waive_control(workspace, run.id, people["cy"], "T-1", "The clinic needs it this week.", until)
    entry = promote_run(workspace, run.id, "production", people["cy"])
    (decision,) = entry.predicate["decisions"]
    assert (decision["outcome"], decision["promotable"]) == ("fail", True)
    assert decision["controls"][0]["outcome"] == "fail"
    assert decision["controls"][0]["waived_until"] == until.isoformat()
    monkeypatch.setattr("rai_tune.promoting.today", lambda: until + timedelta(days=1))
    (later,) = status_of(workspace, "production").today
    assert (later.outcome, later.promotable) == ("fail", False)
    with pytest.raises(RefusedError, match="T-1"):
        promote_run(workspace, run.id, "staging", people["cy"])


def test_only_an_approver_who_is_no_author_waives(workspace, people, small):
    run = small.complete_run(workspace, measurements=(small.accuracy(0.7, 0.6, 0.75),))
    reason, until = "Because it is needed now.", today()
    sign_run(workspace, run.id, people["cy"], "author")
    with pytest.raises(UsageError, match="an author never approves"):
        waive_control(workspace, run.id, people["cy"], "T-1", reason, until)
    with pytest.raises(UsageError, match="registered as reviewer, not as approver"):
        waive_control(workspace, run.id, people["bo"], "T-1", reason, until)
    dee = small.person(workspace, "Dee", "approver")
    with pytest.raises(UsageError, match="is past"):
        waive_control(workspace, run.id, dee, "T-1", reason, until - timedelta(days=1))
    with pytest.raises(UsageError, match="say in a sentence"):
        waive_control(workspace, run.id, dee, "T-1", "ok", until)
    with pytest.raises(UsageError, match=r"control 'T-9'. Did you mean 'T-1'\?"):
        waive_control(workspace, run.id, dee, "T-9", reason, until)


def test_an_attestation_decides_and_a_placeholder_is_refused(workspace, people, small):
    run = small.complete_run(workspace, small.trial_policy(small.bound_control(), small.attested_control()))
    sign_run(workspace, run.id, people["ada"], "author")
    with pytest.raises(RefusedError, match=r"T-2 \(awaiting signoff\)") as refused:
        promote_run(workspace, run.id, "production", people["cy"])
    assert refused.value.exit_code == 5
    with pytest.raises(UsageError, match="no statement about T-2 yet"):
        attest_control(workspace, run.id, people["bo"], "T-2", "TODO: write this")
    with pytest.raises(UsageError, match="decided by evidence alone"):
        attest_control(workspace, run.id, people["bo"], "T-1", TEXT)
    attest_control(workspace, run.id, people["bo"], "T-2", TEXT)
    entry = promote_run(workspace, run.id, "production", people["cy"])
    assert entry.predicate["decisions"][0]["controls"][1]["attested_by"] == "Bo"


def test_a_template_names_the_sections_and_is_no_statement(workspace, people, small):
    sections = ["Who can stop it", "How it was tried"]
    run = small.complete_run(
        workspace, small.trial_policy(small.bound_control(), small.attested_control(sections=sections))
    )
    template = statement_template(workspace, run.id, "T-2")
    assert "## Who can stop it" in template
    with pytest.raises(UsageError, match="no statement about T-2 yet"):
        attest_control(workspace, run.id, people["bo"], "T-2", template)
    filled = template.replace("[to be written]", "The operator on duty, with the red switch.", 1)
    with pytest.raises(UsageError, match="How it was tried"):
        attest_control(workspace, run.id, people["bo"], "T-2", filled)
    done = filled.replace("[to be written]", "On 3 November two operators stopped it within four seconds.")
    attest_control(workspace, run.id, people["bo"], "T-2", done)


def test_a_statement_about_a_pack_that_the_recipe_does_not_name_serves_a_redecision(workspace, people, small):
    from rai_tune.gate import evaluate, load_policy
    from rai_tune.promotion import collect_evidence
    from rai_tune.reporting.stored import stored_results

    run = small.complete_run(workspace)
    text = (
        "## Roles and responsibilities\nThe head of lending answers for the model and its use.\n\n"
        "## Lines of communication\nThe team meets every Monday and reports to the board."
    )
    with pytest.raises(UsageError, match="A pack that the recipe does not name is given with --policy"):
        attest_control(workspace, run.id, people["bo"], "GOVERN-2.1", text)
    pack = load_policy("nist-ai-rmf")
    attest_control(workspace, run.id, people["bo"], "GOVERN-2.1", text, "nist-ai-rmf")
    evidence = collect_evidence(workspace, run.id, stored_results(workspace, run.id))
    decision = evaluate(pack, evidence, as_of=today())
    found = next(item for item in decision.controls if item.id == "GOVERN-2.1")
    assert (found.outcome, found.attested_by, decision.redecision) == ("pass", "Bo", True)


def test_a_revoked_key_takes_its_signatures_along(workspace, people, small):
    run = small.complete_run(workspace, small.trial_policy(quorum=2))
    ledger = Ledger(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    sign_run(workspace, run.id, people["bo"], "reviewer")
    revoke(ledger, read_registry(ledger).named("Bo"), "the laptop was stolen")
    with pytest.raises(RefusedError, match="2 people besides the author"):
        promote_run(workspace, run.id, "production", people["cy"])
    with pytest.raises(ConflictError, match="was revoked already"):
        revoke(ledger, read_registry(ledger).named("Bo"), "again")
    assert check_ledger(ledger).entries == ledger.head().size


def test_rollback_is_a_new_promotion_through_the_same_door(workspace, people, small):
    first = small.complete_run(workspace, weights=b"one")
    second = small.complete_run(workspace, weights=b"two")
    for run in (first, second):
        sign_run(workspace, run.id, people["ada"], "author")
        entry = promote_run(workspace, run.id, "production", people["cy"])
    with pytest.raises(UsageError, match="registered as reviewer"):
        roll_back(workspace, "production", people["bo"])
    back = roll_back(workspace, "production", people["cy"])
    served = current(Ledger(workspace), "production")
    assert (served.run_id, served.rollback_of, served.seq) == (first.id, entry.seq, back.seq)
    assert [item.run_id for item in promotions(Ledger(workspace), "production")] == [first.id, second.id, first.id]
    with pytest.raises(UsageError, match="nothing was ever promoted to staging"):
        roll_back(workspace, "staging", people["cy"])


def test_weights_that_changed_are_refused_wherever_they_lie(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    scratch = workspace.run_dir(run.id) / "model" / "model.safetensors"
    scratch.write_bytes(b"WEIGHTS")
    with pytest.raises(IntegrityError, match=r"model/model.safetensors is not the file that was measured"):
        promote_run(workspace, run.id, "production", people["cy"])
    scratch.write_bytes(b"weights")
    promote_run(workspace, run.id, "production", people["cy"])
    served = current(Ledger(workspace), "production")
    laid = lay_out(workspace, served) / "model" / "model.safetensors"
    laid.chmod(0o644)
    laid.write_bytes(b"WEIGHTS")
    with pytest.raises(IntegrityError, match="is not the file that was promoted"):
        lay_out(workspace, served)


def test_evidence_that_changed_after_the_signature_needs_a_new_one(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    better = small.audit_result(run.predictions_digest, run.model_digest, small.accuracy(0.99, 0.98, 1.0))
    small.attach(workspace, run.id, "audit:task_quality", better.to_json())
    with pytest.raises(RefusedError, match="is not the evidence that was signed"):
        promote_run(workspace, run.id, "production", people["cy"])


def test_an_entry_that_came_between_the_look_and_the_promotion_makes_a_conflict(workspace, people, small, monkeypatch):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    looked = decisions_today

    def slow(*arguments):
        found = looked(*arguments)
        small.person(workspace, "Eve", "reviewer")
        return found

    monkeypatch.setattr("rai_tune.promoting.decisions_today", slow)
    with pytest.raises(ConflictError, match="another entry came first") as refused:
        promote_run(workspace, run.id, "production", people["cy"])
    assert refused.value.exit_code == 7
    assert promotions(Ledger(workspace)) == ()


def test_a_clock_that_was_set_back_is_noticed(workspace, people, small, monkeypatch):
    from datetime import UTC, datetime

    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")

    class Earlier(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2020, 1, 1, tzinfo=UTC)

    monkeypatch.setattr("rai_tune.promotion.ledger.datetime", Earlier)
    with pytest.raises(IntegrityError, match="the clock was moved back"):
        promote_run(workspace, run.id, "production", people["cy"])


def test_a_promotion_that_is_entered_again_elsewhere_is_found(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    ledger = Ledger(workspace)
    entry = promote_run(workspace, run.id, "production", people["cy"])
    own = ledger._own_key()
    ledger._place("promotion", entry.envelope, own, run.id, None)
    with pytest.raises(IntegrityError, match="it was replayed"):
        current(ledger, "production")
    with pytest.raises(IntegrityError, match="it was replayed"):
        check_ledger(ledger)


def test_a_pack_that_applies_later_neither_lets_through_nor_keeps_out(workspace, people, small):
    later = small.trial_policy(id="later", status="future", applies_from="2999-01-01")
    alone = small.complete_run(workspace, later)
    beside = small.complete_run(workspace, small.trial_policy(), later)
    for run in (alone, beside):
        sign_run(workspace, run.id, people["ada"], "author")
    with pytest.raises(RefusedError, match="no blocking control of the run's policies applies today") as refused:
        promote_run(workspace, alone.id, "production", people["cy"])
    assert refused.value.exit_code == 4
    promote_run(workspace, beside.id, "production", people["cy"])
