"""What a report of a stored run is made from, with what people signed about it and the ledger's head. Stable API: ``reported``.

It stands above promotion and reporting, which do not know each other. Decisions are made again here, for today, because stored ones carry no
seal of their own: a report says where the two differ for the worse.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rai_tune.core import IntegrityError, UsageError
from rai_tune.promoting import decisions_today
from rai_tune.promotion.evidence import author_key
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.records import statement_digest
from rai_tune.promotion.signed import signed_about
from rai_tune.promotion.statement import present_statement, stored_json
from rai_tune.reporting.redecided import worse_now
from rai_tune.reporting.stored import report_inputs, stored_table
from rai_tune.reporting.text import sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from rai_tune.core import AuditResult
    from rai_tune.gate.decision import Decision
    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.workspace import RunRecord, Workspace


def reported(workspace: Workspace, run_id: str, *, texts: bool = False) -> ReportInputs:
    """Everything that a report of this run may show; ``texts`` adds the texts of its explained rows.

    Raises ``IntegrityError`` when the ledger does not verify, ``UsageError`` for texts that the run does not hold.
    """
    inputs = report_inputs(workspace, run_id)
    run = workspace.run(run_id)
    ledger = Ledger(workspace)
    head = ledger.head()
    signed = signed_about(ledger, run.id, author_key(workspace, run.id))
    evidence = present_statement(workspace, run.id, inputs.results)
    return replace(
        inputs,
        ledger={"size": head.size, "root": head.root, "at": head.at} if head.size else {},
        statement=statement_digest(evidence) if evidence else "",
        evidence=evidence,
        signers=signers_asked(workspace, run, inputs.decisions),
        attestations=signed.attestations,
        signoffs=signed.signoffs,
        waivers=signed.waivers,
        entries=dict(signed.seqs or {}),
        texts=explained_texts(workspace, run.id) if texts else None,
        taken_back=taken_back(workspace, run, inputs.decisions, inputs.results),
    )


def taken_back(
    workspace: Workspace,
    run: RunRecord,
    decisions: tuple[Decision, ...],
    results: tuple[AuditResult, ...] | None = None,
) -> tuple[str, ...]:
    """What deciding today takes back of stored decisions, in sentences; nothing for a run that is not completed."""
    if run.state != "completed" or not decisions:
        return ()
    try:
        return worse_now(decisions, decisions_today(workspace, run, results=results))
    except (IntegrityError, UsageError) as error:
        return (f"Whether it would be given today is not known: {sentence(str(error))}",)


def signers_asked(workspace: Workspace, run: RunRecord, decisions: Iterable[Decision]) -> dict[str, int]:
    """How many people the packs that froze with the run ask to sign it: by role, and ``quorum`` for those besides the author.

    A signature control that does not apply asks nobody.
    """
    artifacts = workspace.artifacts(run.id)
    idle = {
        (each.policy_id, control.id)
        for each in decisions
        for control in each.controls
        if control.outcome == "not_applicable"
    }
    asked: dict[str, int] = {}
    for name in run.policies:
        pack = stored_json(workspace, artifacts, f"policy:{name}")
        asked["quorum"] = max(asked.get("quorum", 1), pack.get("quorum") or 1)
        for control in pack.get("controls", ()):
            check = control.get("check") or {}
            if check.get("kind") == "signature" and (name, control["id"]) not in idle:
                asked[check["role"]] = max(asked.get(check["role"], 0), int(check["people"]["value"]))
    return asked


def explained_texts(workspace: Workspace, run_id: str) -> pd.DataFrame:
    """row_id, label, prediction and text of the explained rows, in their order. Raises ``UsageError`` where the run does not hold them."""
    told = stored_table(workspace, run_id, "explanations:documents")
    rows = stored_table(workspace, run_id, "rows")
    if told is None or rows is None:
        gone = workspace.deletions(run_id)
        why = f"its texts were {gone[0].sentence}" if gone else "it holds no explained rows"
        raise UsageError(f"--texts: run {run_id} has no texts to show: {why}")
    found = told[["row_id", "label", "prediction"]].merge(rows[["row_id", "text"]], on="row_id", how="left")
    return found.fillna({"text": "(not stored)"})
