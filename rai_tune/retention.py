"""Texts and tables of a run go, digests and decisions stay: what ``raitune runs delete`` does.

Stable API: ``plan_deletion``, ``delete_run``. What goes: the rows, the predictions, every table that an audit left, the model's files
unless the run was ever promoted, and the scratch folder with its checkpoints. What stays: the run's record, its decisions, the
results of its audits (numbers, and single words of texts where an audit names those that a model leans on), the digest of
everything that went, and the ledger. The deletion is a signed entry of the ledger before the first byte goes; one that was killed is
finished by repeating it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from rai_tune.candidates import frozen_policies
from rai_tune.core import ConflictError, RaiError, UsageError
from rai_tune.gate import evaluate
from rai_tune.gate.checks import RetentionCheck
from rai_tune.holdings import Holdings, Item
from rai_tune.promoting import today
from rai_tune.promotion import collect_evidence
from rai_tune.promotion.door import ALIASES
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.records import DELETION, statement
from rai_tune.promotion.serving import current
from rai_tune.reporting.stored import stored_results
from rai_tune.workspace.runs import now

if TYPE_CHECKING:
    from rai_tune.gate import Decision
    from rai_tune.gate.policy import Control
    from rai_tune.promotion.ledger import LedgerEntry
    from rai_tune.workspace import RunRecord, Workspace


@dataclass(frozen=True)
class Deletion:
    """What deleting a run's texts and tables would do.

    ``items`` are what no entry of the ledger names yet, ``unfinished`` what one names and is still there. ``refused`` says why it may not
    be done now; None when it may.
    """

    run: RunRecord
    items: tuple[Item, ...]
    unfinished: tuple[Item, ...]
    promoted: bool
    refused: RaiError | None

    @property
    def going(self) -> tuple[Item, ...]:
        """Those whose bytes go."""
        return tuple(item for item in (*self.items, *self.unfinished) if item.needed_by is None)

    @property
    def kept(self) -> tuple[Item, ...]:
        """Those that the run gives up and whose bytes somebody else needs."""
        return tuple(item for item in self.items if item.needed_by is not None)


def plan_deletion(
    workspace: Workspace, run_id: str, as_of: date | None = None, holdings: Holdings | None = None
) -> Deletion:
    """What would go, what would stay for whose sake, and whether anything forbids it on a day. Nothing is changed.

    Raises ``UsageError`` for an unknown run, ``IntegrityError`` when the ledger is not sound.
    """
    run = workspace.run(run_id)
    held = holdings or Holdings(workspace)
    before = held.released.get(run.id, set())
    items = held.items(run)
    return Deletion(
        run=run,
        items=tuple(item for item in items if item.digest not in before),
        unfinished=tuple(item for item in items if item.digest in before and item.needed_by is None),
        promoted=held.was_promoted(run),
        refused=_refusal(workspace, run, as_of or today()),
    )


def delete_run(workspace: Workspace, run_id: str, reason: str) -> tuple[Deletion, LedgerEntry | None]:
    """Delete a run's texts and tables; returns what was done and its entry, None when earlier entries named all of it.

    Raises ``ConflictError`` while an alias serves the run or a process works on it, ``UsageError`` while a clause demands its
    records or without a reason; nothing is changed then.
    """
    if not reason.strip():
        raise UsageError("say why the texts go: --reason")
    run = workspace.run(run_id)
    with workspace.claim(run.id):
        seen = Ledger(workspace).head().size
        planned = plan_deletion(workspace, run.id)
        if planned.refused is not None:
            raise planned.refused
        # A promotion in between would need what is about to go: the entry takes the next place or none.
        entry = _enter(workspace, planned, reason.strip(), seen) if planned.items else None
        released = Holdings(workspace).released
        for item in planned.going:
            if not item.scratch:
                workspace.discard(item.digest, {name for name, gone in released.items() if item.digest in gone})
        workspace.clear_scratch(run.id, keep=("model",) if planned.promoted else ())
    return planned, entry


def _enter(workspace: Workspace, planned: Deletion, reason: str, place: int) -> LedgerEntry:
    body = {
        "at": now(),
        "run": planned.run.id,
        "reason": reason,
        "names": [item.name for item in planned.items],
        "kept": [{"name": item.name, "needed_by": item.needed_by} for item in planned.kept],
    }
    subject = [(item.name, item.digest) for item in planned.items]
    ledger = Ledger(workspace)
    # The first entry of a ledger is the workspace's key, which comes before this one.
    expected = place if place else None
    return ledger.append(DELETION, statement(DELETION, subject, body), None, run_id=planned.run.id, expected=expected)


def _refusal(workspace: Workspace, run: RunRecord, day: date) -> RaiError | None:
    ledger = Ledger(workspace)
    serving = [alias for alias in ALIASES if (found := current(ledger, alias)) is not None and found.run_id == run.id]
    if serving:
        what = f"{serving[0]} serves" if len(serving) == 1 else f"{' and '.join(serving)} serve"
        return ConflictError(f"{what} run {run.id}: its texts and tables stay while it is in use")
    clauses = _demands(workspace, run, day)
    return UsageError(f"the records of run {run.id} are still demanded: {'; '.join(clauses)}") if clauses else None


def _demands(workspace: Workspace, run: RunRecord, day: date) -> list[str]:
    """Clauses of the run's packs that ask for its records on a day: in force, applying, and their days not over."""
    asking = [
        (pack, control, control.check)
        for pack in frozen_policies(workspace, run)
        for control in pack.policy.controls
        if isinstance(control.check, RetentionCheck)
        and control.check.of == "records"
        and control.check.direction == "at_least"
    ]
    if not asking:
        return []
    evidence = collect_evidence(workspace, run.id, stored_results(workspace, run.id))
    found = []
    for pack, control, check in asking:
        until = date.fromisoformat(run.created_at[:10]) + timedelta(days=int(check.threshold.value))
        if day < until and _applies(control, evaluate(pack, evidence, day)):
            days = f"{int(check.threshold.value)} days, until {until.isoformat()}"
            found.append(f"{control.reference} ({pack.policy.id} {control.id}) keeps them for {days}")
    return found


def _applies(control: Control, decision: Decision) -> bool:
    outcome = next(item for item in decision.controls if item.id == control.id)
    return outcome.outcome != "not_applicable" and outcome.severity != "info"
