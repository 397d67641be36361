"""What was promoted, measured again on rows that came later. Stable API: ``audit_promoted``.

The bytes are those of the alias, hash-checked. The audits and their settings are those of the recipe, the policies those that froze
with the promoted run. What comes of it is a run of its own, a child of the promoted one, with a dated statement in the ledger. All
its rows are test rows, since nothing was trained or chosen on them; what needs training rows is left unmeasured, and says so.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rai_tune.auditing import run_audits
from rai_tune.candidates import frozen_policies
from rai_tune.core import IntegrityError, UsageError
from rai_tune.core.errors import MissingArtifactError
from rai_tune.data import Task, prepare_fresh
from rai_tune.planning import Plan
from rai_tune.promoting import today
from rai_tune.promotion.door import check_alias
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.signed import record_evidence
from rai_tune.promotion.statement import evidence_statement
from rai_tune.recipe import LoadedRecipe, parse_recipe
from rai_tune.recipe.schema import SUFFIX_KINDS
from rai_tune.reporting.stored import stored_results
from rai_tune.served import Served, load
from rai_tune.stored_rows import data_facts, predict_and_store
from rai_tune.stored_run import JSON, RunOutcome, attach, decide
from rai_tune.training.base_model import BaseModel
from rai_tune.training.hardware import choose_hardware, describe_environment
from rai_tune.workspace.runs import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.data import PreparedData
    from rai_tune.promotion.serving import Promotion
    from rai_tune.workspace import RunRecord, Workspace

    Progress = Callable[[str, int, int], None]


def audit_promoted(workspace: Workspace, alias: str, data: Path, progress: Progress) -> RunOutcome:
    """Audit what an alias serves on the rows of a file, and judge it under the policies of the promoted run, as of today.

    Raises ``UsageError`` when nothing was promoted and for a file that is missing, of another form or without the columns of the
    recipe, label included; nothing is stored then. Raises ``IntegrityError`` when a served byte is not the one that was promoted.
    """
    check_alias(alias)
    _check_file(data)
    served = load(alias, workspace)
    run = workspace.run(served.promotion.run_id)
    planned = _planned(workspace, run, served, data)
    child = workspace.create_run(
        name=f"{run.name} in {alias}",
        recipe=planned.recipe.model_dump(mode="json"),
        recipe_digest=planned.loaded.digest,
        policies=dict(run.policies),
        parent=run.id,
    )
    with workspace.claim(child.id):
        try:
            return _carry_through(planned, workspace, run, child.id, served, progress)
        except KeyboardInterrupt:
            workspace.set_state(child.id, "interrupted", error="interrupted; start the audit again")
            raise
        except Exception as error:
            workspace.set_state(child.id, "failed", error=f"{type(error).__name__}: {error}"[:2000])
            raise


def _carry_through(
    planned: Plan, workspace: Workspace, run: RunRecord, child_id: str, served: Served, progress: Progress
) -> RunOutcome:
    workspace.set_state(child_id, "preparing")
    _take_over(workspace, run, child_id, served.promotion)
    attach(workspace, child_id, "data", data_facts(planned.data))
    attach(workspace, child_id, "environment", describe_environment(choose_hardware(planned.recipe.training)))
    workspace.update_run(
        child_id,
        data_digest=planned.data.data_digest,
        test_digest=planned.data.test_digest,
        base_digest=run.base_digest,
        model_digest=served.loaded.digest,
    )
    workspace.set_state(child_id, "predicting")
    stored = predict_and_store(planned, workspace, child_id, served.loaded, progress)
    _describe_training(workspace, run, child_id, stored.truncated)
    workspace.set_state(child_id, "auditing")
    child = workspace.run(child_id)
    run_audits(planned.recipe.audits.names, planned, workspace, child, served.loaded, stored.predictions, progress)
    workspace.set_state(child_id, "deciding")
    results = stored_results(workspace, child_id)
    record_evidence(Ledger(workspace), child_id, evidence_statement(workspace, child_id, results, now()))
    outcome = decide(child_id, workspace, planned.policies, as_of=today())
    workspace.update_run(child_id, verdict=outcome.outcome)
    workspace.set_state(child_id, "completed")
    return outcome


def _check_file(data: Path) -> None:
    if not data.is_file():
        raise UsageError(f"--data {data}: there is no such file")
    if data.suffix.lower() not in SUFFIX_KINDS:
        raise UsageError(f"--data {data}: the name must end in {', '.join(SUFFIX_KINDS)}, which says how to read it")


def _planned(workspace: Workspace, run: RunRecord, served: Served, data: Path) -> Plan:
    loaded = _recipe(run, served.recipe.base_dir, data)
    facts = served.loaded.facts
    task = Task(facts.classes, facts.positive, facts.favourable)
    known = workspace.read_json(workspace.artifacts(run.id)["data"].digest)["groups"]
    rows = prepare_fresh(loaded.recipe.data, loaded.base_dir, task, known)
    return Plan(
        loaded, _noted(workspace, run, rows), _base(workspace, served.promotion), frozen_policies(workspace, run)
    )


def _recipe(run: RunRecord, base_dir: Path, data: Path) -> LoadedRecipe:
    """The recipe of the promoted run with another source. Human rationales are of rows that are not here, so they go."""
    try:
        path = Path(os.path.relpath(data.resolve(), base_dir.resolve())).as_posix()
    except ValueError:  # another drive
        path = data.absolute().as_posix()
    body = {**run.recipe, "data": {**run.recipe["data"], "source": {"path": path}}}
    explain = run.recipe["audits"].get("explain", {})
    if explain.get("rationales"):
        body["audits"] = {**run.recipe["audits"], "explain": {**explain, "rationales": None}}
    return parse_recipe(body, f"recipe of run {run.id}", base_dir)


def _noted(workspace: Workspace, run: RunRecord, rows: PreparedData) -> PreparedData:
    """The same rows with a note on those whose text the model was trained on, where the training rows are still stored."""
    from dataclasses import replace

    ref = workspace.artifacts(run.id).get("rows")
    try:
        stored = None if ref is None else workspace.read_table(ref.digest)
    except MissingArtifactError:
        stored = None
    if stored is None:
        note = "The rows that the model was trained on are no longer stored, so these were not compared with them."
        return replace(rows, notes=(note, *rows.notes))
    trained = set(stored.loc[stored["split"] != "test", "text"])
    seen = int(rows.rows["text"].isin(trained).sum())
    counts = {**rows.counts, "trained_texts": seen}
    if not seen:
        return replace(rows, counts=counts)
    note = (
        f"{seen:,} of {len(rows.rows):,} rows have a text that the model was trained or its threshold chosen on; "
        "results on such rows say little about new ones."
    )
    return replace(rows, counts=counts, notes=(note, *rows.notes))


def _base(workspace: Workspace, promotion: Promotion) -> BaseModel:
    """The base that the promoted model names, by its digests; its folder, where it was promoted too, was hashed when it was loaded."""
    body = workspace.read_json(promotion.files["model/base.json"])
    folder = workspace.root / "served" / promotion.model_digest / "base"
    base = BaseModel(name=body["name"], path=folder, files=body["files"], revision=body["revision"])
    if base.digest != body["digest"]:
        raise IntegrityError(f"base.json of run {promotion.run_id} does not name the files of its digest")
    return base


def _take_over(workspace: Workspace, run: RunRecord, child_id: str, promotion: Promotion) -> None:
    artifacts = workspace.artifacts(run.id)
    for name, ref in artifacts.items():
        if name == "model" or name.startswith("policy:"):
            workspace.attach(child_id, name, ref.digest, JSON)
    began = workspace.read_json(artifacts["context"].digest)
    attach(
        workspace,
        child_id,
        "context",
        {"base_dir": began["base_dir"], "alias": promotion.alias, "promotion": promotion.seq},
    )


def _describe_training(workspace: Workspace, run: RunRecord, child_id: str, truncated: int) -> None:
    """How the model came about, as its own run recorded it; texts that were cut are counted on the rows of this audit."""
    ref = workspace.artifacts(run.id).get("training")
    if ref is not None:
        facts: dict[str, Any] = workspace.read_json(ref.digest)
        attach(workspace, child_id, "training", {**facts, "truncated": {"test": truncated}})
