"""Read a stored run back into values: audit results, decisions, and all that a report is made from. Stable API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rai_tune.core import AuditResult, IntegrityError
from rai_tune.gate import Decision
from rai_tune.recipe import Recipe
from rai_tune.reporting.inputs import ReportInputs
from rai_tune.selection import SELECTION

if TYPE_CHECKING:
    import pandas as pd

    from rai_tune.workspace import ArtifactRef, Workspace

_RUN_KEYS = (
    "id",
    "name",
    "state",
    "created_at",
    "error",
    "recipe_digest",
    "data_digest",
    "base_digest",
    "model_digest",
    "predictions_digest",
)


def report_inputs(workspace: Workspace, run_id: str) -> ReportInputs:
    """Everything that a report of this run may show, whatever state the run is in."""
    run = workspace.run(run_id)
    results = stored_results(workspace, run.id)
    return ReportInputs(
        run={key: getattr(run, key) for key in _RUN_KEYS},
        recipe=Recipe.model_validate(run.recipe),
        training=_stored_json(workspace, run.id, "training"),
        environment=_stored_json(workspace, run.id, "environment"),
        data=_data(workspace, run.id),
        results=results,
        decisions=stored_decisions(workspace, run.id),
        selection=_selection(workspace, run.id, results),
    )


def _selection(workspace: Workspace, run_id: str, results: tuple[AuditResult, ...]) -> dict[str, Any]:
    """The choice that a run comes from. Raises ``IntegrityError`` where it is not the one that the audit of it read."""
    ref = workspace.artifacts(run_id).get(SELECTION)
    read = next((result.inputs.get(SELECTION) for result in results if result.audit == SELECTION), None)
    if read is not None and (ref is None or ref.digest != read):
        raise IntegrityError(f"run {run_id}: the choice from a search that it holds is not the one that was audited")
    return dict(workspace.read_json(ref.digest)) if ref else {}


def stored_results(workspace: Workspace, run_id: str) -> tuple[AuditResult, ...]:
    """Every audit result of a run, by name of audit.

    Raises ``IntegrityError`` for a result that is none, such as one with a number that is not finite.
    """
    refs = [ref for name, ref in sorted(workspace.artifacts(run_id).items()) if name.startswith("audit:")]
    return tuple(_result(workspace, run_id, ref) for ref in refs)


def _result(workspace: Workspace, run_id: str, ref: ArtifactRef) -> AuditResult:
    try:
        return AuditResult.model_validate(workspace.read_json(ref.digest))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise IntegrityError(
            f"run {run_id}: the stored result {ref.name!r} cannot be read: {where}: {first['msg']}"
        ) from error


def stored_decisions(workspace: Workspace, run_id: str) -> tuple[Decision, ...]:
    """Return the newest decision under each policy, those of the recipe first."""
    newest: dict[str, Decision] = {}
    for body in workspace.decisions(run_id):
        decision = Decision.model_validate({key: value for key, value in body.items() if key != "created_at"})
        newest.setdefault(decision.policy_id, decision)
    named = list(workspace.run(run_id).policies)
    return tuple(sorted(newest.values(), key=lambda each: (each.policy_id not in named, each.policy_id)))


def stored_table(workspace: Workspace, run_id: str, name: str) -> pd.DataFrame | None:
    """Return a Parquet artifact of a run, or None when the run has none of that name or gave it up."""
    ref = workspace.artifacts(run_id).get(name)
    if ref is None or any(ref.digest in item.digests.values() for item in workspace.deletions(run_id)):
        return None
    return workspace.read_table(ref.digest)


def _data(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """The description of the rows, with a note first where rows and tables were deleted since."""
    data = _stored_json(workspace, run_id, "data")
    gone = workspace.deletions(run_id)
    if not gone:
        return data
    note = f"Texts and tables of this run were {gone[0].sentence}; every number here was measured before."
    return {**data, "notes": [note, *data.get("notes", ())]}


def _stored_json(workspace: Workspace, run_id: str, name: str) -> dict[str, Any]:
    ref = workspace.artifacts(run_id).get(name)
    return dict(workspace.read_json(ref.digest)) if ref else {}
