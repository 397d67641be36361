"""A run as a candidate: its frozen policies, their controls, its files, and why it may not be one. Stable API: ``frozen_policies``, ``find_control``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.core import IntegrityError, UsageError, did_you_mean, sha256_json
from rai_tune.gate import LoadedPolicy, Policy, load_policy
from rai_tune.promotion.signed import About
from rai_tune.promotion.statement import BASE, MODEL, model_files
from rai_tune.selection import check_chosen
from rai_tune.stored_run import stored_recipe
from rai_tune.training.saved_model import recorded_base

if TYPE_CHECKING:
    from pathlib import Path

    from rai_tune.gate import Control
    from rai_tune.workspace import RunRecord, Workspace


def frozen_policies(workspace: Workspace, run: RunRecord) -> tuple[LoadedPolicy, ...]:
    """The packs that froze when the run began, as they were then. ``IntegrityError`` when one is not to be had unchanged."""
    return tuple(_frozen(workspace, run, name, digest) for name, digest in run.policies.items())


def completed_run(workspace: Workspace, run_id: str) -> RunRecord:
    """A run that people may sign; ``UsageError`` for one in any other state."""
    run = workspace.run(run_id)
    check_chosen(workspace, run.id)
    if run.state != "completed":
        raise UsageError(f"run {run.id} is {run.state}; people sign what a completed run leaves")
    return run


def refuse_production_audit(run: RunRecord, fate: str) -> None:
    """``UsageError`` for an audit of a promoted model on other rows; ``fate`` says what such an audit lacks."""
    if run.parent is not None:
        raise UsageError(
            f"run {run.id} is an audit of run {run.parent} in use: it trained nothing and {fate}; name the run that trained the model"
        )


def refuse_without_model(workspace: Workspace, run: RunRecord) -> None:
    """Refuse a run that gave up its model, also while a deletion that was entered has not reached every byte."""
    for deletion in workspace.deletions(run.id):
        if any(name.startswith(MODEL) for name in deletion.digests):
            raise UsageError(f"the model of run {run.id} was {deletion.sentence}; there is nothing to serve")


def find_control(
    workspace: Workspace, run: RunRecord, control: str, policy: str | None
) -> tuple[LoadedPolicy, Control]:
    """A control of the run's policies, or of another pack that is named: what is signed about that one serves re-decisions."""
    packs = [pack for pack in frozen_policies(workspace, run) if policy in {None, pack.policy.id}]
    if not packs and policy is not None:
        packs = [load_policy(policy)]
    found = [(pack, each) for pack in packs for each in pack.policy.controls if each.id == control]
    if not found:
        known = [each.id for pack in packs for each in pack.policy.controls]
        elsewhere = "" if policy else " A pack that the recipe does not name is given with --policy."
        raise UsageError(
            f"no policy of run {run.id} has a control {control!r}.{did_you_mean(control, known)}{elsewhere}"
        )
    if len(found) > 1:
        names = ", ".join(pack.policy.id for pack, _ in found)
        raise UsageError(f"{control} is a control of {names}; say which with --policy")
    return found[0]


def about_control(run: RunRecord, pack: LoadedPolicy, control: str) -> About:
    """What is signed about a control is bound to this."""
    return About(run.id, run.model_digest or "", pack.policy.id, pack.digest, control)


def local_files(workspace: Workspace, run: RunRecord) -> dict[str, Path]:
    """A local file for every name that may be served: the run's own folder where it still lies there, else the artifacts."""
    files = model_files(workspace, run.id)
    folder = workspace.run_dir(run.id) / "model"
    sources = {
        name: folder / name.removeprefix(MODEL) if folder.is_dir() else workspace.path_of(digest)
        for name, digest in files.items()
        if name.startswith(MODEL)
    }
    if workspace.read_json(files[f"{MODEL}decision.json"])["adapter"]:
        recorded = workspace.read_json(files[f"{MODEL}base.json"])
        base = recorded_base(recorded, stored_recipe(workspace, run).base_dir)
        sources |= {f"{BASE}{name}": base.path / name for name in base.files}
    return sources


def _frozen(workspace: Workspace, run: RunRecord, name: str, digest: str) -> LoadedPolicy:
    from pathlib import Path

    ref = workspace.artifacts(run.id).get(f"policy:{name}")
    if ref is not None:
        body = workspace.read_json(ref.digest)
        if sha256_json(body) == digest:
            return LoadedPolicy(Policy.model_validate(body), digest, Path(f"{name}.yaml"))
        raise IntegrityError(f"run {run.id}: the stored pack {name} is not the one that froze when the run began")
    # Runs of the first versions stored the digest alone; the pack then has to be at hand, unchanged.
    loaded = load_policy(name)
    if loaded.digest != digest:
        raise IntegrityError(f"run {run.id}: the pack {name} was edited since the run began; start a new run")
    return loaded
