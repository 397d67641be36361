"""The report as JSON, by the public contract of the command line. Stable API.

Small cells, and those that would give them away, are suppressed as in the view: ``status`` and ``estimate`` are "suppressed", ``n`` is
0 (a number stays a number; the reason says k), and ``n_pos``, ``n_neg`` and bounds are empty. Read ``status`` before ``n``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.core import canonical_json, sha256_json
from rai_tune.gate.decision import EXIT_CODES
from rai_tune.reporting.controls import headline
from rai_tune.reporting.ledger import ledger_json
from rai_tune.reporting.suppression import hidden_cells, hidden_readings, hide_small_readings, shown
from rai_tune.reporting.table_view import no_verdict
from rai_tune.reporting.view import evidence_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rai_tune.core import AuditResult
    from rai_tune.gate.decision import Decision
    from rai_tune.reporting.inputs import ReportInputs

REPORT_SCHEMA = "rai-tune/report/v1"
MEASUREMENTS_SCHEMA = "rai-tune/measurements/v1"
DECISIONS_SCHEMA = "rai-tune/decisions/v1"


def report_json(inputs: ReportInputs) -> dict[str, Any]:
    """The whole report as plain JSON types: ``run``, ``verdict``, ``measurements``, ``decisions``, ``controls``, ``audits``."""
    told = shown(inputs)
    results, decisions = told.results, told.decisions
    if inputs.table is not None and not decisions:
        verdict, exit_code = no_verdict(), 0
    else:
        verdict = headline(inputs.run, decisions)
        exit_code = EXIT_CODES[verdict.outcome]
    about = (
        {"table": told.table.to_json()}
        if told.table is not None
        else {"ledger": ledger_json(inputs), "statement": inputs.statement or None}
    )
    return {
        "schema": REPORT_SCHEMA,
        "run": dict(inputs.run),
        **about,
        "verdict": {
            "outcome": verdict.outcome,
            "word": verdict.word,
            "sentence": verdict.sentence,
            "exit_code": exit_code,
        },
        "evidence_digest": evidence_digest(inputs),
        "suppress_below": inputs.recipe.audits.suppress_below,
        "measurements": _measurements(results),
        "decisions": [_decision(real, hidden) for real, hidden in zip(inputs.decisions, decisions, strict=True)],
        "controls": _controls(decisions),
        "audits": [
            {
                "audit": result.audit,
                "suite": result.suite,
                "version": result.version,
                "status": result.status,
                "reason": result.reason,
                "inputs": dict(result.inputs),
                "artifacts": dict(result.artifacts),
                "seed": result.seed,
                "duration_s": result.duration_s,
                "digest": sha256_json(real.to_json()),
                **_about_base(result),
            }
            for real, result in zip(inputs.results, results, strict=True)
        ],
        "training": dict(inputs.training),
        "environment": dict(inputs.environment),
        "data": dict(told.data),
        **({"search": dict(told.selection)} if told.selection else {}),
    }


def measurements_json(inputs: ReportInputs) -> bytes:
    """Every measurement as canonical JSON, small cells suppressed: the file that a PDF carries."""
    return canonical_json(
        {
            "schema": MEASUREMENTS_SCHEMA,
            "run": inputs.run.get("id"),
            "evidence_digest": evidence_digest(inputs),
            "suppress_below": inputs.recipe.audits.suppress_below,
            "measurements": _measurements(shown(inputs).results),
        }
    )


def decisions_json(
    decisions: Sequence[Decision], results: tuple[AuditResult, ...] = (), *, suppress_below: int = 5
) -> dict[str, Any]:
    """Decisions alone, as ``raitune gate --json`` prints them.

    ``results`` and ``suppress_below`` (the recipe's) say what to hide; without results, what the controls themselves read does.
    """
    hidden = hidden_cells(results, suppress_below) if results else hidden_readings(decisions, suppress_below)
    told = [hide_small_readings(decision, hidden) for decision in decisions]
    worst = max((decision.outcome for decision in decisions), key=_badness, default="insufficient_evidence")
    return {
        "schema": DECISIONS_SCHEMA,
        "run": decisions[0].run_id if decisions else None,
        "verdict": {"outcome": worst, "exit_code": EXIT_CODES[worst]},
        "decisions": [_decision(real, each) for real, each in zip(decisions, told, strict=True)],
        "controls": _controls(told),
    }


def _about_base(result: AuditResult) -> dict[str, Any]:
    """What a model is compared with: how its base was made to decide, or where its twin without mitigation comes from."""
    return {name: dict(result.facts[name]) for name in ("base", "before") if isinstance(result.facts.get(name), dict)}


def _badness(outcome: str) -> int:
    return ("pass", "awaiting_signoff", "insufficient_evidence", "fail").index(outcome)


def _measurements(results: Iterable[AuditResult]) -> list[dict[str, Any]]:
    return [item.to_json() for result in results for item in result.measurements]


def _decision(real: Decision, told: Decision) -> dict[str, Any]:
    """A decision without its controls, which are listed flat; the digest is that of the stored decision."""
    body = told.to_json()
    del body["controls"]
    return {**body, "digest": sha256_json(real.to_json()), "exit_code": real.exit_code}


def _controls(decisions: Iterable[Decision]) -> list[dict[str, Any]]:
    return [
        {"policy": decision.policy_id, "policy_version": decision.policy_version, **control.to_json()}
        for decision in decisions
        for control in decision.controls
    ]
