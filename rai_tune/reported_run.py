"""What a report of a stored run is made from, with what people signed about it and the ledger's head. Stable API: ``reported``.

It stands above promotion and reporting, which do not know each other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rai_tune.promotion.evidence import author_key
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.records import statement_digest
from rai_tune.promotion.signed import signed_about
from rai_tune.promotion.statement import evidence_statement
from rai_tune.reporting.stored import report_inputs

if TYPE_CHECKING:
    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.workspace import Workspace


def reported(workspace: Workspace, run_id: str) -> ReportInputs:
    """Everything that a report of this run may show. Raises ``IntegrityError`` when the ledger does not verify."""
    inputs = report_inputs(workspace, run_id)
    run = workspace.run(run_id)
    ledger = Ledger(workspace)
    head = ledger.head()
    signed = signed_about(ledger, run.id, author_key(workspace, run.id))
    complete = {"model", "predictions"} <= set(workspace.artifacts(run.id))
    return replace(
        inputs,
        ledger={"size": head.size, "root": head.root, "at": head.at} if head.size else {},
        statement=statement_digest(evidence_statement(workspace, run.id, inputs.results)) if complete else "",
        attestations=signed.attestations,
        signoffs=signed.signoffs,
    )
