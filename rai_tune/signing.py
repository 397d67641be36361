"""What a person needs to know before they put their name under a run: what would be signed, who did, what is missing, what they may do.

Stable API: ``signing_state``, ``offers``, ``sign_statement``. Only a look; whether a deed is done is decided where it is entered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.candidates import completed_run, frozen_policies, refuse_production_audit, refuse_without_model
from rai_tune.core import IntegrityError, RaiError, UsageError
from rai_tune.gate.decision import EXIT_CODES
from rai_tune.promoting import (
    candidate_of,
    changed_since,
    decisions_today,
    rollback_target,
    seen_now,
    seen_of,
    sign_run,
    today,
)
from rai_tune.promotion.deeds import Deed, deeds_about
from rai_tune.promotion.door import ALIASES, RefusedError, check_may_promote, open_controls
from rai_tune.promotion.evidence import author_key
from rai_tune.promotion.keys import different_people
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import ROLES
from rai_tune.promotion.records import ATTESTATION, SIGNOFF, WAIVER, statement_digest, subject_of
from rai_tune.promotion.seen import ChangedError
from rai_tune.promotion.serving import promotions
from rai_tune.promotion.signed import FEWEST_WORDS, check_may_sign, check_may_waive
from rai_tune.promotion.statement import present_statement
from rai_tune.reporting.stored import stored_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rai_tune.gate import Decision
    from rai_tune.gate.decision import Role
    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.ledger import LedgerEntry
    from rai_tune.promotion.seen import Seen
    from rai_tune.promotion.serving import Promotion
    from rai_tune.workspace import RunRecord, Workspace

BY_CONTROLS = frozenset({EXIT_CODES["fail"], EXIT_CODES["insufficient_evidence"]})
"""Exit codes of a door that controls keep shut: its sentence then quotes what they read."""
_WORDS: dict[str, str] = {SIGNOFF: "comment", ATTESTATION: "text", WAIVER: "reason"}
RETYPED = 8
"""Characters of the digest that a signer types again: enough to show that they looked at this one."""


@dataclass(frozen=True)
class Covered:
    """What a statement speaks of: counts, and name -> SHA-256 of what it is bound to."""

    audits: int
    measurements: int
    files: int
    digests: Mapping[str, str]


@dataclass(frozen=True)
class DeedLine:
    """One signature about the run. ``what`` is the role or control, ``said`` the person's words; ``why`` says why it does not count."""

    seq: int
    at: str
    kind: str
    person: str
    what: str
    said: str
    why: str | None
    policy: str = ""
    """The pack that an attestation or waiver is about."""


@dataclass(frozen=True)
class SigningState:
    """Everything about one run that decides who may sign it and whether it may be promoted.

    ``missing`` are sentences on what keeps it from any alias, empty when nothing does; ``served`` is alias -> its newest promotion.
    """

    seen: Seen
    covered: Covered | None
    decisions: tuple[Decision, ...]
    authors: tuple[str, ...]
    deeds: tuple[DeedLine, ...]
    missing: tuple[str, ...]
    served: Mapping[str, Promotion | None]
    returns_to: Mapping[str, Promotion]
    """Alias that serves this run -> what a rollback would serve."""


@dataclass(frozen=True)
class Offers:
    """What one person may do: deed -> None, or the sentence why not, in the words of the function that would refuse it."""

    sign: Mapping[Role, str | None]
    waive: str | None
    promote: str | None


def signing_state(workspace: Workspace, run_id: str) -> SigningState:
    """Read everything once. Raises ``IntegrityError`` when evidence or ledger do not verify."""
    ledger, run = Ledger(workspace), workspace.run(run_id)
    size = ledger.head().size  # first: what comes while the rest is read then counts as a change
    results = stored_results(workspace, run.id)
    evidence = present_statement(workspace, run.id, results)
    decisions = decisions_today(workspace, run, results=results)
    seen = seen_of(run, size, statement_digest(evidence) if evidence else "", decisions)
    found = deeds_about(ledger, run.id, author_key(workspace, run.id))
    history = promotions(ledger)
    served: dict[str, Promotion | None] = {alias: _newest(history, alias) for alias in ALIASES}
    return SigningState(
        seen=seen,
        covered=_covered(run, evidence) if evidence else None,
        decisions=decisions,
        authors=found.authors,
        deeds=tuple(_line(deed, run, seen.statement) for deed in found.deeds),
        missing=tuple(_missing(workspace, run, found.authors, found.deeds, decisions, seen.statement)),
        served=served,
        returns_to=dict(_rollbacks(history, run)),
    )


def deed_lines(workspace: Workspace, run_id: str) -> tuple[DeedLine, ...]:
    """Every signature about a run, oldest first, each with the reason why it does not count, if so."""
    run = workspace.run(run_id)
    found = deeds_about(Ledger(workspace), run.id, author_key(workspace, run.id))
    statement = seen_now(workspace, run.id).statement
    return tuple(_line(deed, run, statement) for deed in found.deeds)


def offers(workspace: Workspace, run_id: str, signer: Signer, state: SigningState) -> Offers:
    """What this person may do about the run, as far as it can be known before they do it."""
    ledger, run = Ledger(workspace), workspace.run(run_id)
    key, digest = author_key(workspace, run.id), state.seen.statement

    def may_sign(role: Role) -> None:
        completed_run(workspace, run.id)
        if role == "author":
            refuse_production_audit(run, "has no author")
        check_may_sign(ledger, signer, role, run.id, digest, key)

    def may_waive() -> None:
        completed_run(workspace, run.id)
        check_may_waive(ledger, signer, run.id, key)

    return Offers(
        sign={role: _refusal(lambda role=role: may_sign(role)) for role in ROLES},  # type: ignore[misc]
        waive=_refusal(may_waive),
        promote=_refusal(lambda: _may_promote(workspace, run, signer, state)),
    )


def sign_statement(
    workspace: Workspace, seen: Seen, signer: Signer, role: Role, reason: str, digits: str
) -> LedgerEntry:
    """Sign what was seen, for a reason and after typing the beginning of its digest again.

    Raises ``UsageError`` without a reason or for other digits, ``ChangedError`` when it is no longer what was seen, and what ``sign_run`` raises.
    """
    if len(reason.split()) < FEWEST_WORDS:
        raise UsageError(f"say in at least {FEWEST_WORDS} words why you sign: it goes on record")
    if not seen.statement or digits.strip().lower() != seen.statement[:RETYPED]:
        changes = changed_since(workspace, seen)
        if changes:
            raise ChangedError(changes)
        raise UsageError(f"these are not the first {RETYPED} characters of the digest that would be signed")
    return sign_run(workspace, seen.run_id, signer, role, reason, seen=seen)


def _refusal(deed: Callable[[], object]) -> str | None:
    """Why a deed would be refused. Damage is no refusal: it is raised."""
    try:
        deed()
    except IntegrityError:
        raise
    except RaiError as error:
        return str(error)
    return None


def _may_promote(workspace: Workspace, run: RunRecord, signer: Signer, state: SigningState) -> None:
    """The door's own check; what its controls read is left out of the sentence, because small cells are not hidden in it."""
    try:
        check_may_promote(Ledger(workspace), candidate_of(workspace, run.id), signer)
    except RefusedError as error:
        if error.exit_code in BY_CONTROLS and state.missing:
            raise UsageError(f"the door stays shut. {' '.join(state.missing)}") from error
        raise


def _covered(run: RunRecord, evidence: Mapping[str, object]) -> Covered:
    predicate = evidence["predicate"]
    assert isinstance(predicate, dict)
    digests = {
        "Model": run.model_digest,
        "Data": run.data_digest,
        "Predictions": run.predictions_digest,
        "Base model": run.base_digest,
        **{f"Policy {name}": digest for name, digest in run.policies.items()},
    }
    return Covered(
        audits=len(predicate["results"]),
        measurements=len(predicate["measurements"]),
        files=len(subject_of(evidence)),
        digests={name: digest for name, digest in digests.items() if digest},
    )


def _line(deed: Deed, run: RunRecord, statement: str) -> DeedLine:
    body, entry = deed.body, deed.entry
    words = _WORDS[entry.kind]
    what = str(body["role"]) if entry.kind == SIGNOFF else str(body["control"])
    if entry.kind == WAIVER:
        what += f", until {body['until']}"
    why = deed.out or _stale(deed, run, statement)
    said, policy = str(body.get(words) or ""), str(body.get("policy", ""))
    return DeedLine(entry.seq, entry.at, entry.kind, str(body["person"]), what, said, why, policy)


def _stale(deed: Deed, run: RunRecord, statement: str) -> str | None:
    """Why a valid signature is about something that is no longer so."""
    body = deed.body
    if deed.entry.kind == SIGNOFF:
        signed = subject_of(deed.entry.statement).get("evidence", "")
        return None if signed == statement else f"it is of earlier evidence ({signed[:RETYPED]}), which changed since"
    if body["model_digest"] != run.model_digest:
        return "it is about another model"
    frozen = run.policies.get(str(body["policy"]))
    if frozen is not None and frozen != body["policy_digest"]:
        return "it is about another text of the policy"
    if deed.entry.kind == WAIVER and str(body["until"]) < today().isoformat():
        return f"it ended on {body['until']}"
    return None


def _missing(
    workspace: Workspace,
    run: RunRecord,
    authors: tuple[str, ...],
    deeds: tuple[Deed, ...],
    decisions: tuple[Decision, ...],
    statement: str,
) -> Iterator[str]:
    """What the door would object to whoever came, in its order; reasons of controls are left to the report, which hides small cells."""
    for refuse in (
        lambda: refuse_production_audit(run, "is never promoted"),
        lambda: refuse_without_model(workspace, run),
    ):
        refused = _refusal(refuse)
        if refused:
            yield f"{refused[0].upper()}{refused[1:]}."
            return  # nothing that anybody does would help
    if run.state != "completed":
        yield f"The run is {run.state}; only a completed run is promoted."
    for decision in decisions:
        shut = open_controls(decision)
        if shut:
            named = ", ".join(control.id for control in shut)
            many = f"{len(shut)} blocking controls are" if len(shut) > 1 else "1 blocking control is"
            yield f"{many} open under the policy {decision.policy_id}: {named}."
    if not any(decision.promotable or open_controls(decision) for decision in decisions):
        yield "No blocking control of the run's policies applies today, so there is nothing to pass on."
    signed = [deed for deed in deeds if deed.entry.kind == SIGNOFF and deed.out is None]
    yield from _missing_people(workspace, run, authors, [deed for deed in signed if not _stale(deed, run, statement)])


def _missing_people(
    workspace: Workspace, run: RunRecord, authors: tuple[str, ...], current: list[Deed]
) -> Iterator[str]:
    if not any(deed.body["role"] == "author" for deed in current):
        who = ", ".join(authors)
        yield (
            f"The author ({who}) has to sign the evidence as it stands."
            if who
            else "An author has to sign the evidence first."
        )
    quorum = max((pack.policy.quorum or 1 for pack in frozen_policies(workspace, run)), default=1)
    people = different_people(str(deed.body["person"]) for deed in current if deed.body["role"] != "author")
    # Whoever promotes counts as well, and may be one of those who signed.
    if len(people) + 1 < quorum:
        so_far = ", ".join(people) or "nobody"
        yield f"{quorum} people besides the author have to stand for it, whoever promotes among them; so far {so_far} signed."


def _newest(history: tuple[Promotion, ...], alias: str) -> Promotion | None:
    return next((item for item in reversed(history) if item.alias == alias), None)


def _rollbacks(history: tuple[Promotion, ...], run: RunRecord) -> Iterator[tuple[str, Promotion]]:
    for alias in ALIASES:
        own = tuple(item for item in history if item.alias == alias)
        if own and own[-1].run_id == run.id:
            try:
                yield alias, rollback_target(own, alias)
            except UsageError:
                continue  # it never served another model
