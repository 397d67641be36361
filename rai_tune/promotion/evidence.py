"""Collect all that a decision about a run may read, from what the workspace verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.gate import Evidence

if TYPE_CHECKING:
    from rai_tune.core import AuditResult
    from rai_tune.workspace import Workspace


def collect_evidence(workspace: Workspace, run_id: str, results: tuple[AuditResult, ...]) -> Evidence:
    """Bind audit results to the run's digests, its frozen policies and the count of runs that opened its test rows."""
    run = workspace.run(run_id)
    artifacts = workspace.artifacts(run.id)
    data = workspace.read_json(artifacts["data"].digest) if "data" in artifacts else {"groups": {}}
    opened = workspace.read_json(artifacts["opening"].digest) if "opening" in artifacts else {}
    again = workspace.read_json(artifacts["reaudits"].digest) if "reaudits" in artifacts else {"audits": []}
    openings = workspace.open_test_rows(run.id, run.test_digest) if opened and run.test_digest else 0
    return Evidence(
        run_id=run.id,
        state=run.state,
        results=results,
        groups={name: tuple(values) for name, values in data["groups"].items()},
        model_digest=run.model_digest or "",
        predictions_digest=run.predictions_digest or "",
        frozen_policies=run.policies,
        test_openings=openings,
        frozen_at=run.policies_frozen_at,
        evaluation_started_at=opened.get("at", ""),
        reaudited=tuple(again["audits"]),
    )
