"""What comes into the ledger past the door, by somebody who has the workspace's key, is neither served nor shown as sound."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.promoting import promote_run, sign_run, waive_control
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, revoke, vouch
from rai_tune.promotion.records import PROMOTION
from rai_tune.promotion.serving import current, promotions


def forged(ledger: Ledger, honest: dict, signer, **changes) -> None:
    """Enter a promotion with everything that its place asks for, but not through the door."""
    size = ledger.head().size
    predicate = {**honest["predicate"], "sequence": size, "previous": ledger.root_at(size), "person": signer.person}
    body = {**honest, **changes.pop("statement", {}), "predicate": {**predicate, **changes}}
    ledger.append(PROMOTION, body, signer, run_id=predicate["run"])


@pytest.fixture
def honest(workspace, people, small):
    """The statement of a promotion that went through the door, and its ledger."""
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    return Ledger(workspace), promote_run(workspace, run.id, "staging", people["cy"]).statement


FORGERIES = {
    "an author": ({}, "ada", "does not hold the role approver|is an author"),
    "a reviewer": ({}, "bo", "does not hold the role approver"),
    "no decisions": ({"decisions": []}, "cy", "not those of the policies that froze"),
    "other evidence": ({"statement_digest": "0" * 64}, "cy", "was not in the ledger before it"),
    "another model": ({"model_digest": "0" * 64}, "cy", "names another model"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_promotion_that_did_not_pass_the_door_is_refused_wherever_it_is_read(honest, people, name):
    ledger, statement = honest
    changes, who, message = FORGERIES[name]
    changes = {("statement_" if key == "statement_digest" else key): value for key, value in changes.items()}
    if "statement_" in changes:
        predicate = {**statement["predicate"], "statement": changes.pop("statement_")}
        statement = {**statement, "predicate": predicate}
    forged(ledger, statement, people[who], **changes)
    for look in (lambda: current(ledger, "staging"), lambda: promotions(ledger), lambda: check_ledger(ledger)):
        with pytest.raises(IntegrityError, match=message):
            look()


def test_a_promotion_of_a_failing_decision_or_of_other_files_is_refused(honest, people):
    ledger, statement = honest
    (decision,) = statement["predicate"]["decisions"]
    failing = {**decision, "controls": [{**decision["controls"][0], "outcome": "fail"}]}
    forged(ledger, statement, people["cy"], decisions=[failing])
    with pytest.raises(IntegrityError, match="T-1 was fail and not waived"):
        current(ledger, "staging")


def test_other_files_than_those_that_were_measured_are_refused(honest, people):
    ledger, statement = honest
    other = [{**statement["subject"][0], "digest": {"sha256": "0" * 64}}, *statement["subject"][1:]]
    forged(ledger, statement, people["cy"], statement={"subject": other})
    with pytest.raises(IntegrityError, match="serves other files"):
        current(ledger, "staging")


def test_a_signers_own_word_on_roles_counts_for_nothing(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    promoted = replace(people["bo"], roles=frozenset({"approver"}))
    with pytest.raises(UsageError, match="registered as reviewer; only an approver promotes"):
        promote_run(workspace, run.id, "production", promoted)
    from rai_tune.promoting import today

    with pytest.raises(UsageError, match="registered as reviewer, not as approver"):
        waive_control(workspace, run.id, promoted, "T-1", "Because it is needed.", today())


def test_who_was_revoked_does_not_come_back_under_another_spelling(workspace):
    ledger = Ledger(workspace)
    vouch(ledger, "Alice", ["approver"])
    revoke(ledger, read_registry(ledger).named("Alice"), "left")
    for name in ("Alice", "alice", "ALICE "):
        with pytest.raises(ConflictError, match="and was revoked"):
            vouch(ledger, name, ["approver"])
