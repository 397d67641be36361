"""From a run to the door and back: what the commands ``sign``, ``attest``, ``waive``, ``promote``, ``rollback`` and ``status`` do.

Stable API. Composes the rooms: the run's frozen policies, its evidence as it stands, the files that would be served, and the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from rai_tune.candidates import (
    about_control,
    completed_run,
    find_control,
    frozen_policies,
    local_files,
    refuse_production_audit,
    refuse_without_model,
)
from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.gate import LoadedPolicy, evaluate
from rai_tune.promotion import collect_evidence
from rai_tune.promotion.door import Candidate, check_alias, promote
from rai_tune.promotion.evidence import author_key
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.records import statement_digest
from rai_tune.promotion.seen import ChangedError, Seen, at_the_end, changes_since
from rai_tune.promotion.serving import Promotion, current, promotions
from rai_tune.promotion.signed import attest, sign_off, waive
from rai_tune.promotion.statement import evidence_statement, present_statement
from rai_tune.reporting.stored import stored_results
from rai_tune.selection import check_chosen
from rai_tune.workspace.runs import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.core import AuditResult
    from rai_tune.gate import Decision
    from rai_tune.gate.decision import Role
    from rai_tune.promotion.door import Alias
    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.ledger import LedgerEntry
    from rai_tune.promotion.seen import Change
    from rai_tune.workspace import RunRecord, Workspace


@dataclass(frozen=True)
class AliasStatus:
    """What an alias serves, and how its decisions would come out today. ``today`` holds no decision where they could not be made."""

    alias: str
    promotion: Promotion | None
    today: tuple[Decision, ...] = ()
    problem: str | None = None


def today() -> date:
    """The day by which waivers end and clauses begin: UTC, so that everybody means the same one."""
    return datetime.now(UTC).date()


def seen_now(workspace: Workspace, run_id: str, size: int | None = None) -> Seen:
    """What there is to see of a run, with the first ``size`` entries of the ledger (all when left out).

    A deed that names it is done only while nothing of it changed.
    """
    # The ledger first: what comes while the rest is read then counts as a change, and is not overlooked.
    entries = Ledger(workspace).head().size if size is None else size
    run = workspace.run(run_id)
    results = stored_results(workspace, run.id)
    evidence = present_statement(workspace, run.id, results)
    decisions = decisions_today(workspace, run, results=results)
    return seen_of(run, entries, statement_digest(evidence) if evidence else "", decisions)


def changed_since(workspace: Workspace, seen: Seen) -> tuple[Change, ...]:
    """What of a run is no longer as it was seen; nothing where only other runs and aliases went on."""
    return changes_since(Ledger(workspace), seen, seen_now(workspace, seen.run_id))


def sign_run(
    workspace: Workspace, run_id: str, signer: Signer, role: Role, comment: str = "", *, seen: Seen | None = None
) -> LedgerEntry:
    """Sign the evidence of a completed run as it stands, and what its policies say of it today.

    With ``seen``, the state that the signer had before them, ``ConflictError`` says what changed since.
    """
    ledger, run = Ledger(workspace), completed_run(workspace, run_id)
    if role == "author":
        refuse_production_audit(run, "has no author")

    def attempt(size: int) -> LedgerEntry:
        # One reading for the look, the statement and the decisions: what is signed is what was held against ``seen``.
        results = stored_results(workspace, run.id)
        evidence = evidence_statement(workspace, run.id, results, now())
        decisions = decisions_today(workspace, run, results=results)
        _as_seen(ledger, seen, seen_of(run, size, statement_digest(evidence), decisions))
        key = author_key(workspace, run.id)
        return sign_off(ledger, signer, role, evidence, decisions, key, comment, expected=size)

    return at_the_end(ledger, attempt)


def attest_control(
    workspace: Workspace,
    run_id: str,
    signer: Signer,
    control: str,
    text: str,
    policy: str | None = None,
    *,
    seen: Seen | None = None,
) -> LedgerEntry:
    """State something about a control of the run's policies. A placeholder is refused: it would decide nothing.

    ``seen`` as for ``sign_run``.
    """
    from rai_tune.gate.content import empty_parts

    run = completed_run(workspace, run_id)
    pack, found = find_control(workspace, run, control, policy)
    if found.mode == "automated":
        raise UsageError(f"{control} is decided by evidence alone; a statement would not be read")
    missing = empty_parts(text, found.sections or ())
    if missing:
        raise UsageError(f"this is no statement about {control} yet: {'; '.join(missing)}")
    ledger = Ledger(workspace)

    def attempt(size: int) -> LedgerEntry:
        _as_seen(ledger, seen, seen_now(workspace, run.id, size) if seen else None)
        return attest(ledger, signer, about_control(run, pack, control), text, expected=size)

    return at_the_end(ledger, attempt)


def statement_template(workspace: Workspace, run_id: str, control: str, policy: str | None = None) -> str:
    """Markdown to be filled in for a control: what it asks, and the headings that a statement must hold. It is no statement itself."""
    _, found = find_control(workspace, workspace.run(run_id), control, policy)
    if found.mode == "automated":
        raise UsageError(f"{control} is decided by evidence alone; a statement would not be read")
    parts = [f"# {found.id}: {found.title}", f"<!-- {found.reference}. {found.asks} -->"]
    for name in found.sections or ("Statement",):
        parts += [f"## {name}", "[to be written]"]
    return "\n\n".join(parts)


def statement_of(sections: Sequence[str], parts: Sequence[str]) -> str:
    """A statement from what was written under each heading that a control asks for, or from its one part where it asks for none."""
    if not sections:
        return "\n\n".join(parts).strip()
    return "\n\n".join(f"## {name}\n\n{part.strip()}" for name, part in zip(sections, parts, strict=True))


def waive_control(
    workspace: Workspace,
    run_id: str,
    signer: Signer,
    control: str,
    reason: str,
    until: date,
    policy: str | None = None,
    *,
    seen: Seen | None = None,
) -> LedgerEntry:
    """Accept until a day that a control of this model is not met. ``seen`` as for ``sign_run``."""
    run = completed_run(workspace, run_id)
    pack, _ = find_control(workspace, run, control, policy)
    about, ledger = about_control(run, pack, control), Ledger(workspace)

    def attempt(size: int) -> LedgerEntry:
        _as_seen(ledger, seen, seen_now(workspace, run.id, size) if seen else None)
        return waive(ledger, signer, about, reason, until, today(), author_key(workspace, run.id), expected=size)

    return at_the_end(ledger, attempt)


def promote_run(
    workspace: Workspace,
    run_id: str,
    alias: str,
    signer: Signer,
    *,
    rollback_of: int | None = None,
    expected: int | None = None,
    seen: Seen | None = None,
) -> LedgerEntry:
    """Let a run through the door to an alias, or raise saying why not.

    ``expected`` is the size of the ledger that the caller looked at, now when left out: any entry since makes ``ConflictError``. With
    ``seen`` instead, only a change of this run or of this alias does, and so does an alias that serves this evidence already.
    """
    place, ledger = check_alias(alias), Ledger(workspace)
    if seen is None:
        size = ledger.head().size if expected is None else expected
        return promote(ledger, place, candidate_of(workspace, run_id), signer, expected=size, rollback_of=rollback_of)

    def attempt(size: int) -> LedgerEntry:
        candidate = candidate_of(workspace, run_id)
        digest = statement_digest(candidate.evidence)
        found = seen_of(workspace.run(run_id), size, digest, candidate.decisions)
        _as_seen(ledger, seen, found, (place,))
        served = current(ledger, place)
        if served is not None and (served.run_id, served.statement) == (candidate.run_id, digest):
            raise ConflictError(f"{place} serves run {served.run_id} already (ledger entry {served.seq})")
        return promote(ledger, place, candidate, signer, expected=size, rollback_of=rollback_of)

    return at_the_end(ledger, attempt)


def candidate_of(workspace: Workspace, run_id: str) -> Candidate:
    """What would be promoted of a run, read now. ``UsageError`` for a run that never can be: a production audit, a model that was deleted."""
    run = workspace.run(run_id)
    check_chosen(workspace, run.id)
    refuse_production_audit(run, "is never promoted")
    refuse_without_model(workspace, run)
    policies = frozen_policies(workspace, run)
    # One reading for the statement and the decisions: an audit that is stored in between changes neither.
    results = stored_results(workspace, run.id)
    return Candidate(
        run_id=run.id,
        state=run.state,
        evidence=evidence_statement(workspace, run.id, results),
        decisions=decisions_today(workspace, run, policies, results),
        quorum=max((pack.policy.quorum or 1 for pack in policies), default=1),
        sources=local_files(workspace, run),
    )


def roll_back(
    workspace: Workspace, alias: str, signer: Signer, to: int | None = None, *, seen: Seen | None = None
) -> LedgerEntry:
    """Promote again what the alias stood for before, through the same door. ``to`` names the ledger entry of an earlier promotion.

    ``seen`` is the state of the run from which somebody rolls back: a change of it, of the alias or of the earlier run is a ``ConflictError``.
    """
    place = check_alias(alias)
    ledger = Ledger(workspace)
    if seen is None:
        return _roll_back(workspace, place, signer, to, ledger.head().size)

    def attempt(size: int) -> LedgerEntry:
        target = rollback_target(promotions(ledger, place), place, to)
        _as_seen(ledger, seen, seen_now(workspace, seen.run_id, size), (place,), (target.run_id,))
        return _roll_back(workspace, place, signer, to, size)

    return at_the_end(ledger, attempt)


def _roll_back(workspace: Workspace, place: Alias, signer: Signer, to: int | None, expected: int) -> LedgerEntry:
    ledger = Ledger(workspace)
    history = promotions(ledger, place)
    target = rollback_target(history, place, to)
    return promote_run(workspace, target.run_id, place, signer, rollback_of=history[-1].seq, expected=expected)


def rollback_target(history: tuple[Promotion, ...], place: Alias, to: int | None = None) -> Promotion:
    """The earlier promotion that a rollback returns to, among all of an alias, oldest first. ``UsageError`` where there is none."""
    if not history:
        raise UsageError(f"nothing was ever promoted to {place}")
    served = history[-1]
    if to is None:
        earlier = [item for item in history if item.model_digest != served.model_digest]
        if not earlier:
            raise UsageError(f"{place} never served another model than that of run {served.run_id}")
        return earlier[-1]
    found = [item for item in history if item.seq == to]
    if not found:
        raise UsageError(f"ledger entry {to} is no promotion to {place}; 'raitune status' lists them")
    return found[0]


def status_of(workspace: Workspace, alias: str) -> AliasStatus:
    """What an alias serves and what would be decided about it today, waivers that ended since included."""
    found = current(Ledger(workspace), alias)
    if found is None:
        return AliasStatus(alias, None)
    try:
        decided = decisions_today(workspace, workspace.run(found.run_id))
    except (IntegrityError, UsageError) as error:
        return AliasStatus(alias, found, (), str(error))
    return AliasStatus(alias, found, decided)


def decisions_today(
    workspace: Workspace,
    run: RunRecord,
    policies: tuple[LoadedPolicy, ...] | None = None,
    results: tuple[AuditResult, ...] | None = None,
) -> tuple[Decision, ...]:
    """Today's decisions under the policies that froze with the run; nothing is stored."""
    return decisions_as_of(workspace, run, today(), policies, results)


def decisions_as_of(
    workspace: Workspace,
    run: RunRecord,
    day: date,
    policies: tuple[LoadedPolicy, ...] | None = None,
    results: tuple[AuditResult, ...] | None = None,
) -> tuple[Decision, ...]:
    """What would be decided on a day on the evidence as it stands, under other packs where they are given; nothing is stored.

    People's signatures are those of now, whatever the day: a statement that was made since is read as well.
    """
    packs = frozen_policies(workspace, run) if policies is None else policies
    evidence = collect_evidence(workspace, run.id, stored_results(workspace, run.id) if results is None else results)
    return tuple(evaluate(pack, evidence, as_of=day) for pack in packs)


def seen_of(run: RunRecord, size: int, statement: str, decisions: tuple[Decision, ...]) -> Seen:
    """What there is to see, from what was read: ``size`` has to be read first, ``decisions`` are today's."""
    return Seen(run.id, size, statement, {item.policy_id: item.outcome for item in decisions})


def _as_seen(
    ledger: Ledger, seen: Seen | None, now: Seen | None, aliases: tuple[str, ...] = (), also: tuple[str, ...] = ()
) -> None:
    """``ChangedError`` when something that matters to the deed is no longer as it was seen."""
    changes = changes_since(ledger, seen, now, aliases, also) if seen and now else ()
    if changes:
        raise ChangedError(changes)
