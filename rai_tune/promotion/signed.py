"""What people signed about a run: sign-offs, attestations, waivers; made here and read back verified. Stable API.

Reading never trusts a row: each envelope is checked against the key that was registered then, and what a revoked key or an author
in another role signed is left out with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from rai_tune.core import ConflictError, UsageError
from rai_tune.gate.decision import Attestation, Role, SignOff, Waiver
from rai_tune.promotion.deeds import KINDS, REVIEWING, deeds_about
from rai_tune.promotion.keys import same_person
from rai_tune.promotion.records import ATTESTATION, EVIDENCE, SIGNOFF, WAIVER, statement, statement_digest, subject_of
from rai_tune.workspace.runs import now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from rai_tune.gate import Decision
    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.ledger import Ledger, LedgerEntry

MAX_TEXT = 65_536
"""Characters of one attestation: a statement about a control, not an archive."""
FEWEST_WORDS = 3
"""A reason of fewer words is none."""


@dataclass(frozen=True)
class Signed:
    """What people signed about one run, verified. ``seqs`` are the ledger entries that count; ``left_out`` says why others do not."""

    authors: tuple[str, ...] = ()
    signoffs: tuple[SignOff, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    seqs: Mapping[str, tuple[int, ...]] | None = None
    left_out: tuple[str, ...] = ()

    def is_author(self, person: str) -> bool:
        return any(same_person(person, author) for author in self.authors)


def signed_about(ledger: Ledger, run_id: str, author_key: str | None = None) -> Signed:
    """Everything that counts about a run now. ``author_key`` is the key that the run itself names as its author's.

    Raises ``IntegrityError`` when an entry or a signature was changed.
    """
    found = deeds_about(ledger, run_id, author_key)
    kept = [deed for deed in found.deeds if deed.out is None]
    return Signed(
        authors=found.authors,
        signoffs=tuple(_signoff(deed.entry, deed.body) for deed in kept if deed.entry.kind == SIGNOFF),
        attestations=tuple(_attestation(deed.entry, deed.body) for deed in kept if deed.entry.kind == ATTESTATION),
        waivers=tuple(_waiver(deed.entry, deed.body) for deed in kept if deed.entry.kind == WAIVER),
        seqs={kind: tuple(deed.entry.seq for deed in kept if deed.entry.kind == kind) for kind in KINDS},
        left_out=tuple(
            f"the {deed.entry.kind} of {deed.body['person']} (ledger entry {deed.entry.seq}) does not count: {deed.out}"
            for deed in found.deeds
            if deed.out is not None
        ),
    )


def record_evidence(ledger: Ledger, run_id: str, body: dict[str, Any], expected: int | None = None) -> LedgerEntry:
    """Enter a run's evidence statement, signed by the workspace, unless the same statement is there."""
    digest = statement_digest(body)
    for entry in ledger.entries((EVIDENCE,), run_id):
        if statement_digest(entry.statement) == digest:
            return entry
    return ledger.append(EVIDENCE, body, None, run_id=run_id, expected=expected)


def sign_off(
    ledger: Ledger,
    signer: Signer,
    role: Role,
    evidence: dict[str, Any],
    decisions: tuple[Decision, ...],
    author_key: str | None,
    comment: str = "",
    expected: int | None = None,
) -> LedgerEntry:
    """Sign the evidence of a run in a role. An author signs first; a reviewer or approver is never an author.

    ``expected`` is the size that the ledger must have. Raises ``UsageError`` for a role that the key does not hold, for self-approval and
    where no author signed this evidence, ``ConflictError`` when the same person signed the same in the same role already.
    """
    predicate = evidence["predicate"]
    run_id, digest = predicate["run"]["id"], statement_digest(evidence)
    # Before the evidence is entered: who is refused leaves nothing behind.
    check_may_sign(ledger, signer, role, run_id, digest, author_key)
    place = expected
    if place is not None and record_evidence(ledger, run_id, evidence, place).seq == place:
        place += 1
    elif place is None:
        record_evidence(ledger, run_id, evidence)
    body = statement(
        SIGNOFF,
        [("evidence", digest)],
        {
            "at": now(),
            "run": run_id,
            "role": role,
            "person": signer.person,
            "comment": comment.strip(),
            "model_digest": predicate["model_digest"],
            "policies": {item.policy_id: item.policy_digest for item in decisions},
            "outcomes": {item.policy_id: item.outcome for item in decisions},
        },
    )
    return ledger.append(SIGNOFF, body, signer, run_id=run_id, expected=place)


def check_may_sign(
    ledger: Ledger, signer: Signer, role: Role, run_id: str, digest: str, author_key: str | None
) -> None:
    """Raise what ``sign_off`` would raise for this person, role and statement; enters nothing."""
    _needs_role(signer, ledger.check_signer(signer), role)
    signed = signed_about(ledger, run_id, author_key)
    if role == "author":
        _may_be_author(signer, signed, author_key)
    else:
        _four_eyes(signer, signed, f"sign as {role}")
        if not any(item.role == "author" and item.statement == digest for item in signed.signoffs):
            raise UsageError(
                f"no author signed the evidence of run {run_id} as it stands; that comes first (--as author)"
            )
    for seq, item in zip((signed.seqs or {}).get(SIGNOFF, ()), signed.signoffs, strict=True):
        if (item.role, item.statement) == (role, digest) and same_person(item.person, signer.person):
            raise ConflictError(f"{item.person} signed this evidence as {role} already (ledger entry {seq})")


def attest(ledger: Ledger, signer: Signer, about: About, text: str, expected: int | None = None) -> LedgerEntry:
    """Sign a statement about one control of one model. Anybody whose key is registered may state what they know."""
    if len(text) > MAX_TEXT:
        raise UsageError(f"the statement has {len(text):,} characters; at most {MAX_TEXT:,} are kept")
    _once(ledger, signer, about, ATTESTATION, text=text)
    body = about.statement(ATTESTATION, signer, text=text)
    return ledger.append(ATTESTATION, body, signer, run_id=about.run_id, expected=expected)


def waive(
    ledger: Ledger,
    signer: Signer,
    about: About,
    reason: str,
    until: date,
    today: date,
    author_key: str | None,
    expected: int | None = None,
) -> LedgerEntry:
    """Accept until a day that one control of one model is not met. The author of a run waives nothing in it.

    Raises ``UsageError`` without a reason, for a day that is past, a key without the role approver, or an author.
    """
    if len(reason.split()) < FEWEST_WORDS:
        raise UsageError("say in a sentence why the control is waived: --reason")
    if until < today:
        raise UsageError(f"--until {until.isoformat()} is past; a waiver ends on a day to come")
    check_may_waive(ledger, signer, about.run_id, author_key)
    said = {"reason": reason.strip(), "until": until.isoformat()}
    _once(ledger, signer, about, WAIVER, **said)
    body = about.statement(WAIVER, signer, **said)
    return ledger.append(WAIVER, body, signer, run_id=about.run_id, expected=expected)


def check_may_waive(ledger: Ledger, signer: Signer, run_id: str, author_key: str | None) -> None:
    """Raise what ``waive`` would raise for this person; enters nothing."""
    _needs_role(signer, ledger.check_signer(signer), "approver")
    _four_eyes(signer, signed_about(ledger, run_id, author_key), "waive a control")


def _once(ledger: Ledger, signer: Signer, about: About, kind: str, **said: str) -> None:
    """``ConflictError`` when the same key entered the very same words about the same control before, as a second click does."""
    wanted = about.fields(signer) | said
    for entry in ledger.entries((kind,), about.run_id):
        found = entry.predicate
        if entry.key_id == signer.key_id and wanted.items() <= found.items():
            raise ConflictError(f"{signer.person} entered the same {kind} already (ledger entry {entry.seq})")


@dataclass(frozen=True)
class About:
    """What an attestation or waiver is bound to: one control of one pack, one model, one run."""

    run_id: str
    model_digest: str
    policy_id: str
    policy_digest: str
    control: str

    def fields(self, signer: Signer) -> dict[str, str]:
        """What the statement says of its subject and its signer."""
        return {
            "run": self.run_id,
            "policy": self.policy_id,
            "policy_digest": self.policy_digest,
            "control": self.control,
            "model_digest": self.model_digest,
            "person": signer.person,
        }

    def statement(self, kind: str, signer: Signer, **fields: str) -> dict[str, Any]:
        predicate = {"at": now(), **self.fields(signer), **fields}
        return statement(kind, [("model", self.model_digest)], predicate)


def _needs_role(signer: Signer, held: frozenset[Role], role: Role) -> None:
    if role not in held:
        raise UsageError(f"the key of {signer.person} is registered as {', '.join(sorted(held))}, not as {role}")


def _may_be_author(signer: Signer, signed: Signed, author_key: str | None) -> None:
    if author_key is not None and author_key != signer.key_id and not signed.is_author(signer.person):
        raise UsageError(f"the run was started with another author's key ({author_key[:16]}); that author signs it")
    approved = [item for item in signed.signoffs if item.role in REVIEWING and same_person(item.person, signer.person)]
    if approved:
        raise UsageError(f"{signer.person} signed this run as {approved[0].role}, and cannot be its author as well")


def _four_eyes(signer: Signer, signed: Signed, deed: str) -> None:
    if signed.is_author(signer.person):
        raise UsageError(
            f"{signer.person} is an author of this run, and an author never approves it: somebody else must {deed}"
        )


def _signoff(entry: LedgerEntry, body: dict[str, Any]) -> SignOff:
    subject = subject_of(entry.statement).get("evidence", "")
    return SignOff(
        role=cast("Role", body["role"]), person=body["person"], key_id=entry.key_id, at=entry.at, statement=subject
    )


def _attestation(entry: LedgerEntry, body: dict[str, Any]) -> Attestation:
    return Attestation(**_bound(entry, body), text=body["text"])


def _waiver(entry: LedgerEntry, body: dict[str, Any]) -> Waiver:
    return Waiver(**_bound(entry, body), reason=body["reason"], until=body["until"])


def _bound(entry: LedgerEntry, body: dict[str, Any]) -> dict[str, str]:
    return {
        "policy_id": body["policy"],
        "policy_digest": body["policy_digest"],
        "control": body["control"],
        "model_digest": body["model_digest"],
        "person": body["person"],
        "key_id": entry.key_id,
        "at": entry.at,
    }
