"""A run as the workspace holds it: its recipe and its model, re-hashed, and its evidence, judged again.

Stable API: ``decide``, ``load_model``, ``RunOutcome``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError, UsageError, sha256_json
from rai_tune.gate import Decision, evaluate
from rai_tune.promotion import collect_evidence
from rai_tune.recipe import LoadedRecipe, parse_recipe
from rai_tune.reporting.stored import stored_results
from rai_tune.selection import check_chosen
from rai_tune.training.saved_model import LoadedModel, load_saved, manifest_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rai_tune.gate import LoadedPolicy
    from rai_tune.planning import Plan
    from rai_tune.workspace import RunRecord, Workspace

JSON = "application/json"
PARQUET = "application/vnd.apache.parquet"
_WORST_FIRST = ("fail", "insufficient_evidence", "awaiting_signoff", "pass")


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


def decide(
    run_id: str,
    workspace: Workspace,
    policies: tuple[LoadedPolicy, ...],
    *,
    as_of: date | None = None,
    store: bool = True,
) -> RunOutcome:
    """Judge the stored evidence of a run. A policy that was not frozen when the run began makes a re-decision.

    ``as_of`` is the day of the decision, today in UTC when left out: it decides which law applies, which waivers hold and how old the
    evidence is. ``store`` keeps the decisions as the run's; what was decided for another day is only shown. Raises ``UsageError`` for a trial of a search that nobody chose.
    """
    check_chosen(workspace, run_id)
    evidence = collect_evidence(workspace, run_id, stored_results(workspace, run_id))
    day = as_of or datetime.now(UTC).date()
    decisions = tuple(evaluate(policy, evidence, day) for policy in policies)
    for decision in decisions if store else ():
        workspace.save_decision(run_id, decision.to_json())
    return RunOutcome(run_id, decisions)


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
    return load_saved(folder, manifest, stored_recipe(workspace, run).base_dir)


def stored_recipe(workspace: Workspace, run: RunRecord, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """The recipe that a run began with, read as from the folder that it began in; ``overrides`` change a copy.

    Raises ``IntegrityError`` when it is not the one whose digest was recorded: template and roles of columns shape every decision.
    """
    from pathlib import Path

    context = workspace.read_json(workspace.artifacts(run.id)["context"].digest)
    source, base_dir = f"recipe of run {run.id}", Path(context["base_dir"])
    loaded = parse_recipe(run.recipe, source, base_dir)
    if loaded.digest != run.recipe_digest:
        raise IntegrityError(f"run {run.id}: its stored recipe is not the one that was recorded")
    return parse_recipe(run.recipe, source, base_dir, overrides) if overrides else loaded


def same_inputs(planned: Plan, run: RunRecord, *, policies: bool = True) -> None:
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


def check_trained(run: RunRecord, deed: str) -> None:
    """Refuse a run that trained nothing: an audit of a promoted model on other rows (``UsageError``). ``deed`` ends the sentence."""
    if run.parent is not None:
        raise UsageError(f"run {run.id} is an audit of run {run.parent} on other rows; no such audit {deed}")


def attach(workspace: Workspace, run_id: str, name: str, value: Any) -> None:
    """Store a JSON value under a name of the run."""
    workspace.attach(run_id, name, workspace.put_json(value), JSON)


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
