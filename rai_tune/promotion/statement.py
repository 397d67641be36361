"""The evidence statement of a run: an in-toto Statement about every file that shapes its decisions. Stable API.

Subject: the SHA-256 of every model file, of every base file and of the predictions. Predicate: measurements, inputs, policy digests,
environment. Everything is read from verified artifacts, so the same run always gives the same statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError, UsageError
from rai_tune.promotion.facts import facts_of, written
from rai_tune.promotion.records import EVIDENCE, statement

if TYPE_CHECKING:
    from rai_tune.core import AuditResult
    from rai_tune.workspace import ArtifactRef, RunRecord, Workspace

PREDICTIONS = "predictions.parquet"
MODEL, BASE = "model/", "base/"
"""What the names of a model's own files and of its base's begin with."""

_SPOKEN_OF = {"model", "predictions"}


def evidence_statement(
    workspace: Workspace, run_id: str, results: tuple[AuditResult, ...], at: str = ""
) -> dict[str, Any]:
    """The statement of a completed run. ``at`` is the time that it is made, which its digest leaves out.

    Raises ``UsageError`` for a run without a model or predictions, ``IntegrityError`` when a stored artifact was changed.
    """
    run = workspace.run(run_id)
    artifacts = workspace.artifacts(run.id)
    if not set(artifacts) >= _SPOKEN_OF:
        raise UsageError(f"run {run.id} is {run.state} and has no model and predictions to make a statement about")
    predicate = {
        "at": at,
        "run": {**_about(run), "author_key": stored_json(workspace, artifacts, "context").get("author_key")},
        "model_digest": run.model_digest,
        "predictions_digest": run.predictions_digest,
        "inputs": {"data": run.data_digest, "base": run.base_digest, "test": run.test_digest},
        "policies": dict(run.policies),
        "frozen_at": run.policies_frozen_at,
        **_timing(workspace, artifacts),
        "results": [_result(result, artifacts) for result in results],
        "measurements": [item.to_json() for result in results for item in result.measurements],
        "groups": stored_json(workspace, artifacts, "data").get("groups", {}),
        "facts": written(stated_facts(workspace, run)),
        "environment": stored_json(workspace, artifacts, "environment"),
    }
    return statement(EVIDENCE, _subject(workspace, run, artifacts), predicate)


def present_statement(workspace: Workspace, run_id: str, results: tuple[AuditResult, ...]) -> dict[str, Any]:
    """The statement of a run as it stands; empty while it has no model and predictions to make one about."""
    complete = set(workspace.artifacts(run_id)) >= _SPOKEN_OF
    return evidence_statement(workspace, run_id, results) if complete else {}


def model_files(workspace: Workspace, run_id: str) -> dict[str, str]:
    """Name -> SHA-256 of every file of a run's model, ``model/...``, and of its base, ``base/...``."""
    artifacts = workspace.artifacts(run_id)
    if "model" not in artifacts:
        raise UsageError(f"run {run_id} has no trained model")
    manifest = workspace.read_json(artifacts["model"].digest)["files"]
    base = workspace.read_json(manifest["base.json"])["files"] if "base.json" in manifest else {}
    return {
        **{f"{MODEL}{name}": digest for name, digest in sorted(manifest.items())},
        **{f"{BASE}{name}": digest for name, digest in sorted(base.items())},
    }


def stated_facts(workspace: Workspace, run: RunRecord, openings: int | None = None) -> dict[str, dict[str, Any]]:
    """Facts about a run for conditions. Without ``openings`` the one fact that other runs change is left out."""
    artifacts = workspace.artifacts(run.id)
    facts = facts_of(
        run.recipe,
        stored_json(workspace, artifacts, "data"),
        stored_json(workspace, artifacts, "training"),
        openings or 0,
    )
    if openings is None:
        facts.get("run", {}).pop("test_openings", None)
    return facts


def _about(run: RunRecord) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "created_at": run.created_at,
        "recipe_digest": run.recipe_digest,
        "parent": run.parent,
    }


def _timing(workspace: Workspace, artifacts: dict[str, ArtifactRef]) -> dict[str, Any]:
    return {
        "evaluation_started_at": stored_json(workspace, artifacts, "opening").get("at", ""),
        "reaudited": list(stored_json(workspace, artifacts, "reaudits").get("audits", ())),
    }


def _subject(workspace: Workspace, run: RunRecord, artifacts: dict[str, ArtifactRef]) -> list[tuple[str, str]]:
    if artifacts["predictions"].digest != run.predictions_digest:
        raise IntegrityError(f"run {run.id}: its predictions are not those that were recorded")
    return [*model_files(workspace, run.id).items(), (PREDICTIONS, artifacts["predictions"].digest)]


def _result(result: AuditResult, artifacts: dict[str, ArtifactRef]) -> dict[str, Any]:
    return {
        "audit": result.audit,
        "suite": result.suite,
        "version": result.version,
        "seed": result.seed,
        "status": result.status,
        "reason": result.reason,
        "inputs": dict(result.inputs),
        "artifacts": dict(result.artifacts),
        "digest": artifacts[f"audit:{result.audit}"].digest,
    }


def stored_json(workspace: Workspace, artifacts: dict[str, ArtifactRef], name: str) -> dict[str, Any]:
    """A JSON artifact of a run by its name; empty where the run has none."""
    return dict(workspace.read_json(artifacts[name].digest)) if name in artifacts else {}
