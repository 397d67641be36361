"""Evidence of many runs for deciding them again, a twin of ``collect_evidence`` that reads no more than it is asked for. Stable API.

Rows of the database come in a few queries for all runs; every artifact is read and verified each time. Nothing is written. What
people signed is not here: ``signed_runs`` names the runs that need ``collect_evidence``.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rai_tune.core import AuditResult
from rai_tune.gate import Evidence
from rai_tune.promotion.records import ATTESTATION, SIGNOFF, WAIVER

if TYPE_CHECKING:
    from collections.abc import Collection

    from rai_tune.workspace import ArtifactRef, RunRecord, Workspace

AUDIT = "audit:"
_ALWAYS = ("data", "opening", "reaudits", "training")


class BulkEvidence:
    """Evidence of the runs of one workspace, restricted to some audits. ``facts`` says whether conditions need them."""

    def __init__(self, workspace: Workspace, audits: Collection[str], *, facts: bool = True) -> None:
        self._workspace = workspace
        self._facts = facts
        self._artifacts = workspace.artifacts_by_run([*_ALWAYS, *(f"{AUDIT}{name}" for name in sorted(audits))])
        self._openings = workspace.openings()

    def of(self, run: RunRecord, audits: Collection[str]) -> Evidence:
        """Evidence of a run with these audits alone, which must be among those of the whole; one that is absent stays so.

        Raises ``IntegrityError`` naming an artifact that is missing or was changed.
        """
        artifacts = self._artifacts.get(run.id, {})
        data = self._json(artifacts, "data") or {"groups": {}}
        opened = self._json(artifacts, "opening")
        openings = self._openings.get(run.test_digest or "", 0) if opened else 0
        return Evidence(
            run_id=run.id,
            state=run.state,
            results=self._results(run, audits),
            groups={name: tuple(values) for name, values in data["groups"].items()},
            model_digest=run.model_digest or "",
            predictions_digest=run.predictions_digest or "",
            frozen_policies=run.policies,
            test_openings=openings,
            frozen_at=run.policies_frozen_at,
            evaluation_started_at=opened.get("at", ""),
            reaudited=tuple(self._json(artifacts, "reaudits").get("audits", ())),
            facts=self._stated(run, artifacts, data, openings) if self._facts else {},
        )

    def more(self, evidence: Evidence, run: RunRecord, audits: Collection[str]) -> Evidence:
        """The same evidence with these audits beside those that it has."""
        absent = set(audits) - {result.audit for result in evidence.results}
        return evidence.model_copy(update={"results": (*evidence.results, *self._results(run, absent))})

    def _results(self, run: RunRecord, audits: Collection[str]) -> tuple[AuditResult, ...]:
        artifacts = self._artifacts.get(run.id, {})
        refs = [artifacts[name] for name in sorted(f"{AUDIT}{audit}" for audit in audits) if name in artifacts]
        return tuple(AuditResult.model_validate_json(self._workspace.read_bytes(ref.digest)) for ref in refs)

    @cached_property
    def signed_runs(self) -> frozenset[str]:
        """Runs about which somebody signed a statement: a sign-off, an attestation or a waiver."""
        rows = self._workspace.chain_rows(kinds=(SIGNOFF, ATTESTATION, WAIVER))
        return frozenset(row.run_id for row in rows if row.run_id is not None)

    def _stated(
        self, run: RunRecord, artifacts: dict[str, ArtifactRef], data: dict[str, Any], openings: int
    ) -> dict[str, dict[str, Any]]:
        from rai_tune.promotion.facts import facts_of

        return facts_of(run.recipe, data, self._json(artifacts, "training"), openings)

    def _json(self, artifacts: dict[str, ArtifactRef], name: str) -> dict[str, Any]:
        ref = artifacts.get(name)
        return dict(json.loads(self._workspace.read_bytes(ref.digest))) if ref else {}
