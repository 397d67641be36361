"""Faults in waivers, signatures and attestations. Loaded by path; importing it registers them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from promotion_case import OTHER, REASON, TEXT, fault, small

from rai_tune.promoting import attest_control, waive_control
from rai_tune.promotion.records import SIGNOFF, WAIVER, statement
from rai_tune.promotion.signed import attest, record_evidence
from rai_tune.promotion.statement import evidence_statement
from rai_tune.reporting.stored import stored_results

if TYPE_CHECKING:
    from promotion_case import Case

# Waivers


@fault("the waiver of T-1 by Cy ended on", 3, evidence=True)
def expired_waiver(case):
    case.failing()
    until = datetime.now(UTC).date() + timedelta(days=3)
    waive_control(case.ws, case.run.id, case.people["cy"], "T-1", REASON, until)
    case.days_later(4)


@fault("the waiver of T-1 by Cy is for another model", 3, evidence=True)
def waiver_of_another_model(case):
    case.failing()
    case.waive(model_digest=OTHER)


@fault("the waiver of T-1 by Cy is for another text of the pack", 3, evidence=True)
def waiver_of_another_policy_digest(case):
    case.failing()
    case.waive(policy_digest=OTHER)


@fault(r"T-1 \(fail\); T-1: accuracy: the upper bound", 3, evidence=True)
def waiver_of_another_control(case):
    case.failing()
    case.waive(control="T-2")


@fault(r"T-1 \(fail\); T-1: accuracy: the upper bound", 3, evidence=True)
def waiver_of_another_run(case):
    case.failing()
    case.waive(run_id="another-run-00000000")


@fault("it is about run another-run-00000000", 3, evidence=True)
def waiver_of_another_run_filed_under_this_one(case):
    case.failing()
    case.waive(run_id="another-run-00000000")
    case.sql("UPDATE ledger SET run_id = ? WHERE kind = 'waiver'", case.run.id)


@fault("Ada is an author of this run", 2, evidence=True)
def waiver_by_an_author(case):
    case.people["ada"] = small.person(case.ws, "Ada", "author", "approver")
    case.failing()
    case.deed = lambda: waive_control(case.ws, case.run.id, case.people["ada"], "T-1", REASON, date(2099, 1, 1))


@fault("waiver of Ada .* does not count: an author waives nothing", 3, evidence=True)
def waiver_by_an_author_entered_past_the_command(case):
    case.people["ada"] = small.person(case.ws, "Ada", "author", "approver")
    case.failing()
    case.forge(WAIVER, "ada", reason=REASON, until="2099-01-01")


@fault("waiver of Cy .* does not count: an author waives nothing", 3, evidence=True)
def waiver_by_somebody_who_became_an_author(case):
    case.complete(measurements=(small.accuracy(0.7, 0.6, 0.75),))
    case.waive()
    case.sign("cy")
    case.signer = small.person(case.ws, "Dee", "approver")


@fault("registered as reviewer, not as approver", 2, evidence=True)
def waiver_by_a_key_without_the_role(case):
    case.failing()
    case.deed = lambda: waive_control(case.ws, case.run.id, case.people["bo"], "T-1", REASON, date(2099, 1, 1))


@fault("waiver of Bo .* does not hold the role approver", 3, evidence=True)
def waiver_without_the_role_entered_past_the_command(case):
    case.failing()
    case.forge(WAIVER, "bo", reason=REASON, until="2099-01-01")


@fault("waiver of Dee .* does not count: the key was revoked", 3, evidence=True)
def waiver_revoked_with_its_key(case):
    case.people["dee"] = small.person(case.ws, "Dee", "approver")
    case.failing()
    case.waive("dee")
    case.revoke("Dee")


@fault("T-1 .fail.", 3, evidence=True)
def waiver_without_a_reason_entered_past_the_command(case):
    case.failing()
    case.forge(WAIVER, "cy", reason="  ", until="2099-01-01")


@fault("T-1 .fail.", 3, evidence=True)
def waiver_until_a_day_that_is_none(case):
    case.failing()
    case.forge(WAIVER, "cy", reason=REASON, until="9999")


# People


@fault("no author signed this run", 5)
def nobody_signed(case):
    case.complete()


@fault("no author signed the evidence.*the key was revoked .the laptop was stolen.", 5)
def revoked_author_key(case):
    case.ready()
    case.revoke("Ada")


@fault("2 people besides the author.*signoff of Bo .* the key was revoked", 5)
def revoked_reviewer_key(case):
    case.ready(policy={"quorum": 2})
    case.sign("bo", "reviewer")
    case.revoke("Bo")


@fault("of Cy was revoked: the laptop was stolen", 2)
def approver_revoked_after_unlocking(case):
    case.ready()
    case.revoke("Cy")


@fault("registered as reviewer; only an approver promotes", 2)
def wrong_role(case):
    case.ready()
    case.signer = case.people["bo"]


@fault("signoff of Bo .* does not hold the role approver", 5)
def sign_off_in_a_role_not_held(case):
    case.ready(policy={"quorum": 2})
    forge_signoff(case, "bo", "approver")


@fault("Cy is an author of this run", 2)
def self_approval(case):
    case.complete()
    case.sign("cy")


@fault("is an author of this run", 2)
def self_approval_in_another_spelling(case):
    case.complete()
    case.sign("cy")
    case.signer = small.person(case.ws, "\uff43\uff39", "approver")  # full-width letters


@fault("an author never approves it: somebody else must sign as reviewer", 2)
def author_as_their_own_reviewer(case):
    case.people["ada"] = small.person(case.ws, "Ada", "author", "reviewer")
    case.ready(policy={"quorum": 2})
    case.deed = lambda: case.sign("ada", "reviewer")


@fault("signoff of Ada .* an author never approves their own run", 5)
def author_as_their_own_reviewer_past_the_command(case):
    case.people["ada"] = small.person(case.ws, "Ada", "author", "reviewer")
    case.ready(policy={"quorum": 2})
    forge_signoff(case, "ada", "reviewer")


@fault("signed this run as reviewer, and cannot be its author as well", 2)
def reviewer_who_becomes_an_author(case):
    case.people["bo"] = small.person(case.ws, "Bo", "author", "reviewer")
    case.ready(policy={"quorum": 3})
    case.sign("bo", "reviewer")
    case.deed = lambda: case.sign("bo", "author")


@fault("started with another author's key", 2)
def author_of_a_run_that_somebody_else_started(case):
    case.complete(context={"author_key": case.people["ada"].key_id})
    case.deed = lambda: case.sign("cy", "author")
    case.signer = small.person(case.ws, "Dee", "approver")


@fault("Ada is an author of this run", 2)
def starter_of_the_run_as_its_approver(case):
    case.people["ada"] = small.person(case.ws, "Ada", "author", "approver")
    case.complete(context={"author_key": case.people["ada"].key_id})
    case.sign("ada")
    case.signer = case.people["ada"]


def forge_signoff(case: Case, who: str, role: str) -> None:
    digest = str(case.ledger.entries((SIGNOFF,))[0].statement["subject"][0]["digest"]["sha256"])
    body = statement(SIGNOFF, [("evidence", digest)], {**case.ledger.entries((SIGNOFF,))[0].predicate})
    body["predicate"] |= {"role": role, "person": case.people[who].person}
    case.ledger.append(SIGNOFF, body, case.people[who], run_id=case.run.id)


@fault("2 people besides the author must stand for this, and 1 do .Cy.", 5)
def quorum_not_reached(case):
    case.ready(policy={"quorum": 2})


@fault("2 people besides the author must stand for this, and 1 do .Cy.", 5)
def one_person_twice_for_a_quorum(case):
    case.people["again"] = small.person(case.ws, "\uff43\uff39", "reviewer")
    case.ready(policy={"quorum": 2})
    case.sign("again", "reviewer")


@fault("2 people besides the author must stand for this, and 1 do .Cy.", 5)
def sign_off_of_older_evidence(case):
    case.ready(policy={"quorum": 2})
    case.sign("bo", "reviewer")
    case.store(case.result(small.accuracy(0.91, 0.86, 0.96)))
    case.sign()


@fault("no author signed the evidence as it stands", 5)
def author_of_older_evidence_only(case):
    case.ready()
    case.store(case.result(small.accuracy(0.91, 0.86, 0.96)))
    now = evidence_statement(case.ws, case.run.id, stored_results(case.ws, case.run.id), "2026-11-26T00:00:00Z")
    record_evidence(case.ledger, case.run.id, now)


# Attestations


def attested(case: Case, **control: Any) -> None:
    case.ready(small.bound_control(), small.attested_control(**control))


@fault(r"T-2 \(awaiting signoff\).*nobody has", 5, evidence=True)
def attestation_missing(case):
    attested(case)


@fault("no statement about T-2 yet: the statement is a placeholder", 2, evidence=True)
def attestation_placeholder(case):
    attested(case)
    case.deed = lambda: attest_control(case.ws, case.run.id, case.people["bo"], "T-2", "TODO: write this before Friday")


@fault("Bo made a statement without content", 4, evidence=True)
def attestation_placeholder_past_the_command(case):
    attested(case)
    attest(case.ledger, case.people["bo"], case.about(control="T-2"), "tbd")


@fault("the section 'Training' is not there", 2, evidence=True)
def attestation_without_a_section(case):
    attested(case, sections=["Stopping", "Training"])
    text = f"# Stopping\n\n{TEXT}\n"
    case.deed = lambda: attest_control(case.ws, case.run.id, case.people["bo"], "T-2", text)


@fault("the section 'Training' is empty", 4, evidence=True)
def attestation_with_an_empty_section_past_the_command(case):
    attested(case, sections=["Stopping", "Training"])
    attest(case.ledger, case.people["bo"], case.about(control="T-2"), f"# Stopping\n\n{TEXT}\n\n# Training\n\n")


@fault("a statement about another model or another text of the pack does not count", 5, evidence=True)
def attestation_of_another_model(case):
    attested(case)
    attest(case.ledger, case.people["bo"], case.about(control="T-2", model_digest=OTHER), TEXT)


@fault("a statement about another model or another text of the pack does not count", 5, evidence=True)
def attestation_of_another_version_of_the_pack(case):
    attested(case)
    attest(case.ledger, case.people["bo"], case.about(control="T-2", policy_digest=OTHER), TEXT)


@fault("attestation of Bo .* does not count: the key was revoked", 5, evidence=True)
def attestation_of_a_revoked_key(case):
    attested(case)
    attest(case.ledger, case.people["bo"], case.about(control="T-2"), TEXT)
    case.revoke("Bo")


@fault(r"T-2 \(awaiting signoff\)", 5, evidence=True)
def attestation_of_another_run(case):
    attested(case)
    attest(case.ledger, case.people["bo"], case.about(control="T-2", run_id="another-run-00000000"), TEXT)
