"""What waits for a person: candidates whose evidence they may sign, and statements that policies still ask for. Stable API.

Only a look at the ledger and the stored decisions; whether a signature is accepted is decided where it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.promotion.deeds import REVIEWING
from rai_tune.promotion.evidence import author_key
from rai_tune.promotion.keys import same_person
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import ROLES
from rai_tune.promotion.records import statement_digest
from rai_tune.promotion.serving import promotions
from rai_tune.promotion.signed import signed_about
from rai_tune.promotion.statement import evidence_statement
from rai_tune.reporting.stored import stored_decisions, stored_results

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.signed import Signed
    from rai_tune.workspace import RunRecord, Workspace


def served_as(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    """Run id -> aliases that it serves now. Raises ``IntegrityError`` when the ledger does not verify."""
    newest = {promotion.alias: promotion.run_id for promotion in promotions(Ledger(workspace))}
    served: dict[str, tuple[str, ...]] = {}
    for alias, run_id in sorted(newest.items()):
        served[run_id] = (*served.get(run_id, ()), alias)
    return served


def waits_for(workspace: Workspace, run: RunRecord, someone: Signer) -> tuple[str, ...]:
    """What this person may do about a completed candidate, each in a few words; nothing for any other run."""
    if run.state != "completed" or run.parent is not None:
        return ()
    signed = signed_about(Ledger(workspace), run.id, author_key(workspace, run.id))
    return (*_signatures(workspace, run, someone, signed), *_statements(workspace, run, someone))


def _signatures(workspace: Workspace, run: RunRecord, someone: Signer, signed: Signed) -> Iterator[str]:
    mine = [signoff for signoff in signed.signoffs if same_person(signoff.person, someone.person)]
    # The present statement is worked out only for whoever signed an earlier one: it reads all of the evidence.
    current = statement_digest(evidence_statement(workspace, run.id, stored_results(workspace, run.id))) if mine else ""
    stale = {signoff.role for signoff in mine if signoff.statement != current}
    fresh = {signoff.role for signoff in mine if signoff.statement == current}
    author = signed.is_author(someone.person)
    if "author" in someone.roles and "author" not in fresh and (author or not signed.authors):
        yield "sign again: the evidence changed" if "author" in stale else "sign as author"
    if author or not signed.authors:
        return
    for role in ROLES:
        if role in REVIEWING & someone.roles and role not in fresh:
            yield f"sign again: the evidence changed ({role})" if role in stale else f"review, and sign as {role}"
            return


def _statements(workspace: Workspace, run: RunRecord, someone: Signer) -> Iterator[str]:
    asked = sum(
        control.outcome == "awaiting_signoff" and control.mode != "automated" and control.attested_by is None
        for decision in stored_decisions(workspace, run.id)
        for control in decision.controls
    )
    if asked and someone.roles:
        yield f"{asked} statement{'s' if asked != 1 else ''} to make"
