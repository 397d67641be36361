"""The audited run, readable top to bottom: prepare, train, predict, audit, decide.

A recipe goes in; a run with sealed evidence and a decision comes out. Every stage leaves its result in the workspace
before the next begins, so a killed run resumes where it was, and no stage can be skipped: without audits there is no
evidence, and without evidence the gate says so.

Stable API: ``plan``, ``start``, ``resume``, ``decide``, ``reaudit``, ``predict``, ``RunOutcome``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, known_audits, load_audit, run_audit
from rai_tune.core import DivergedError, IntegrityError, StorageError, TaskInfo, UsageError, did_you_mean, sha256_json
from rai_tune.data.preparing import prepare, prepare_frame
from rai_tune.data.rerender import rerenderer
from rai_tune.gate import Decision, alphas_of, evaluate, load_policy
from rai_tune.promotion import collect_evidence
from rai_tune.recipe import LoadedRecipe, parse_recipe
from rai_tune.reporting.stored import stored_decisions, stored_results
from rai_tune.training.adapters import check_method
from rai_tune.training.base_model import BaseModel, find_base
from rai_tune.training.checkpoints import says_disk_is_full
from rai_tune.training.fit import fit
from rai_tune.training.predictions import PREDICTIONS_SCHEMA, predictions_table
from rai_tune.training.saved_model import LoadedModel, load_saved, manifest_digest

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from rai_tune.data import PreparedData
    from rai_tune.gate import LoadedPolicy
    from rai_tune.recipe.schema import Recipe
    from rai_tune.workspace import RunRecord, Workspace

Progress = Callable[[str, int, int], None]
JSON = "application/json"
PARQUET = "application/vnd.apache.parquet"
_WORST_FIRST = ("fail", "insufficient_evidence", "awaiting_signoff", "pass")


@dataclass(frozen=True)
class Plan:
    """A recipe whose every input was found and checked, before anything is stored."""

    loaded: LoadedRecipe
    data: PreparedData
    base: BaseModel
    policies: tuple[LoadedPolicy, ...]

    @property
    def recipe(self) -> Recipe:
        return self.loaded.recipe


@dataclass(frozen=True)
class RunOutcome:
    """A finished run and what the gate said of it, one decision for each policy."""

    run_id: str
    decisions: tuple[Decision, ...]

    @property
    def outcome(self) -> str:
        return worst([decision.outcome for decision in self.decisions])


def worst(outcomes: list[str]) -> str:
    """Return the worst of several outcomes; without any there is no evidence."""
    return next((word for word in _WORST_FIRST if word in outcomes), "insufficient_evidence")


def plan(loaded: LoadedRecipe) -> Plan:
    """Check everything a recipe names. Raises ``UsageError`` before anything is written."""
    recipe = loaded.recipe
    policies = tuple(load_policy(name) for name in recipe.policies)
    check_method(recipe.model.adapter.method)
    base = find_base(recipe.model.base, recipe.model.revision, loaded.base_dir)
    data = prepare(recipe.data, recipe.seed, loaded.base_dir)
    _check_measures(recipe, data)
    return Plan(loaded, data, base, policies)


def start(planned: Plan, workspace: Workspace, progress: Progress) -> RunOutcome:
    """Create a run, freeze its policies, and carry it through."""
    run = workspace.create_run(
        name=planned.recipe.name,
        recipe=planned.recipe.model_dump(mode="json"),
        recipe_digest=planned.loaded.digest,
        policies={policy.policy.id: policy.digest for policy in planned.policies},
    )
    with workspace.claim(run.id):
        _attach(workspace, run.id, "context", {"base_dir": str(planned.loaded.base_dir)})
        _attach(workspace, run.id, "data", _data_facts(planned.data))
        workspace.update_run(
            run.id,
            data_digest=planned.data.data_digest,
            base_digest=planned.base.digest,
            test_digest=planned.data.test_digest,
        )
        return _carry_through(planned, workspace, run.id, progress, resuming=False)


def resume(run_id: str, workspace: Workspace, progress: Progress) -> RunOutcome:
    """Go on with a run that was killed, interrupted or failed. Data, base and policies must be as they were."""
    run = workspace.run(run_id)
    if run.state == "completed":
        return RunOutcome(run.id, stored_decisions(workspace, run.id))
    if not run.resumable:
        raise UsageError(f"run {run.id} is {run.state} and cannot be resumed: {run.error or 'start a new run'}")
    with workspace.claim(run.id):
        planned = plan(_stored_recipe(workspace, run))
        _same_inputs(planned, run)
        return _carry_through(planned, workspace, run.id, progress, resuming=True)


def decide(run_id: str, workspace: Workspace, policies: tuple[LoadedPolicy, ...]) -> RunOutcome:
    """Judge the stored evidence of a run. A policy that was not frozen when the run began makes a re-decision."""
    evidence = collect_evidence(workspace, run_id, stored_results(workspace, run_id))
    decisions = tuple(evaluate(policy, evidence) for policy in policies)
    for decision in decisions:
        workspace.save_decision(run_id, decision.to_json())
    return RunOutcome(run_id, decisions)


def reaudit(run_id: str, workspace: Workspace, suite: str, progress: Progress) -> RunOutcome:
    """Run every audit of a suite again on a run's stored predictions, and judge again; earlier results stay, superseded.

    The model, the predictions and the data must be the bytes that were recorded. What follows is a re-decision, since the choice
    of audits came after the first look. Raises ``UsageError`` for a suite without audits or a run that did not complete.
    """
    run = workspace.run(run_id)
    names = _suite(suite)
    if run.state != "completed":
        raise UsageError(f"run {run.id} is {run.state}; only a completed run is audited again")
    with workspace.claim(run.id):
        planned = plan(_stored_recipe(workspace, run))
        _same_inputs(planned, run, policies=False)
        loaded = load_model(workspace, run)
        artifacts = workspace.artifacts(run.id)
        predictions = workspace.read_table(artifacts["predictions"].digest)
        stored = _run_audits(names, planned, workspace, run, loaded, predictions, progress)
        before = workspace.read_json(artifacts["reaudits"].digest)["audits"] if "reaudits" in artifacts else []
        _attach(workspace, run.id, "reaudits", {"audits": sorted({*before, *stored}), "at": _now()})
        outcome = decide(run.id, workspace, planned.policies)
        workspace.update_run(run.id, verdict=outcome.outcome)
    return outcome


def _suite(suite: str) -> tuple[str, ...]:
    """Names of the audits of a suite that can be loaded here."""
    suites = {name: load_audit(name).suite for name in known_audits()}
    names = tuple(name for name, of in suites.items() if of == suite)
    if not names:
        raise UsageError(f"no audit belongs to a suite {suite!r}.{did_you_mean(suite, set(suites.values()))}")
    return names


def predict(run_id: str, workspace: Workspace, frame: pd.DataFrame, source: str, progress: Progress) -> pd.DataFrame:
    """Score new rows with the model of a run: the same template, label map and threshold, all hash-checked."""
    run = workspace.run(run_id)
    recipe = _stored_recipe(workspace, run).recipe
    loaded = load_model(workspace, run)
    rows = prepare_frame(frame, recipe.data, source=source)
    table, _ = predictions_table(
        loaded,
        rows.rows,
        base_digest=run.base_digest or "",
        batch_size=recipe.training.eval_batch_size,
        device=_device(recipe),
        progress=lambda done, total: progress("predicting", done, total),
    )
    return table


def load_model(workspace: Workspace, run: RunRecord) -> LoadedModel:
    """Load the model of a run after re-hashing every file of it. Raises ``IntegrityError`` on any difference."""
    artifacts = workspace.artifacts(run.id)
    if "model" not in artifacts:
        raise UsageError(f"run {run.id} is {run.state} and has no trained model")
    manifest = workspace.read_json(artifacts["model"].digest)["files"]
    if manifest_digest(manifest) != run.model_digest:
        raise IntegrityError(f"run {run.id}: the model's list of files is not the one that was recorded")
    folder = workspace.run_dir(run.id) / "model"
    if not folder.is_dir():
        _restore(workspace, manifest, folder)
    return load_saved(folder, manifest, _stored_recipe(workspace, run).base_dir)


def _carry_through(
    planned: Plan, workspace: Workspace, run_id: str, progress: Progress, *, resuming: bool
) -> RunOutcome:
    """Run every stage that has no result yet; whatever stops it, the run's state says so."""
    try:
        workspace.set_state(run_id, "preparing")
        _train(planned, workspace, run_id, progress, resuming=resuming)
        loaded = load_model(workspace, workspace.run(run_id))
        predictions = _predict_splits(planned, workspace, run_id, loaded, progress)
        _audit(planned, workspace, run_id, loaded, predictions, progress)
        workspace.set_state(run_id, "deciding")
        outcome = decide(run_id, workspace, planned.policies)
        workspace.update_run(run_id, verdict=outcome.outcome)
        workspace.set_state(run_id, "completed")
        return outcome
    except DivergedError as error:
        workspace.set_state(run_id, "diverged", error=str(error))
        raise
    except KeyboardInterrupt:
        workspace.set_state(run_id, "interrupted", error="interrupted; --resume goes on from the last checkpoint")
        raise
    except Exception as error:
        _mark_failed(workspace, run_id, error)
        if says_disk_is_full(error):
            raise StorageError(f"the disk is full; run {run_id} is kept and --resume goes on ({error})") from error
        raise


def _mark_failed(workspace: Workspace, run_id: str, error: Exception) -> None:
    try:
        workspace.set_state(run_id, "failed", error=f"{type(error).__name__}: {error}"[:2000])
    except StorageError:
        # A full disk cannot take the note; the run stays in its working state, from which it resumes all the same.
        return


def _train(planned: Plan, workspace: Workspace, run_id: str, progress: Progress, *, resuming: bool) -> None:
    if "model" in workspace.artifacts(run_id):
        return
    workspace.set_state(run_id, "training")
    fitted = fit(
        planned.recipe,
        planned.data,
        planned.base,
        folder=workspace.run_dir(run_id),
        checkpoints=_Checkpoints(workspace, run_id),
        recorder=_Recorder(workspace, run_id, progress),
        resume=resuming,
    )
    folder = workspace.run_dir(run_id) / "model"
    for name in fitted.manifest:
        workspace.put_file(folder / name)
    _attach(workspace, run_id, "training", fitted.facts)
    _attach(workspace, run_id, "environment", fitted.environment)
    workspace.update_run(run_id, model_digest=fitted.digest)
    # Last, because its presence says that training is done.
    _attach(workspace, run_id, "model", {"files": fitted.manifest, "digest": fitted.digest})


def _predict_splits(
    planned: Plan, workspace: Workspace, run_id: str, loaded: LoadedModel, progress: Progress
) -> pd.DataFrame:
    artifacts = workspace.artifacts(run_id)
    if "predictions" in artifacts:
        return workspace.read_table(artifacts["predictions"].digest)
    workspace.set_state(run_id, "predicting")
    # From here on the test rows have been looked at, whatever comes of it.
    workspace.open_test_rows(run_id, planned.data.test_digest)
    _attach(workspace, run_id, "opening", {"test_digest": planned.data.test_digest, "at": _now()})
    table, truncated = predictions_table(
        loaded,
        planned.data.rows,
        base_digest=planned.base.digest,
        batch_size=planned.recipe.training.eval_batch_size,
        device=_device(planned.recipe),
        progress=lambda done, total: progress("predicting", done, total),
    )
    metadata = {"schema": PREDICTIONS_SCHEMA, "run": run_id, "truncated": str(truncated)}
    digest = workspace.put_table(table, metadata)
    workspace.attach(run_id, "rows", workspace.put_table(_rows_to_store(planned.data)), PARQUET)
    workspace.update_run(run_id, predictions_digest=digest)
    workspace.attach(run_id, "predictions", digest, PARQUET)
    return table


def _audit(
    planned: Plan,
    workspace: Workspace,
    run_id: str,
    loaded: LoadedModel,
    predictions: pd.DataFrame,
    progress: Progress,
) -> None:
    workspace.set_state(run_id, "auditing")
    names = planned.recipe.audits.include
    _run_audits(names, planned, workspace, workspace.run(run_id), loaded, predictions, progress)


def _run_audits(
    names: Sequence[str],
    planned: Plan,
    workspace: Workspace,
    run: RunRecord,
    loaded: LoadedModel,
    predictions: pd.DataFrame,
    progress: Progress,
) -> tuple[str, ...]:
    """Run audits and store their results; returns the names of those stored.

    An audit that the recipe does not name and that says it cannot read this run (``UsageError``) leaves nothing.
    """
    stored = []
    inputs = {
        "predictions": run.predictions_digest or "",
        "model": run.model_digest or "",
        "data": run.data_digest or "",
    }
    for place, name in enumerate(names):
        progress(f"audit: {name}", place, len(names))
        spec = load_audit(name)
        context = _audit_context(planned, workspace, loaded, predictions, spec.suite, progress)
        result = run_audit(spec, context, inputs)
        refused = result.status == "error" and str(result.reason).startswith("UsageError: ")
        if refused and name not in planned.recipe.audits.include:
            continue
        stored.append(name)
        _attach(workspace, run.id, f"audit:{name}", result.to_json())
        for artifact, digest in result.artifacts.items():
            workspace.attach(run.id, f"{name}:{artifact}", digest, PARQUET)
    progress("audits", len(names), len(names))
    return tuple(stored)


def _audit_context(
    planned: Plan,
    workspace: Workspace,
    loaded: LoadedModel,
    predictions: pd.DataFrame,
    suite: str,
    progress: Progress,
) -> AuditContext:
    from rai_audits.explain import TextModel

    recipe, data, facts = planned.recipe, planned.data, loaded.facts
    options = {**recipe.audits.options(suite), "group_columns": dict(data.group_columns)}
    if suite == "fairness":
        options["render"] = rerenderer(recipe.data, data.rows)
    return AuditContext(
        predictions=predictions,
        task=TaskInfo(
            classes=facts.classes,
            positive=facts.positive,
            favourable=facts.favourable,
            threshold=facts.threshold,
            groups=data.groups,
            seen_by_model=data.seen_by_model,
        ),
        artifacts=_Sink(workspace),
        rows=data.rows,
        model=TextModel(loaded.model, loaded.tokenizer, facts.classes, facts.max_tokens, _device(recipe)),
        options=options,
        seed=recipe.seed,
        confidence=recipe.audits.confidence,
        alphas=_alphas(planned.policies),
        progress=progress,
    )


@dataclass(frozen=True)
class _Checkpoints:
    """Checkpoint digests, kept in the workspace."""

    workspace: Workspace
    run_id: str

    def add(self, step: int, manifest: dict[str, str]) -> None:
        self.workspace.add_checkpoint(self.run_id, step, manifest)

    def recorded(self) -> Mapping[int, Mapping[str, str]]:
        return {record.step: record.manifest for record in self.workspace.checkpoints(self.run_id)}


@dataclass(frozen=True)
class _Recorder:
    """Training's metrics to the workspace, its progress to whoever watches."""

    workspace: Workspace
    run_id: str
    report: Progress

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        self.workspace.add_metrics(self.run_id, step, epoch, values)

    def progress(self, what: str, done: int, total: int) -> None:
        self.report(what, done, total)


@dataclass(frozen=True)
class _Sink:
    """Audit artifacts, kept in the workspace."""

    workspace: Workspace

    def put_table(self, name: str, table: pd.DataFrame) -> str:
        return self.workspace.put_table(table, {"name": name})


def _attach(workspace: Workspace, run_id: str, name: str, value: Any) -> None:
    workspace.attach(run_id, name, workspace.put_json(value), JSON)


def _data_facts(data: PreparedData) -> dict[str, Any]:
    splits = {}
    for name, rows in data.rows.groupby("split"):
        splits[str(name)] = {"rows": len(rows), "classes": {k: int(v) for k, v in rows["label"].value_counts().items()}}
    return {
        "schema": "rai-tune/data/v1",
        "origin": data.origin,
        "rows": len(data.rows),
        "splits": splits,
        "source_digest": data.source_digest,
        "data_digest": data.data_digest,
        "test_digest": data.test_digest,
        "classes": list(data.classes),
        "positive": data.positive,
        "favourable": data.favourable,
        "groups": {name: list(values) for name, values in data.groups.items()},
        "group_columns": dict(data.group_columns),
        "columns_in_text": list(data.columns_in_text),
        "seen_by_model": dict(data.seen_by_model),
        "notes": list(data.notes),
        "counts": dict(data.counts),
    }


def _rows_to_store(data: PreparedData) -> pd.DataFrame:
    """Id, split, text and segments (as JSON) of every row: what a page needs to show a decision."""
    table = data.rows[["row_id", "split", "text"]].copy()
    if "segments" in data.rows:
        table["segments"] = [json.dumps(cell) for cell in data.rows["segments"]]
    return table


def _stored_recipe(workspace: Workspace, run: RunRecord) -> LoadedRecipe:
    from pathlib import Path

    context = workspace.read_json(workspace.artifacts(run.id)["context"].digest)
    return parse_recipe(run.recipe, f"recipe of run {run.id}", Path(context["base_dir"]))


def _same_inputs(planned: Plan, run: RunRecord, *, policies: bool = True) -> None:
    """Refuse to go on when anything that shaped the run so far has changed."""
    pairs = {
        "data": (planned.data.data_digest, run.data_digest),
        "base model": (planned.base.digest, run.base_digest),
    }
    if policies:
        named = {pack.policy.id: pack.digest for pack in planned.policies}
        pairs["policies"] = (sha256_json(named), sha256_json(run.policies))
    for name, (found, recorded) in pairs.items():
        if found != recorded:
            raise IntegrityError(f"run {run.id} cannot go on: its {name} changed since it began; start a new run")


def _restore(workspace: Workspace, manifest: Mapping[str, str], folder: Path) -> None:
    """Lay out a model folder again from stored artifacts, all files or none."""
    import shutil

    draft = folder.with_name(folder.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    for name, digest in manifest.items():
        target = draft / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(workspace.path_of(digest), target)
    draft.replace(folder)


def _check_measures(recipe: Recipe, data: PreparedData) -> None:
    """Refuse settings that do not fit the classes found in the data."""
    if isinstance(recipe.training.class_weights, dict):
        unknown = sorted(set(recipe.training.class_weights) - set(data.classes))
        if unknown:
            raise UsageError(f"training.class_weights names {unknown[0]!r}; the classes are {', '.join(data.classes)}")
    if len(data.classes) > 2 and recipe.decision.rule != "fixed":
        raise UsageError(
            f"decision.rule {recipe.decision.rule!r} sets a threshold, which needs two classes; "
            f"this data has {len(data.classes)}, and the most probable one is decided"
        )


def _alphas(policies: tuple[LoadedPolicy, ...]) -> tuple[float, ...]:
    """Every level at which some control will read a bound, and the usual 0.05."""
    return tuple(sorted({0.05, *alphas_of(policy.policy for policy in policies)}))


def _device(recipe: Recipe) -> str:
    from rai_tune.training.hardware import choose_hardware

    return choose_hardware(recipe.training).device


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
