"""Audit a table of predictions and judge it: the same gate and the same report as a run, without a model or a workspace.

Policies are read before the table is opened, so they are frozen before the evaluation as in a run. Stable API:
``TableQuestion``, ``audit_predictions``, ``AuditedTable``, ``table_settings``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rai_audits.fairness.table import TableSpec, audit_table
from rai_tune.core import UsageError, plain_attributes, sha256_json
from rai_tune.gate import Decision, Evidence, alphas_of, evaluate, load_policy
from rai_tune.gate.decision import EXIT_CODES
from rai_tune.recipe import parse_recipe
from rai_tune.recipe.audits import AuditsSpec
from rai_tune.reporting import ReportInputs
from rai_tune.reporting.controls import overall_outcome
from rai_tune.reporting.table_view import TableFacts, recipe_of_table

if TYPE_CHECKING:
    from rai_audits.fairness.table import TableAudit
    from rai_tune.gate import LoadedPolicy


@dataclass(frozen=True, kw_only=True)
class TableQuestion(TableSpec):
    """A table, what its columns mean, and a second table that brings group columns."""

    table: Any
    join: Any = None
    on: str | None = None


@dataclass(frozen=True)
class AuditedTable:
    """What was measured and decided, with all that a report needs. Without a policy there is no decision."""

    measured: TableAudit
    decisions: tuple[Decision, ...]
    inputs: ReportInputs

    @property
    def exit_code(self) -> int:
        """Exit code of the worst decision; 0 when no policy was asked."""
        return EXIT_CODES[overall_outcome("completed", self.decisions)] if self.decisions else 0


def audit_predictions(
    question: TableQuestion, policies: tuple[str, ...] = (), settings: AuditsSpec | None = None
) -> AuditedTable:
    """Measure a table and judge it under policies, by id or path. Raises ``UsageError`` for bad input of any kind."""
    packs = tuple(load_policy(name) for name in policies)
    settings = settings or AuditsSpec()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    measured = audit_table(
        question.table,
        TableSpec(**{item.name: getattr(question, item.name) for item in fields(TableSpec)}),
        join=question.join,
        on=question.on,
        options=settings.options,
        confidence=settings.confidence,
        alphas=tuple(sorted({0.05, *alphas_of(pack.policy for pack in packs)})),
    )
    name = f"table-{measured.predictions_digest[:12]}"
    day = datetime.fromisoformat(began).date()
    decisions = tuple(evaluate(pack, _evidence(name, measured, packs, began), day) for pack in packs)
    return AuditedTable(measured, decisions, _report_inputs(name, measured, packs, decisions, settings, began))


def table_settings(overrides: tuple[str, ...]) -> AuditsSpec:
    """Settings of audits from ``audits.field=value`` texts, by the rules of a recipe. Raises ``UsageError`` naming the text."""
    for text in overrides:
        if not text.startswith("audits."):
            raise UsageError(
                f"--set {text!r}: a table has no recipe; only settings of audits can be set, such as audits.min_group_rows=30"
            )
    empty = {"name": "table", "data": {"source": {"kind": "csv", "path": "table"}, "text": "text", "label": "label"}}
    return parse_recipe(empty, "--set", Path(), overrides).recipe.audits


def _evidence(name: str, measured: TableAudit, packs: tuple[LoadedPolicy, ...], began: str) -> Evidence:
    """Evidence about a table. Nobody recorded who looked at its rows before, which the openings of 0 say."""
    return Evidence(
        run_id=name,
        state="completed",
        results=measured.results,
        groups={attribute: tuple(values) for attribute, values in measured.task.groups.items()},
        model_digest="",
        predictions_digest=measured.predictions_digest,
        frozen_policies={pack.policy.id: pack.digest for pack in packs},
        test_openings=0,
        frozen_at=began,
        evaluation_started_at=began,
        facts={
            "data": {"attributes": sorted(plain_attributes(measured.task.groups)), "rows": measured.rows},
            "run": {"trained": False},
        },
    )


def _report_inputs(
    name: str,
    measured: TableAudit,
    packs: tuple[LoadedPolicy, ...],
    decisions: tuple[Decision, ...],
    settings: AuditsSpec,
    began: str,
) -> ReportInputs:
    facts = TableFacts(
        origin=measured.origin,
        rows=measured.rows,
        task=measured.task,
        columns={
            role: str(column)
            for role, column in (
                ("label", measured.spec.label),
                ("prediction", measured.spec.prediction),
                ("score", measured.spec.score),
                ("value", measured.spec.value),
                ("id", measured.spec.row_id),
                ("weight", measured.spec.weight),
            )
            if column is not None
        },
        notes=measured.notes,
        not_run=dict(measured.not_run),
        policies=tuple(pack.policy.id for pack in packs),
    )
    recipe = recipe_of_table(facts, settings)
    return ReportInputs(
        run={
            "id": name,
            "name": f"Predictions in {measured.origin}"[:120],
            "state": "completed",
            "created_at": began,
            "error": None,
            "data_digest": None,
            "predictions_digest": measured.predictions_digest,
            "question_digest": sha256_json(facts.to_json()),
        },
        recipe=recipe,
        training={},
        environment={},
        data={},
        results=measured.results,
        decisions=decisions,
        table=facts,
    )
