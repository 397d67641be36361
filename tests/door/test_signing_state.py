"""What a person is told before they sign: what it covers, who did, what is missing, what they may do; and the reason and digits they give."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rai_tune.core import RaiError, UsageError
from rai_tune.promoting import attest_control, promote_run, sign_run, statement_of, today, waive_control
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, revoke
from rai_tune.promotion.seen import ChangedError
from rai_tune.signing import offers, sign_statement, signing_state

TEXT = "The operator on duty may stop the system at any time with the switch beside the screen."


def measured_again(workspace, small, run, *numbers):
    result = small.audit_result(run.predictions_digest, run.model_digest, small.accuracy(*numbers))
    small.attach(workspace, run.id, "audit:task_quality", result.to_json())


def test_the_state_of_a_run_that_nobody_signed(workspace, people, small):
    run = small.complete_run(workspace, small.trial_policy(quorum=3))
    state = signing_state(workspace, run.id)
    assert (state.covered.audits, state.covered.measurements, state.covered.files) == (1, 1, 5)
    assert state.covered.digests["Model"] == run.model_digest
    assert (state.authors, state.deeds) == ((), ())
    assert state.missing == (
        "An author has to sign the evidence first.",
        "3 people besides the author have to stand for it, whoever promotes among them; so far nobody signed.",
    )
    assert state.served == {"staging": None, "production": None}


def test_stale_ended_and_revoked_signatures_are_named_with_the_reason(workspace, people, small, monkeypatch):
    pack = small.trial_policy(small.bound_control(), small.attested_control())
    run = small.complete_run(workspace, pack, measurements=(small.accuracy(0.7, 0.6, 0.75),))
    sign_run(workspace, run.id, people["ada"], "author", "I trained it")
    sign_run(workspace, run.id, people["bo"], "reviewer")
    attest_control(workspace, run.id, people["ada"], "T-2", TEXT)
    until = today() + timedelta(days=2)
    waive_control(workspace, run.id, people["cy"], "T-1", "The clinic needs it.", until)
    before = signing_state(workspace, run.id)
    assert [(line.kind, line.person, line.what, line.why) for line in before.deeds] == [
        ("signoff", "Ada", "author", None),
        ("signoff", "Bo", "reviewer", None),
        ("attestation", "Ada", "T-2", None),
        ("waiver", "Cy", f"T-1, until {until.isoformat()}", None),
    ]
    assert [line.said for line in before.deeds] == ["I trained it", "", TEXT, "The clinic needs it."]
    measured_again(workspace, small, run, 0.71, 0.6, 0.75)
    revoke(Ledger(workspace), read_registry(Ledger(workspace)).named("Bo"), "it was stolen")
    monkeypatch.setattr("rai_tune.signing.today", lambda: until + timedelta(days=1))
    assert [line.why for line in signing_state(workspace, run.id).deeds] == [
        f"it is of earlier evidence ({before.seen.statement[:8]}), which changed since",
        "the key was revoked (it was stolen)",
        None,
        f"it ended on {until.isoformat()}",
    ]


STEPS = ("measure", "author", "review", "attest", "waive")


@pytest.mark.slow
@pytest.mark.parametrize("done", range(len(STEPS) + 1))
@pytest.mark.parametrize("quorum", [1, 2, 3])
def test_nothing_is_missing_exactly_when_the_door_opens(workspace, people, small, done, quorum):
    pack = small.trial_policy(small.bound_control(), small.attested_control(), quorum=quorum)
    run = small.complete_run(workspace, pack, measurements=(small.accuracy(0.7, 0.6, 0.75),))
    dee, eve = small.person(workspace, "Dee", "approver"), small.person(workspace, "Eve", "reviewer")
    for step in STEPS[:done]:
        if step == "measure":
            sign_run(workspace, run.id, people["ada"], "author")
            measured_again(workspace, small, run, 0.71, 0.6, 0.75)
        elif step == "author":
            sign_run(workspace, run.id, people["ada"], "author")
        elif step == "review":
            sign_run(workspace, run.id, people["bo"], "reviewer")
            sign_run(workspace, run.id, eve, "reviewer")
        elif step == "attest":
            attest_control(workspace, run.id, people["bo"], "T-2", TEXT)
        else:
            waive_control(workspace, run.id, dee, "T-1", "The clinic needs it.", today())
    state = signing_state(workspace, run.id)
    offered = offers(workspace, run.id, dee, state).promote
    try:
        promote_run(workspace, run.id, "production", dee, seen=state.seen)
    except RaiError:
        assert state.missing
        assert offered is not None
    else:
        assert done == len(STEPS)
        assert (state.missing, offered) == ((), None)


def test_what_is_offered_to_whom_in_the_words_of_the_refusal(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["cy"], "author")
    state = signing_state(workspace, run.id)
    author = offers(workspace, run.id, people["cy"], state)
    own = "Cy is an author of this run, and an author never approves it: somebody else must"
    assert author.sign["author"].startswith("Cy signed this evidence as author already (ledger entry ")
    assert author.sign["approver"] == f"{own} sign as approver"
    assert (author.waive, author.promote) == (f"{own} waive a control", f"{own} promote")
    reviewer = offers(workspace, run.id, people["bo"], state)
    assert reviewer.sign == {
        "author": "the key of Bo is registered as reviewer, not as author",
        "reviewer": None,
        "approver": "the key of Bo is registered as reviewer, not as approver",
    }
    assert reviewer.promote == "the key of Bo is registered as reviewer; only an approver promotes"


def test_numbers_that_a_control_read_are_not_in_the_sentence_of_a_shut_door(workspace, people, small):
    run = small.complete_run(workspace, measurements=(small.accuracy(0.7, 0.6, 0.75),))
    sign_run(workspace, run.id, people["ada"], "author")
    state = signing_state(workspace, run.id)
    told = offers(workspace, run.id, people["cy"], state).promote
    assert told == "the door stays shut. 1 blocking control is open under the policy trial: T-1."


def test_a_run_that_never_is_promoted_says_only_that(workspace, people, small):
    parent = small.complete_run(workspace)
    child = small.complete_run(workspace, name="in use", parent=parent.id)
    state = signing_state(workspace, child.id)
    assert len(state.missing) == 1
    assert "is an audit of run" in state.missing[0]
    assert "it trained nothing and has no author" in offers(workspace, child.id, people["ada"], state).sign["author"]


@pytest.mark.parametrize("state", ["preparing", "deciding"])
def test_a_run_that_is_not_completed_is_signed_by_nobody(workspace, people, small, state):
    run = small.complete_run(workspace, state=state)
    found = signing_state(workspace, run.id)
    assert f"The run is {state}; only a completed run is promoted." in found.missing
    told = offers(workspace, run.id, people["ada"], found)
    assert all("people sign what a completed run leaves" in why for why in told.sign.values())
    with pytest.raises(UsageError, match="people sign what a completed run leaves"):
        sign_statement(workspace, found.seen, people["ada"], "author", "I trained it", found.seen.statement[:8])


def test_a_signature_needs_a_reason_and_the_digits_of_what_was_seen(workspace, people, small):
    run = small.complete_run(workspace)
    seen = signing_state(workspace, run.id).seen
    digits = seen.statement[:8]
    with pytest.raises(UsageError, match="at least 3 words"):
        sign_statement(workspace, seen, people["ada"], "author", "looks fine", digits)
    for wrong in ("", digits[:7], "0" * 8, seen.statement):
        with pytest.raises(UsageError, match="not the first 8 characters"):
            sign_statement(workspace, seen, people["ada"], "author", "I trained it", wrong)
    measured_again(workspace, small, run, 0.91, 0.85, 0.95)
    now = signing_state(workspace, run.id).seen
    # Digits of the new statement on the old look: the person did not see what they would sign.
    with pytest.raises(ChangedError, match=f"is {now.statement[:8]} now"):
        sign_statement(workspace, seen, people["ada"], "author", "I trained it", now.statement[:8])
    assert Ledger(workspace).head().size == seen.size
    entry = sign_statement(workspace, now, people["ada"], "author", "I trained it", f" {now.statement[:8].upper()} ")
    assert entry.predicate["comment"] == "I trained it"


def test_a_statement_from_parts_is_one_that_the_control_accepts(workspace, people, small):
    sections = ["Who watches", "How it is stopped"]
    pack = small.trial_policy(small.bound_control(), small.attested_control(sections=sections))
    run = small.complete_run(workspace, pack)
    with pytest.raises(UsageError, match="the section 'How it is stopped' is a placeholder"):
        attest_control(workspace, run.id, people["bo"], "T-2", statement_of(sections, [TEXT, "TODO"]))
    other = "Whoever is on duty presses the red switch and calls the owner."
    entry = attest_control(workspace, run.id, people["bo"], "T-2", statement_of(sections, [TEXT, other]))
    assert entry.predicate["text"] == f"## Who watches\n\n{TEXT}\n\n## How it is stopped\n\n{other}"
    assert statement_of([], [f" {TEXT} "]) == TEXT
