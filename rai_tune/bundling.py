"""Which files the bundle of a run holds. Stable API: ``bundle_run``, ``documents_of``.

It composes what promotion signed and what reporting tells; the form of the file is ``rai_tune.promotion.bundle``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.candidates import frozen_policies
from rai_tune.core import ConflictError, UsageError, canonical_json
from rai_tune.promoting import decisions_today
from rai_tune.promotion.bundle import ledger_files, pack
from rai_tune.promotion.keys import workspace_key
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.records import EVIDENCE, PEOPLE_KINDS, statement_digest
from rai_tune.promotion.signed import record_evidence
from rai_tune.promotion.statement import evidence_statement
from rai_tune.reporting.stored import stored_results
from rai_tune.selection import check_chosen
from rai_tune.workspace.runs import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.promotion.ledger import Head, LedgerEntry
    from rai_tune.workspace import RunRecord, Workspace

_TRIES = 5


def documents_of(workspace: Workspace, run_id: str) -> dict[str, bytes]:
    """The documents about a run: the report, the model card, the bill of materials and the Annex IV documentation."""
    from rai_tune.reported_run import reported
    from rai_tune.reporting import render_report
    from rai_tune.reporting.documents import annex_iv_markdown, ml_bom, model_card_markdown

    inputs = reported(workspace, run_id)
    return {
        "report.pdf": render_report(inputs),
        "model-card.md": model_card_markdown(inputs),
        "ml-bom.json": ml_bom(inputs),
        "annex-iv.md": annex_iv_markdown(inputs),
    }


def bundle_run(
    workspace: Workspace, run_id: str, documents: Callable[[Workspace, str], dict[str, bytes]] = documents_of
) -> bytes:
    """The bundle of a completed run, its decisions as of today, its documents, and the ledger as it stands.

    A run whose evidence as it stands is not in the ledger gets its entry now, signed by the workspace. Raises ``UsageError`` for a run
    that did not complete, ``IntegrityError`` when stored bytes were changed, ``ConflictError`` when the ledger never stood still.
    """
    run = workspace.run(run_id)
    check_chosen(workspace, run.id)
    if run.state != "completed":
        raise UsageError(f"run {run.id} is {run.state}; a bundle holds the evidence of a completed run")
    ledger = Ledger(workspace)
    record_evidence(ledger, run.id, evidence_statement(workspace, run.id, stored_results(workspace, run.id), now()))
    told = {f"documents/{name}": content for name, content in documents(workspace, run.id).items()}
    key = workspace_key(workspace.root, create=False)
    if key is None:
        raise UsageError("the key of this workspace is not here; name its file in RAITUNE_WORKSPACE_KEY")
    for _ in range(_TRIES):
        head = ledger.head()
        files = {**_judged(workspace, run), **_signed(ledger, run, head), **told}
        if ledger.head().size == head.size:
            return pack(run.id, files, head, key)
    raise ConflictError("other processes keep writing to the ledger; repeat the command")


def _judged(workspace: Workspace, run: RunRecord) -> dict[str, bytes]:
    """The packs as they froze, and what they say today on evidence and signatures as they stand."""
    policies = frozen_policies(workspace, run)
    files = {
        f"policies/{each.policy.id}.json": canonical_json(each.policy.model_dump(mode="json", exclude_none=True))
        for each in policies
    }
    for decision in decisions_today(workspace, run, policies):
        files[f"decisions/{decision.policy_id}.json"] = canonical_json(decision.to_json())
    return files


def _signed(ledger: Ledger, run: RunRecord, head: Head) -> dict[str, bytes]:
    """The ledger's part: every entry about this run and every key, and the newest evidence statement by itself."""
    about = {entry.seq: entry for entry in ledger.entries() if _concerns(entry, run.id)}
    evidence = [entry for entry in about.values() if entry.kind == EVIDENCE and entry.seq < head.size]
    current = statement_digest(evidence_statement(ledger.workspace, run.id, stored_results(ledger.workspace, run.id)))
    if statement_digest(evidence[-1].statement) != current:
        raise ConflictError(f"the evidence of run {run.id} changed while it was bundled; repeat the command")
    texts = [row.entry for row in ledger.workspace.chain_entries()][: head.size]
    return {
        "statement.json": evidence[-1].envelope.encode(),
        **ledger_files(texts, about.values(), head),
    }


def _concerns(entry: LedgerEntry, run_id: str) -> bool:
    """By what was signed as well as by the column beside it."""
    if entry.kind in PEOPLE_KINDS or entry.run_id == run_id:
        return True
    about = entry.predicate.get("run")
    return run_id == (about.get("id") if isinstance(about, dict) else about)
