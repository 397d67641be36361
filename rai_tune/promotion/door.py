"""The door: the only way to ``staging`` and ``production``. Stable API: ``promote``, ``Candidate``, ``RefusedError``.

A promotion is one ledger entry. It holds the decisions of that moment, the people who signed, and the digest of every file that will
be served; the alias is whatever its newest promotion says, so that an alias and the ledger cannot disagree.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from rai_tune.core import RaiError, UsageError
from rai_tune.core.errors import DeletedArtifactError
from rai_tune.gate.decision import EXIT_CODES
from rai_tune.promotion.evidence import author_key
from rai_tune.promotion.keys import different_people
from rai_tune.promotion.records import EVIDENCE, PROMOTION, statement, statement_digest
from rai_tune.promotion.serving import promotions, served_files, shelve
from rai_tune.promotion.signed import signed_about
from rai_tune.workspace.runs import now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rai_tune.gate import ControlOutcome, Decision
    from rai_tune.gate.decision import Role, Waiver
    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.ledger import Ledger, LedgerEntry
    from rai_tune.promotion.signed import Signed
    from rai_tune.workspace import Workspace

Alias = Literal["staging", "production"]
ALIASES: tuple[Alias, ...] = get_args(Alias)
_NAMED = 6


class RefusedError(RaiError):
    """The door stays shut; the exit code says whether for a failure (3), missing evidence (4) or missing people (5)."""

    def __init__(self, message: str, outcome: str) -> None:
        super().__init__(message)
        self.exit_code = EXIT_CODES[outcome]


@dataclass(frozen=True)
class Candidate:
    """What is to be promoted, read a moment ago from verified bytes.

    ``evidence`` is the run's statement as it stands, ``decisions`` are today's under the policies that froze with the run, ``quorum`` the
    number of people besides the author who must have signed, ``sources`` a local file for every name that will be served.
    """

    run_id: str
    state: str
    evidence: dict[str, Any]
    decisions: tuple[Decision, ...]
    quorum: int
    sources: Mapping[str, Path]


def check_alias(name: str) -> Alias:
    """An alias by its name, or ``UsageError``."""
    for alias in ALIASES:
        if alias == name:
            return alias
    raise UsageError(f"{name[:40]!r} is no place to promote to; there are {' and '.join(ALIASES)}")


def promote(
    ledger: Ledger, alias: Alias, candidate: Candidate, signer: Signer, *, expected: int, rollback_of: int | None = None
) -> LedgerEntry:
    """Let a candidate through, or raise saying why not; nothing is changed then.

    ``expected`` is the size of the ledger when the candidate was read: with any entry since, the look is old and ``ConflictError`` is
    raised. Raises ``RefusedError`` for an outcome or people that do not suffice, ``UsageError`` for a signer who may not, ``IntegrityError``
    when bytes differ from those that were measured.
    """
    signed = check_may_promote(ledger, candidate, signer)
    digest = statement_digest(candidate.evidence)
    _predictions_are_whole(ledger.workspace, candidate.evidence)
    served = served_files(ledger.workspace, candidate.run_id, candidate.evidence)
    shelve(ledger.workspace, served, candidate.sources)
    body = statement(
        PROMOTION,
        served.items(),
        {
            "at": now(),
            "alias": alias,
            "run": candidate.run_id,
            "sequence": expected,
            "previous": ledger.root_at(expected),
            "model_digest": candidate.evidence["predicate"]["model_digest"],
            "statement": digest,
            "decisions": [decision.with_digest() for decision in candidate.decisions],
            **{f"{kind}s": list((signed.seqs or {}).get(kind, ())) for kind in ("signoff", "attestation", "waiver")},
            "person": signer.person,
            "rollback_of": rollback_of,
        },
    )
    return ledger.append(PROMOTION, body, signer, run_id=candidate.run_id, expected=expected)


def check_may_promote(ledger: Ledger, candidate: Candidate, signer: Signer) -> Signed:
    """Raise what ``promote`` would raise for this candidate and person before it looks at bytes; enters nothing. Returns what was signed."""
    promotions(ledger)  # nothing is built on a ledger in which a promotion was forged or replayed
    signed = signed_about(ledger, candidate.run_id, author_key(ledger.workspace, candidate.run_id))
    digest = statement_digest(candidate.evidence)
    _may_promote(signer, ledger.check_signer(signer), signed)
    _decided(candidate, signed)
    _recorded(ledger, candidate.run_id, digest)
    _signed_by_enough(candidate, signed, signer, digest)
    return signed


def _may_promote(signer: Signer, held: frozenset[Role], signed: Signed) -> None:
    if "approver" not in held:
        raise UsageError(
            f"the key of {signer.person} is registered as {', '.join(sorted(held))}; only an approver promotes"
        )
    if not signed.authors:
        raise RefusedError("no author signed this run; 'raitune sign RUN --as author' comes first", "awaiting_signoff")
    if signed.is_author(signer.person):
        raise UsageError(
            f"{signer.person} is an author of this run, and an author never approves it: somebody else must promote"
        )


def _decided(candidate: Candidate, signed: Signed) -> None:
    if candidate.state != "completed":
        raise RefusedError(
            f"run {candidate.run_id} is {candidate.state}; only a completed run is promoted", "insufficient_evidence"
        )
    if not candidate.decisions:
        raise RefusedError("the run named no policy, so nothing was decided", "insufficient_evidence")
    frozen = candidate.evidence["predicate"]["policies"]
    if {decision.policy_id: decision.policy_digest for decision in candidate.decisions} != frozen:
        raise RefusedError(
            "the decisions are not those of the policies that froze with the run", "insufficient_evidence"
        )
    shut = [decision for decision in candidate.decisions if open_controls(decision)]
    if shut:
        worst = next(word for word in EXIT_CODES if word in {decision.outcome for decision in shut})
        why = "; ".join(_why(decision, signed) for decision in shut) + _left_out(signed)
        raise RefusedError(
            f"run {candidate.run_id} stays out: {why}. 'raitune gate {candidate.run_id}' says more", worst
        )
    if not any(decision.promotable for decision in candidate.decisions):
        # A pack that applies from a later day neither lets a model through nor keeps it out; one that decides must be there.
        raise RefusedError(
            "no blocking control of the run's policies applies today, so there is nothing to pass on",
            "insufficient_evidence",
        )


def open_controls(decision: Decision) -> list[ControlOutcome]:
    """Blocking controls that are neither met nor validly waived."""
    return [
        control
        for control in decision.controls
        if control.severity == "block"
        and control.outcome not in {"pass", "not_applicable"}
        and control.waived_until is None
    ]


def _why(decision: Decision, signed: Signed) -> str:
    """Every open control by name, the reason of the first, and why a waiver that somebody gave does not hold."""
    open_ones = open_controls(decision)
    named = ", ".join(f"{control.id} ({control.outcome.replace('_', ' ')})" for control in open_ones[:_NAMED])
    more = f" and {len(open_ones) - _NAMED} more" if len(open_ones) > _NAMED else ""
    waivers = [
        f"the waiver of {item.control} by {item.person} {why}"
        for item in signed.waivers
        if item.policy_id == decision.policy_id and item.control in {control.id for control in open_ones}
        if (why := _does_not_hold(item, decision))
    ]
    return "; ".join([f"{decision.policy_id}: {named}{more}", f"{open_ones[0].id}: {open_ones[0].reason}", *waivers])


def _does_not_hold(waiver: Waiver, decision: Decision) -> str | None:
    if waiver.model_digest != decision.model_digest:
        return "is for another model"
    if waiver.policy_digest != decision.policy_digest:
        return "is for another text of the pack"
    return f"ended on {waiver.until}" if waiver.until < str(decision.as_of) else None


def _left_out(signed: Signed) -> str:
    return "".join(f"; {why}" for why in signed.left_out)


def _recorded(ledger: Ledger, run_id: str, digest: str) -> None:
    entries = ledger.entries((EVIDENCE,), run_id)
    if not any(statement_digest(entry.statement) == digest for entry in entries):
        why = "is not the evidence that was signed: audits or bytes changed since" if entries else "was never signed"
        raise RefusedError(f"the evidence of run {run_id} {why}; sign it again", "awaiting_signoff")


def _predictions_are_whole(workspace: Workspace, evidence: dict[str, Any]) -> None:
    """Hash the predictions again. Those that were deleted on purpose, as the ledger says, are known by their digest only."""
    with suppress(DeletedArtifactError):
        workspace.path_of(evidence["predicate"]["predictions_digest"])


def _signed_by_enough(candidate: Candidate, signed: Signed, signer: Signer, digest: str) -> None:
    """The author signed this evidence, and so did enough other people; who promotes is one of them."""
    current = [item for item in signed.signoffs if item.statement == digest]
    if not any(item.role == "author" for item in current):
        raise RefusedError(
            f"no author signed the evidence as it stands; 'raitune sign RUN --as author'{_left_out(signed)}",
            "awaiting_signoff",
        )
    people = different_people([signer.person, *(item.person for item in current if item.role != "author")])
    if len(people) < candidate.quorum:
        raise RefusedError(
            f"{candidate.quorum} people besides the author must stand for this, and {len(people)} do ({', '.join(people)}); "
            f"others sign with 'raitune sign RUN --as reviewer'{_left_out(signed)}",
            "awaiting_signoff",
        )
