"""Collect all that a decision about a run may read, from what the workspace and the ledger verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.gate import Evidence
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.records import statement_digest
from rai_tune.promotion.signed import signed_about
from rai_tune.promotion.statement import evidence_statement, stated_facts, stored_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_tune.core import AuditResult
    from rai_tune.promotion.signed import Signed
    from rai_tune.workspace import RunRecord, Workspace


def collect_evidence(workspace: Workspace, run_id: str, results: tuple[AuditResult, ...]) -> Evidence:
    """Bind audit results to the run's digests, its frozen policies, what people signed, and the count of runs that opened its test rows."""
    run = workspace.run(run_id)
    artifacts = workspace.artifacts(run.id)
    opening = stored_json(workspace, artifacts, "opening")
    openings = workspace.open_test_rows(run.id, run.test_digest) if opening and run.test_digest else 0
    complete = "model" in artifacts and "predictions" in artifacts
    return evidence_of(
        run,
        results,
        data=stored_json(workspace, artifacts, "data"),
        opening=opening,
        reaudits=stored_json(workspace, artifacts, "reaudits"),
        openings=openings,
        facts=stated_facts(workspace, run, openings),
        signed=signed_about(Ledger(workspace), run.id, author_key(workspace, run.id)),
        statement=statement_digest(evidence_statement(workspace, run.id, results)) if complete else "",
    )


def evidence_of(
    run: RunRecord,
    results: tuple[AuditResult, ...],
    *,
    data: Mapping[str, Any],
    opening: Mapping[str, Any],
    reaudits: Mapping[str, Any],
    openings: int,
    facts: dict[str, dict[str, Any]],
    signed: Signed,
    statement: str = "",
) -> Evidence:
    """Evidence from what was read of a run: its stored JSON values by name, and what people signed about it."""
    return Evidence(
        run_id=run.id,
        state=run.state,
        results=results,
        groups={name: tuple(values) for name, values in data.get("groups", {}).items()},
        model_digest=run.model_digest or "",
        predictions_digest=run.predictions_digest or "",
        frozen_policies=run.policies,
        test_openings=openings,
        frozen_at=run.policies_frozen_at,
        evaluation_started_at=opening.get("at", ""),
        reaudited=tuple(reaudits.get("audits", ())),
        facts=facts,
        author=signed.authors[0] if signed.authors else None,
        statement=statement,
        attestations=signed.attestations,
        signoffs=signed.signoffs,
        waivers=signed.waivers,
    )


def author_key(workspace: Workspace, run_id: str) -> str | None:
    """Id of the key that a run was started with, or None when it was started without."""
    found = stored_json(workspace, workspace.artifacts(run_id), "context").get("author_key")
    return str(found) if found else None
