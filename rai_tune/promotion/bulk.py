"""Evidence of many runs for deciding them again, a twin of ``collect_evidence`` that reads no more than it is asked for. Stable API.

Rows of the database come in a few queries for all runs; every artifact is read and verified anew. Nothing is written. The digest of
the evidence statement, which takes all of a run's evidence, is left empty: a check of signatures needs ``collect_evidence``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from rai_tune.core import AuditResult
from rai_tune.promotion.evidence import evidence_of
from rai_tune.promotion.facts import facts_of
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.records import ATTESTATION, SIGNOFF, WAIVER
from rai_tune.promotion.signed import Signed, signed_about

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from rai_tune.gate import Evidence
    from rai_tune.workspace import ArtifactRef, RunRecord, Workspace

    Wanted = Mapping[str, AbstractSet[str] | None]
    """Audit -> the metrics that are read of it; None for all."""

AUDIT = "audit:"
_ALWAYS = ("context", "data", "opening", "reaudits", "training")


class BulkEvidence:
    """Evidence of the runs of one workspace. ``wanted`` names every audit that may be asked for, ``facts`` says whether to state facts."""

    def __init__(self, workspace: Workspace, wanted: Wanted, *, facts: bool = True) -> None:
        self._workspace, self._facts = workspace, facts
        self._artifacts = workspace.artifacts_by_run([*_ALWAYS, *(f"{AUDIT}{name}" for name in sorted(wanted))])
        self._openings = workspace.openings()
        self._run_id, self._parsed = "", dict[str, dict[str, Any]]()

    def of(self, run: RunRecord, wanted: Wanted) -> Evidence:
        """Evidence of a run with these audits and metrics alone; an audit that the run did not make stays absent.

        The first measurement of an audit is always there, so that one which measured nothing is told from the rest. Raises
        ``IntegrityError`` naming an artifact that is missing or was changed.
        """
        opening = self._json(run, "opening")
        openings = self._openings.get(run.test_digest or "", 0) if opening else 0
        return evidence_of(
            run,
            self._results(run, wanted),
            data=self._json(run, "data"),
            opening=opening,
            reaudits=self._json(run, "reaudits"),
            openings=openings,
            facts=self._stated(run, openings) if self._facts else {},
            signed=self._signed(run),
        )

    @cached_property
    def signed_runs(self) -> frozenset[str]:
        """Runs about which somebody signed a statement: a sign-off, an attestation or a waiver."""
        rows = self._workspace.chain_rows(kinds=(SIGNOFF, ATTESTATION, WAIVER))
        return frozenset(row.run_id for row in rows if row.run_id is not None)

    def _results(self, run: RunRecord, wanted: Wanted) -> tuple[AuditResult, ...]:
        found = [(self._json(run, f"{AUDIT}{name}"), wanted[name]) for name in sorted(wanted)]
        return tuple(AuditResult.model_validate(_only(body, metrics)) for body, metrics in found if body)

    def _signed(self, run: RunRecord) -> Signed:
        if run.id not in self.signed_runs:
            return Signed()
        author_key = self._json(run, "context").get("author_key")
        return signed_about(Ledger(self._workspace), run.id, str(author_key) if author_key else None)

    def _stated(self, run: RunRecord, openings: int) -> dict[str, dict[str, Any]]:
        return facts_of(run.recipe, self._json(run, "data"), self._json(run, "training"), openings)

    def _json(self, run: RunRecord, name: str) -> dict[str, Any]:
        """An artifact of a run, verified, or nothing where the run has none; those of one run are kept until the next."""
        if run.id != self._run_id:
            self._run_id, self._parsed = run.id, {}
        ref: ArtifactRef | None = self._artifacts.get(run.id, {}).get(name)
        if ref is not None and name not in self._parsed:
            self._parsed[name] = dict(from_json(self._workspace.read_bytes(ref.digest)))
        return self._parsed.get(name, {})


def _only(result: dict[str, Any], metrics: AbstractSet[str] | None) -> dict[str, Any]:
    """A stored result without the measurements that nobody reads: making values of them is most of the time."""
    measured = result.get("measurements")
    if metrics is None or not isinstance(measured, list):
        return result
    kept = [item for place, item in enumerate(measured) if place == 0 or item["metric"] in metrics]
    return {**result, "measurements": kept}
